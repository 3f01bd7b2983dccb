package forward

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// The system's words for what may go wrong when a program wants to listen: the
// address is in use, not there at all, or not for everyone. The names that
// syscall shares with Unix stand for nothing here.
func inUse() []syscall.Errno { return []syscall.Errno{windows.WSAEADDRINUSE} }

func lacking() []syscall.Errno {
	return []syscall.Errno{windows.WSAEADDRNOTAVAIL, windows.WSAEAFNOSUPPORT, windows.WSAEPROTONOSUPPORT}
}
func denied() []syscall.Errno { return []syscall.Errno{windows.WSAEACCES} }
