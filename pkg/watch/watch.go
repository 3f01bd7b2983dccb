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
	if cause := context.Cause(ctx); cause != nil {
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
	name := ""
	if scope.IsSingle() {
		name = ByName(scope.Names[0])
	}
	clusters := SourceOf(api.Dynamic.Resource(iris.GroupVersionResource()).Namespace(ns), scope.Selector, name)
	f.clusters = f.AddPart(iris.GroupResource().String(), ns, kube.LossClusters, clusters, &unstructured.Unstructured{}, TrimMeta)
	pods := SourceOf(api.Pods(ns), scope.PodSelector(), "")
	f.pods = f.Add("pods", ns, kube.LossPods, pods, &corev1.Pod{}, trimPod)
	f.services = f.AddPart("services", ns, kube.LossServices, SourceOf(api.Services(ns), "", ""), &corev1.Service{}, TrimMeta)
	f.slices = f.AddPart(kube.EndpointSlices, ns, kube.LossSlices, SourceOf(api.EndpointSlices(ns), "", ""), &discoveryv1.EndpointSlice{}, TrimMeta)
	events := SourceOf(api.Events(ns), "", scope.EventFields())
	f.events = f.AddPart("events", ns, kube.LossEvents, events, &corev1.Event{}, TrimMeta)
	return f
}

// readable returns what keep makes of the feed's objects; nil if they cannot be read,
// because those that were read earlier are stale.
func readable[T, R any](f *Feed, keep func(*T) (R, bool)) []R {
	if f.Unread() != nil {
		return nil
	}
	return kept(Objects[T](f), keep)
}

// kept returns what keep makes of objects; keep also reports whether one is wanted.
func kept[T, R any](objects []*T, keep func(*T) (R, bool)) []R {
	var all []R
	for _, object := range objects {
		if wanted, ok := keep(object); ok {
			all = append(all, wanted)
		}
	}
	return all
}

func whole[T any](object *T) (T, bool) { return *object, true }

func (f *clusterFeeds) snapshot() topology.Snapshot {
	s := topology.Snapshot{
		Clusters: readable(f.clusters, func(u *unstructured.Unstructured) (iris.Cluster, bool) {
			return iris.ClusterFrom(u), f.scope.Includes(u.GetName())
		}),
		Pods:     readable(f.pods, kube.PodOfCluster),
		Services: readable(f.services, whole[corev1.Service]),
		Slices:   readable(f.slices, whole[discoveryv1.EndpointSlice]),
		Events:   readable(f.events, whole[corev1.Event]),
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
