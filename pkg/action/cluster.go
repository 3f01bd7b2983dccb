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
	NamespaceReader
	// Cluster returns an IrisCluster; only its name, and read is false, if the right
	// to read it is missing or the resource is not installed.
	Cluster(ctx context.Context, namespace, name string) (c iris.Cluster, read bool, err error)
	// Pods returns the pods that a label selector selects.
	Pods(ctx context.Context, namespace, selector string) ([]iris.Pod, error)
}

// A ClusterLister lists the names of IrisClusters.
type ClusterLister interface {
	Clusters(ctx context.Context, namespace string) ([]string, error)
}

// A NamespaceReader reads the IrisClusters of a namespace and all of their pods.
type NamespaceReader interface {
	ClustersAndPods(ctx context.Context, namespace string) (topology.Snapshot, error)
}

// An Asker asks IRIS in the data pods among pods.
type Asker interface {
	Ask(ctx context.Context, clusters []iris.Cluster, pods []iris.Pod) []iris.Answer
}

// ReadFacts reads an IrisCluster, or the only one of the namespace if name is
// empty, and its pods; if foreign, also the pods of the others. That takes two
// requests, at the same time, if the cluster may be read.
func ReadFacts(ctx context.Context, r ClusterReader, namespace, name string, foreign bool) (expose.Facts, error) {
	if name == "" {
		there, err := ReadToChoose(ctx, r, namespace)
		if err == nil {
			name, err = there.Only()
		}
		if err != nil {
			return expose.Facts{}, err
		}
		return FactsOf(ctx, r, there, name)
	}
	selector := kube.ClusterPods(name)
	if foreign {
		selector = iris.KindSelector
	}
	there := cluster.Namespace{Name: namespace}
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		there.Clusters, err = readCluster(both, r, namespace, name)
		return err
	})
	group.Go(func() (err error) {
		there.Pods, err = r.Pods(both, namespace, selector)
		return err
	})
	err := group.Wait()
	if apierrors.IsNotFound(err) {
		err = ClusterNotFound(ctx, r, namespace, name)
	}
	return factsOf(there, name), err
}

// FactsOf returns what is known of one cluster of a namespace. The IrisCluster is read
// if they could not be listed; its pods may still be there although it is not.
func FactsOf(ctx context.Context, r ClusterReader, there cluster.Namespace, name string) (expose.Facts, error) {
	var err error
	if !there.ClustersRead {
		there.Clusters, err = readCluster(ctx, r, there.Name, name)
		if apierrors.IsNotFound(err) {
			err = nil
		}
	}
	return factsOf(there, name), err
}

func factsOf(there cluster.Namespace, name string) expose.Facts {
	own := there.Facts(name)
	return expose.Facts{
		Namespace:   there.Name,
		Cluster:     own.Resource,
		ClusterRead: own.Read,
		Pods:        own.Pods,
		Foreign:     slices.DeleteFunc(slices.Clone(there.Pods), func(p iris.Pod) bool { return p.Cluster() == name }),
	}
}

// readCluster reads an IrisCluster. It returns none if it may not be read.
func readCluster(ctx context.Context, r ClusterReader, namespace, name string) ([]iris.Cluster, error) {
	resource, read, err := r.Cluster(ctx, namespace, name)
	if err != nil || !read {
		return nil, err
	}
	return []iris.Cluster{resource}, nil
}

// ReadNamespace reads what a cluster or a pod is chosen from. unread says why
// IrisClusters could not be listed; the labels of pods have to do then.
func ReadNamespace(ctx context.Context, r NamespaceReader, namespace string) (there cluster.Namespace, unread *view.Unread, err error) {
	snapshot, err := r.ClustersAndPods(ctx, namespace)
	if err == nil {
		err = RequireRead(snapshot, "pods")
	}
	unread = snapshot.UnreadOf(iris.Resource)
	return cluster.Namespace{Name: namespace, Clusters: snapshot.Clusters, ClustersRead: unread == nil, Pods: snapshot.Pods}, unread, err
}

// ReadToChoose reads what a namespace's only cluster is chosen from. It is no error if
// IrisClusters may not be listed or are not installed.
func ReadToChoose(ctx context.Context, r NamespaceReader, namespace string) (cluster.Namespace, error) {
	there, unread, err := ReadNamespace(ctx, r, namespace)
	if err == nil && unread != nil && unread.Reason == view.Failed {
		err = problem.New("%s", unread.Message).Hint("name the cluster, or try again")
	}
	return there, err
}

// AskIn asks IRIS in some of a cluster's pods.
func AskIn(ctx context.Context, a Asker, facts expose.Facts, pods []iris.Pod) cluster.Answers {
	var clusters []iris.Cluster
	if facts.ClusterRead {
		clusters = append(clusters, facts.Cluster)
	}
	return cluster.AnswersOf(a.Ask(ctx, clusters, pods))
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
