// Package relabel plans how the role labels of a cluster's data pods are set to
// what IRIS says. It is pure.
package relabel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Facts are what a plan is made from.
type Facts struct {
	// Cluster is the IrisCluster; only its names are known where ClusterRead
	// is false.
	Cluster     iris.Cluster
	ClusterRead bool
	// Pods are the cluster's pods, Answers what IRIS said in them.
	Pods    []iris.Pod
	Answers []iris.Answer
}

// Plan is how the labels change.
type Plan struct {
	// Changes are in the order in which they are made: a label is taken from
	// one pod before it is given to another, so that no Service for the
	// primary ever leads to two.
	Changes []Change
	// Warnings are lines for the user.
	Warnings []string
}

// Change is another role label for a pod.
type Change struct {
	Pod iris.Pod
	// From and To are the label's values; "" stands for none.
	From, To string
	// Says is IRIS's answer in short.
	Says string
}

// String is the change in a line.
func (c Change) String() string {
	return fmt.Sprintf("pod %q: %s -> %s (IRIS says %s)", c.Pod.Name, cmp.Or(c.From, none), cmp.Or(c.To, none), c.Says)
}

const none = "<none>"

// New plans the labels. It refuses where IRIS's word does not suffice: two
// members say Primary, or a failover member said nothing. A pod that is being
// deleted keeps its label, since no Service leads to it.
func New(f Facts) (Plan, error) {
	if f.ClusterRead && !f.Cluster.Mirrored {
		return Plan{}, problem.New("%s is not mirrored: its pods have no roles", f.cluster()).
			Hint("kubectl iris status %s -n %s shows it", f.Cluster.Name, f.Cluster.Namespace)
	}
	members := f.members()
	if len(members) == 0 {
		return Plan{}, problem.New("%s has no data pods", f.cluster()).
			Hint("kubectl iris status %s -n %s shows what there is", f.Cluster.Name, f.Cluster.Namespace)
	}
	if err := f.onePrimaryEach(members); err != nil {
		return Plan{}, err
	}
	if err := f.allAnswered(members); err != nil {
		return Plan{}, err
	}
	var plan Plan
	for _, m := range members {
		if m.pod.Deleting {
			continue
		}
		if !m.isKnown() {
			plan.Warnings = append(plan.Warnings, fmt.Sprintf("pod %q is left as it is: IRIS did not answer (%s)", m.pod.Name, m.why()))
			continue
		}
		if from, to := m.pod.MirrorRole(), m.answer.Role(); m.shouldChange(from, to) {
			plan.Changes = append(plan.Changes, Change{Pod: m.pod, From: from, To: to, Says: m.answer.Text()})
		}
	}
	slices.SortStableFunc(plan.Changes, func(a, b Change) int { return cmp.Compare(rank(a.To), rank(b.To)) })
	plan.Warnings = append(plan.Warnings, f.withoutPrimary(members)...)
	return plan, nil
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

func (f Facts) cluster() string {
	return fmt.Sprintf("IrisCluster %q (namespace %q)", f.Cluster.Name, f.Cluster.Namespace)
}

// member is a data pod with IRIS's answer.
type member struct {
	pod    iris.Pod
	answer iris.Answer
}

func (f Facts) members() []member {
	var members []member
	for _, pod := range f.Pods {
		if pod.Component() != iris.ComponentData {
			continue
		}
		m := member{pod: pod}
		for _, a := range f.Answers {
			if a.Pod == pod.Name && a.UID == pod.UID {
				m.answer = a
			}
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b member) int {
		return cmp.Or(strings.Compare(a.pod.Shard(), b.pod.Shard()), cmp.Compare(a.pod.Ordinal(), b.pod.Ordinal()), strings.Compare(a.pod.Name, b.pod.Name))
	})
	return members
}

// isKnown tells whether IRIS said which role the pod has, or that it has none.
// mirror_status.cxw can only say that it is the primary.
func (m member) isKnown() bool {
	primary, known := m.answer.IsPrimary()
	return m.answer.Source == iris.FromQlist || known && primary
}

func (m member) why() string {
	return cmp.Or(m.answer.Why(), "it was not asked")
}

// shouldChange leaves a word alone that is neither primary nor backup on a
// member that is neither: it is not this tool's to judge.
func (m member) shouldChange(from, to string) bool {
	if to == "" && from != iris.MirrorPrimary && from != iris.MirrorBackup {
		return false
	}
	return from != to
}

func (f Facts) onePrimaryEach(members []member) error {
	byShard := map[string][]string{}
	for _, m := range members {
		if primary, _ := m.answer.IsPrimary(); primary {
			shard := m.pod.Shard()
			byShard[shard] = append(byShard[shard], m.pod.Name)
			if names := byShard[shard]; len(names) > 1 {
				return problem.New("IRIS says Primary in %q and in %q: the labels of %s are left alone", names[0], names[1], f.cluster()).
					Hint("follow it with kubectl iris status %s -n %s -w, and look at what IRIS logs in both", f.Cluster.Name, f.Cluster.Namespace)
			}
		}
	}
	return nil
}

// Lacks tells whether no labels are set for want of IRIS's word in a pod: that of
// every failover member is asked for. Of one that says nothing the ordinal or a
// role label has to tell that it is one.
func Lacks(pod iris.Pod, answer iris.Answer) bool {
	failover := pod.Ordinal() == 0 || pod.Ordinal() == 1 || pod.MirrorRole() != ""
	return failover && !pod.Deleting && !member{pod, answer}.isKnown()
}

func (f Facts) allAnswered(members []member) error {
	for _, m := range members {
		if !Lacks(m.pod, m.answer) {
			continue
		}
		what := "gave no answer"
		if m.answer.Source == iris.FromMirrorStatus {
			what = "says that it is not primary, and not whether it is the backup"
		}
		return problem.New("IRIS in pod %q %s: the labels of %s are left alone: %s", m.pod.Name, what, f.cluster(), m.why()).
			Hint("kubectl auth can-i create pods --subresource=exec -n %s tells whether you may ask; kubectl iris status %s -n %s shows each answer",
				f.Cluster.Namespace, f.Cluster.Name, f.Cluster.Namespace)
	}
	return nil
}

// withoutPrimary warns of shards whose Services for the primary will lead
// nowhere.
func (f Facts) withoutPrimary(members []member) []string {
	var shards, with []string
	for _, m := range members {
		if primary, _ := m.answer.IsPrimary(); primary && !m.pod.Deleting {
			with = append(with, m.pod.Shard())
		}
		shards = append(shards, m.pod.Shard())
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
		warnings = append(warnings, fmt.Sprintf("IRIS says Primary in no pod%s: Services for the primary will lead nowhere", where))
	}
	return warnings
}
