package render

import (
	"errors"
	"io"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Problem prints an error as one line, and the next step, where it has one, as
// another. Errors joined by errors.Join get theirs each; nil and a bare
// problem.Status, whose result has said it all, print nothing.
func Problem(w io.Writer, err error) {
	for _, e := range joined(err) {
		var status problem.Status
		if errors.As(e, &status) {
			continue
		}
		Note(w, "error: "+e.Error())
		if hint := problem.HintOf(e); hint != "" {
			Note(w, "hint: "+hint)
		}
	}
}

// joined takes apart what errors.Join put together. Its type has no name: it
// is told from fmt's errors with several %w by a text that is nothing but the
// lines of the parts.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	parts := several.Unwrap()
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = part.Error()
	}
	if strings.Join(texts, "\n") != err.Error() {
		return []error{err}
	}
	var all []error
	for _, part := range parts {
		all = append(all, joined(part)...)
	}
	return all
}
