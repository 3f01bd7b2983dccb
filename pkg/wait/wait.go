// Package wait waits for a Service: until it serves, or until it is gone.
package wait

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/pkg/watch"
)

// A Waiter waits for Services of one API server. It is safe for concurrent use.
type Waiter struct{ client *kube.Client }

// New returns a Waiter that reads through client.
func New(client *kube.Client) *Waiter { return &Waiter{client: client} }

// Options bound a wait.
type Options struct {
	// Timeout ends the wait with an error.
	Timeout time.Duration
	// Report is called with a line for everything that does not end the wait, such as
	// a load balancer's Warning or an API server that does not answer; never
	// concurrently.
	Report func(line string)
}

const (
	// waitTick is how often a wait looks at the clock.
	waitTick = time.Second
	// clashTimeout bounds the read of the other load balancers at a timeout.
	clashTimeout = 5 * time.Second
)

var (
	errWaitTimeout = errors.New("timed out")
	// errRetargeted ends a round of a wait whose Service got another selector.
	errRetargeted = errors.New("the selector changed")
)

// WaitExposed waits until every port of a Service has a ready endpoint of a pod
// that the Service selects and, for a load balancer, until it has an address. It
// returns the Service as it then is. It goes on through what may pass, and
// returns an error at the timeout, or as soon as what is missing can never come.
func (w *Waiter) WaitExposed(ctx context.Context, service *corev1.Service, options Options) (*corev1.Service, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, options.Timeout, errWaitTimeout)
	defer cancel()
	report := newReporter(options)
	now := &exposed{name: service.Name, namespace: service.Namespace, service: service, began: time.Now()}
	var e *exposure
	err := errRetargeted
	for errors.Is(err, errRetargeted) {
		e = newExposure(w.client, now.service)
		err = e.follow(waiting, now, report)
	}
	if !timedOut(waiting, err) {
		return now.service, err
	}
	if u := unread(e.services, e.slices); u != nil {
		return now.service, refused(u)
	}
	if !now.judged {
		return now.service, notWaitedFor(service, options.Timeout, report)
	}
	return now.service, now.timedOut(options.Timeout, w.portClash(ctx, now))
}

// timedOut reports whether a wait ended with err because its own timeout passed.
func timedOut(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errWaitTimeout)
}

// notWaitedFor returns the error of a wait to which the API server did not answer.
func notWaitedFor(service *corev1.Service, after time.Duration, report *reporter) error {
	err := problem.New("service %q in namespace %q could not be read for %s: %w", service.Name, service.Namespace, after, report.lastOutage())
	return err.Hint("kubectl cluster-info shows whether the API server answers; %s allows more time", problem.Field("timeout"))
}

// A reporter reports each line of a wait once, and each outage of the API server.
type reporter struct {
	mu       sync.Mutex
	report   func(string)
	reported sets.Set[string]
	last     error
}

func newReporter(options Options) *reporter {
	return &reporter{
		report: options.Report, reported: sets.New[string](),
		last: errors.New("no answer from the API server"),
	}
}

// once reports a line unless one was reported under the same key.
func (r *reporter) once(key, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.reported.Has(key) {
		r.report(line)
	}
	r.reported.Insert(key)
}

// outage reports that the API server does not answer.
func (r *reporter) outage(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = err
	r.report(err.Error() + "; still waiting")
}

func (r *reporter) lastOutage() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// An exposure follows one Service, its EndpointSlices, the pods that its selector
// matches and, for a load balancer, its events.
type exposure struct {
	*watch.Feeds
	// pods is nil for a Service without a selector, events for one that is no load
	// balancer.
	services, slices, pods, events *watch.Feed
	selector                       map[string]string
	denial                         watch.Denial
}

func newExposure(client *kube.Client, service *corev1.Service) *exposure {
	ns, api := service.Namespace, client.WatchAPI()
	w := &exposure{Feeds: watch.NewFeeds(client), selector: service.Spec.Selector}
	// The managed fields say when the Service was last applied.
	services := watch.SourceOf(api.Services(ns), "", watch.ByName(service.Name))
	w.services = w.Add("services", ns, lossService, services, &corev1.Service{}, nil)
	slices := watch.SourceOf(api.EndpointSlices(ns), discoveryv1.LabelServiceName+"="+service.Name, "")
	w.slices = w.Add(kube.EndpointSlices, ns, "its endpoints cannot be waited for", slices, &discoveryv1.EndpointSlice{}, watch.TrimMeta)
	if len(w.selector) > 0 {
		pods := watch.SourceOf(api.Pods(ns), labels.SelectorFromSet(w.selector).String(), "")
		w.pods = w.AddPart("pods", ns, "stale endpoints are not recognised", pods, &corev1.Pod{}, watch.TrimMeta)
	}
	if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
		events := watch.SourceOf(api.Events(ns), "", "involvedObject.kind=Service,involvedObject.name="+service.Name)
		w.events = w.AddPart("events", ns, kube.LossEvents, events, &corev1.Event{}, watch.TrimMeta)
		w.events.Unawaited = true // they explain, and decide nothing
	}
	return w
}

