// Package relabel plans how the role labels of a cluster's data pods are set to
// what IRIS says, and carries such a plan out: once the first label is written,
// the plan is finished. It is pure; the API server and IRIS are a Target.
//
// plan.go works out what changes, shard.go what changes in one shard and what is
// refused there, services.go which Services then select other pods, apply.go
// makes the changes, and outcome.go says what came of it.
package relabel

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// A Plan is how the role labels of a cluster change.
type Plan struct {
	// Changes are in the order in which they are made: shard by shard, and in a
	// shard first what has nothing to do with its primary, then the label
	// primary is taken from one pod, and at once given to another. No Service
	// for the primary ever selects two ready pods because of it, and a process
	// that is killed leaves at most one shard, whose label primary was wrong,
	// without one.
	Changes []Change
	// Warnings are lines for the user.
	Warnings []string
	// Refused holds why labels that may be wrong are not changed.
	Refused []Refusal

	cluster *cluster.Cluster
	options Options
}

// A Change is another role label for a pod.
type Change struct {
	Pod iris.Pod
	// From and To are the label's values; "" stands for none.
	From, To string
	// Why is what IRIS says, as a clause.
	Why string
}

// A Refusal is why nothing is changed in a shard, or one label of it is kept.
type Refusal struct {
	Shard string
	Err   error
}

// String returns the change in a line.
func (c Change) String() string {
	return fmt.Sprintf("pod %q: %s -> %s (%s)", c.Pod.Name, named(c.From), named(c.To), c.Why)
}

// named returns the value of a role label as it is shown.
func named(role string) string { return cmp.Or(role, "<none>") }

// Options are what the user decides about a plan.
type Options struct {
	// Force takes the stale label of a member that says nothing for wrong even
	// if its pod is ready.
	Force bool
}

// New plans the labels. It returns an error if the cluster has no roles; what
// IRIS's answers do not suffice for, is Refused.
func New(c *cluster.Cluster, o Options) (Plan, error) {
	plan := Plan{cluster: c, options: o}
	if c.Read && !c.Resource.Mirrored {
		return plan, problem.New("%s is not mirrored: its pods have no roles", c).
			Hint("kubectl iris status %s -n %s shows it", c.Resource.Name, c.Resource.Namespace)
	}
	if len(c.Members) == 0 {
		return plan, problem.New("%s has no data pods", c).
			Hint("kubectl iris status %s -n %s shows what there is", c.Resource.Name, c.Resource.Namespace)
	}
	shards := shardsOf(c)
	for _, s := range shards {
		plan.add(s.plan(o))
	}
	if c.IsAsyncOnly() {
		plan.Warnings = []string{"no failover member here: the primary of its mirror is elsewhere"}
	}
	return plan, nil
}

func (p *Plan) add(of Plan) {
	p.Changes = append(p.Changes, of.Changes...)
	p.Warnings = append(p.Warnings, of.Warnings...)
	p.Refused = append(p.Refused, of.Refused...)
}

// Errors returns why labels that may be wrong are not changed.
func (p Plan) Errors() []error {
	var errs []error
	for _, r := range p.Refused {
		errs = append(errs, r.Err)
	}
	return errs
}

// Equals reports whether two plans make the same changes for the same reasons.
func (p Plan) Equals(other Plan) bool {
	return slices.EqualFunc(p.Changes, other.Changes, isSame)
}

// isWithin reports whether all changes of the plan are among another's.
func (p Plan) isWithin(other Plan) bool {
	return !slices.ContainsFunc(p.Changes, func(c Change) bool {
		return !slices.ContainsFunc(other.Changes, func(agreed Change) bool { return isSame(c, agreed) })
	})
}

// newRefusal returns why something is not changed that an earlier plan did not
// refuse; nil if there is nothing like it.
func (p Plan) newRefusal(earlier Plan) error {
	for _, r := range p.Refused {
		if !slices.ContainsFunc(earlier.Refused, func(known Refusal) bool { return known.Err.Error() == r.Err.Error() }) {
			return r.Err
		}
	}
	return nil
}

func isSame(a, b Change) bool { return a.Pod.UID == b.Pod.UID && a.String() == b.String() }

// of returns what the plan says of one shard.
func (p Plan) of(shard string) Plan {
	return Plan{
		Changes: slices.DeleteFunc(slices.Clone(p.Changes), func(c Change) bool { return c.Pod.Shard() != shard }),
		Refused: slices.DeleteFunc(slices.Clone(p.Refused), func(r Refusal) bool { return r.Shard != shard }),
		cluster: p.cluster,
	}
}

// shards returns the shards in which something changes, in order.
func (p Plan) shards() []string {
	var names []string
	for _, c := range p.Changes {
		names = append(names, c.Pod.Shard())
	}
	return slices.Compact(names)
}

// labels returns the role labels that pods had when the plan was made.
func (p Plan) labels() map[types.UID]string {
	labels := make(map[types.UID]string, len(p.cluster.Members))
	for _, m := range p.cluster.Members {
		labels[m.UID] = m.MirrorRole()
	}
	return labels
}
