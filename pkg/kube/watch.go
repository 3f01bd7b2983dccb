package kube

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

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// redrawInterval is the least time between two snapshots of a watch.
const redrawInterval = 200 * time.Millisecond

// Watch calls show with a snapshot of the scope, and with a new one after every
// change, at most five a second, until ctx ends (which is no error) or show
// returns an error. It uses one list and one watch per kind and outlives
// restarts of the API server; lost is told once whenever the server stops
// answering. A server that never answered is an error. A kind other than pods
// that fails while the server answers is missing in the snapshots and nothing
// else.
func (c *Client) Watch(ctx context.Context, scope Scope, show func(topology.Snapshot) error, lost func(error)) error {
	w := c.watcher(scope)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var asking *asker
	if scope.Ask {
		asking = newAsker(c, scope, w.touch, clock.RealClock{})
		defer background(ctx, asking.poller.Run)()
	}
	var shown atomic.Bool
	defer w.report(ctx, func(err error) {
		if !shown.Load() {
			stop(err)
			return
		}
		lost(err)
	})()
	err := w.run(ctx, redrawInterval, 0, func() (bool, error) {
		s := w.snapshot()
		if asking != nil && !asking.add(&s) {
			return false, nil
		}
		// What is shown now tells of the outage, and there is no news.
		if shown.Load() && w.isAway() {
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

// background runs f until ctx ends or the returned function is called, which
// waits for f to return.
func background(ctx context.Context, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// watcher follows the five kinds that a status is worked out from.
type watcher struct {
	*feeds
	scope                                    Scope
	clusters, pods, services, slices, events *feed
}

func (c *Client) watcher(scope Scope) *watcher {
	w := &watcher{feeds: newFeeds(c), scope: scope}
	streams, ns := c.streams, scope.Namespace
	ofClusters := byLabel(scope.Selector)
	if scope.single() {
		ofClusters = byField("metadata.name=" + scope.Names[0])
	}
	clusters := streams.dynamic.Resource(iris.GroupVersionResource()).Namespace(ns)
	w.clusters = w.addPart(iris.GroupResource().String(), ns, lacksClusters,
		listWatch(clusters.List, clusters.Watch, ofClusters), &unstructured.Unstructured{}, trimMeta)
	pods := streams.core.Pods(ns)
	w.pods = w.add("pods", ns, lacksPods,
		listWatch(pods.List, pods.Watch, byLabel(scope.podSelector())), &corev1.Pod{}, trimPod)
	services := streams.core.Services(ns)
	w.services = w.addPart("services", ns, lacksServices,
		listWatch(services.List, services.Watch, byLabel("")), &corev1.Service{}, trimMeta)
	endpoints := streams.discovery.EndpointSlices(ns)
	w.slices = w.addPart(endpointSlices, ns, lacksSlices,
		listWatch(endpoints.List, endpoints.Watch, byLabel("")), &discoveryv1.EndpointSlice{}, trimMeta)
	events := streams.core.Events(ns)
	w.events = w.addPart("events", ns, lacksEvents,
		listWatch(events.List, events.Watch, byField(scope.eventFields())), &corev1.Event{}, trimMeta)
	return w
}

// report calls tell with the first error of every outage until ctx ends or the
// returned function is called, after which tell is no longer running.
func (w *watcher) report(ctx context.Context, tell func(error)) (stop func()) {
	return background(ctx, func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case err := <-w.trouble:
				tell(err)
			}
		}
	})
}

// readable are the feed's objects, none where they may not be read: what was
// read before the right went is not what there is.
func readable[T any](f *feed) []T {
	if f.missing() != nil {
		return nil
	}
	return objects[T](f)
}

func (w *watcher) snapshot() topology.Snapshot {
	var s topology.Snapshot
	for _, u := range readable[*unstructured.Unstructured](w.clusters) {
		if w.scope.wants(u.GetName()) {
			s.Clusters = append(s.Clusters, iris.ClusterFrom(u))
		}
	}
	for _, pod := range readable[*corev1.Pod](w.pods) {
		if p, ok := podOfCluster(pod); ok {
			s.Pods = append(s.Pods, p)
		}
	}
	for _, service := range readable[*corev1.Service](w.services) {
		s.Services = append(s.Services, *service)
	}
	for _, slice := range readable[*discoveryv1.EndpointSlice](w.slices) {
		s.Slices = append(s.Slices, *slice)
	}
	for _, event := range readable[*corev1.Event](w.events) {
		s.Events = append(s.Events, *event)
	}
	for _, f := range w.all {
		if u := f.missing(); u != nil {
			s.Unread = append(s.Unread, *u)
		}
	}
	return s
}

// trimMeta drops what no view shows and every object carries.
func trimMeta(object any) (any, error) {
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
