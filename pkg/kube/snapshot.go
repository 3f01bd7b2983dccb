package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/pager"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// EndpointSlices is the resource of EndpointSlices with its group.
const EndpointSlices = "endpointslices.discovery.k8s.io"

// The losses of a view whose kinds cannot be read.
const (
	LossClusters = "this is worked out from the labels of pods"
	LossPods     = "roles, health and what reaches which pod are not known"
	LossServices = "Services are not shown"
	lossNodes    = "the addresses of node ports are not known"
	LossSlices   = "which pods a Service reaches is not known"
	LossEvents   = "the reasons of what is pending are not known"
)

// A Scope selects the clusters of a snapshot.
type Scope struct {
	// Namespace is "" for all.
	Namespace string
	// Names are the clusters; none means every one.
	Names []string
	// Selector keeps the IrisClusters with these labels.
	Selector string
	// Ask is whether IRIS is asked in the data pods, too.
	Ask bool
}

// IsSingle reports whether the scope is one cluster, whose reads are narrowed to it.
func (s Scope) IsSingle() bool { return len(s.Names) == 1 && s.Namespace != "" }

// PodSelector returns the label selector of the scope's pods.
func (s Scope) PodSelector() string {
	if len(s.Names) == 0 {
		return iris.KindSelector
	}
	return ClusterPods(s.Names...)
}

// ClusterPods returns the label selector of some clusters' pods.
func ClusterPods(clusters ...string) string {
	return iris.LabelKind + "=" + iris.Kind + "," + iris.LabelName + " in (" + strings.Join(clusters, ",") + ")"
}

// An AskFunc asks IRIS in the data pods among pods and returns an answer for each.
// clusters are the IrisClusters that could be read.
type AskFunc func(ctx context.Context, clusters []iris.Cluster, pods []iris.Pod) []iris.Answer

// Snapshot reads what a scope needs: one cluster by its name, or a list of them,
// and at most four other lists, whatever the number of clusters. Long lists come
// in pages. If the scope asks IRIS, ask is called beside the reads that follow that
// of the pods. A read that is refused, that fails or that takes too long leaves its
// part empty and is reported in Unread. An error is returned only if nothing is left
// to show: the server does not answer, or accepts no credentials.
func (c *Client) Snapshot(ctx context.Context, scope Scope, ask AskFunc) (topology.Snapshot, error) {
	r := newReader(c, scope, "pods")
	first := []func(context.Context) error{r.part(r.clusters), r.pods, r.part(func(ctx context.Context) error { return r.listServices(ctx, "") })}
	if !scope.IsSingle() {
		first = append(first, r.part(func(ctx context.Context) error { return r.listSlices(ctx, "") }))
	}
	if err := parallel(ctx, first); err != nil {
		return topology.Snapshot{}, err
	}
	var second []func(context.Context) error
	// Decided before the second reads begin, which write to the snapshot.
	if r.needsEvents() {
		second = append(second, r.part(r.events))
	}
	if scope.IsSingle() {
		r.dropOthers()
		second = append(second, r.part(r.slicesOfServices))
	}
	if scope.Ask {
		second = append(second, func(ctx context.Context) error {
			r.snapshot.Answers = ask(ctx, r.snapshot.Clusters, scope.Asked(r.snapshot.Clusters, r.snapshot.Pods))
			return nil
		})
	}
	if err := parallel(ctx, second); err != nil {
		return topology.Snapshot{}, err
	}
	// Parallel reads fail in any order.
	slices.SortFunc(r.snapshot.Unread, func(a, b view.Unread) int { return strings.Compare(a.Resource, b.Resource) })
	return r.snapshot, nil
}

// Exposed reads the exposed Services of a namespace ("" for all) and their
// EndpointSlices; if URLs are wanted and there are node ports, the clusters' pods as
// well, because they have the addresses of nodes.
func (c *Client) Exposed(ctx context.Context, namespace string, urls bool) (topology.Snapshot, error) {
	r := newReader(c, Scope{Namespace: namespace}, "services")
	err := parallel(ctx, []func(context.Context) error{
		func(ctx context.Context) error {
			defer r.limit.Start()
			return r.listServices(ctx, exposedSelector)
		},
		// The EndpointSlice controller copies a Service's labels to its slices.
		r.part(func(ctx context.Context) error { return r.listSlices(ctx, exposedSelector) }),
	})
	r.snapshot.Services = slices.DeleteFunc(r.snapshot.Services, isForeign)
	// Without slices it is not known which pods' nodes serve a node port.
	if err == nil && urls && !r.snapshot.IsUnread("endpointslices") {
		err = r.part(r.podsOfNodePorts)(ctx)
	}
	return r.snapshot, err
}

