// Package reach decides which pod a command reaches: target.go finds what the
// command line names, targetpod.go which pod that is now, follow.go keeps that
// up to date, and port.go reads which of the pod's ports is asked for. It knows
// no client: pods and IRIS's answers are handed in.
package reach

import (
	"fmt"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// Request is a target as the command line names it.
type Request struct {
	Namespace string
	// Name is a cluster's or a pod's, the latter in full or without its
	// cluster's (data-0-1); "" leaves it to what there is.
	Name string
	// Role and Shard narrow a cluster to one of its data pods.
	Role, Shard string
}

// A Target is either one pod, whatever becomes of its role, or the pod that has
// a role in a cluster.
type Target struct {
	Namespace string
	// Cluster is the IrisCluster; it has no more than its names unless
	// ClusterRead.
	Cluster     iris.Cluster
	ClusterRead bool
	// Pod is a pod's full name; "" with a role.
	Pod string
	// ByShortName: Pod was found by its short name, which may be the full name of
	// a pod that belongs to no IrisCluster.
	ByShortName bool
	// Role is a mirror role, and Shard the shard in which it is held; "" where
	// the cluster has one shard.
	Role, Shard string
	// RoleImplied: the user gave no role, and Role is the primary of a mirror.
	RoleImplied bool
}

// String names the target within its namespace: pod "simple-data-0-1", or
// backup of IrisCluster "simple".
func (t Target) String() string {
	if t.Pod != "" {
		return fmt.Sprintf("pod %q", t.Pod)
	}
	return fmt.Sprintf("%s of %s", t.Role, t.place())
}

// place is where a role is held.
func (t Target) place() string {
	if t.Shard != "" {
		return fmt.Sprintf("shard %s of IrisCluster %q", t.Shard, t.Cluster.Name)
	}
	return fmt.Sprintf("IrisCluster %q", t.Cluster.Name)
}

// Choose returns the target that a request means. Without a role or a pod it is
// the only sensible one: the primary of a mirror, else the only data pod. What
// does not exist, or could be several things, is an error that says what there
// is.
func Choose(r Request, n cluster.Namespace) (Target, error) {
	found, err := r.named(n)
	if err != nil {
		return Target{}, err
	}
	facts := n.Facts(found.cluster)
	t := Target{Namespace: r.Namespace, Cluster: facts.Resource, ClusterRead: facts.Read}
	if found.pod != "" {
		t.Pod, t.ByShortName = found.pod, found.byShortName
		return t, nil
	}
	c := cluster.New(facts)
	if err := c.ValidateShard(r.Shard, false); err != nil {
		return Target{}, err
	}
	t.Role, t.Shard = r.Role, r.Shard
	if t.Role == "" && c.Mirrored == iris.Yes {
		t.Role, t.RoleImplied = iris.MirrorPrimary, true
	}
	if t.Role != "" {
		return t, c.ValidateRole(t.Role, false)
	}
	switch members := t.members(c); len(members) {
	case 0:
		return Target{}, problem.New("%s in namespace %q has no data pod", t.place(), r.Namespace).
			Hint("kubectl iris status %s -n %s shows its pods", found.cluster, r.Namespace)
	case 1:
		t.Pod = members[0].Name
		return t, nil
	default:
		return Target{}, problem.Usage("a pod name is required: %s in namespace %q has several data pods and no mirror: %s",
			t.place(), r.Namespace, listed(names(members))).Hint("name one of them")
	}
}

// found is what a request names: a cluster, or one of its pods.
type found struct {
	cluster, pod string
	byShortName  bool
}

// named returns the cluster or the pod that the request names, or the only
// cluster if it names none.
func (r Request) named(n cluster.Namespace) (found, error) {
	if r.Name == "" {
		only, err := n.Only()
		return found{cluster: only}, err
	}
	clusters := n.Names()
	isCluster := slices.Contains(clusters, r.Name)
	narrowed := r.Role != "" || r.Shard != ""
	if isCluster && narrowed {
		return found{cluster: r.Name}, nil
	}
	pod, byShortName, notFound := cluster.FindPod(r.Namespace, r.Name, n.Pods)
	switch {
	case notFound == nil && isCluster:
		return found{}, problem.Usage("%q in namespace %q is an IrisCluster and also pod %q", r.Name, r.Namespace, pod.Name).
			Hint("add --role for the cluster, or give the pod's full name")
	case notFound == nil && narrowed:
		return found{}, problem.Usage("pod %q cannot be used together with --role or --shard", pod.Name).
			Hint("leave them out, or name its cluster %s instead", pod.Cluster())
	case notFound == nil:
		return found{pod.Cluster(), pod.Name, byShortName}, nil
	case isCluster:
		return found{cluster: r.Name}, nil
	case !narrowed && slices.ContainsFunc(n.Pods, func(p iris.Pod) bool { return p.ShortName() == r.Name }):
		return found{}, notFound
	case narrowed || len(n.Pods) == 0:
		return found{}, problem.New("IrisCluster %q not found in namespace %q", r.Name, r.Namespace).Hint("%s", thereAre(clusters))
	}
	return found{}, problem.New("neither an IrisCluster nor a pod of one is named %q in namespace %q", r.Name, r.Namespace).
		Hint("there are %s", listed(append(clusters, iris.PodNames(n.Pods)...)))
}

func names(members []*cluster.Member) []string {
	var all []string
	for _, m := range members {
		all = append(all, m.Name)
	}
	return all
}

// maxListed bounds how many names an error lists.
const maxListed = 5

func listed(names []string) string { return text.List(names, maxListed) }

func thereAre(clusters []string) string {
	if len(clusters) == 0 {
		return "this namespace has none; kubectl iris status -A shows those of all namespaces"
	}
	return "this namespace has " + listed(clusters)
}

// ClusterOrPod returns the cluster that a request without role and shard means,
// and the pod if it names one; "" for all pods of the cluster.
func ClusterOrPod(r Request, n cluster.Namespace) (of, pod string, byShortName bool, err error) {
	f, err := r.named(n)
	return f.cluster, f.pod, f.byShortName, err
}
