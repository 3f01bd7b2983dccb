//go:build !windows

package forward

import "syscall"

// The system's words for what may go wrong when a program wants to listen: the
// address is in use, not there at all, or not for everyone.
func inUse() []syscall.Errno { return []syscall.Errno{syscall.EADDRINUSE} }

func lacking() []syscall.Errno {
	return []syscall.Errno{syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EPROTONOSUPPORT}
}
func denied() []syscall.Errno { return []syscall.Errno{syscall.EACCES} }
