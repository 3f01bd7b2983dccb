package kube

import (
	"context"
	"errors"
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

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// feed keeps the objects of one kind up to date with one list and one watch.
type feed struct {
	access
	// lacks says what is missing where the feed may not be read.
	lacks string
	// part: what the other feeds bring is shown without this one.
	part bool
	// unawaited: the other feeds are judged also before this one has listed.
	unawaited bool
	store     *store
	reflector *cache.Reflector

	mu     sync.Mutex
	unread *view.Unread
	// failing is when a part began to fail; zero while it does not.
	failing time.Time
}

// store holds a feed's objects and tells of every change.
type store struct {
	cache.Store
	changed func()
	listed  atomic.Bool
}

// Add and the like are called by the feed's reflector.
func (s *store) Add(object any) error {
	defer s.changed()
	return s.Store.Add(object)
}

func (s *store) Update(object any) error {
	defer s.changed()
	return s.Store.Update(object)
}

func (s *store) Delete(object any) error {
	defer s.changed()
	return s.Store.Delete(object)
}

func (s *store) Replace(list []any, version string) error {
	defer s.changed()
	err := s.Store.Replace(list, version)
	s.listed.Store(err == nil)
	return err
}

// source is where a feed's objects come from.
type source struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported asks for a list before the watch: a list that
// streams waits out its pauses, half a minute long, also after an interrupt.
func (source) IsWatchListSemanticsUnSupported() bool { return true }

// listWatch joins a typed client's two calls; narrow sets the selectors.
func listWatch[L runtime.Object](
	list func(context.Context, metav1.ListOptions) (L, error),
	watchIt func(context.Context, metav1.ListOptions) (watch.Interface, error),
	narrow func(*metav1.ListOptions),
) source {
	return source{&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			narrow(&options)
			if options.ResourceVersion == "0" {
				options.ResourceVersion = "" // the server's cache may lack what was just written
			}
			return list(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			narrow(&options)
			return watchIt(ctx, options)
		},
	}}
}

// byLabel and byField narrow a feed.
func byLabel(selector string) func(*metav1.ListOptions) {
	return func(o *metav1.ListOptions) { o.LabelSelector = selector }
}

func byField(selector string) func(*metav1.ListOptions) {
	return func(o *metav1.ListOptions) { o.FieldSelector = selector }
}

// settled tells that the feed has all it can get for now: it has listed, or
// may not.
func (f *feed) settled() bool {
	return f.store.listed.Load() || f.missing() != nil
}

// missing is what could not be read, nil while the feed is fine.
func (f *feed) missing() *view.Unread {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unread
}

func (f *feed) setMissing(u *view.Unread) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unread = u
}

// failsSince returns when the part began to fail, which is now if it was well.
func (f *feed) failsSince(now time.Time) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing.IsZero() {
		f.failing = now
	}
	return f.failing
}

// recovered takes note that the feed can be read, and reports whether it was
// missing.
func (f *feed) recovered() (wasMissing bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wasMissing = f.unread != nil
	f.unread, f.failing = nil, time.Time{}
	return wasMissing
}

// objects are the feed's objects in no order.
func objects[T any](f *feed) []T {
	stored := f.store.List()
	out := make([]T, 0, len(stored))
	for _, object := range stored {
		out = append(out, object.(T))
	}
	return out
}

// feeds are several kinds followed together.
type feeds struct {
	client *Client
	all    []*feed
	// changed gets a token after any change; it holds at most one.
	changed chan struct{}
	// trouble gets an error when the server does not answer.
	trouble chan error
	// limit bounds the lists of parts.
	limit *partLimit
	// answered is when all but parts had settled; run sets it before it first
	// calls react.
	answered time.Time

	mu sync.Mutex
	// away: the last that was heard of the server is that it is not there.
	away bool
	// back is when the server was last found again.
	back time.Time
	// failing are the feeds that lost the server and have not found it again.
	failing map[*feed]bool
}

func newFeeds(client *Client) *feeds {
	return &feeds{
		client: client, changed: make(chan struct{}, 1), trouble: make(chan error, 1),
		limit: newPartLimit(), failing: map[*feed]bool{},
	}
}

// retries are the pauses before what failed is tried again. A person looks on,
// so they do not grow to a controller's half minute.
func retries() *wait.Backoff {
	return &wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Steps: 4, Cap: 2 * time.Second, Jitter: 0.5}
}

// add follows one more kind. trim drops from each object what is not needed.
func (fs *feeds) add(resource, namespace, lacks string, from source, example runtime.Object, trim cache.TransformFunc) *feed {
	f := &feed{access: access{"watch", resource, namespace}, lacks: lacks}
	f.store = &store{Store: cache.NewStore(cache.MetaNamespaceKeyFunc, cache.WithTransformer(trim)), changed: fs.news}
	f.reflector = cache.NewReflectorWithOptions(fs.noticing(f, from), example, f.store, cache.ReflectorOptions{Backoff: retries()})
	fs.all = append(fs.all, f)
	return f
}

// addPart follows a kind without which the others are shown: if it fails, or
// does not answer in time, it is missing and nothing else.
func (fs *feeds) addPart(resource, namespace, lacks string, from source, example runtime.Object, trim cache.TransformFunc) *feed {
	f := fs.add(resource, namespace, lacks, from, example, trim)
	f.part = true
	return f
}

