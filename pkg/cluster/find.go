package cluster

import (
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Namespace holds what was read of the clusters in one namespace.
type Namespace struct {
	Name string
	// Clusters are the IrisClusters; ClustersRead reports whether they could
	// be listed. If not, the labels of pods say which clusters there are.
	Clusters     []iris.Cluster
	ClustersRead bool
	// Pods are the pods of all clusters.
	Pods []iris.Pod
}

// Names returns the clusters that a user may name, in order: IrisClusters, and
// those that pods name, which may outlive their IrisCluster.
func (n Namespace) Names() []string {
	var names []string
	for _, c := range n.Clusters {
		names = append(names, c.Name)
	}
	for i := range n.Pods {
		names = append(names, n.Pods[i].Cluster())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Only returns the cluster that a command left out: the namespace's only one.
func (n Namespace) Only() (string, error) {
	names := n.Choices()
	switch len(names) {
	case 1:
		return names[0], nil
	case 0:
		return "", problem.New("no IrisCluster found in namespace %q", n.Name).
			Hint("choose another namespace with %s", problem.Field("namespace"))
	}
	return "", problem.Usage("namespace %q has several IrisClusters: %s", n.Name, listed(names)).
		Hint("name one of them, or one of their pods")
}

// Choices returns the clusters among which one that was left out is chosen:
// the IrisClusters, or those that pods name if there is none or they could not
// be read. The cluster is clear if there is one.
func (n Namespace) Choices() []string {
	if n.ClustersRead && len(n.Clusters) > 0 {
		return Namespace{Clusters: n.Clusters}.Names()
	}
	return Namespace{Pods: n.Pods}.Names()
}

// Facts returns what was read of one cluster. Of one that is not among the
// IrisClusters only the names are known.
func (n Namespace) Facts(name string) Facts {
	f := Facts{Resource: iris.Cluster{Namespace: n.Name, Name: name}}
	for _, c := range n.Clusters {
		if c.Name == name {
			f.Resource, f.Read = c, true
		}
	}
	for _, pod := range n.Pods {
		if pod.Cluster() == name {
			f.Pods = append(f.Pods, pod)
		}
	}
	return f
}
