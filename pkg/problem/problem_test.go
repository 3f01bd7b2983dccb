package problem_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

func TestExitCode(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"none":          {nil, 0},
		"plain":         {errors.New("x"), 1},
		"problem":       {problem.New("x"), 1},
		"usage":         {problem.Usage("x"), 2},
		"wrapped usage": {fmt.Errorf("status: %w", problem.Usage("x")), 2},
		"status":        {problem.Status(3), 3},
		"wrapped":       {fmt.Errorf("status: %w", problem.Status(3)), 3},
	} {
		if got := problem.ExitCode(test.err); got != test.want {
			t.Errorf("%s: exit code %d, want %d", name, got, test.want)
		}
	}
}

func TestHintIsFoundBehindOtherErrors(t *testing.T) {
	inner := problem.New("no pod").Hint("look at %s", "status")
	outer := problem.New("expose: %w", inner)
	if got, want := problem.HintOf(fmt.Errorf("again: %w", outer)), "look at status"; got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
	if got := outer.Error(); got != "expose: no pod" {
		t.Errorf("message %q", got)
	}
	if problem.HintOf(errors.New("bare")) != "" {
		t.Error("a bare error has a hint")
	}
}
