//go:build !windows

package tty

import (
	"os"
	"os/signal"
	"syscall"
)

// changes returns a channel that receives when the terminal's size may have changed.
func changes() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	return signals, func() { signal.Stop(signals) }
}
