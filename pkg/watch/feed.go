package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// firstTimeout is how long a watch waits for all parts before it shows what it
// has, counted from when the server answered. It is the time that a command
// without a watch has for all of its reads.
const firstTimeout = 30 * time.Second

// errIncomplete is the error of a part that is still being read after firstTimeout.
var errIncomplete = fmt.Errorf("not read completely within %s", firstTimeout)

// A Feed keeps the objects of one kind up to date with one list and one watch. It
// runs a Reflector, the part of a shared informer that reads: an informer gives no
// choice of the back-off, which grows to half a minute, and passes on only some of
// the errors.
type Feed struct {
	feeds  *Feeds
	access kube.Access
	// loss is what is not known while the feed cannot be read.
	loss string
	// part reports whether the other kinds are shown without this one.
	part bool
	// Unawaited has Run react before this feed has listed. It is set before Run.
	Unawaited bool
	store     *store
	reflector *cache.Reflector

	// The mutex of feeds guards the rest.

	unread *view.Unread
	// failing is when a part began to fail; zero while it does not.
	failing time.Time
	// unanswered reports whether the server did not answer the last request.
	unanswered bool
}

// A store holds a feed's objects and calls onChange after every change.
type store struct {
	cache.Store
	onChange func()
	listed   atomic.Bool
}

// Add and the like are called by the feed's reflector.
func (s *store) Add(object any) error {
	defer s.onChange()
	return s.Store.Add(object)
}

func (s *store) Update(object any) error {
	defer s.onChange()
	return s.Store.Update(object)
}

func (s *store) Delete(object any) error {
	defer s.onChange()
	return s.Store.Delete(object)
}

func (s *store) Replace(list []any, version string) error {
	defer s.onChange()
	err := s.Store.Replace(list, version)
	s.listed.Store(err == nil)
	return err
}

// A Source lists and watches a feed's objects.
type Source struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported asks for a list before the watch: a list that
// streams waits out its pauses, half a minute long, also after an interrupt.
func (Source) IsWatchListSemanticsUnSupported() bool { return true }

// A listWatcher is a client of one resource; L is its type of a list.
type listWatcher[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// SourceOf returns the Source of a resource's objects that both selectors match.
func SourceOf[L runtime.Object](resource listWatcher[L], labels, fields string) Source {
	return Source{&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector, options.FieldSelector = labels, fields
			if options.ResourceVersion == "0" {
				options.ResourceVersion = "" // the server's cache may miss what was just written
			}
			return resource.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector, options.FieldSelector = labels, fields
			return resource.Watch(ctx, options)
		},
	}}
}

// ByName returns the field selector of an object's name.
func ByName(name string) string { return metav1.ObjectNameField + "=" + name }

// settled reports whether the feed has all it can get for now: it has listed, or
// may not.
func (f *Feed) settled() bool {
	return f.HasListed() || f.Unread() != nil
}

// HasListed reports whether the feed has listed its objects at least once.
func (f *Feed) HasListed() bool { return f.store.listed.Load() }

// Unread returns the read that fails at the moment, or nil.
func (f *Feed) Unread() *view.Unread {
	f.feeds.mu.Lock()
	defer f.feeds.mu.Unlock()
	return f.unread
}

// Objects returns the feed's objects in no order. They may be stale if Unread is set.
func Objects[T any](f *Feed) []*T {
	var objects []*T
	for _, object := range f.store.List() {
		objects = append(objects, object.(*T))
	}
	return objects
}

// Feeds holds several kinds that are followed together.
type Feeds struct {
	client *kube.Client
	all    []*Feed
	// changed gets a token after any change; it holds at most one.
	changed chan struct{}
	// outages gets the first error of each outage of the server.
	outages chan error
	// limit bounds the lists of parts.
	limit *kube.PartLimit
	// Answered is when all but parts had settled; Run sets it before it first
	// calls react.
	Answered time.Time

	mu sync.Mutex
	// unreachable reports whether the last request did not reach the server.
	unreachable bool
	// reachableSince is when the server was last reached after an outage.
	reachableSince time.Time
}

// NewFeeds returns Feeds without any feed.
func NewFeeds(client *kube.Client) *Feeds {
	return &Feeds{client: client, changed: make(chan struct{}, 1), outages: make(chan error, 1), limit: kube.NewPartLimit()}
}

// backoff returns the pauses before a retry. A person looks on, so they do not grow
// to a controller's half minute.
func backoff() *wait.Backoff {
	return &wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Steps: 4, Cap: 2 * time.Second, Jitter: 0.5}
}

// Add follows one more kind. loss is what is not known while it cannot be read; trim
// drops from each object what is not needed, and may be nil.
func (fs *Feeds) Add(resource, namespace, loss string, from Source, example runtime.Object, trim cache.TransformFunc) *Feed {
	f := &Feed{feeds: fs, access: kube.Access{Verb: "watch", Resource: resource, Namespace: namespace}, loss: loss}
	f.store = &store{Store: cache.NewStore(cache.MetaNamespaceKeyFunc, cache.WithTransformer(trim)), onChange: fs.onEvent}
	f.reflector = cache.NewReflectorWithOptions(fs.observed(f, from), example, f.store, cache.ReflectorOptions{Backoff: backoff()})
	fs.all = append(fs.all, f)
	return f
}

// AddPart follows a kind without which the others are shown: if it fails, or
// does not answer in time, only it is missing.
func (fs *Feeds) AddPart(resource, namespace, loss string, from Source, example runtime.Object, trim cache.TransformFunc) *Feed {
	f := fs.Add(resource, namespace, loss, from, example, trim)
	f.part = true
	return f
}

