// Package relabel plans how the role labels of a cluster's data pods are set to
// what IRIS says. It is pure.
package relabel

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// A Plan is how the labels change.
type Plan struct {
	// Changes are in the order in which they are made: a label is taken from
	// one pod before it is given to another, so that no Service for the
	// primary ever selects two.
	Changes []Change
	// Warnings are lines for the user.
	Warnings []string
}

// A Change is another role label for a pod.
type Change struct {
	Pod iris.Pod
	// From and To are the label's values; "" stands for none.
	From, To string
	// Says is IRIS's answer in short.
	Says string
}

// String returns the change in a line.
func (c Change) String() string {
	return fmt.Sprintf("pod %q: %s -> %s (IRIS says %s)", c.Pod.Name, cmp.Or(c.From, none), cmp.Or(c.To, none), c.Says)
}

const none = "<none>"

// New plans the labels. It refuses if IRIS's answers do not suffice: two members
// of a shard say Primary, or a failover member gave no conclusive answer. A pod
// that is being deleted keeps its label: no Service selects it for long.
func New(c *cluster.Cluster) (Plan, error) {
	if c.Read && !c.Resource.Mirrored {
		return Plan{}, problem.New("%s is not mirrored: its pods have no roles", c).
			Hint("kubectl iris status %s -n %s shows it", c.Resource.Name, c.Resource.Namespace)
	}
	if len(c.Members) == 0 {
		return Plan{}, problem.New("%s has no data pods", c).
			Hint("kubectl iris status %s -n %s shows what there is", c.Resource.Name, c.Resource.Namespace)
	}
	if err := onePrimaryEach(c); err != nil {
		return Plan{}, err
	}
	if err := allAnswered(c); err != nil {
		return Plan{}, err
	}
	var plan Plan
	for _, m := range c.Members {
		answer := m.Said()
		switch {
		case m.Deleting:
		case !answer.IsConclusive() && answer.IsPrimary() != iris.Yes:
			plan.Warnings = append(plan.Warnings, fmt.Sprintf("pod %q is left as it is: IRIS did not answer conclusively (%s)", m.Name, why(m)))
		default:
			if to, changes := target(m); changes {
				plan.Changes = append(plan.Changes, Change{Pod: *m.Pod, From: m.MirrorRole(), To: to, Says: answer.Text()})
			}
		}
	}
	slices.SortStableFunc(plan.Changes, func(a, b Change) int { return cmp.Compare(rank(a.To), rank(b.To)) })
	plan.Warnings = append(plan.Warnings, withoutPrimary(c)...)
	return plan, nil
}

// target returns the label that a member should have, and whether that is a
// change. A label that IRIS does not contradict stays, also one that is neither
// primary nor backup.
func target(m *cluster.Member) (to string, changes bool) {
	label, answer := m.MirrorRole(), m.Said()
	switch {
	case answer.Role() != "":
		return answer.Role(), answer.Role() != label
	case answer.Contradicts(label):
		return "", true
	}
	return label, false
}

// rank puts first what takes a role away, and the primary last.
func rank(to string) int {
	switch to {
	case "":
		return 0
	case iris.MirrorPrimary:
		return 2
	}
	return 1
}

func why(m *cluster.Member) string {
	switch answer := m.Said(); {
	case answer.Source == iris.FromMirrorStatus:
		return "it says that it is not primary, and not whether it is the backup: " + answer.Why()
	case answer.Source != iris.NoAnswer:
		return "it says " + answer.Text()
	default:
		return cmp.Or(answer.Why(), "it was not asked")
	}
}

func onePrimaryEach(c *cluster.Cluster) error {
	byShard := map[string]string{}
	for _, m := range c.Members {
		if m.Said().IsPrimary() != iris.Yes {
			continue
		}
		if first, is := byShard[m.Shard()]; is {
			return problem.New("IRIS says Primary in pod %q and in pod %q: no label of %s is changed", first, m.Name, c).
				Hint("follow it with kubectl iris status %s -n %s -w, and look at what IRIS logs in both", c.Resource.Name, c.Resource.Namespace)
		}
		byShard[m.Shard()] = m.Name
	}
	return nil
}

func allAnswered(c *cluster.Cluster) error {
	for _, m := range c.Members {
		if m.IsUndecided() {
			return problem.New("IRIS in pod %q gave no conclusive answer: no label of %s is changed: %s", m.Name, c, why(m)).
				Hint("kubectl auth can-i create pods --subresource=exec -n %s says whether you may ask; kubectl iris status %s -n %s shows each answer",
					c.Resource.Namespace, c.Resource.Name, c.Resource.Namespace)
		}
	}
	return nil
}

// withoutPrimary warns of shards whose Services for the primary will reach no
// pod.
func withoutPrimary(c *cluster.Cluster) []string {
	var shards, with []string
	for _, m := range c.Members {
		if m.Said().IsPrimary() == iris.Yes && !m.Deleting {
			with = append(with, m.Shard())
		}
		shards = append(shards, m.Shard())
	}
	var warnings []string
	shards = slices.Compact(shards)
	for _, shard := range shards {
		if slices.Contains(with, shard) {
			continue
		}
		where := ""
		if len(shards) > 1 {
			where = fmt.Sprintf(" of shard %q", shard)
		}
		warnings = append(warnings, fmt.Sprintf("IRIS says Primary in no pod%s: Services for the primary will reach no pod", where))
	}
	return warnings
}
