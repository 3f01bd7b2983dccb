package cli

import (
	"os"
	"syscall"
)

// terminalSignals returns what ends a process because of its terminal or a
// person.
func terminalSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }
