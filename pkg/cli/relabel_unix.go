//go:build !windows

package cli

import (
	"os"
	"syscall"
)

// terminalSignals returns what ends or stops a process because of its terminal,
// the pipe behind it, or a person.
func terminalSignals() []os.Signal {
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTSTP}
}
