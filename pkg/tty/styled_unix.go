//go:build !windows

package tty

// styled makes the screen obey control sequences, as it always does here.
func styled() (restore func()) { return func() {} }
