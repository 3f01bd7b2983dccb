package forward

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// The system's errors of listening: the address is in use, does not exist, or is
// not allowed. On Windows, the names that syscall shares with Unix have no meaning.
func inUse() []syscall.Errno { return []syscall.Errno{windows.WSAEADDRINUSE} }

func unavailable() []syscall.Errno {
	return []syscall.Errno{windows.WSAEADDRNOTAVAIL, windows.WSAEAFNOSUPPORT, windows.WSAEPROTONOSUPPORT}
}

func denied() []syscall.Errno { return []syscall.Errno{windows.WSAEACCES} }
