// Package reach decides which pod a command reaches: target.go chooses what a
// request means, targetpod.go which pod that is now, tracker.go keeps that up to
// date, and port.go which of the pod's ports is reached. It knows no client: pods
// and IRIS's answers are handed in.
package reach

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// A Request is a target as a user names it.
type Request struct {
	namespace string
	// name is a cluster's or a pod's, the latter in full or without its cluster's
	// (data-0-1); it is empty if none was given.
	name string
	// role and shard narrow a cluster to one of its data pods.
	role, shard string
}

// NewRequest returns the request for what has this name, or for what there is if
// no name is given. It returns a usage error if nothing can have the name, the
// role or the shard.
func NewRequest(namespace, role, shard string, name ...string) (Request, error) {
	r := Request{namespace: namespace, role: role, shard: shard}
	for _, n := range name {
		if len(validation.IsDNS1123Subdomain(n)) > 0 {
			return Request{}, problem.Usage("%q is not the name of an IrisCluster or a pod", n).
				Hint("a name consists of lower-case letters, digits, - and ., with a letter or digit at both ends")
		}
		r.name = n
	}
	for _, given := range []struct {
		field problem.Field
		value string
	}{{"role", role}, {"shard", shard}} {
		if len(validation.IsValidLabelValue(given.value)) > 0 {
			return Request{}, problem.Usage("invalid %s %q: must be the value of a label", given.field, given.value).
				Hint("it is up to 63 letters, digits, -, _ and ., with a letter or digit at both ends")
		}
	}
	return r, nil
}

// Namespace returns the namespace of the target.
func (r Request) Namespace() string { return r.namespace }

// Name returns the name that was given, or "".
func (r Request) Name() string { return r.name }

// IsNarrowed reports whether a role or a shard was given, so that the request
// means one pod.
func (r Request) IsNarrowed() bool { return r.role != "" || r.shard != "" }

// Unresolved is the error of a request that no pod meets, or several do. The
// status of the cluster shows more, or of all clusters if Cluster is empty.
type Unresolved struct {
	error
	Namespace, Cluster string
}

// Unwrap returns the error itself.
func (e Unresolved) Unwrap() error { return e.error }

// A Target is either one pod, whatever becomes of its role, or the pod that has
// a role in a cluster.
type Target struct {
	Namespace string
	// Cluster is the IrisCluster; it has no more than its names unless
	// ClusterRead.
	Cluster     iris.Cluster
	ClusterRead bool
	// Pod is a pod's full name; "" if there is a role.
	Pod string
	// ByShortName: Pod was found by its short name, which may be the full name of
	// a pod that belongs to no IrisCluster.
	ByShortName bool
	// Role is a mirror role, and Shard that of its pod; "" if the cluster has one
	// shard.
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

// place names the cluster, or the shard of it.
func (t Target) place() string {
	if t.Shard != "" {
		return fmt.Sprintf("shard %s of IrisCluster %q", t.Shard, t.Cluster.Name)
	}
	return fmt.Sprintf("IrisCluster %q", t.Cluster.Name)
}

// Choose returns the target that a request means. Without a role or a pod it is
// the only sensible one: the primary of a mirror, else the only data pod. The
// error of what does not exist, or could be several things, says what there is.
func Choose(r Request, n cluster.Namespace) (Target, error) {
	named, err := Find(r, n)
	if err != nil {
		return Target{}, err
	}
	facts := n.Facts(named.Cluster)
	t := Target{Namespace: r.namespace, Cluster: facts.Resource, ClusterRead: facts.Read}
	if named.Pod != "" {
		t.Pod, t.ByShortName = named.Pod, named.ByShortName
		return t, nil
	}
	c := cluster.New(facts)
	if err := c.ValidateShard(r.shard, false); err != nil {
		return Target{}, err
	}
	t.Role, t.Shard = r.role, r.shard
	if t.Role == "" && c.Mirrored == iris.Yes {
		t.Role, t.RoleImplied = iris.MirrorPrimary, true
	}
	if t.Role != "" {
		return t, c.ValidateRole(t.Role, false)
	}
	switch members := t.memberNames(facts.Pods); len(members) {
	case 0:
		return Target{}, t.unresolved(problem.New("%s in namespace %q has no data pod", t.place(), r.namespace))
	case 1:
		t.Pod = members[0]
		return t, nil
	default:
		return Target{}, problem.Usage("a pod name is required: %s in namespace %q has several data pods and no mirror: %s",
			t.place(), r.namespace, listed(members)).Hint("name one of them")
	}
}

// unresolved returns err as that of a target that no pod, or several, meet.
func (t Target) unresolved(err error) error { return Unresolved{err, t.Namespace, t.Cluster.Name} }

// Named is what a request names: a cluster or, with Pod, one of its pods.
type Named struct {
	Cluster, Pod string
	// ByShortName: Pod was found by its short name.
	ByShortName bool
}

// Find returns the cluster or the pod that a request names, or the only cluster
// if it names none.
func Find(r Request, n cluster.Namespace) (Named, error) {
	if r.name == "" {
		only, err := n.Only()
		return Named{Cluster: only}, err
	}
	clusters := n.Names()
	isCluster := slices.Contains(clusters, r.name)
	if isCluster && r.IsNarrowed() {
		return Named{Cluster: r.name}, nil
	}
	pod, byShortName, notFound := cluster.FindPod(r.namespace, r.name, n.Pods)
	switch {
	case notFound == nil && isCluster:
		return Named{}, problem.Usage("%q in namespace %q is an IrisCluster and also pod %q", r.name, r.namespace, pod.Name).
			Hint("add %s for the cluster, or give the pod's full name", problem.Field("role"))
	case notFound == nil && r.IsNarrowed():
		return Named{}, problem.Usage("pod %q cannot be used together with %s or %s", pod.Name, problem.Field("role"), problem.Field("shard")).
			Hint("leave them out, or name its cluster %s instead", pod.Cluster())
	case notFound == nil:
		return Named{pod.Cluster(), pod.Name, byShortName}, nil
	case isCluster:
		return Named{Cluster: r.name}, nil
	case !r.IsNarrowed() && slices.ContainsFunc(n.Pods, func(p iris.Pod) bool { return p.ShortName() == r.name }):
		return Named{}, notFound
	case !r.IsNarrowed() && len(n.Pods) > 0:
		return Named{}, problem.New("neither an IrisCluster nor a pod of one is named %q in namespace %q", r.name, r.namespace).
			Hint("there are %s", listed(append(clusters, iris.PodNames(n.Pods)...)))
	}
	err := problem.New("IrisCluster %q not found in namespace %q", r.name, r.namespace)
	if len(clusters) == 0 {
		return Named{}, Unresolved{error: err, Namespace: r.namespace}
	}
	return Named{}, err.Hint("this namespace has %s", listed(text.Quote(clusters)))
}

// maxListed bounds how many names an error lists.
const maxListed = 5

func listed(names []string) string { return text.List(names, maxListed) }
