// Package watch keeps what the API server has up to date: snapshots of IrisClusters,
// the pods of one, and the containers whose logs are read. Feeds are what it, and a
// wait, are made of: one list and one watch for each kind, which outlive restarts of
// the API server.
package watch

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"

	"github.com/kubectl-iris/kubectl-iris/pkg/ask"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// redrawInterval is the least time between two snapshots of a watch.
const redrawInterval = 200 * time.Millisecond

// A Watcher follows what one API server has. It is safe for concurrent use.
type Watcher struct {
	client *kube.Client
	asker  *ask.Asker
}

// New returns a Watcher that reads through client, and asks IRIS through asker for the
// snapshots of scopes that want answers.
func New(client *kube.Client, asker *ask.Asker) *Watcher {
	return &Watcher{client: client, asker: asker}
}

// Watch calls show with a snapshot of the scope, and with a new one after every
// change, at most five a second, until ctx ends (which is no error) or show
// returns an error. It uses one list and one watch per kind and outlives
// restarts of the API server; lost is called once whenever the server stops
// answering. A server that never answered is an error. A kind other than pods
// that fails while the server answers is missing in the snapshots and nothing
// else.
func (w *Watcher) Watch(ctx context.Context, scope kube.Scope, show func(topology.Snapshot) error, lost func(error)) error {
	feeds := w.clusterFeeds(scope)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var observer *ask.Observer
	if scope.Ask {
		observer = w.asker.NewObserver(scope, feeds.notify, clock.RealClock{})
		defer background(ctx, observer.Run)()
	}
	var shown atomic.Bool
	defer feeds.Report(ctx, func(err error) {
		if !shown.Load() {
			stop(err)
			return
		}
		lost(err)
	})()
	err := feeds.Run(ctx, redrawInterval, 0, func() (bool, error) {
		s := feeds.snapshot()
		if observer != nil && !observer.Observe(&s) {
			return false, nil
		}
		// What is shown now says that there is an outage, and nothing changed.
		if shown.Load() && feeds.isUnreachable() {
			return false, nil
		}
		shown.Store(true)
		return false, show(s)
	})
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		if errors.Is(cause, context.Canceled) {
			return nil
		}
		return cause
	}
	return err
}

// clusterFeeds are the feeds of the five kinds that a status is worked out from.
type clusterFeeds struct {
	*Feeds
	scope                                    kube.Scope
	clusters, pods, services, slices, events *Feed
}

func (w *Watcher) clusterFeeds(scope kube.Scope) *clusterFeeds {
	f := &clusterFeeds{Feeds: NewFeeds(w.client), scope: scope}
	api, ns := w.client.WatchAPI(), scope.Namespace
	ofClusters := ByLabel(scope.Selector)
	if scope.IsSingle() {
		ofClusters = ByField("metadata.name=" + scope.Names[0])
	}
	clusters := api.Dynamic.Resource(iris.GroupVersionResource()).Namespace(ns)
	f.clusters = f.AddPart(iris.GroupResource().String(), ns, kube.LossClusters,
		ListWatch(clusters.List, clusters.Watch, ofClusters), &unstructured.Unstructured{}, TrimMeta)
	pods := api.Pods(ns)
	f.pods = f.Add("pods", ns, kube.LossPods,
		ListWatch(pods.List, pods.Watch, ByLabel(scope.PodSelector())), &corev1.Pod{}, trimPod)
	services := api.Services(ns)
	f.services = f.AddPart("services", ns, kube.LossServices,
		ListWatch(services.List, services.Watch, ByLabel("")), &corev1.Service{}, TrimMeta)
	endpoints := api.EndpointSlices(ns)
	f.slices = f.AddPart(kube.EndpointSlices, ns, kube.LossSlices,
		ListWatch(endpoints.List, endpoints.Watch, ByLabel("")), &discoveryv1.EndpointSlice{}, TrimMeta)
	events := api.Events(ns)
	f.events = f.AddPart("events", ns, kube.LossEvents,
		ListWatch(events.List, events.Watch, ByField(scope.EventFields())), &corev1.Event{}, TrimMeta)
	return f
}

// readable returns the feed's objects; none if they cannot be read, because those that
// were read earlier are stale.
func readable[T any](f *Feed) []T {
	if f.Unread() != nil {
		return nil
	}
	return Objects[T](f)
}

func (f *clusterFeeds) snapshot() topology.Snapshot {
	var s topology.Snapshot
	for _, u := range readable[*unstructured.Unstructured](f.clusters) {
		if f.scope.Includes(u.GetName()) {
			s.Clusters = append(s.Clusters, iris.ClusterFrom(u))
		}
	}
	for _, pod := range readable[*corev1.Pod](f.pods) {
		if p, ok := kube.PodOfCluster(pod); ok {
			s.Pods = append(s.Pods, p)
		}
	}
	for _, service := range readable[*corev1.Service](f.services) {
		s.Services = append(s.Services, *service)
	}
	for _, slice := range readable[*discoveryv1.EndpointSlice](f.slices) {
		s.Slices = append(s.Slices, *slice)
	}
	for _, event := range readable[*corev1.Event](f.events) {
		s.Events = append(s.Events, *event)
	}
	for _, feed := range f.all {
		if u := feed.Unread(); u != nil {
			s.Unread = append(s.Unread, *u)
		}
	}
	return s
}

// TrimMeta drops what no view shows and every object carries.
func TrimMeta(object any) (any, error) {
	if meta, ok := object.(metav1.Object); ok {
		meta.SetManagedFields(nil)
	}
	return object, nil
}

// trimPod keeps of a pod what iris.PodFrom reads.
func trimPod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	slim := &corev1.Pod{ObjectMeta: pod.ObjectMeta, Status: pod.Status}
	slim.ManagedFields = nil
	slim.Spec.NodeName = pod.Spec.NodeName
	slim.Spec.ReadinessGates = pod.Spec.ReadinessGates
	for _, c := range pod.Spec.Containers {
		slim.Spec.Containers = append(slim.Spec.Containers, corev1.Container{Name: c.Name, Image: c.Image, Ports: c.Ports})
	}
	for _, c := range pod.Spec.InitContainers {
		slim.Spec.InitContainers = append(slim.Spec.InitContainers, corev1.Container{Name: c.Name, Image: c.Image, Ports: c.Ports, RestartPolicy: c.RestartPolicy})
	}
	return slim, nil
}
