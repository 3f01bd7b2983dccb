package tty

import (
	"os"

	"golang.org/x/sys/windows"
)

// styled makes the screen obey control sequences, which a Windows console does not
// do by default.
func styled() (restore func()) {
	screen := windows.Handle(os.Stdout.Fd())
	var before uint32
	if windows.GetConsoleMode(screen, &before) != nil {
		return func() {}
	}
	_ = windows.SetConsoleMode(screen, before|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
	return func() { _ = windows.SetConsoleMode(screen, before) }
}
