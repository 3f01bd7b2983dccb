// Package problem holds the errors that a person reads: one lower-case line
// that says what failed, on which object, in which namespace, with the cause
// last, and beside it the next step (the hint) and the class that decides the
// exit code.
package problem

import (
	"errors"
	"fmt"
	"strings"
)

// Exit codes of the plugin. They are part of its interface.
const (
	// ExitOK: the command did what it was asked; for status: healthy.
	ExitOK = 0
	// ExitError: it could not be done, or whether it could is not known.
	ExitError = 1
	// ExitUsage: the command line is wrong; nothing was tried.
	ExitUsage = 2
	// ExitDegraded: status was read, and a cluster has an error; with --strict, or
	// a warning.
	ExitDegraded = 3
	// ExitInterrupted: a signal ended the command before it was done; shells
	// use the same number.
	ExitInterrupted = 130
)

// A Field is an input of a request, as a message names it: "role is required".
// The command line shows its flag in its place (see Rename).
type Field string

// An Error is an error for a person.
type Error struct {
	message sentence
	hint    sentence
	code    int
	cause   error
}

// A sentence is a format of fmt and its arguments. They are kept apart since an
// argument may be a Field or an error that names one.
type sentence struct {
	format string
	args   []any
}

func (s sentence) String() string {
	if s.format == "" {
		return ""
	}
	return fmt.Errorf(s.format, s.args...).Error()
}

// New returns an error that fails a command with ExitError. The format is
// fmt's, %w included.
func New(format string, args ...any) *Error {
	return &Error{message: sentence{format, args}, code: ExitError, cause: errors.Unwrap(fmt.Errorf(format, args...))}
}

// Usage returns an error of the command line, which fails with ExitUsage.
func Usage(format string, args ...any) *Error {
	e := New(format, args...)
	e.code = ExitUsage
	return e
}

// AsFailure returns err for a command that has done other parts of its work: it
// fails with ExitError, whatever was wrong with this part.
func AsFailure(err error) error {
	if err == nil || ExitCode(err) != ExitUsage {
		return err
	}
	return New("%w", err)
}

// Hint adds the next step and returns the error.
func (e *Error) Hint(format string, args ...any) *Error {
	e.hint = sentence{format, args}
	return e
}

// Error returns the message, one line.
func (e *Error) Error() string { return e.message.String() }

// Unwrap returns the cause given with %w, if any.
func (e *Error) Unwrap() error { return e.cause }

// HintOf returns the hint of the first error in err's chain that has one, or "".
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.hint.format != "" {
			return e.hint.String()
		}
		err = e.cause
	}
	return ""
}

// Rename returns err with each Field in it, and in the errors that it wraps or
// joins, replaced by the name that its user knows.
func Rename(err error, name func(Field) string) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // each layer is renamed in its place
		renamed := New(e.message.format, rename(e.message.args, name)...)
		renamed.hint = sentence{e.hint.format, rename(e.hint.args, name)}
		renamed.code = e.code
		return renamed
	}
	if inner := errors.Unwrap(err); inner != nil && inner.Error() == err.Error() {
		return Rename(inner, name) // a type that marks an error
	}
	parts, ok := split(err)
	if !ok {
		return err
	}
	for i, part := range parts {
		parts[i] = Rename(part, name)
	}
	return errors.Join(parts...)
}

func rename(args []any, name func(Field) string) []any {
	renamed := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case Field:
			renamed[i] = name(arg)
		case error:
			renamed[i] = Rename(arg, name)
		default:
			renamed[i] = arg
		}
	}
	return renamed
}

// Joined returns the errors that errors.Join put together, or err alone; none if err
// is nil.
func Joined(err error) []error {
	if err == nil {
		return nil
	}
	parts, ok := split(err)
	if !ok {
		return []error{err}
	}
	var all []error
	for _, part := range parts {
		all = append(all, Joined(part)...)
	}
	return all
}

// split returns a copy of the errors that errors.Join put together. The type of such an
// error has no name; what distinguishes it from fmt's errors with several %w is that its
// text is nothing but the lines of its parts.
func split(err error) (parts []error, ok bool) {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, false
	}
	var texts []string
	for _, part := range several.Unwrap() {
		parts, texts = append(parts, part), append(texts, part.Error())
	}
	return parts, strings.Join(texts, "\n") == err.Error()
}

// ExitCode returns the code with which a command that returned err ends.
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

// A Status ends a command with a code and prints nothing, because the result has
// said everything: a degraded cluster in status, for example.
type Status int

// Error returns the code in words; it is not meant to be shown.
func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
