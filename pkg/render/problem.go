package render

import (
	"errors"
	"io"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Problem prints an error as one line, and the next step, where it has one, as
// another. Errors joined by errors.Join get theirs each; nil and a bare
// problem.Status, whose result has said it all, print nothing.
func Problem(w io.Writer, err error) {
	for _, e := range problem.Joined(err) {
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
