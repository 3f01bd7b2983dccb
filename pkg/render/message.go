package render

import (
	"errors"
	"fmt"
	"io"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Note prints one line about what a command does. All lines for stderr go
// through it: the text may come from the Kubernetes cluster, and is printed as
// text.OneLine returns it. Errors of w are ignored, because there is no other
// place to report them.
func Note(w io.Writer, line string) {
	_, _ = fmt.Fprintln(w, text.OneLine(line))
}

// Warning prints a warning as one line.
func Warning(w io.Writer, line string) { Note(w, "warning: "+line) }

// Unread prints a warning for each read that failed.
func Unread(w io.Writer, unread []view.Unread) {
	for _, u := range unread {
		Warning(w, u.Message)
	}
}

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
