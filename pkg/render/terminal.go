package render

import (
	"io"
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether a stream is a terminal.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// CanRedraw reports whether a Screen works on a stream: it is a terminal, and not
// one without control sequences (TERM=dumb).
func CanRedraw(stream any, env func(string) string) bool {
	return IsTerminal(stream) && !isDumb(env)
}

func isDumb(env func(string) string) bool { return env("TERM") == "dumb" }

// SizeOf returns a function that asks a terminal for its size, in columns and
// rows.
func SizeOf(terminal *os.File) func() (width, height int, err error) {
	return func() (int, int, error) { return term.GetSize(int(terminal.Fd())) }
}

// The control sequences of ECMA-48 terminals that this package writes.
const (
	startSequence  = "\x1b["
	reset          = "\x1b[0m"
	enterAlternate = "\x1b[?1049h"
	leaveAlternate = "\x1b[?1049l"
	hideCursor     = "\x1b[?25l"
	showCursor     = "\x1b[?25h"
	home           = "\x1b[H"
	eraseLine      = "\x1b[K"
	eraseBelow     = "\x1b[J"
)

// The size of a terminal that does not report its own.
const (
	defaultWidth  = 80
	defaultHeight = 24
)

// writeString is io.WriteString without the count.
func writeString(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}
