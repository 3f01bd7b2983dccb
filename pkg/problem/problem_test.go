package problem_test

import (
	"errors"
	"fmt"
	"slices"
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

// marked is an error of a type of its own.
type marked struct{ error }

func (m marked) Unwrap() error { return m.error }

func TestRenameReplacesFields(t *testing.T) {
	flag := func(f problem.Field) string { return "--" + string(f) }
	role := problem.Usage("%s is required", problem.Field("role")).Hint("use %s=backup", problem.Field("role"))
	outer := problem.New("cannot plan: %w", role)
	for _, test := range []struct {
		err           error
		message, hint string
		code          int
	}{
		{role, "--role is required", "use --role=backup", 2},
		{outer, "cannot plan: --role is required", "use --role=backup", 1},
		{problem.AsFailure(role), "--role is required", "use --role=backup", 1},
		{errors.Join(role, errors.New("x")), "--role is required\nx", "use --role=backup", 2},
		{marked{role}, "--role is required", "use --role=backup", 2},
		{fmt.Errorf("%w and %w", role, errors.New("x")), "role is required and x", "use role=backup", 2},
		{errors.Join(nil, role), "--role is required", "use --role=backup", 2},
		{errors.New("plain"), "plain", "", 1},
	} {
		before := test.err.Error()
		got := problem.Rename(test.err, flag)
		if got.Error() != test.message || problem.HintOf(got) != test.hint || problem.ExitCode(got) != test.code {
			t.Errorf("%q with hint %q and code %d, want %+v", got, problem.HintOf(got), problem.ExitCode(got), test)
		}
		if test.err.Error() != before {
			t.Errorf("%q was changed to %q", before, test.err)
		}
	}
	if got := role.Error(); got != "role is required" {
		t.Errorf("without a command line: %q", got)
	}
	if problem.Rename(nil, flag) != nil {
		t.Error("nil was renamed")
	}
}

func TestJoined(t *testing.T) {
	one, two, three := errors.New("1"), problem.New("2"), fmt.Errorf("3: %w and %w", errors.New("4"), errors.New("5"))
	for name, test := range map[string]struct {
		err  error
		want []error
	}{
		"no error":               {nil, nil},
		"one error":              {one, []error{one}},
		"joined":                 {errors.Join(one, two), []error{one, two}},
		"joined again":           {errors.Join(errors.Join(one, nil, two), three), []error{one, two, three}},
		"a text with two causes": {three, []error{three}},
	} {
		if got := problem.Joined(test.err); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
