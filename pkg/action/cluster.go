package action

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A ClusterReader reads IrisClusters and their pods.
type ClusterReader interface {
	ClusterLister
	// Cluster returns an IrisCluster; only its name, and read is false, if the right
	// to read it is missing or the resource is not installed.
	Cluster(ctx context.Context, namespace, name string) (c iris.Cluster, read bool, err error)
	// ClustersAndPods returns the IrisClusters of a namespace and all of their pods.
	ClustersAndPods(ctx context.Context, namespace string) (topology.Snapshot, error)
	// Pods returns the pods that a label selector selects.
	Pods(ctx context.Context, namespace, selector string) ([]iris.Pod, error)
}

// A ClusterLister lists the names of IrisClusters.
type ClusterLister interface {
	Clusters(ctx context.Context, namespace string) ([]string, error)
}

// ReadFacts reads an IrisCluster, or the only one of the namespace if name is
// empty, and its pods; if foreign, also the pods of the others. That takes two
// requests, at the same time, if the cluster may be read.
func ReadFacts(ctx context.Context, r ClusterReader, namespace, name string, foreign bool) (expose.Facts, error) {
	if name == "" {
		return readFactsOfOnly(ctx, r, namespace)
	}
	facts := expose.Facts{Namespace: namespace}
	selector := kube.ClusterPods(name)
	if foreign {
		selector = iris.KindSelector
	}
	var pods []iris.Pod
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		facts.Cluster, facts.ClusterRead, err = r.Cluster(both, namespace, name)
		return err
	})
	group.Go(func() (err error) {
		pods, err = r.Pods(both, namespace, selector)
		return err
	})
	err := group.Wait()
	if apierrors.IsNotFound(err) {
		return facts, ClusterNotFound(ctx, r, namespace, name)
	}
	facts.Pods, facts.Foreign = SplitPods(pods, name)
	return facts, err
}

// readFactsOfOnly reads the namespace's only IrisCluster and its pods.
func readFactsOfOnly(ctx context.Context, r ClusterReader, namespace string) (expose.Facts, error) {
	facts := expose.Facts{Namespace: namespace}
	snapshot, err := ReadClustersAndPods(ctx, r, namespace)
	if err != nil {
		return facts, err
	}
	unread := snapshot.UnreadOf(iris.Resource)
	there := cluster.Namespace{Name: namespace, Clusters: snapshot.Clusters, ClustersRead: unread == nil, Pods: snapshot.Pods}
	name, err := there.Only()
	if err != nil {
		return facts, err
	}
	own := there.Facts(name)
	facts.Cluster, facts.ClusterRead = own.Resource, own.Read
	if unread != nil && unread.Reason == view.Forbidden {
		// The list is forbidden; the one that the pods name may be allowed.
		facts.Cluster, facts.ClusterRead, err = r.Cluster(ctx, namespace, name)
		if err != nil && !apierrors.IsNotFound(err) {
			return facts, err
		}
		facts.Cluster.Namespace, facts.Cluster.Name = namespace, name
	}
	facts.Pods, facts.Foreign = SplitPods(snapshot.Pods, name)
	return facts, nil
}

// ReadClustersAndPods reads a namespace's IrisClusters and all of their pods, to
// choose its only cluster. It is no error if IrisClusters may not be listed or
// are not installed.
func ReadClustersAndPods(ctx context.Context, r ClusterReader, namespace string) (topology.Snapshot, error) {
	snapshot, err := r.ClustersAndPods(ctx, namespace)
	if err != nil {
		return snapshot, err
	}
	if err := RequireRead(snapshot, "pods"); err != nil {
		return snapshot, err
	}
	if u := snapshot.UnreadOf(iris.Resource); u != nil && u.Reason == view.Failed {
		return snapshot, problem.New("%s", u.Message).Hint("name the cluster, or try again")
	}
	return snapshot, nil
}

// SplitPods separates a cluster's pods from those of others.
func SplitPods(pods []iris.Pod, cluster string) (own, foreign []iris.Pod) {
	for _, p := range pods {
		if p.Cluster() == cluster {
			own = append(own, p)
		} else {
			foreign = append(foreign, p)
		}
	}
	return own, foreign
}

// ClusterNotFound returns the error of IrisClusters that do not exist, which lists
// those that do.
func ClusterNotFound(ctx context.Context, r ClusterLister, namespace string, names ...string) error {
	what := "IrisCluster " + Quoted(names)
	if len(names) > 1 {
		what = "IrisClusters " + Quoted(names)
	}
	failure := problem.New("%s not found in namespace %q", what, namespace)
	there, err := r.Clusters(ctx, namespace)
	switch {
	case err != nil:
		return failure.Hint("check the name and the %s", problem.Field("namespace"))
	case len(there) == 0:
		return failure.Hint("this namespace has none; kubectl iris status -A shows those of all namespaces")
	}
	return failure.Hint("this namespace has %s", Quoted(there))
}

// RequireRead returns an error if a resource, which the action cannot do without,
// could not be read.
func RequireRead(snapshot topology.Snapshot, resource string) error {
	if u := snapshot.UnreadOf(resource); u != nil {
		return problem.New("%s", u.Message).Hint("%s", kube.UnreadHint(*u))
	}
	return nil
}

// maxListed bounds how many names a message lists.
const maxListed = 10

// Quoted returns the first names, in order and in quotes.
func Quoted(names []string) string {
	return text.List(text.Quote(slices.Sorted(slices.Values(names))), maxListed)
}

// A PodReader reads pods of any kind.
type PodReader interface {
	// Pod returns the pod of that full name; nil if there is none.
	Pod(ctx context.Context, namespace, name string) (*iris.Pod, error)
}

// RuleOut returns an error if a name, which was taken for the short name of pod, is
// the full name of a pod that belongs to no IrisCluster. If that cannot be read, a
// warning says which pod is used.
func (c Config) RuleOut(ctx context.Context, client PodReader, namespace, name, pod string) error {
	other, err := client.Pod(ctx, namespace, name)
	if err != nil {
		c.Warnf("%q is taken for pod %q; whether there is a pod of that full name is not known: %v", name, pod, err)
		return nil
	}
	return cluster.RuleOut(other, pod)
}
