package relabel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// An Outcome is what came of a plan.
type Outcome struct {
	// Begun reports whether a label was written, or may have been.
	Begun bool
	// Made are the changes that were made, in order.
	Made []Change
	// Err is why not all labels of the plan are set, how they are now and what
	// completes it; nil if they are.
	Err error
}

func (a *application) outcome(err error) Outcome {
	if len(a.begun) == 0 {
		return Outcome{Err: err}
	}
	left := slices.DeleteFunc(slices.Clone(a.agreed.Changes), func(c Change) bool { return a.isInEffect(c) })
	if len(left) == 0 {
		return Outcome{Begun: true, Made: a.made}
	}
	if err == nil || errors.Is(err, errChanged) {
		return Outcome{true, a.made, problem.New("%w: %s", errChanged, a.states(a.now)).
			Hint("this sets the labels as IRIS says by now: %s", a.agreed.command())}
	}
	all := len(a.agreed.Changes)
	return Outcome{true, a.made, problem.New("%d of %d labels of %s set: %s: %w", all-len(left), all, a.agreed.cluster, a.states(a.progress), err).
		Hint("this completes it: %s", a.agreed.command())}
}

// states returns how the pods of the plan are labelled, in the words that of
// chooses.
func (a *application) states(of func(Change) string) string {
	var states []string
	for _, c := range a.agreed.Changes {
		states = append(states, of(c))
	}
	return strings.Join(states, ", ")
}

// isInEffect reports whether a pod has the label that a change gives it, as far
// as is known. A pod that is gone needs none.
func (a *application) isInEffect(c Change) bool {
	label, isThere := a.labels[c.Pod.UID]
	return label == c.To || !isThere
}

// now returns which label a pod of the plan has now.
func (a *application) now(c Change) string {
	label, isThere := a.labels[c.Pod.UID]
	if !isThere {
		return fmt.Sprintf("pod %q is gone", c.Pod.Name)
	}
	return fmt.Sprintf("pod %q is labelled %s", c.Pod.Name, named(label))
}

// progress returns now, with what is left to be done.
func (a *application) progress(c Change) string {
	switch {
	case slices.ContainsFunc(a.unsure, func(u Change) bool { return u.isOf(c.Pod.UID, c.To) }):
		return fmt.Sprintf("pod %q was labelled %s and may be labelled %s by now", c.Pod.Name, named(a.labels[c.Pod.UID]), named(c.To))
	case !a.isInEffect(c):
		return fmt.Sprintf("%s and not yet %s", a.now(c), named(c.To))
	}
	return a.now(c)
}

// command returns the command that makes what is left of a plan.
func (p Plan) command() string {
	command := fmt.Sprintf("kubectl iris relabel %s -n %s --yes", p.cluster.Resource.Name, p.cluster.Resource.Namespace)
	if p.options.Force {
		command += " --force"
	}
	return command
}
