package render

import (
	"fmt"
	"io"

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
