// Package cluster is the one place that answers what an IrisCluster is, from
// its resource as far as it was read, its pods, and what IRIS said in them:
// whether it is mirrored, its shards and members, the role of each member and
// what that rests on, which pod a name means. It is pure, and every value that
// was not read stays unknown.
//
// cluster.go and member.go work out members and roles, shards.go the shards,
// find.go what a name means, selector.go what a selector matches, ports.go
// which port serves pages, and addresses.go where a Service is reached.
package cluster

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// Facts holds what was read about one cluster.
type Facts struct {
	// Resource is the IrisCluster; it has no more than its names unless Read.
	Resource iris.Cluster
	// Read reports whether the IrisCluster was read. The pods have to do if it
	// was not.
	Read bool
	// Pods are the cluster's pods, of every component.
	Pods []iris.Pod
	// Answers holds what IRIS said, by the pod's uid. A pod without an answer
	// was not asked.
	Answers Answers
}

// Answers holds what IRIS said in pods, by the pod's uid.
type Answers map[types.UID]iris.Answer

// AnswersOf returns answers by the uid of their pods.
func AnswersOf(answers []iris.Answer) Answers {
	if answers == nil {
		return nil
	}
	byUID := make(Answers, len(answers))
	for _, a := range answers {
		byUID[a.UID] = a
	}
	return byUID
}

// A Cluster is what Facts mean.
type Cluster struct {
	// Resource is the IrisCluster; it has no more than its names unless Read.
	Resource iris.Cluster
	Read     bool
	// Mirrored reports whether the data node is mirrored, and Evidence what
	// that rests on.
	Mirrored iris.Fact
	Evidence Evidence
	// Members are the data pods, ordered by shard and ordinal. Those of a data
	// node that is not mirrored have no role, whatever their labels say.
	Members []*Member

	byPod map[*iris.Pod]*Member
}

// String names the cluster in a message.
func (c *Cluster) String() string {
	return fmt.Sprintf("IrisCluster %q in namespace %q", c.Resource.Name, c.Resource.Namespace)
}

// Evidence is what the answer to "is it mirrored" rests on.
type Evidence string

// The kinds of evidence, the best first.
const (
	NoEvidence   Evidence = ""
	ByResource   Evidence = "IrisCluster"
	ByRoleLabel  Evidence = "role label"
	ByAnswer     Evidence = "IRIS's answer"
	ByNameOfPods Evidence = "name of its pods"
)

// New works out members and their roles.
func New(f Facts) *Cluster {
	pods := make([]*iris.Pod, len(f.Pods))
	for i := range f.Pods {
		pods[i] = &f.Pods[i]
	}
	return Of(f.Resource, f.Read, pods, f.Answers)
}

// Of is New for pods that are kept elsewhere.
func Of(resource iris.Cluster, read bool, pods []*iris.Pod, answers Answers) *Cluster {
	c := &Cluster{Resource: resource, Read: read, byPod: make(map[*iris.Pod]*Member, len(pods))}
	for _, pod := range pods {
		if pod.Component() != iris.ComponentData {
			continue
		}
		m := &Member{Pod: pod}
		if a, asked := answers[pod.UID]; asked {
			m.Answer, m.Says = &a, a.Text()
		}
		c.Members = append(c.Members, m)
		c.byPod[pod] = m
	}
	SortMembers(c.Members)
	c.Mirrored, c.Evidence = c.mirrored()
	c.resolve()
	return c
}

// SortMembers orders members by shard and ordinal.
func SortMembers(members []*Member) {
	slices.SortFunc(members, func(a, b *Member) int { return ComparePods(a.Pod, b.Pod) })
}

// Member returns the member that a pod, one of those handed in, is; nil for a pod
// of another component.
func (c *Cluster) Member(pod *iris.Pod) *Member { return c.byPod[pod] }

// mirrorMember matches the short name of a pod of a mirrored data node, which has a
// StatefulSet for each shard (seen; docs/iko.md).
var mirrorMember = regexp.MustCompile(`^data-\d+-\d+$`)

// mirrored reports whether the data node is mirrored: as the IrisCluster says,
// else as a role label, else IRIS, else the names of the pods do.
func (c *Cluster) mirrored() (iris.Fact, Evidence) {
	if c.Read {
		return iris.FactOf(c.Resource.Mirrored), ByResource
	}
	has := func(is func(*Member) bool) bool { return slices.ContainsFunc(c.Members, is) }
	switch {
	case has(func(m *Member) bool { return m.MirrorRole() != "" }):
		return iris.Yes, ByRoleLabel
	case has(func(m *Member) bool { return m.Answer.IsMember() }):
		return iris.Yes, ByAnswer
	case has(func(m *Member) bool { return mirrorMember.MatchString(m.ShortName()) }):
		return iris.Yes, ByNameOfPods
	case len(c.Members) > 0 && !has(func(m *Member) bool { return !m.Answer.IsOutsideMirror() }):
		return iris.No, ByAnswer
	}
	return iris.Unknown, NoEvidence
}

// ComparePods orders the pods of a cluster as a person looks for them: by
// component, shard and ordinal.
func ComparePods(a, b *iris.Pod) int {
	return cmp.Or(
		cmp.Compare(place(a.Component()), place(b.Component())),
		cmp.Compare(a.Component(), b.Component()),
		CompareNumbers(a.Shard(), b.Shard()),
		cmp.Compare(a.Ordinal(), b.Ordinal()),
		cmp.Compare(a.Name, b.Name),
	)
}

func place(component string) int {
	switch component {
	case iris.ComponentData:
		return 0
	case iris.ComponentCompute:
		return 1
	case iris.ComponentWebGateway:
		return 2
	case iris.ComponentArbiter:
		return 3
	}
	return 4
}

// CompareNumbers orders texts that are numbers as such, and before others.
func CompareNumbers(a, b string) int {
	if a == b {
		return 0
	}
	n, errA := strconv.Atoi(a)
	m, errB := strconv.Atoi(b)
	if errA == nil && errB == nil {
		return cmp.Or(cmp.Compare(n, m), cmp.Compare(a, b))
	}
	if errA == nil {
		return -1
	}
	if errB == nil {
		return 1
	}
	return cmp.Compare(a, b)
}
