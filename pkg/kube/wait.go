package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// WaitOptions bound a wait.
type WaitOptions struct {
	// Timeout ends the wait as a failure.
	Timeout time.Duration
	// LoadBalancerGrace is how long a load balancer may go without any sign
	// (no event, no finalizer) of a controller that looks after it.
	LoadBalancerGrace time.Duration
	// Left are pods to which the Service led before it was changed: endpoints
	// for them do not count.
	Left []string
}

// WaitExposed waits until a Service has a ready endpoint and, for a load
// balancer, an address. It follows the Service and its EndpointSlices, and the
// events of a load balancer, and fails early with the reason where one can be
// told.
func (c *Client) WaitExposed(ctx context.Context, service *corev1.Service, options WaitOptions) (*corev1.Service, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, options.Timeout, errWaitTimeout)
	defer cancel()
	w := c.exposure(service)
	now := exposed{
		name: service.Name, namespace: service.Namespace, service: service,
		asked: askedAt(service), began: time.Now(), grace: options.LoadBalancerGrace, left: options.Left,
	}
	err := w.run(ctx, 0, waitTick, func() (bool, error) {
		now.service = w.current()
		now.slices, now.events, now.now = objects[*discoveryv1.EndpointSlice](w.slices), w.warnings(), time.Now()
		now.eventless = w.events != nil && w.events.missing() != nil
		if u := w.unreadable(); u != nil {
			return false, u
		}
		return now.settled()
	})
	if errors.Is(context.Cause(ctx), errWaitTimeout) {
		return now.service, now.timedOut(service, options.Timeout)
	}
	return now.service, err
}

// waitTick is how often a wait looks at the clock, for LoadBalancerGrace.
const waitTick = time.Second

var errWaitTimeout = errors.New("timed out")

// exposure follows one Service and what decides whether it works.
type exposure struct {
	*feeds
	service, slices, events *feed
}

func (c *Client) exposure(service *corev1.Service) *exposure {
	w := &exposure{feeds: newFeeds(c)}
	ns, streams := service.Namespace, c.streams
	services := streams.core.Services(ns)
	w.service = w.add("services", ns, "it cannot be waited for",
		listWatch(services.List, services.Watch, byField("metadata.name="+service.Name)), &corev1.Service{}, trimMeta)
	endpoints := streams.discovery.EndpointSlices(ns)
	w.slices = w.add(endpointSlices, ns, "its endpoints cannot be waited for",
		listWatch(endpoints.List, endpoints.Watch, byLabel(discoveryv1.LabelServiceName+"="+service.Name)), &discoveryv1.EndpointSlice{}, trimMeta)
	if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
		events := streams.core.Events(ns)
		w.events = w.add("events", ns, lacksEvents,
			listWatch(events.List, events.Watch, byField("involvedObject.kind=Service,involvedObject.name="+service.Name)), &corev1.Event{}, trimMeta)
	}
	return w
}

func (w *exposure) current() *corev1.Service {
	for _, service := range objects[*corev1.Service](w.service) {
		return service
	}
	return nil
}

func (w *exposure) warnings() []*corev1.Event {
	if w.events == nil {
		return nil
	}
	return objects[*corev1.Event](w.events)
}

// unreadable is the error of a feed that the wait cannot do without.
func (w *exposure) unreadable() error {
	for _, f := range []*feed{w.service, w.slices} {
		if u := f.missing(); u != nil {
			return problem.New("%s", u.Message).Hint("leave out --wait, or ask for the right to %s %s", u.Verb, u.Resource)
		}
	}
	return nil
}

// exposed is what a wait judges.
type exposed struct {
	name, namespace string
	// service is nil where it is not there.
	service *corev1.Service
	slices  []*discoveryv1.EndpointSlice
	events  []*corev1.Event
	// asked is when the Service was last applied, by the server's clock, which
	// events go by, too.
	asked time.Time
	// began and now are by the clock of this machine.
	began time.Time
	now   time.Time
	grace time.Duration
	// eventless: events may not be read, so that there may be some.
	eventless bool
	left      []string
}

// askedAt is when this tool last changed the Service, else when it was made.
func askedAt(service *corev1.Service) time.Time {
	for _, entry := range service.ManagedFields {
		if entry.Manager == expose.ManagedBy && entry.Time != nil {
			return entry.Time.Time
		}
	}
	return service.CreationTimestamp.Time
}

