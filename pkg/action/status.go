package action

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/failover"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A StatusCluster is what Status needs of the Kubernetes cluster.
type StatusCluster interface {
	ClusterLister
	Snapshot(ctx context.Context, scope kube.Scope) (topology.Snapshot, error)
	// Watch calls show with a snapshot, and with another after each change.
	Watch(ctx context.Context, scope kube.Scope, show func(topology.Snapshot) error, lost func(error)) error
}

// Asking says whether IRIS itself is asked for the roles.
type Asking string

const (
	// AskAuto asks if one cluster is named.
	AskAuto Asking = "auto"
	// AskAlways asks in every cluster.
	AskAlways Asking = "always"
	// AskNever takes the roles from labels.
	AskNever Asking = "never"
)

// A StatusRequest is which clusters a Status is of.
type StatusRequest struct{ scope kube.Scope }

// NewStatusRequest returns the request for the clusters of a namespace, or of all
// if namespace is empty: those of the names, or those that a label selector
// selects. It returns a usage error if both are given, or names without a
// namespace, or what can be neither.
func NewStatusRequest(namespace string, names []string, selector string, ask Asking) (StatusRequest, error) {
	if namespace == "" && len(names) > 0 {
		return StatusRequest{}, problem.Usage("a cluster's name cannot be used together with %s", problem.Field("all-namespaces")).
			Hint("name its namespace with %s, or leave the name out", problem.Field("namespace"))
	}
	if selector != "" && len(names) > 0 {
		return StatusRequest{}, problem.Usage("a cluster's name cannot be used together with %s", problem.Field("selector")).Hint("leave one of them out")
	}
	if _, err := labels.Parse(selector); err != nil {
		return StatusRequest{}, problem.Usage("invalid %s %q: %w", problem.Field("selector"), selector, err).
			Hint("it is a label query, for example app=web or 'env in (test,prod)'")
	}
	if err := cluster.ValidateNames(names...); err != nil {
		return StatusRequest{}, err
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	return StatusRequest{kube.Scope{
		Namespace: namespace,
		Names:     names,
		Selector:  selector,
		Ask:       ask == AskAlways || ask == AskAuto && len(names) == 1,
	}}, nil
}

// Namespace returns the namespace of the clusters; it is empty for all.
func (r StatusRequest) Namespace() string { return r.scope.Namespace }

// Only returns the name of the cluster that is to be shown in detail.
func (r StatusRequest) Only() (name string, ok bool) {
	if len(r.scope.Names) != 1 {
		return "", false
	}
	return r.scope.Names[0], true
}

// AsksIRIS reports whether IRIS is asked for the roles.
func (r StatusRequest) AsksIRIS() bool { return r.scope.Ask }

// Status works out what IrisClusters are like.
type Status struct {
	Config
	Client StatusCluster
	StatusRequest
}

// Run returns the clusters. Those that were found are returned together with the
// error that others do not exist.
func (s Status) Run(ctx context.Context) (view.ClusterStatusList, error) {
	ctx, cancel := s.WithTimeout(ctx)
	defer cancel()
	snapshot, err := s.Client.Snapshot(ctx, s.scope)
	if err != nil {
		return view.ClusterStatusList{}, err
	}
	list, err := s.statuses(snapshot)
	if err != nil {
		return view.ClusterStatusList{}, err
	}
	return list, s.missing(ctx, list, snapshot)
}

// Watch calls show with the clusters, and again after every change, until ctx
// ends or show returns an error; it returns what was shown last. What does not
// exist or cannot be read is an error at first only: later it may come again, and
// Watch waits for it. It calls lost if the API server stops answering.
func (s Status) Watch(ctx context.Context, show func(view.ClusterStatusList) error, lost func(error)) (view.ClusterStatusList, error) {
	var last view.ClusterStatusList
	var timeline failover.Timeline
	begun := false
	err := s.Client.Watch(ctx, s.scope, func(snapshot topology.Snapshot) error {
		list, err := s.statuses(snapshot)
		if err == nil && !begun {
			err = s.missing(ctx, list, snapshot)
		}
		switch {
		case err != nil && begun:
			return nil
		case err != nil:
			return err
		}
		if _, detail := s.Only(); detail && len(list.Items) == 1 {
			timeline = timeline.Next(list.Items[0], s.Now())
			list.Items[0].Failover = timeline.View()
		}
		begun, last = true, list
		return show(list)
	}, lost)
	return last, err
}

// statuses returns the view of a snapshot, narrowed to what the label selector
// selects.
func (s Status) statuses(snapshot topology.Snapshot) (view.ClusterStatusList, error) {
	if s.scope.Selector != "" {
		if u := snapshot.UnreadOf(iris.Resource); u != nil {
			return view.ClusterStatusList{}, problem.New("%s requires the labels of IrisClusters: %s", problem.Field("selector"), u.Message).
				Hint("without %s the clusters that the pods' labels name are shown", problem.Field("selector"))
		}
		keepSelected(&snapshot)
	}
	return topology.Statuses(snapshot), nil
}

// keepSelected drops the pods of clusters that a label selector left out.
func keepSelected(s *topology.Snapshot) {
	kept := sets.New[types.NamespacedName]()
	for _, c := range s.Clusters {
		kept.Insert(types.NamespacedName{Namespace: c.Namespace, Name: c.Name})
	}
	s.Pods = slices.DeleteFunc(s.Pods, func(p iris.Pod) bool {
		return !kept.Has(types.NamespacedName{Namespace: p.Namespace, Name: p.Cluster()})
	})
}

// missing returns the error of a list without a cluster that was named.
func (s Status) missing(ctx context.Context, list view.ClusterStatusList, snapshot topology.Snapshot) error {
	if err := s.unreadable(list, snapshot); err != nil {
		return err
	}
	names := slices.DeleteFunc(slices.Clone(s.scope.Names), func(name string) bool {
		return slices.ContainsFunc(list.Items, func(c view.ClusterStatus) bool { return c.Metadata.Name == name })
	})
	if len(names) == 0 {
		return nil
	}
	return ClusterNotFound(ctx, s.Client, s.scope.Namespace, names...)
}

// unreadable returns the error of a list that has no cluster because IrisClusters
// could not be read: there may be some. If pods could not be read either, nothing
// is known of them.
func (s Status) unreadable(list view.ClusterStatusList, snapshot topology.Snapshot) error {
	clusters := snapshot.UnreadOf(iris.Resource)
	if clusters == nil || len(list.Items) > 0 {
		return nil
	}
	what, where := "no IrisCluster found", "any namespace"
	if len(s.scope.Names) > 0 {
		what = "IrisCluster " + Quoted(s.scope.Names) + " not found"
	}
	if s.scope.Namespace != "" {
		where = fmt.Sprintf("namespace %q", s.scope.Namespace)
	}
	why, hint := clusters.Message, unreadHint(*clusters)
	if pods := snapshot.UnreadOf("pods"); pods != nil {
		what = "it is not known which IrisClusters exist"
		if len(s.scope.Names) > 0 {
			what = fmt.Sprintf("it is not known whether IrisCluster %s exists", Quoted(s.scope.Names))
		}
		why += "; " + pods.Message
		hint += "; " + unreadHint(*pods)
	}
	return problem.New("%s in %s: %s", what, where, why).Hint("%s", hint)
}

func unreadHint(u view.Unread) string {
	if u.Reason == view.NotInstalled {
		return "the InterSystems Kubernetes Operator installs this resource: kubectl config current-context shows which Kubernetes cluster was asked"
	}
	return kube.UnreadHint(u)
}