// noticing is a source whose errors are told; not all of them get out of a
// reflector. It takes note also when the server answers again and when what
// could not be read can be: a watch begins only after its list came through.
func (fs *feeds) noticing(f *feed, from source) source {
	return source{&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			if f.part {
				bounded, stop := fs.limit.bound(ctx)
				defer stop()
				ctx = bounded
			}
			list, err := from.ListWithContext(ctx, options)
			if err = partError(ctx, err); err != nil {
				fs.failed(f, err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			w, err := from.WatchWithContext(ctx, options)
			if err != nil {
				fs.failed(f, err)
				return w, err
			}
			if f.recovered() {
				fs.touch()
			}
			fs.found(f)
			return w, nil
		},
	}}
}

// failed tells a kind that may not be read, which the view says in its place,
// from a server that does not answer, after which the feed tries again.
func (fs *feeds) failed(f *feed, err error) {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || errors.Is(err, context.Canceled) {
		return // the ordinary end of a watch, or of all
	}
	u, _ := unreadFrom(err, f.access, f.lacks)
	switch {
	case u.Reason != view.Failed:
		f.setMissing(&u)
		fs.found(f) // a refusal is an answer
		fs.touch()
		return
	case f.part && !apierrors.IsUnauthorized(err):
		fs.partFailed(f, u)
		return
	}
	if fs.lose(f, noServer(err)) {
		fs.tell(fs.client.explain(err, f.access, ""))
	}
}

// partFailed takes note of a part that fails. One that was read before counts as
// missing only if it goes on failing while the server is there: a server that
// restarts fails at everything for a while, and that is told once.
func (fs *feeds) partFailed(f *feed, u view.Unread) {
	now := time.Now()
	since := f.failsSince(now)
	if f.store.listed.Load() && (now.Sub(since) < partTimeout || !fs.isThereFor(partTimeout, now)) {
		return
	}
	f.setMissing(&u)
	fs.touch()
}

func (fs *feeds) tell(err error) {
	select {
	case fs.trouble <- err:
	default:
	}
}

// noServer tells a server that is not there from one that fails at something.
func noServer(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err)
}

// lose takes note of a feed that the server does not answer. It is true for
// the first since all of them got answers, so that an outage is told once.
func (fs *feeds) lose(f *feed, away bool) (first bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	first = len(fs.failing) == 0
	fs.failing[f], fs.away = true, fs.away || away
	return first
}

// found takes note of a feed that the server answers.
func (fs *feeds) found(f *feed) {
	fs.mu.Lock()
	delete(fs.failing, f)
	fs.mu.Unlock()
	fs.heard()
}

// heard takes note of a sign of the server. What is shown of an outage goes.
func (fs *feeds) heard() {
	fs.mu.Lock()
	back := fs.away
	fs.away = false
	if back {
		fs.back = time.Now()
	}
	fs.mu.Unlock()
	if back {
		fs.touch()
	}
}

// isAway tells whether the server was not there when it was last tried.
func (fs *feeds) isAway() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.away
}

// wasAway reports whether the server is or was away.
func (fs *feeds) wasAway() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.away || !fs.back.IsZero()
}

// isThereFor reports whether the server has not been away for at least d.
func (fs *feeds) isThereFor(d time.Duration, now time.Time) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return !fs.away && now.Sub(fs.back) >= d
}

// news is a change that the server told of.
func (fs *feeds) news() {
	fs.heard()
	fs.touch()
}

func (fs *feeds) touch() {
	select {
	case fs.changed <- struct{}{}:
	default:
	}
}

func (fs *feeds) settled() bool {
	return !slices.ContainsFunc(fs.all, func(f *feed) bool { return !f.unawaited && !f.settled() })
}

// essentialSettled reports whether all but parts are settled.
func (fs *feeds) essentialSettled() bool {
	return !slices.ContainsFunc(fs.all, func(f *feed) bool { return !f.part && !f.settled() })
}

// run follows all feeds until ctx ends or react says so. react is called after
// the first lists, then after changes, at most once in every interval; woken
// is called also when nothing changed but wake has passed (0: never).
func (fs *feeds) run(ctx context.Context, interval, wake time.Duration, react func() (done bool, err error)) error {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for _, f := range fs.all {
		running.Go(func() { f.reflector.RunWithContext(ctx) })
	}
	if err := fs.settle(ctx); err != nil {
		return err
	}
	var tick <-chan time.Time
	if wake > 0 {
		ticker := time.NewTicker(wake)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		if done, err := react(); done || err != nil {
			return err
		}
		if err := pause(ctx, interval); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
		case <-fs.changed:
		}
	}
}

// settle waits until all feeds have listed or cannot be read. Parts that are still
// being read after firstTimeout are missing until they are.
func (fs *feeds) settle(ctx context.Context) error {
	var late <-chan time.Time
	for {
		if late == nil && fs.essentialSettled() {
			fs.answered = time.Now()
			fs.limit.start()
			timer := time.NewTimer(firstTimeout)
			defer timer.Stop()
			late = timer.C
		}
		if fs.settled() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			fs.passOver()
		case <-fs.changed:
		}
	}
}

// passOver has all parts that are still being read be missing for now.
func (fs *feeds) passOver() {
	for _, f := range fs.all {
		if f.part && !f.settled() {
			u, _ := unreadFrom(errIncomplete, f.access, f.lacks)
			f.setMissing(&u)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
