package render_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

func TestProblem(t *testing.T) {
	hinted := problem.New("no pod").Hint("look at\nstatus")
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"none":             {nil, ""},
		"plain":            {errors.New("broken"), "error: broken\n"},
		"hint":             {hinted, "error: no pod\nhint: look at status\n"},
		"hint of a cause":  {fmt.Errorf("expose: %w", hinted), "error: expose: no pod\nhint: look at status\n"},
		"several lines":    {errors.New("invalid:\n* a: no\r\n\t* b: no\n"), "error: invalid: * a: no * b: no\n"},
		"escape sequences": {errors.New("\x1b]0;title\x07x\u009b31my"), "error: ?]0;title?x?31my\n"},
		"invisible":        {problem.New("a\u202ecod.exe").Hint("zero\u200bwidth"), "error: a?cod.exe\nhint: zero?width\n"},
		"status":           {problem.Status(3), ""},
		"joined": {
			errors.Join(hinted, problem.Status(1), errors.Join(errors.New("a"), errors.New("b"))),
			"error: no pod\nhint: look at status\nerror: a\nerror: b\n",
		},
		"one sentence of two": {fmt.Errorf("%w after %w", errors.New("a"), errors.New("b")), "error: a after b\n"},
	} {
		var out bytes.Buffer
		render.Problem(&out, test.err)
		if got := out.String(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