// lossService is what is not known if the Service cannot be read.
const lossService = "it cannot be waited for"

// follow has now judged after every change until it is settled or ctx ends. It returns
// errRetargeted if the Service has another selector than the pods that are followed.
func (w *exposure) follow(ctx context.Context, now *exposed, report *reporter) error {
	defer w.Report(ctx, report.outage)()
	return w.Run(ctx, 0, waitTick, func() (bool, error) {
		if missing, err := denied(&w.denial, w.services, w.slices); missing || err != nil {
			return false, err
		}
		if w.pods != nil && !w.pods.HasListed() {
			if w.awaitsPods(time.Now()) {
				return false, nil
			}
			if u := w.pods.Unread(); u != nil {
				report.once("pods", u.Message)
			}
		}
		w.update(now)
		if done, err := now.settled(); done || err != nil {
			return done, err
		}
		if key, line := now.note(); line != "" {
			report.once(key, line)
		}
		if !maps.Equal(now.service.Spec.Selector, w.selector) {
			return false, errRetargeted
		}
		return false, nil
	})
}

// reflectorBackoff is the longest that a reflector of client-go waits until it
// tries again, also after the server is back.
const reflectorBackoff = 30 * time.Second

// awaitsPods reports whether pods, which could not be listed yet, may be soon: while the
// server is unreachable and for a while after it answered. Without them stale endpoints
// count, so a failure that may pass must not decide.
func (w *exposure) awaitsPods(now time.Time) bool {
	grace := watch.DeniedFor
	if u := w.pods.Unread(); w.WasUnreachable() && (u == nil || u.Reason == view.Failed) {
		grace += reflectorBackoff
	}
	return now.Sub(w.Answered) < grace || !w.ReachableFor(grace, now)
}

// update takes over what the feeds have.
func (w *exposure) update(now *exposed) {
	now.service = nil
	for _, service := range watch.Objects[corev1.Service](w.services) {
		now.service = service
	}
	now.slices, now.now, now.judged = watch.Objects[discoveryv1.EndpointSlice](w.slices), time.Now(), true
	now.pods, now.podsRead = nil, false
	// A feed that may list and not watch lists again and again, which will do.
	if w.pods != nil && w.pods.HasListed() {
		now.pods, now.podsRead = watch.Objects[corev1.Pod](w.pods), true
	}
	now.events, now.eventsRead = nil, false
	if w.events != nil && w.events.HasListed() {
		now.events, now.eventsRead = watch.Objects[corev1.Event](w.events), w.events.Unread() == nil
	}
}

// denied reports whether a feed that a wait requires may not be read, and returns an
// error once that has been so for watch.DeniedFor.
func denied(d *watch.Denial, required ...*watch.Feed) (missing bool, err error) {
	u := unread(required...)
	if d.Lasts(u != nil, time.Now()) {
		return true, refused(u)
	}
	return u != nil, nil
}

// unread returns the first read of some feeds that fails at the moment, or nil.
func unread(feeds ...*watch.Feed) *view.Unread {
	for _, f := range feeds {
		if u := f.Unread(); u != nil {
			return u
		}
	}
	return nil
}

// refused returns the error of a wait that requires what may not be read.
func refused(u *view.Unread) error {
	return problem.New("%s", u.Message).Hint("leave out %s, or ask for the right to list and %s %s", problem.Field("wait"), u.Verb, u.Resource)
}

// WaitGone waits until a Service that was deleted is no longer there: a load
// balancer's controller may hold it until the load balancer is released.
func (w *Waiter) WaitGone(ctx context.Context, service *corev1.Service, options Options) error {
	waiting, cancel := context.WithTimeoutCause(ctx, options.Timeout, errWaitTimeout)
	defer cancel()
	feeds, report := watch.NewFeeds(w.client), newReporter(options)
	services := watch.SourceOf(w.client.WatchAPI().Services(service.Namespace), "", watch.ByName(service.Name))
	feed := feeds.Add("services", service.Namespace, lossService, services, &corev1.Service{}, watch.TrimMeta)
	defer feeds.Report(waiting, report.outage)()
	finalizers, seen, denial := []string(nil), false, watch.Denial{}
	err := feeds.Run(waiting, 0, waitTick, func() (bool, error) {
		if missing, err := denied(&denial, feed); missing || err != nil {
			return false, err
		}
		seen = true
		for _, live := range watch.Objects[corev1.Service](feed) {
			if live.UID == service.UID {
				finalizers = live.Finalizers
				return false, nil
			}
		}
		return true, nil
	})
	if !timedOut(waiting, err) {
		return err
	}
	if u := feed.Unread(); u != nil {
		return refused(u)
	}
	if !seen {
		return notWaitedFor(service, options.Timeout, report)
	}
	return problem.New("service %q in namespace %q is still there after %s%s", service.Name, service.Namespace, options.Timeout, kube.HeldBy(finalizers)).
		Hint("its controller releases it; %s allows more time", problem.Field("timeout"))
}
