package render

import (
	"errors"
	"io"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Problem prints an error as one line, and its hint, if it has one, as another.
// Errors joined by errors.Join are printed one by one. Nothing is printed for nil,
// and for a problem.Status, because the result has said it all.
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