// observed wraps a Source to see every error and recovery; a Reflector reports only
// some. A watch begins only after its list succeeded, so it is the sign of a
// recovery.
func (fs *Feeds) observed(f *Feed, from Source) Source {
	return Source{&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			if f.part {
				bounded, stop := fs.limit.Bound(ctx)
				defer stop()
				ctx = bounded
			}
			list, err := from.ListWithContext(ctx, options)
			if err = kube.PartError(ctx, err); err != nil {
				fs.onError(f, err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			w, err := from.WatchWithContext(ctx, options)
			if err != nil {
				fs.onError(f, err)
			} else {
				fs.onWatch(f)
			}
			return w, err
		},
	}}
}

// onWatch notes that a feed's objects can be read.
func (fs *Feeds) onWatch(f *Feed) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.unread != nil {
		fs.notify()
	}
	f.unread, f.failing, f.unanswered = nil, time.Time{}, false
	fs.markReachable()
}

// onError handles the error of a request. A kind that may not be read is unread in
// the view. So is a part that fails; one that was read before only if it keeps failing
// while the server is reachable, since a server that restarts fails at everything for a
// while. Any other failure is an outage, which is reported once, and the feed retries.
func (fs *Feeds) onError(f *Feed, err error) {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || errors.Is(err, context.Canceled) {
		return // the ordinary end of a watch, or of all
	}
	u, _ := kube.NewUnread(err, f.access, f.loss)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	switch {
	case u.Reason != view.Failed:
		f.unread, f.unanswered = &u, false
		fs.markReachable() // a refusal is an answer
		fs.notify()
	case f.part && !apierrors.IsUnauthorized(err):
		now := time.Now()
		if f.failing.IsZero() {
			f.failing = now
		}
		if f.HasListed() && (now.Sub(f.failing) < kube.PartTimeout || !fs.reachableFor(kube.PartTimeout, now)) {
			return
		}
		f.unread = &u
		fs.notify()
	default:
		if !slices.ContainsFunc(fs.all, func(f *Feed) bool { return f.unanswered }) {
			fs.reportOutage(fs.client.Explain(err, f.access, ""))
		}
		f.unanswered, fs.unreachable = true, fs.unreachable || isUnavailable(err)
	}
}

func (fs *Feeds) reportOutage(err error) {
	select {
	case fs.outages <- err:
	default:
	}
}

// isUnavailable reports whether err means that the server is not available, rather
// than that it failed at one request.
func isUnavailable(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err)
}

// markReachable notes that the server is reachable. If it was not before, what is
// shown about the outage is removed. The caller holds the mutex.
func (fs *Feeds) markReachable() {
	if fs.unreachable {
		fs.unreachable, fs.reachableSince = false, time.Now()
		fs.notify()
	}
}

// isUnreachable reports whether the last request did not reach the server.
func (fs *Feeds) isUnreachable() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.unreachable
}

// WasUnreachable reports whether the server is or was unreachable.
func (fs *Feeds) WasUnreachable() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.unreachable || !fs.reachableSince.IsZero()
}

// ReachableFor reports whether the server has been reachable for at least d.
func (fs *Feeds) ReachableFor(d time.Duration, now time.Time) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.reachableFor(d, now)
}

func (fs *Feeds) reachableFor(d time.Duration, now time.Time) bool {
	return !fs.unreachable && now.Sub(fs.reachableSince) >= d
}

// onEvent handles a change in a store.
func (fs *Feeds) onEvent() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.markReachable()
	fs.notify()
}

func (fs *Feeds) notify() {
	select {
	case fs.changed <- struct{}{}:
	default:
	}
}

func (fs *Feeds) settled() bool {
	return !slices.ContainsFunc(fs.all, func(f *Feed) bool { return !f.Unawaited && !f.settled() })
}

// essentialSettled reports whether all but parts are settled.
func (fs *Feeds) essentialSettled() bool {
	return !slices.ContainsFunc(fs.all, func(f *Feed) bool { return !f.part && !f.settled() })
}

// Run follows all feeds until ctx ends or react is done or fails. It calls react after
// the first lists and after changes, at most once in every interval, and when nothing
// changed for wake (0: never).
func (fs *Feeds) Run(ctx context.Context, interval, wake time.Duration, react func() (done bool, err error)) error {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for _, f := range fs.all {
		running.Go(func() { f.reflector.RunWithContext(ctx) })
	}
	if err := fs.awaitLists(ctx); err != nil {
		return err
	}
	var tick <-chan time.Time
	if wake > 0 {
		tick = time.Tick(wake)
	}
	for {
		if done, err := react(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
		case <-fs.changed:
		}
	}
}

// awaitLists waits until all feeds have listed or cannot be read. Parts that are
// still being read after firstTimeout are unread until they have listed.
func (fs *Feeds) awaitLists(ctx context.Context) error {
	var late <-chan time.Time
	for {
		if late == nil && fs.essentialSettled() {
			fs.Answered = time.Now()
			fs.limit.Start()
			late = time.After(firstTimeout)
		}
		if fs.settled() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			for _, f := range fs.all {
				if f.part && !f.settled() {
					u, _ := kube.NewUnread(errIncomplete, f.access, f.loss)
					fs.mu.Lock()
					f.unread = &u
					fs.mu.Unlock()
				}
			}
		case <-fs.changed:
		}
	}
}

// Report calls lost with the first error of every outage until ctx ends or the
// returned function is called, after which lost is no longer running.
func (fs *Feeds) Report(ctx context.Context, lost func(error)) (stop func()) {
	return background(ctx, func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case err := <-fs.outages:
				lost(err)
			}
		}
	})
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