func (r *reader) podsOfNodePorts(ctx context.Context) (err error) {
	clusters := sets.New[string]()
	for i := range r.snapshot.Services {
		if service := &r.snapshot.Services[i]; service.Spec.Type == corev1.ServiceTypeNodePort {
			clusters.Insert(cluster.TargetOf(service).Cluster)
		}
	}
	if len(clusters) == 0 {
		return nil
	}
	selector := iris.KindSelector
	if len(clusters) <= maxNamed {
		selector = ClusterPods(sets.List(clusters)...)
	}
	r.snapshot.Pods, err = r.client.listPods(ctx, r.scope.Namespace, selector)
	return r.record(ctx, err, "list", "pods", lossNodes)
}

// isForeign reports whether a Service has no target, though it may have this tool's label.
func isForeign(service corev1.Service) bool { return !cluster.IsExposed(&service) }

// MadeServices returns the exposed Services of a namespace, by name.
func (c *Client) MadeServices(ctx context.Context, namespace string) ([]corev1.Service, error) {
	found, err := c.services(ctx, namespace, exposedSelector)
	made := slices.DeleteFunc(found, isForeign)
	slices.SortFunc(made, func(a, b corev1.Service) int { return strings.Compare(a.Name, b.Name) })
	return made, err
}

// Services returns all Services of a namespace.
func (c *Client) Services(ctx context.Context, namespace string) ([]corev1.Service, error) {
	return c.services(ctx, namespace, "")
}

func (c *Client) services(ctx context.Context, namespace, selector string) ([]corev1.Service, error) {
	r := newReader(c, Scope{Namespace: namespace}, "services")
	if err := r.listServices(ctx, selector); err != nil {
		return nil, err
	}
	for _, u := range r.snapshot.Unread {
		return nil, problem.New("%s", u.Message).Hint("%s", UnreadHint(u))
	}
	return r.snapshot.Services, nil
}

// exposedSelector selects the exposed Services.
const exposedSelector = cluster.LabelManagedBy + "=" + cluster.ManagedBy

// ClustersAndPods returns a namespace's IrisClusters and all of their pods.
func (c *Client) ClustersAndPods(ctx context.Context, namespace string) (topology.Snapshot, error) {
	r := newReader(c, Scope{Namespace: namespace}, "pods")
	if err := parallel(ctx, []func(context.Context) error{r.part(r.clusters), r.pods}); err != nil {
		return topology.Snapshot{}, err
	}
	return r.snapshot, nil
}

// IrisClusters returns a namespace's IrisClusters.
func (c *Client) IrisClusters(ctx context.Context, namespace string) ([]iris.Cluster, error) {
	r := newReader(c, Scope{Namespace: namespace}, iris.GroupResource().String())
	if err := r.clusters(ctx); err != nil {
		return nil, err
	}
	if u := r.snapshot.UnreadOf(iris.Resource); u != nil {
		return nil, problem.New("%s", u.Message)
	}
	return r.snapshot.Clusters, nil
}

// PodsNamed returns the pods with some names, of IrisClusters or not, by the label that
// the StatefulSet controller sets. Names that are no valid label value are skipped. It
// returns an error for more names than maxNamed times maxNamedLists.
func (c *Client) PodsNamed(ctx context.Context, namespace string, names []string) ([]iris.Pod, error) {
	names = slices.DeleteFunc(sets.List(sets.New(names...)), func(name string) bool { return len(validation.IsValidLabelValue(name)) > 0 })
	if len(names) == 0 || len(names) > maxNamedLists*maxNamed {
		return nil, fmt.Errorf("%d pod names", len(names))
	}
	var found []iris.Pod
	for some := range slices.Chunk(names, maxNamed) {
		selector := iris.LabelPodName + " in (" + strings.Join(some, ",") + ")"
		pods, err := c.podsOfAnyKind(ctx, namespace, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return nil, err
		}
		found = append(found, pods...)
	}
	return found, nil
}

// podsOfAnyKind returns pods, of IrisClusters or not.
func (c *Client) podsOfAnyKind(ctx context.Context, namespace string, options metav1.ListOptions) ([]iris.Pod, error) {
	return Collect(ctx, c.rest.Pods(namespace).List, options, func(pod *corev1.Pod) (iris.Pod, bool) {
		return iris.PodFrom(pod), true
	})
}

// clusters returns the client of a namespace's IrisClusters.
func (c *Client) clusters(namespace string) dynamic.ResourceInterface {
	return c.rest.Dynamic.Resource(iris.GroupVersionResource()).Namespace(namespace)
}

// Clusters returns the names of a namespace's IrisClusters.
func (c *Client) Clusters(ctx context.Context, namespace string) ([]string, error) {
	clusters, err := c.IrisClusters(ctx, namespace)
	var names []string
	for _, cluster := range clusters {
		names = append(names, cluster.Name)
	}
	slices.Sort(names)
	return names, err
}

