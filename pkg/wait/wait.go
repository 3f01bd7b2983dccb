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
	// Tell gets a line for everything that does not end the wait, such as a load
	// balancer's Warning or an API server that does not answer. It is not called
	// concurrently.
	Tell func(line string)
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
	told := newTeller(options.Tell)
	now := &exposed{name: service.Name, namespace: service.Namespace, service: service, began: time.Now()}
	var e *exposure
	err := errRetargeted
	for errors.Is(err, errRetargeted) {
		e = newExposure(w.client, now.service)
		err = e.follow(waiting, now, told)
	}
	if !timedOut(waiting, err) {
		return now.service, err
	}
	if u := e.unreadable(); u != nil {
		return now.service, u
	}
	if !now.judged {
		return now.service, notWaitedFor(service, options.Timeout, told)
	}
	return now.service, now.timedOut(options.Timeout, w.portClash(ctx, now))
}

// timedOut reports whether a wait ended with err because its own timeout passed.
func timedOut(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errWaitTimeout)
}

// notWaitedFor is the error of a wait to which the API server did not answer.
func notWaitedFor(service *corev1.Service, after time.Duration, told *teller) error {
	err := problem.New("service %q in namespace %q could not be read for %s: %w", service.Name, service.Namespace, after, told.outage())
	return err.Hint("kubectl cluster-info shows whether the API server answers; %s allows more time", problem.Field("timeout"))
}

// teller passes on what a wait has to say, each line once.
type teller struct {
	mu   sync.Mutex
	tell func(string)
	told map[string]bool
	last error
}

func newTeller(tell func(string)) *teller {
	return &teller{tell: tell, told: map[string]bool{}}
}

// once passes a line on unless one was told under the same key.
func (t *teller) once(key, line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.told[key] && t.tell != nil {
		t.tell(line)
	}
	t.told[key] = true
}

// lost passes on that the API server does not answer, once for each outage.
func (t *teller) lost(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = err
	if t.tell != nil {
		t.tell(err.Error() + "; still waiting")
	}
}

// outage returns the last error of the API server.
func (t *teller) outage() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		return errors.New("no answer from the API server")
	}
	return t.last
}

// An exposure follows one Service, its EndpointSlices, the pods that its selector
// matches and, for a load balancer, its events.
type exposure struct {
	*watch.Feeds
	// pods is nil for a Service without a selector, events for one that is no load
	// balancer.
	services, slices, pods, events *watch.Feed
	selector                       map[string]string
	rights                         map[*watch.Feed]*watch.Denial
}

func newExposure(client *kube.Client, service *corev1.Service) *exposure {
	ns, api := service.Namespace, client.WatchAPI()
	w := &exposure{Feeds: watch.NewFeeds(client), selector: service.Spec.Selector, rights: map[*watch.Feed]*watch.Denial{}}
	services := api.Services(ns)
	// The managed fields say when the Service was last applied.
	w.services = w.Add("services", ns, "it cannot be waited for",
		watch.ListWatch(services.List, services.Watch, watch.ByField("metadata.name="+service.Name)), &corev1.Service{}, nil)
	endpoints := api.EndpointSlices(ns)
	w.slices = w.Add(kube.EndpointSlices, ns, "its endpoints cannot be waited for",
		watch.ListWatch(endpoints.List, endpoints.Watch, watch.ByLabel(discoveryv1.LabelServiceName+"="+service.Name)), &discoveryv1.EndpointSlice{}, watch.TrimMeta)
	if len(w.selector) > 0 {
		pods := api.Pods(ns)
		w.pods = w.AddPart("pods", ns, "stale endpoints are not recognised",
			watch.ListWatch(pods.List, pods.Watch, watch.ByLabel(labels.SelectorFromSet(w.selector).String())), &corev1.Pod{}, watch.TrimMeta)
	}
	if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
		events := api.Events(ns)
		w.events = w.AddPart("events", ns, kube.LossEvents,
			watch.ListWatch(events.List, events.Watch, watch.ByField("involvedObject.kind=Service,involvedObject.name="+service.Name)), &corev1.Event{}, watch.TrimMeta)
		w.events.Unawaited = true // they explain, and decide nothing
	}
	return w
}

// follow has now judged after every change until it is settled or ctx ends.
func (w *exposure) follow(ctx context.Context, now *exposed, told *teller) error {
	defer w.Report(ctx, told.lost)()
	return w.Run(ctx, 0, waitTick, func() (bool, error) {
		if missing, err := w.denied(time.Now()); missing || err != nil {
			return false, err
		}
		if w.awaitsPods(time.Now()) {
			return false, nil
		}
		if lacks := w.withoutPods(); lacks != "" {
			told.once("pods", lacks)
		}
		w.update(now)
		done, err := now.settled()
		if done || err != nil {
			return done, err
		}
		for _, n := range now.notes() {
			told.once(n.key, n.line)
		}
		return false, w.retargeted(now)
	})
}

