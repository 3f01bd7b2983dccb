//go:build !windows

package tty

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

func terminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, screen, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = screen.Close()
		_ = keyboard.Close()
	})
	return keyboard, screen
}

// In raw mode Ctrl-C is a byte like any other and comes at once; afterwards the
// terminal is as it was.
func TestRaw(t *testing.T) {
	keyboard, screen := terminal(t)
	before, err := term.GetState(int(screen.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	restore, err := Raw(screen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyboard.Write([]byte{'a', 3}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 2)
	for n := 0; n < len(got); {
		read, err := screen.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += read
	}
	if string(got) != "a\x03" {
		t.Errorf("read %q", got)
	}
	restore()
	restore()
	after, err := term.GetState(int(screen.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if *after != *before {
		t.Errorf("the terminal is %+v, and was %+v", after, before)
	}
}

func TestRawOfNoTerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := Raw(file); err == nil {
		t.Error("no error")
	}
}

func TestSizes(t *testing.T) {
	keyboard, screen := terminal(t)
	set := func(columns, rows uint16) {
		t.Helper()
		if err := pty.Setsize(keyboard, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
			t.Fatal(err)
		}
		// The signal goes to those whose terminal it is, and this is not ours.
		if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
			t.Fatal(err)
		}
	}
	set(100, 30)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	sizes := Sizes(ctx, screen)
	if got := <-sizes; got != [2]uint16{100, 30} {
		t.Errorf("at first %v", got)
	}
	set(120, 40)
	if got := <-sizes; got != [2]uint16{120, 40} {
		t.Errorf("then %v", got)
	}
	stop()
	if got, open := <-sizes; open {
		t.Errorf("after the end %v", got)
	}
}
