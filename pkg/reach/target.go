// Package reach decides which pod a command that reaches one instance means:
// target.go finds what the command line names, holder.go says which pod that is
// now, follow.go keeps that answer up to date, and port.go reads which of the
// pod's ports is meant. It knows no client: pods and IRIS's answers are handed
// in.
package reach

import (
	"fmt"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
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

// Facts are what was read of the namespace.
type Facts struct {
	// Clusters are the IrisClusters; ClustersRead tells whether they could be
	// read, without which the labels of pods tell what clusters there are.
	Clusters     []iris.Cluster
	ClustersRead bool
	// Pods are the pods of all IrisClusters.
	Pods []iris.Pod
}

// Target is either one pod, whatever becomes of its role, or whoever holds a
// role in a cluster.
type Target struct {
	Namespace string
	// Cluster is the zero value but for its names where it could not be read.
	Cluster iris.Cluster
	// Pod is a pod's full name; "" with a role.
	Pod string
	// Role is a mirror role, and Shard the shard in which it is held; "" where
	// the cluster has one shard.
	Role, Shard string
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

// Choose finds the target that a request means. Without a role or a pod it is
// the only sensible one: the primary of a mirror, else the only data pod. What
// is not there, or could be several things, is an error that says what there
// is.
func Choose(r Request, f Facts) (Target, error) {
	name, pod, err := r.named(f)
	if err != nil {
		return Target{}, err
	}
	if pod != nil {
		return Target{Namespace: r.Namespace, Cluster: f.cluster(r.Namespace, pod.Cluster()), Pod: pod.Name}, nil
	}
	own := f.of(r.Namespace, name)
	if err := own.CheckShard(r.Shard); err != nil {
		return Target{}, err
	}
	t := Target{Namespace: r.Namespace, Cluster: own.Cluster, Role: r.Role, Shard: r.Shard}
	if t.Role == "" && own.Mirrored() {
		t.Role = iris.MirrorPrimary
	}
	if t.Role != "" {
		return t, own.CheckRole(t.Role)
	}
	switch members := t.Members(own.Pods); len(members) {
	case 0:
		return Target{}, problem.New("%s in namespace %q has no data pod", t.place(), r.Namespace).
			Hint("kubectl iris status %s -n %s shows its pods", name, r.Namespace)
	case 1:
		return Target{Namespace: t.Namespace, Cluster: t.Cluster, Pod: members[0].Name}, nil
	default:
		return Target{}, problem.Usage("which pod? %s in namespace %q has several data pods and no mirror: %s",
			t.place(), r.Namespace, listed(names(members))).Hint("name one of them")
	}
}

// named finds the cluster or the pod that the request names, or the only
// cluster where it names none.
func (r Request) named(f Facts) (cluster string, pod *iris.Pod, err error) {
	clusters := f.clusterNames()
	if r.Name == "" {
		cluster, err = r.only(clusters)
		return cluster, nil, err
	}
	isCluster := slices.Contains(clusters, r.Name)
	narrowed := r.Role != "" || r.Shard != ""
	if isCluster && narrowed {
		return r.Name, nil, nil
	}
	found, notFound := expose.FindPod(r.Namespace, r.Name, f.Pods)
	switch {
	case notFound == nil && isCluster:
		return "", nil, problem.Usage("%q in namespace %q is an IrisCluster and also pod %q", r.Name, r.Namespace, found.Name).
			Hint("add --role for the cluster, or give the pod's full name")
	case notFound == nil && narrowed:
		return "", nil, problem.Usage("pod %q does not go together with --role or --shard", found.Name).
			Hint("leave them out, or name its cluster %s instead", found.Cluster())
	case notFound == nil:
		return "", &found, nil
	case isCluster:
		return r.Name, nil, nil
	case !narrowed && slices.ContainsFunc(f.Pods, func(p iris.Pod) bool { return p.ShortName() == r.Name }):
		return "", nil, notFound
	case narrowed || len(f.Pods) == 0:
		return "", nil, problem.New("IrisCluster %q not found in namespace %q", r.Name, r.Namespace).Hint("%s", thereAre(clusters))
	}
	return "", nil, problem.New("neither an IrisCluster nor a pod of one is named %q in namespace %q", r.Name, r.Namespace).
		Hint("there are %s", listed(append(clusters, names(f.Pods)...)))
}

func (r Request) only(clusters []string) (string, error) {
	switch len(clusters) {
	case 1:
		return clusters[0], nil
	case 0:
		return "", problem.New("there is no IrisCluster in namespace %q", r.Namespace).
			Hint("kubectl iris status -A shows those of all namespaces; -n chooses one")
	}
	return "", problem.Usage("namespace %q has several IrisClusters: %s", r.Namespace, listed(clusters)).
		Hint("name one of them, or one of their pods")
}

// of are the facts of one cluster.
func (f Facts) of(namespace, cluster string) expose.Facts {
	own := expose.Facts{Namespace: namespace, Cluster: f.cluster(namespace, cluster)}
	// Pods may outlive their IrisCluster; what it said is then not known.
	own.ClusterRead = f.ClustersRead && own.Cluster.Nodes != nil
	own.Pods = only(f.Pods, func(p iris.Pod) bool { return p.Cluster() == cluster })
	return own
}

func (f Facts) cluster(namespace, name string) iris.Cluster {
	for _, c := range f.Clusters {
		if c.Name == name {
			return c
		}
	}
	return iris.Cluster{Namespace: namespace, Name: name}
}

// clusterNames are those of IrisClusters and those that pods belong to.
func (f Facts) clusterNames() []string {
	var all []string
	for _, c := range f.Clusters {
		all = append(all, c.Name)
	}
	for _, p := range f.Pods {
		all = append(all, p.Cluster())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func only(pods []iris.Pod, keep func(iris.Pod) bool) []iris.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool { return !keep(p) })
}

func names(pods []iris.Pod) []string {
	var all []string
	for _, p := range pods {
		all = append(all, p.Name)
	}
	slices.Sort(all)
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

// ClusterOrPod finds the cluster that a request without role and shard means,
// and the pod where it names one; "" for all pods of the cluster.
func ClusterOrPod(r Request, f Facts) (cluster, pod string, err error) {
	cluster, named, err := r.named(f)
	if err != nil || named == nil {
		return cluster, "", err
	}
	return named.Cluster(), named.Name, nil
}
