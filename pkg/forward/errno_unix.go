//go:build !windows

package forward

import "syscall"

// The system's errors of listening: the address is in use, does not exist, or is
// not allowed.
func inUse() []syscall.Errno { return []syscall.Errno{syscall.EADDRINUSE} }

func unavailable() []syscall.Errno {
	return []syscall.Errno{syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EPROTONOSUPPORT}
}

func denied() []syscall.Errno { return []syscall.Errno{syscall.EACCES} }
