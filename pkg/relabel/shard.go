package relabel

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// A shard holds the members of one shard.
type shard struct {
	cluster *cluster.Cluster
	name    string
	// several: the cluster has other shards, too.
	several bool
	members []*cluster.Member
	// primary is the one member in which IRIS says Primary; nil if there is
	// none that stays.
	primary *cluster.Member
}

// shardsOf returns the shards that have members, in order.
func shardsOf(c *cluster.Cluster) []shard {
	all, _ := c.Shards()
	var shards []shard
	for _, s := range all {
		if len(s.Members) > 0 {
			shards = append(shards, shard{cluster: c, name: s.Name, several: len(all) > 1, members: s.Members, primary: primaryOf(s.Members)})
		}
	}
	return shards
}

func primaryOf(members []*cluster.Member) *cluster.Member {
	i := slices.IndexFunc(members, func(m *cluster.Member) bool { return !m.Deleting && m.Said().IsPrimary() == iris.Yes })
	if i < 0 {
		return nil
	}
	return members[i]
}

// String names the shard, or the cluster if it is the only one, in a message.
func (s shard) String() string {
	if s.several {
		return fmt.Sprintf("shard %q of %s", s.name, s.cluster)
	}
	return s.cluster.String()
}

// plan plans the shard's labels, or refuses: nothing changes while two members
// say Primary, or a failover member gives no conclusive answer.
func (s shard) plan(o Options) Plan {
	var plan Plan
	refuse := func(err error) { plan.Refused = append(plan.Refused, Refusal{s.name, err}) }
	if err := cmp.Or(s.severalPrimaries(), s.undecided(o)); err != nil {
		refuse(err)
		return plan
	}
	for _, m := range s.members {
		change, isWrong := s.change(m)
		switch {
		case !isWrong:
			plan.Warnings = append(plan.Warnings, s.leftAlone(m)...)
		case m.MirrorRole() == iris.MirrorPrimary && s.primary == nil:
			refuse(s.keepsPrimary(m))
		default:
			plan.Changes = append(plan.Changes, change)
			plan.Warnings = append(plan.Warnings, s.risk(m)...)
		}
	}
	slices.SortStableFunc(plan.Changes, func(a, b Change) int { return cmp.Compare(rank(a), rank(b)) })
	if s.primary == nil && len(plan.Refused) == 0 {
		plan.Warnings = append(plan.Warnings, s.withoutPrimary())
	}
	return plan
}

// rank puts last that one pod loses the label primary, and the next one gets it:
// whatever is refused before, the shard has the label that it had.
func rank(c Change) int {
	if c.To == iris.MirrorPrimary {
		return 3
	}
	if c.From == iris.MirrorPrimary {
		return 2
	}
	if c.To != "" {
		return 1
	}
	return 0
}

// change returns the change of a member's label, and whether there is one. A
// role is given only if IRIS in that member says so conclusively. A label that
// IRIS does not contradict stays, also one that is neither primary nor backup.
func (s shard) change(m *cluster.Member) (change Change, isWrong bool) {
	label, answer := m.MirrorRole(), m.Said()
	change = Change{Pod: *m.Pod, From: label, Why: "IRIS says " + answer.Text()}
	switch {
	case m.Deleting:
		// No Service selects it for long. Only the label of the primary that
		// another member is by now has to go: a pod whose node is lost may stay
		// for days.
		if s.primary == nil || label != iris.MirrorPrimary || answer.IsPrimary() == iris.Yes {
			return change, false
		}
		change.Why = s.insteadOf(m)
		return change, true
	case answer.IsConclusive():
		change.To = answer.Role()
		if change.To == "" {
			return change, answer.Contradicts(label)
		}
		return change, change.To != label
	case m.Successor != nil, s.primary != nil && answer.Contradicts(label):
		change.Why = s.insteadOf(m)
		return change, true
	}
	return change, false
}

// insteadOf returns why a member's label is stale: IRIS in another one says that
// it has the role.
func (s shard) insteadOf(m *cluster.Member) string {
	successor := cmp.Or(m.Successor, s.primary)
	return fmt.Sprintf("IRIS in pod %q says %s; this pod %s", successor.Name, successor.Said().Text(), s.silence(m))
}

// silence returns how a pod is, as the end of a sentence about its stale label.
func (shard) silence(m *cluster.Member) string {
	says := "does not answer"
	if text := m.Said().Text(); m.Said().Source != iris.NoAnswer {
		says = "says " + text
	}
	switch {
	case m.Deleting:
		return says + " and is being deleted"
	case !m.Ready:
		return says + " and is not ready"
	}
	return says + ", though it is ready"
}

