package kube

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// endpointSlices is the resource with its group, for messages about rights.
const endpointSlices = "endpointslices.discovery.k8s.io"

// What a view lacks without the kinds it is worked out from.
const (
	lacksClusters = "this is worked out from the labels of pods"
	lacksPods     = "roles, health and what reaches which pod are not known"
	lacksServices = "Services are not shown"
	lacksNodes    = "the addresses of node ports are not known"
	lacksSlices   = "which pods a Service reaches is not known"
	lacksEvents   = "the reasons of what is pending are not known"
)

// Scope says which clusters a snapshot is to hold.
type Scope struct {
	// Namespace is "" for all.
	Namespace string
	// Names are the clusters; none means every one.
	Names []string
	// Selector keeps the IrisClusters with these labels.
	Selector string
	// Ask asks IRIS in the data pods, too.
	Ask bool
}

// single tells whether the scope is one cluster, whose reads are narrowed to it.
func (s Scope) single() bool { return len(s.Names) == 1 && s.Namespace != "" }

// podSelector narrows a list of pods to the scope's.
func (s Scope) podSelector() string {
	if len(s.Names) == 0 {
		return iris.KindSelector
	}
	return ClusterPods(s.Names...)
}

// ClusterPods is the label selector of some clusters' pods.
func ClusterPods(clusters ...string) string {
	return iris.KindSelector + "," + iris.LabelName + " in (" + strings.Join(clusters, ",") + ")"
}

// Snapshot reads what a scope needs: for one cluster at most five requests,
// for any number of them five paged lists, and one for each data pod that is
// asked. A read that is refused leaves its
// part empty and says so in Unread; only an error that leaves nothing to show
// is returned.
func (c *Client) Snapshot(ctx context.Context, scope Scope) (topology.Snapshot, error) {
	r := &reader{client: c, scope: scope}
	first := []func(context.Context) error{r.clusters, r.pods, r.services}
	if !scope.single() {
		first = append(first, r.allSlices)
	}
	if err := parallel(ctx, first); err != nil {
		return topology.Snapshot{}, err
	}
	second := []func(context.Context) error{r.events}
	if scope.single() {
		r.keepConcerned()
		second = append(second, r.slicesOfServices)
	}
	if scope.Ask {
		second = append(second, r.ask)
	}
	if err := parallel(ctx, second); err != nil {
		return topology.Snapshot{}, err
	}
	// The order in which parallel reads failed is no news.
	slices.SortFunc(r.snapshot.Unread, func(a, b view.Unread) int { return strings.Compare(a.Resource, b.Resource) })
	return r.snapshot, nil
}

// Exposed reads the Services that this tool made in a namespace ("" for all)
// and their EndpointSlices; where URLs are wanted and there are node ports, the
// clusters' pods as well, which tell the addresses of nodes.
func (c *Client) Exposed(ctx context.Context, namespace string, urls bool) (topology.Snapshot, error) {
	r := &reader{client: c, scope: Scope{Namespace: namespace}}
	err := parallel(ctx, []func(context.Context) error{
		func(ctx context.Context) error { return r.listServices(ctx, madeByTool) },
		// The EndpointSlice controller copies a Service's labels to its slices.
		func(ctx context.Context) error { return r.listSlices(ctx, madeByTool) },
	})
	r.snapshot.Services = slices.DeleteFunc(r.snapshot.Services, notMade)
	// Without slices it is not known on which pods' nodes a node port leads on.
	if err == nil && urls && !r.snapshot.Lacks("endpointslices") {
		err = r.podsOfNodePorts(ctx)
	}
	return r.snapshot, err
}

func (r *reader) podsOfNodePorts(ctx context.Context) (err error) {
	var clusters []string
	for i := range r.snapshot.Services {
		if service := &r.snapshot.Services[i]; service.Spec.Type == corev1.ServiceTypeNodePort {
			clusters = append(clusters, expose.TargetOf(service).Cluster)
		}
	}
	if len(clusters) == 0 {
		return nil
	}
	slices.Sort(clusters)
	selector := iris.KindSelector
	if clusters = slices.Compact(clusters); len(clusters) <= maxNamed {
		selector = ClusterPods(clusters...)
	}
	if r.snapshot.Pods, err = r.client.listPods(ctx, r.scope.Namespace, selector); err != nil {
		return r.failed(err, "list", "pods", lacksNodes)
	}
	return nil
}

// notMade tells a Service that bears the tool's label, but not what it was made
// for.
func notMade(service corev1.Service) bool { return !expose.Made(&service) }