func parallel(ctx context.Context, reads []func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, read := range reads {
		group.Go(func() error { return read(ctx) })
	}
	return group.Wait()
}

// reader fills a snapshot. Each of its reads has a part of the snapshot to
// itself but for Unread, which mu guards.
type reader struct {
	client *Client
	scope  Scope
	// essential is the resource without which there is nothing to show.
	essential string
	limit     *PartLimit
	mu        sync.Mutex
	snapshot  topology.Snapshot
}

func newReader(c *Client, scope Scope, essential string) *reader {
	return &reader{client: c, scope: scope, essential: essential, limit: NewPartLimit()}
}

// part bounds a read that the view can do without.
func (r *reader) part(read func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, stop := r.limit.Bound(ctx)
		defer stop()
		return read(ctx)
	}
}

// record records the error of a read, or returns it if it leaves nothing to show: the
// essential read got no answer from the server, the server accepts no credentials, or the
// command was ended. It returns nil for nil.
func (r *reader) record(ctx context.Context, err error, verb, resource, loss string) error {
	if err == nil {
		return nil
	}
	a := Access{verb, resource, r.scope.Namespace}
	err = PartError(ctx, err)
	u, answered := NewUnread(err, a, loss)
	switch {
	case errors.Is(ctx.Err(), context.Canceled) && !errors.Is(err, errNoAnswer):
		return ctx.Err()
	case apierrors.IsUnauthorized(err), resource == r.essential && !answered:
		return r.client.Explain(err, a, "")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snapshot.Unread = append(r.snapshot.Unread, u)
	return nil
}

func (r *reader) clusters(ctx context.Context) (err error) {
	resource := iris.GroupResource().String()
	clusters := r.client.clusters(r.scope.Namespace)
	if r.scope.IsSingle() {
		u, err := clusters.Get(ctx, r.scope.Names[0], metav1.GetOptions{})
		if err == nil {
			r.snapshot.Clusters = []iris.Cluster{iris.ClusterFrom(u)}
		} else if apierrors.IsNotFound(err) && !notInstalled(err) {
			return nil
		}
		return r.record(ctx, err, "get", resource, LossClusters)
	}
	r.snapshot.Clusters, err = Collect(ctx, clusters.List, metav1.ListOptions{LabelSelector: r.scope.Selector}, func(u *unstructured.Unstructured) (iris.Cluster, bool) {
		cluster := iris.ClusterFrom(u)
		return cluster, r.scope.Includes(cluster.Name)
	})
	return r.record(ctx, err, "list", resource, LossClusters)
}

// ClusterOf returns the pod's cluster, or nil if it is not among clusters.
func ClusterOf(pod iris.Pod, clusters []iris.Cluster) *iris.Cluster {
	for i := range clusters {
		if clusters[i].Namespace == pod.Namespace && clusters[i].Name == pod.Cluster() {
			return &clusters[i]
		}
	}
	return nil
}

// Asked returns the pods whose IRIS is asked: all except those of clusters that the
// selector leaves out.
func (s Scope) Asked(clusters []iris.Cluster, pods []iris.Pod) []iris.Pod {
	if s.Selector == "" {
		return pods
	}
	return slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool { return ClusterOf(p, clusters) == nil })
}

// Includes reports whether a cluster of this name is in the scope; it ignores Selector.
func (s Scope) Includes(cluster string) bool {
	return len(s.Names) == 0 || slices.Contains(s.Names, cluster)
}

// EventFields returns the field selector of the scope's events, which are Warnings. A list
// of several clusters leaves out those about pods, which may be very many; a pod's own
// status is enough there.
func (s Scope) EventFields() string {
	fields := "type=" + corev1.EventTypeWarning
	if !s.IsSingle() {
		fields += ",involvedObject.kind!=Pod"
	}
	return fields
}

func (r *reader) pods(ctx context.Context) (err error) {
	defer r.limit.Start()
	r.snapshot.Pods, err = r.client.listPods(ctx, r.scope.Namespace, r.scope.PodSelector())
	return r.record(ctx, err, "list", "pods", LossPods)
}

// Pods returns the pods of IrisClusters that a label selector matches.
func (c *Client) Pods(ctx context.Context, namespace, selector string) ([]iris.Pod, error) {
	found, err := c.listPods(ctx, namespace, selector)
	return found, c.Explain(err, Access{"list", "pods", namespace}, "")
}

func (c *Client) listPods(ctx context.Context, namespace, selector string) ([]iris.Pod, error) {
	return Collect(ctx, c.rest.Pods(namespace).List, metav1.ListOptions{LabelSelector: selector}, PodOfCluster)
}

