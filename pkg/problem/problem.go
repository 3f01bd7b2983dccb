// Package problem holds the errors that a person reads: one lower-case line
// that says what failed, on which object, in which namespace, with the cause
// last, and beside it the next step (the hint) and the class that decides the
// exit code.
package problem

import (
	"errors"
	"fmt"
)

// Exit codes of the plugin. They are part of its interface.
const (
	// ExitOK: the command did what it was asked; for status: healthy.
	ExitOK = 0
	// ExitError: it could not be done, or could not be told.
	ExitError = 1
	// ExitUsage: the command line is wrong; nothing was tried.
	ExitUsage = 2
	// ExitDegraded: status was read and something is wrong with a cluster.
	ExitDegraded = 3
	// ExitInterrupted: a signal ended the command before it was done; shells
	// use the same number.
	ExitInterrupted = 130
)

// Error is an error for a person.
type Error struct {
	message string
	hint    string
	code    int
	cause   error
}

// New is an error whose command fails with ExitError. The format is fmt's,
// %w included.
func New(format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{message: err.Error(), code: ExitError, cause: errors.Unwrap(err)}
}

// Usage is an error of the command line: it fails with ExitUsage.
func Usage(format string, args ...any) *Error {
	e := New(format, args...)
	e.code = ExitUsage
	return e
}

// Tried is err for a command that has done other parts of its work: it fails
// with ExitError, whatever was wrong with this part.
func Tried(err error) error {
	if err == nil || ExitCode(err) != ExitUsage {
		return err
	}
	return (&Error{message: err.Error(), hint: HintOf(err), code: ExitError, cause: err})
}

// Hint adds the next step and returns the error.
func (e *Error) Hint(format string, args ...any) *Error {
	e.hint = fmt.Sprintf(format, args...)
	return e
}

// Error is the one line.
func (e *Error) Error() string { return e.message }

// Unwrap is the cause given with %w, if any.
func (e *Error) Unwrap() error { return e.cause }

// HintOf is the hint of the first error in err's chain that has one, or "".
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.hint != "" {
			return e.hint
		}
		err = e.cause
	}
	return ""
}

// ExitCode is the code with which a command that returned err ends.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	var s Status
	if errors.As(err, &s) {
		return int(s)
	}
	var e *Error
	if errors.As(err, &e) {
		return e.code
	}
	return ExitError
}

// Status ends a command with a code and prints nothing: the result has said
// it all (a degraded cluster in status, say).
type Status int

// Error names the code; it is not meant to be shown.
func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
