package reach

import (
	"fmt"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// A TargetPod is the pod that a target means at a time.
type TargetPod struct {
	iris.Pod
	// Source is how IRIS said that the pod has the role; NoAnswer if its label
	// does. It has no meaning for a target that is a pod.
	Source iris.AnswerSource
}

// Why returns who says that the pod has the role.
func (p TargetPod) Why() string {
	if p.Source == iris.NoAnswer {
		return "by its label"
	}
	return "as IRIS says"
}

// Resolve returns the pod that the target means now. A pod in which no container
// runs, or that is being deleted, is none. The error says if no pod has the role,
// or several have; it is then Unresolved.
func (t Target) Resolve(pods []iris.Pod, answers cluster.Answers) (TargetPod, error) {
	c := t.cluster(pods, answers)
	candidates := t.candidates(pods, c)
	members := t.memberNames(pods)
	switch {
	case len(candidates) == 1:
		return candidates[0], nil
	case t.Pod != "":
		return TargetPod{}, t.notRunning(pods)
	case len(candidates) == 0 && c.IsAsyncOnly():
		return TargetPod{}, t.unresolved(problem.New("no pod has the role %s in %s in namespace %q: IRIS says that each is an async member, and the failover members of its mirror are elsewhere",
			t.Role, t.place(), t.Namespace).Hint("name one of the pods: %s", listed(members)))
	case len(candidates) == 0:
		hint := "to reach a pod whatever its role, name it"
		if len(members) > 0 {
			hint += ", as in " + members[0]
		}
		return TargetPod{}, t.unresolved(problem.New("no running pod has the role %s in %s in namespace %q%s", t.Role, t.place(), t.Namespace, t.others(c)).Hint("%s", hint))
	}
	var claiming []string
	for _, p := range candidates {
		claiming = append(claiming, p.Name)
	}
	return TargetPod{}, t.unresolved(problem.New("several pods have the role %s in %s in namespace %q: %s", t.Role, t.place(), t.Namespace, listed(claiming)).
		Hint("name one of them"))
}

// OnlyAsync returns the target pod for a cluster that was named without a role if
// it has one running member, of which IRIS says that it is an async member: the
// primary is elsewhere, as in a Kubernetes cluster for disaster recovery.
func (t Target) OnlyAsync(pods []iris.Pod, answers cluster.Answers) (only Target, ok bool) {
	c := t.cluster(pods, answers)
	if !t.RoleImplied || !c.IsAsyncOnly() {
		return Target{}, false
	}
	running := slices.DeleteFunc(t.members(c), func(m *cluster.Member) bool { return !m.IsRunning() })
	if len(running) != 1 {
		return Target{}, false
	}
	only = t
	only.Pod, only.Role, only.Shard, only.RoleImplied = running[0].Name, "", "", false
	return only, true
}

// Clusters returns the target's IrisCluster if it was read.
func (t Target) Clusters() []iris.Cluster {
	if !t.ClusterRead {
		return nil
	}
	return []iris.Cluster{t.Cluster}
}

// cluster works out the members and roles of the target's cluster. The pods of
// other clusters may be among pods.
func (t Target) cluster(pods []iris.Pod, answers cluster.Answers) *cluster.Cluster {
	return cluster.New(cluster.Facts{
		Resource: t.Cluster,
		Read:     t.ClusterRead,
		Pods:     only(pods, func(p iris.Pod) bool { return p.Cluster() == t.Cluster.Name }),
		Answers:  answers,
	})
}

// candidates returns the running pods that the target means; more than one if
// several claim the role.
func (t Target) candidates(pods []iris.Pod, c *cluster.Cluster) []TargetPod {
	var found []TargetPod
	if t.Pod != "" {
		for _, p := range t.Members(pods) {
			if cluster.IsRunning(&p) {
				found = append(found, TargetPod{Pod: p})
			}
		}
		return found
	}
	for _, m := range t.members(c) {
		if m.IsRunning() && m.Role == t.Role {
			found = append(found, TargetPod{Pod: *m.Pod, Source: m.Source()})
		}
	}
	return found
}

// Members returns the pods among which the target is.
func (t Target) Members(pods []iris.Pod) []iris.Pod {
	if t.Pod != "" {
		return only(pods, func(p iris.Pod) bool { return p.Name == t.Pod })
	}
	var members []iris.Pod
	for _, m := range t.members(t.cluster(pods, nil)) {
		members = append(members, *m.Pod)
	}
	return members
}

// memberNames returns the names of Members, in the order of shards and ordinals.
func (t Target) memberNames(pods []iris.Pod) []string {
	var names []string
	for _, p := range t.Members(pods) {
		names = append(names, p.Name)
	}
	return names
}

// members returns the members of the target's shard.
func (t Target) members(c *cluster.Cluster) []*cluster.Member {
	return slices.DeleteFunc(slices.Clone(c.Members), func(m *cluster.Member) bool {
		return t.Shard != "" && m.Shard() != t.Shard
	})
}

func only(pods []iris.Pod, keep func(iris.Pod) bool) []iris.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool { return !keep(p) })
}

func (t Target) notRunning(pods []iris.Pod) error {
	there := t.Members(pods)
	if len(there) == 0 {
		return t.unresolved(problem.New("pod %q not found in namespace %q", t.Pod, t.Namespace))
	}
	return problem.New("pod %q in namespace %q is not running: %s", t.Pod, t.Namespace, there[0].State).
		Hint("kubectl describe pod %s -n %s shows why", t.Pod, t.Namespace)
}

// others lists the roles or states that the members have instead.
func (t Target) others(c *cluster.Cluster) string {
	var words []string
	for _, m := range t.members(c) {
		word := m.Role
		switch {
		case !m.IsRunning():
			word = m.State
		case word == "":
			word = "no role"
		}
		words = append(words, fmt.Sprintf("%s: %s", m.Name, word))
	}
	if len(words) == 0 {
		return ": it has no data pod"
	}
	return "; " + listed(words)
}