// settled tells whether the wait is over, well or with the reason why not.
func (e exposed) settled() (bool, error) {
	if e.service == nil || e.service.DeletionTimestamp != nil {
		return false, problem.New("service %q in namespace %q was deleted while it was waited for", e.name, e.namespace).
			Hint("run the command again to have it made anew")
	}
	if len(e.missing()) == 0 {
		return true, nil
	}
	if !topology.AddressIsPending(*e.service) {
		return false, nil
	}
	if w := e.newestWarning(); w != nil {
		return false, problem.New("service %q in namespace %q gets no address: %s: %s",
			e.service.Name, e.service.Namespace, w.Reason, w.Message).
			Hint("kubectl describe service %s -n %s shows all its events", e.service.Name, e.service.Namespace)
	}
	if len(e.events) == 0 && !e.eventless && len(e.service.Finalizers) == 0 && e.now.Sub(e.began) >= e.grace {
		return false, problem.New("service %q in namespace %q gets no address: no load-balancer controller has reacted to it for %s",
			e.service.Name, e.service.Namespace, e.now.Sub(e.began).Round(time.Second)).
			Hint("this cluster may have none; --type NodePort or --type ClusterIP need none")
	}
	return false, nil
}

// missing names what the Service still lacks.
func (e exposed) missing() []string {
	var lacks []string
	if !slices.ContainsFunc(e.slices, e.hasReadyEndpoint) {
		lacks = append(lacks, "a ready endpoint")
	}
	if e.service == nil || topology.AddressIsPending(*e.service) {
		lacks = append(lacks, "a load-balancer address")
	}
	return lacks
}

func (e exposed) hasReadyEndpoint(slice *discoveryv1.EndpointSlice) bool {
	return slices.ContainsFunc(slice.Endpoints, func(point discoveryv1.Endpoint) bool {
		if point.TargetRef != nil && slices.Contains(e.left, point.TargetRef.Name) {
			return false
		}
		return point.Conditions.Ready == nil || *point.Conditions.Ready
	})
}

// newestWarning is the newest Warning since the Service was asked for. Both
// times bear whole seconds. Those of the controllers of endpoints have nothing
// to do with an address, and they try again.
func (e exposed) newestWarning() *corev1.Event {
	var newest *corev1.Event
	for _, event := range e.events {
		at := topology.EventTime(*event)
		if event.Type != corev1.EventTypeWarning || strings.HasPrefix(event.Reason, "FailedToUpdateEndpoint") || at.Before(e.asked.Truncate(time.Second)) {
			continue
		}
		if newest == nil || topology.EventTime(*newest).Before(at) {
			newest = event
		}
	}
	return newest
}

func (e exposed) timedOut(service *corev1.Service, after time.Duration) error {
	return problem.New("service %q in namespace %q still lacks %s after %s",
		service.Name, service.Namespace, strings.Join(e.missing(), " and "), after).
		Hint("kubectl iris status -n %s shows why; --timeout waits longer", service.Namespace)
}

// WaitGone waits until a Service that was deleted is no longer there: a load
// balancer's controller may hold it until the load balancer is released.
func (c *Client) WaitGone(ctx context.Context, service *corev1.Service, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errWaitTimeout)
	defer cancel()
	fs := newFeeds(c)
	services := c.streams.core.Services(service.Namespace)
	f := fs.add("services", service.Namespace, "it cannot be waited for",
		listWatch(services.List, services.Watch, byField("metadata.name="+service.Name)), &corev1.Service{}, trimMeta)
	var finalizers []string
	err := fs.run(ctx, 0, 0, func() (bool, error) {
		if u := f.missing(); u != nil {
			return false, problem.New("%s", u.Message).Hint("leave out --wait, or ask for the right to %s %s", u.Verb, u.Resource)
		}
		for _, live := range objects[*corev1.Service](f) {
			if live.UID == service.UID {
				finalizers = live.Finalizers
				return false, nil
			}
		}
		return true, nil
	})
	if errors.Is(context.Cause(ctx), errWaitTimeout) {
		return problem.New("service %q in namespace %q is still there after %s%s", service.Name, service.Namespace, timeout, heldBy(finalizers)).
			Hint("its controller releases it; --timeout waits longer")
	}
	return err
}

func heldBy(finalizers []string) string {
	if len(finalizers) == 0 {
		return ""
	}
	return fmt.Sprintf(", held by %s", strings.Join(finalizers, ", "))
}