// PodOfCluster returns what the plugin needs of a pod. ok is false for a pod that has
// the label of IKO's kind but names no cluster, as a copy of one for debugging may.
func PodOfCluster(pod *corev1.Pod) (p iris.Pod, ok bool) {
	if !iris.IsIRIS(pod.Labels) {
		return iris.Pod{}, false
	}
	return iris.PodFrom(pod), true
}

// Pod returns the pod of that name, of an IrisCluster or not; nil if there is none. It is
// listed, so that the right to list is enough to find a target.
func (c *Client) Pod(ctx context.Context, namespace, name string) (*iris.Pod, error) {
	found, err := c.podsOfAnyKind(ctx, namespace, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()})
	if err != nil {
		return nil, c.Explain(err, Access{"list", "pods", namespace}, "")
	}
	if i := slices.IndexFunc(found, func(p iris.Pod) bool { return p.Name == name }); i >= 0 {
		return &found[i], nil
	}
	return nil, nil
}

func (r *reader) listServices(ctx context.Context, selector string) error {
	return listInto(ctx, r, &r.snapshot.Services, r.client.rest.Services(r.scope.Namespace).List,
		metav1.ListOptions{LabelSelector: selector}, "services", LossServices)
}

// listInto sets found to the objects of a list, without their managed fields.
func listInto[T any, O interface {
	*T
	metav1.Object
}, L runtime.Object](
	ctx context.Context, r *reader, found *[]T,
	list func(context.Context, metav1.ListOptions) (L, error), options metav1.ListOptions, resource, loss string,
) (err error) {
	*found, err = Collect(ctx, list, options, func(object *T) (T, bool) {
		O(object).SetManagedFields(nil)
		return *object, true
	})
	return r.record(ctx, err, "list", resource, loss)
}

// dropOthers drops the Services that have nothing to do with the cluster, so that their
// EndpointSlices need not be read.
func (r *reader) dropOthers() {
	r.snapshot.Services = slices.DeleteFunc(r.snapshot.Services, func(service corev1.Service) bool {
		return !topology.IsRelevant(&service, r.scope.Names[0], r.snapshot.Pods)
	})
}

const (
	// maxNamed bounds the names in a label selector, which is part of a URL. For more,
	// everything is read.
	maxNamed = 40
	// maxNamedLists bounds the number of lists that look for pods by their names;
	// for more, one list of all clusters' pods takes less time.
	maxNamedLists = 5
)

func (r *reader) slicesOfServices(ctx context.Context) error {
	if len(r.snapshot.Services) == 0 {
		return nil
	}
	if len(r.snapshot.Services) > maxNamed {
		return r.listSlices(ctx, "")
	}
	var names []string
	for _, service := range r.snapshot.Services {
		names = append(names, service.Name)
	}
	return r.listSlices(ctx, discoveryv1.LabelServiceName+" in ("+strings.Join(names, ",")+")")
}

func (r *reader) listSlices(ctx context.Context, selector string) error {
	return listInto(ctx, r, &r.snapshot.Slices, r.client.rest.EndpointSlices(r.scope.Namespace).List,
		metav1.ListOptions{LabelSelector: selector}, EndpointSlices, LossSlices)
}

func (r *reader) events(ctx context.Context) error {
	return listInto(ctx, r, &r.snapshot.Events, r.client.rest.Events(r.scope.Namespace).List,
		metav1.ListOptions{FieldSelector: r.scope.EventFields()}, "events", LossEvents)
}

// needsEvents reports whether something is there that only a Warning explains:
// a load balancer without an address, pods that were never created or, of one
// cluster, a pod that is not ready.
func (r *reader) needsEvents() bool {
	s := &r.snapshot
	if slices.ContainsFunc(s.Services, cluster.AddressIsPending) || topology.HasMissingPods(*s) {
		return true
	}
	return r.scope.IsSingle() && slices.ContainsFunc(s.Pods, func(p iris.Pod) bool { return !p.Ready })
}

// Collect returns what keep makes of the objects of a paged list; keep also reports
// whether an object is wanted. If the server no longer knows the version that
// the pages are of, the list is read once more, in one piece, and the pages
// read before are dropped.
func Collect[T, R any, L runtime.Object](
	ctx context.Context,
	list func(context.Context, metav1.ListOptions) (L, error),
	options metav1.ListOptions,
	keep func(*T) (R, bool),
) ([]R, error) {
	var kept []R
	take := func(object runtime.Object) error {
		if wanted, ok := keep(any(object).(*T)); ok {
			kept = append(kept, wanted)
		}
		return nil
	}
	p := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return list(ctx, options)
	})
	p.PageSize = pageSize
	err := p.EachListItem(ctx, options, take)
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		kept = nil
		var whole L
		if whole, err = list(ctx, options); err == nil {
			err = meta.EachListItem(whole, take)
		}
	}
	if err != nil {
		return nil, err
	}
	return kept, nil
}