// severalPrimaries returns an error if IRIS says Primary in two members.
func (s shard) severalPrimaries() error {
	var say []string
	for _, m := range s.members {
		if m.Said().IsPrimary() == iris.Yes {
			say = append(say, m.Name)
		}
	}
	if len(say) < 2 {
		return nil
	}
	return problem.New("IRIS says Primary in pod %q and in pod %q: no label of %s is changed", say[0], say[1], s).
		Hint("%s, and look at what IRIS logs in both", s.follow())
}

// undecided returns an error if a failover member gave no conclusive answer, and
// whether its label is stale is not known without one.
func (s shard) undecided(o Options) error {
	for _, m := range s.members {
		if m.IsUndecided() && !s.canDoWithout(m, o) {
			return s.awaits(m, o)
		}
	}
	return nil
}

// canDoWithout reports whether the labels of a shard can be set without the
// answer of a member: IRIS says Primary in another one, and no Service reaches
// the pod, since it is not ready; or the user forces it. An instance that is on
// the way to a role is waited for in any case.
func (s shard) canDoWithout(m *cluster.Member, o Options) bool {
	if s.primary == nil || s.primary == m || m.Said().IsStarting() {
		return false
	}
	return o.Force || !m.Ready && m.Said().Source == iris.NoAnswer
}

// awaits returns the error about a member whose answer is needed.
func (s shard) awaits(m *cluster.Member, o Options) error {
	if m.Said().IsStarting() {
		return problem.New("IRIS in pod %q is in transition: no label of %s is changed: it says %s", m.Name, s, m.Said().Text()).
			Hint("wait until it is done: %s", s.follow())
	}
	err := problem.New("IRIS in pod %q gave no conclusive answer: no label of %s is changed: %s", m.Name, s, why(m))
	name, namespace := s.cluster.Resource.Name, s.cluster.Resource.Namespace
	switch {
	case s.isExecForbidden(m):
		return err.Hint("ask for the right to create pods/exec in namespace %q; kubectl auth can-i create pods --subresource=exec -n %s says whether you have it", namespace, namespace)
	case s.primary != nil && !o.Force:
		return err.Hint("kubectl iris status %s -n %s shows each answer; if pod %q is lost for certain, --force sets the labels without its answer", name, namespace, m.Name)
	}
	return err.Hint("kubectl iris status %s -n %s shows each answer", name, namespace)
}

func (shard) isExecForbidden(m *cluster.Member) bool {
	return slices.ContainsFunc(m.Said().Refused, func(r iris.Refusal) bool { return r.Source == iris.FromQlist && r.Resource != "" })
}

func why(m *cluster.Member) string {
	switch answer := m.Said(); answer.Source {
	case iris.FromMirrorStatus:
		return "it says that it is not primary, and not whether it is the backup: " + answer.Why()
	case iris.NoAnswer:
		return cmp.Or(answer.Why(), "it was not asked")
	default:
		return "it says " + answer.Text()
	}
}

func (s shard) follow() string {
	return fmt.Sprintf("kubectl iris status %s -n %s -w follows it", s.cluster.Resource.Name, s.cluster.Resource.Namespace)
}

// keepsPrimary returns the error about a wrong label primary that no other
// member can take over: without it, Services for the primary reach no pod.
func (s shard) keepsPrimary(m *cluster.Member) error {
	return problem.New("pod %q keeps the label primary, though IRIS says %s: IRIS says Primary in no other pod of %s, and without the label the Services for the primary would reach none",
		m.Name, m.Said().Text(), s).
		Hint("run the command again once a member is primary: %s", s.follow())
}

// leftAlone returns the warning about a member whose answer says nothing about
// its label.
func (shard) leftAlone(m *cluster.Member) []string {
	if m.Deleting || m.Said().IsConclusive() {
		return nil
	}
	return []string{fmt.Sprintf("pod %q is left as it is: IRIS did not answer conclusively (%s)", m.Name, why(m))}
}

// risk returns what the user risks who has the label primary taken from a ready
// pod that does not say what it is.
func (s shard) risk(m *cluster.Member) []string {
	if m.MirrorRole() != iris.MirrorPrimary || m.Deleting || !m.Ready || m.Said().IsPrimary() != iris.Unknown {
		return nil
	}
	return []string{fmt.Sprintf("pod %q is ready and IRIS in it does not say what it is: if it still is a primary, as when its node cannot be reached from here, its clients lose it, "+
		"the Services for the primary go to pod %q, and both may be written to", m.Name, s.primary.Name)}
}

// withoutPrimary returns the warning about a shard whose Services for the primary
// will reach no pod.
func (s shard) withoutPrimary() string {
	where := ""
	if s.several {
		where = fmt.Sprintf(" of shard %q", s.name)
	}
	return fmt.Sprintf("IRIS says Primary in no pod%s that stays: Services for the primary will reach no pod", where)
}