// reflectorBackoff is the longest that a reflector of client-go waits until it
// tries again, also after the server is back.
const reflectorBackoff = 30 * time.Second

// awaitsPods reports whether pods could not be listed yet and may be soon, which is
// while the server is unreachable and for a while after it answered. Without them stale
// endpoints count, so a failure that may pass must not decide.
func (w *exposure) awaitsPods(now time.Time) bool {
	if w.pods == nil || w.pods.HasListed() {
		return false
	}
	grace := watch.DeniedFor
	if u := w.pods.Unread(); w.WasUnreachable() && (u == nil || u.Reason == view.Failed) {
		grace += reflectorBackoff
	}
	return now.Sub(w.Answered()) < grace || !w.ReachableFor(grace, now)
}

// withoutPods returns what the wait cannot know since it could not list pods; ""
// if it could.
func (w *exposure) withoutPods() string {
	if w.pods == nil || w.pods.HasListed() {
		return ""
	}
	if u := w.pods.Unread(); u != nil {
		return u.Message
	}
	return ""
}

// retargeted returns errRetargeted if the Service has another selector than the
// pods that are followed.
func (w *exposure) retargeted(now *exposed) error {
	if !maps.Equal(now.service.Spec.Selector, w.selector) {
		return errRetargeted
	}
	return nil
}

// update takes over what the feeds have.
func (w *exposure) update(now *exposed) {
	now.service = nil
	for _, service := range watch.Objects[*corev1.Service](w.services) {
		now.service = service
	}
	now.slices, now.now, now.judged = watch.Objects[*discoveryv1.EndpointSlice](w.slices), time.Now(), true
	now.pods, now.podsRead = nil, false
	// A feed that may list and not watch lists again and again, which will do.
	if w.pods != nil && w.pods.HasListed() {
		now.pods, now.podsRead = watch.Objects[*corev1.Pod](w.pods), true
	}
	now.events, now.eventsRead = nil, false
	if w.events != nil && w.events.HasListed() {
		now.events, now.eventsRead = watch.Objects[*corev1.Event](w.events), w.events.Unread() == nil
	}
}

// denied reports whether a right is missing that the wait cannot do without, and
// returns an error once it has been for watch.DeniedFor.
func (w *exposure) denied(now time.Time) (missing bool, err error) {
	for _, f := range []*watch.Feed{w.services, w.slices} {
		if w.rights[f] == nil {
			w.rights[f] = &watch.Denial{}
		}
		u := f.Unread()
		missing = missing || u != nil
		if w.rights[f].Lasts(u != nil, now) {
			return true, refused(f)
		}
	}
	return missing, nil
}

// unreadable returns the error of a feed that the wait cannot do without and that
// may not be read.
func (w *exposure) unreadable() error {
	for _, f := range []*watch.Feed{w.services, w.slices} {
		if f.Unread() != nil {
			return refused(f)
		}
	}
	return nil
}

// refused is the error of a wait whose feed may not be read.
func refused(f *watch.Feed) error {
	u := f.Unread()
	return problem.New("%s", u.Message).Hint("leave out %s, or ask for the right to list and %s %s", problem.Field("wait"), u.Verb, u.Resource)
}

// WaitGone waits until a Service that was deleted is no longer there: a load
// balancer's controller may hold it until the load balancer is released.
func (w *Waiter) WaitGone(ctx context.Context, service *corev1.Service, options Options) error {
	waiting, cancel := context.WithTimeoutCause(ctx, options.Timeout, errWaitTimeout)
	defer cancel()
	feeds, told := watch.NewFeeds(w.client), newTeller(options.Tell)
	services := w.client.WatchAPI().Services(service.Namespace)
	feed := feeds.Add("services", service.Namespace, "it cannot be waited for",
		watch.ListWatch(services.List, services.Watch, watch.ByField("metadata.name="+service.Name)), &corev1.Service{}, watch.TrimMeta)
	defer feeds.Report(waiting, told.lost)()
	finalizers, seen, right := []string(nil), false, watch.Denial{}
	err := feeds.Run(waiting, 0, waitTick, func() (bool, error) {
		denied := feed.Unread() != nil
		if right.Lasts(denied, time.Now()) {
			return false, refused(feed)
		}
		if denied {
			return false, nil
		}
		seen = true
		for _, live := range watch.Objects[*corev1.Service](feed) {
			if live.UID == service.UID {
				finalizers = live.Finalizers
				return false, nil
			}
		}
		return true, nil
	})
	switch {
	case !timedOut(waiting, err):
		return err
	case feed.Unread() != nil:
		return refused(feed)
	case !seen:
		return notWaitedFor(service, options.Timeout, told)
	}
	return problem.New("service %q in namespace %q is still there after %s%s", service.Name, service.Namespace, options.Timeout, kube.HeldBy(finalizers)).
		Hint("its controller releases it; %s allows more time", problem.Field("timeout"))
}