// MadeServices lists the Services that this tool made in a namespace, by name.
func (c *Client) MadeServices(ctx context.Context, namespace string) ([]corev1.Service, error) {
	r := &reader{client: c, scope: Scope{Namespace: namespace}}
	if err := r.listServices(ctx, madeByTool); err != nil {
		return nil, err
	}
	for _, u := range r.snapshot.Unread {
		return nil, problem.New("%s", u.Message).Hint("ask for the right to %s %s", u.Verb, u.Resource)
	}
	made := slices.DeleteFunc(r.snapshot.Services, notMade)
	slices.SortFunc(made, func(a, b corev1.Service) int { return strings.Compare(a.Name, b.Name) })
	return made, nil
}

// madeByTool selects the Services that this tool made.
const madeByTool = expose.LabelManagedBy + "=" + expose.ManagedBy

// ClustersAndPods reads a namespace's IrisClusters and all of their pods.
func (c *Client) ClustersAndPods(ctx context.Context, namespace string) (topology.Snapshot, error) {
	r := &reader{client: c, scope: Scope{Namespace: namespace}}
	if err := parallel(ctx, []func(context.Context) error{r.clusters, r.pods}); err != nil {
		return topology.Snapshot{}, err
	}
	return r.snapshot, nil
}

// Clusters lists the names of a namespace's IrisClusters.
func (c *Client) Clusters(ctx context.Context, namespace string) ([]string, error) {
	r := &reader{client: c, scope: Scope{Namespace: namespace}}
	if err := r.clusters(ctx); err != nil {
		return nil, err
	}
	if u := r.snapshot.Missing(iris.Resource); u != nil {
		return nil, problem.New("%s", u.Message)
	}
	var names []string
	for _, cluster := range r.snapshot.Clusters {
		names = append(names, cluster.Name)
	}
	slices.Sort(names)
	return names, nil
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
	client   *Client
	scope    Scope
	mu       sync.Mutex
	snapshot topology.Snapshot
}

// failed records a read that brought nothing, or returns the error where it
// leaves nothing to show.
func (r *reader) failed(err error, verb, resource, lacks string) error {
	a := access{verb, resource, r.scope.Namespace}
	u, ok := unreadFrom(err, a, lacks)
	if !ok {
		return r.client.explain(err, a, "")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snapshot.Unread = append(r.snapshot.Unread, u)
	return nil
}

func (r *reader) clusters(ctx context.Context) error {
	resource := iris.GroupResource().String()
	if r.scope.single() {
		u, err := r.client.once.dynamic.Resource(iris.GroupVersionResource()).
			Namespace(r.scope.Namespace).Get(ctx, r.scope.Names[0], metav1.GetOptions{})
		if err == nil {
			r.snapshot.Clusters = []iris.Cluster{iris.ClusterFrom(u)}
			return nil
		}
		if apierrors.IsNotFound(err) && !notInstalled(err) {
			return nil
		}
		return r.failed(err, "get", resource, lacksClusters)
	}
	list := r.client.once.dynamic.Resource(iris.GroupVersionResource()).Namespace(r.scope.Namespace)
	var found []iris.Cluster
	err := each(ctx, list.List, metav1.ListOptions{LabelSelector: r.scope.Selector}, func(u *unstructured.Unstructured) {
		if cluster := iris.ClusterFrom(u); r.scope.wants(cluster.Name) {
			found = append(found, cluster)
		}
	})
	if err != nil {
		return r.failed(err, "list", resource, lacksClusters)
	}
	r.snapshot.Clusters = found
	return nil
}

// ask asks IRIS in the data pods of the scope.
func (r *reader) ask(ctx context.Context) error {
	r.snapshot.Answers = r.client.Ask(ctx, r.snapshot.Clusters, r.scope.asked(r.snapshot.Clusters, r.snapshot.Pods))
	return nil
}

// asked are the pods whose IRIS is asked: all, but those of clusters that the
// selector leaves out.
func (s Scope) asked(clusters []iris.Cluster, pods []iris.Pod) []iris.Pod {
	if s.Selector == "" {
		return pods
	}
	return slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool { return clusterOf(p, clusters) == nil })
}

// wants tells whether a cluster is in the scope, its labels aside.
func (s Scope) wants(cluster string) bool {
	return len(s.Names) == 0 || slices.Contains(s.Names, cluster)
}

// eventFields narrows events to Warnings; a list of several clusters explains
// Services alone.
func (s Scope) eventFields() string {
	fields := "type=" + corev1.EventTypeWarning
	if !s.single() {
		fields += ",involvedObject.kind=Service"
	}
	return fields
}

