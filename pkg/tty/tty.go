// Package tty connects the user's terminal with a program on another machine, and
// restores it afterwards.
package tty

import (
	"context"
	"os"

	"golang.org/x/term"
)

// Raw makes the terminal pass on every key as it is typed, Ctrl-C included, until
// restore is called, which may be called more than once.
func Raw(terminal *os.File) (restore func(), err error) {
	fd := int(terminal.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	plain := styled()
	return func() {
		plain()
		_ = term.Restore(fd, before)
	}, nil
}

// Sizes returns a channel of the terminal's columns and rows: the present ones, and
// new ones after every change, until ctx ends.
func Sizes(ctx context.Context, terminal *os.File) <-chan [2]uint16 {
	sizes := make(chan [2]uint16)
	go func() {
		defer close(sizes)
		changes, stop := changes()
		defer stop()
		for last := ([2]uint16{}); ; {
			width, height, err := term.GetSize(int(terminal.Fd()))
			now := [2]uint16{uint16(width), uint16(height)}
			if err == nil && now != last {
				select {
				case sizes <- now:
					last = now
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-changes:
			case <-ctx.Done():
				return
			}
		}
	}()
	return sizes
}