func (r *reader) pods(ctx context.Context) error {
	found, err := r.client.listPods(ctx, r.scope.Namespace, r.scope.podSelector())
	if err != nil {
		return r.failed(err, "list", "pods", lacksPods)
	}
	r.snapshot.Pods = found
	return nil
}

// Pods lists the pods that a label selector matches.
func (c *Client) Pods(ctx context.Context, namespace, selector string) ([]iris.Pod, error) {
	found, err := c.listPods(ctx, namespace, selector)
	return found, c.explain(err, access{"list", "pods", namespace}, "")
}

func (c *Client) listPods(ctx context.Context, namespace, selector string) ([]iris.Pod, error) {
	var found []iris.Pod
	err := each(ctx, c.once.core.Pods(namespace).List, metav1.ListOptions{LabelSelector: selector}, func(pod *corev1.Pod) {
		found = append(found, iris.PodFrom(pod))
	})
	return found, err
}

// Pod reads one pod of any kind; nil where there is none.
func (c *Client) Pod(ctx context.Context, namespace, name string) (*iris.Pod, error) {
	pod, err := c.once.core.Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, c.explain(err, access{"get", "pods", namespace}, name)
	}
	slim := iris.PodFrom(pod)
	return &slim, nil
}

func (r *reader) services(ctx context.Context) error { return r.listServices(ctx, "") }

func (r *reader) listServices(ctx context.Context, selector string) error {
	var found []corev1.Service
	list := r.client.once.core.Services(r.scope.Namespace).List
	err := each(ctx, list, metav1.ListOptions{LabelSelector: selector}, func(service *corev1.Service) {
		service.ManagedFields = nil
		found = append(found, *service)
	})
	if err != nil {
		return r.failed(err, "list", "services", lacksServices)
	}
	r.snapshot.Services = found
	return nil
}

// keepConcerned drops the Services that have nothing to do with the cluster,
// so that their EndpointSlices need not be read.
func (r *reader) keepConcerned() {
	r.snapshot.Services = slices.DeleteFunc(r.snapshot.Services, func(service corev1.Service) bool {
		return !topology.Concerns(&service, r.scope.Names[0], r.snapshot.Pods)
	})
}

func (r *reader) allSlices(ctx context.Context) error { return r.listSlices(ctx, "") }

// maxNamed bounds the length of a label selector in a URL; beyond it what it
// would have chosen from is all read.
const maxNamed = 40

func (r *reader) slicesOfServices(ctx context.Context) error {
	if len(r.snapshot.Services) == 0 {
		return nil
	}
	if len(r.snapshot.Services) > maxNamed {
		return r.allSlices(ctx)
	}
	var names []string
	for _, service := range r.snapshot.Services {
		names = append(names, service.Name)
	}
	return r.listSlices(ctx, discoveryv1.LabelServiceName+" in ("+strings.Join(names, ",")+")")
}

func (r *reader) listSlices(ctx context.Context, selector string) error {
	var found []discoveryv1.EndpointSlice
	list := r.client.once.discovery.EndpointSlices(r.scope.Namespace).List
	err := each(ctx, list, metav1.ListOptions{LabelSelector: selector}, func(slice *discoveryv1.EndpointSlice) {
		slice.ManagedFields = nil
		found = append(found, *slice)
	})
	if err != nil {
		return r.failed(err, "list", endpointSlices, lacksSlices)
	}
	r.snapshot.Slices = found
	return nil
}

// events reads Warnings, and only where something is there to be explained by
// one.
func (r *reader) events(ctx context.Context) error {
	pending := slices.ContainsFunc(r.snapshot.Services, topology.AddressIsPending)
	unready := slices.ContainsFunc(r.snapshot.Pods, func(p iris.Pod) bool { return !p.Ready })
	if !pending && (!unready || !r.scope.single()) {
		return nil
	}
	var found []corev1.Event
	list := r.client.once.core.Events(r.scope.Namespace).List
	err := each(ctx, list, metav1.ListOptions{FieldSelector: r.scope.eventFields()}, func(event *corev1.Event) {
		event.ManagedFields = nil
		found = append(found, *event)
	})
	if err != nil {
		return r.failed(err, "list", "events", lacksEvents)
	}
	r.snapshot.Events = found
	return nil
}

// each calls f for every object of a paged list.
func each[T any, L runtime.Object](ctx context.Context, list func(context.Context, metav1.ListOptions) (L, error), options metav1.ListOptions, f func(*T)) error {
	p := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return list(ctx, options)
	})
	p.PageSize = pageSize
	return p.EachListItem(ctx, options, func(object runtime.Object) error {
		f(any(object).(*T))
		return nil
	})
}
