package logs

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

const (
	// overlap is how much of a log is read again after it broke off: lines of
	// several streams of a container may be a little out of order, and servers
	// regard whole seconds only.
	overlap = 2 * time.Second
	// Pauses before a log that ended is reopened.
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
	// settled is how long after a log was reopened its container's restart may
	// still be reported: the report of a restart can take longer than reopening.
	settled = time.Minute
	// previousPatience is how long reading the previous log is retried before
	// the current one is read without it.
	previousPatience = 10 * time.Second
	// deniedFor is how long a log that was read before may be refused until that
	// is reported: a server that has just started may refuse what it will allow.
	deniedFor = 5 * time.Second
)

// A reader follows the log of one container.
type reader struct {
	open Open
	take func(Line)
	// denied is called with a refusal that lasts.
	denied func(error)

	mu     sync.Mutex
	source Source
	gone   bool
	// changed is closed, and replaced, whenever the source changes.
	changed chan struct{}

	// seen is how often the container had been restarted when its log was last
	// opened, or when its log is to begin; below zero before the log of the present
	// container was opened.
	seen   int
	recent recent
	// begun is about when the log was first opened, unless it is read from its
	// beginning.
	begun time.Time
	// reopened is when the log was last opened.
	reopened time.Time
	// refusedSince and failingSince are when the log was first refused and when
	// the previous log could first not be read; zero if the last try succeeded.
	refusedSince, failingSince time.Time
}

func newReader(source Source, open Open, take func(Line)) *reader {
	return &reader{
		open: open, take: take, denied: func(error) {},
		source: source, changed: make(chan struct{}), seen: -1, recent: newRecent(),
	}
}

// update sets the present state of the reader's container; gone reports that the
// container no longer exists.
func (r *reader) update(source Source, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if source == r.source && gone == r.gone {
		return
	}
	r.source, r.gone = source, gone
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *reader) now() (source Source, gone bool, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source, r.gone, r.changed
}

// run follows the log, from the part that is given, until the container is
// gone or ctx ends. It returns an error only if the log of the instance that is
// there is refused when it is first opened. Whatever else fails is retried.
func (r *reader) run(ctx context.Context, part Part) error {
	for wait := firstPause; ctx.Err() == nil; wait = min(2*wait, longestPause) {
		opened, gone, changed := r.now()
		if !opened.Started && !gone {
			await(ctx, changed, 0)
			wait = firstPause
			continue
		}
		err := r.previous(ctx, opened)
		if err == nil {
			err = r.current(ctx, opened, part)
		}
		switch {
		case err == nil:
			wait = firstPause
		case refused(err) && r.seen < 0:
			return err
		}
		r.report(err)
		if !r.recent.empty() || !r.begun.IsZero() {
			part = r.rest(Part{Follow: true, Tail: -1})
		}
		switch latest, gone, changed := r.now(); {
		case gone:
			return nil
		case err == nil && !opened.Running && latest == opened:
			// It had ended when it was read: wait until it is restarted.
			await(ctx, changed, 0)
		default:
			await(ctx, changed, wait)
		}
	}
	return nil
}

// previous reads the rest of the previous instance's log if the container has
// been restarted since its log was opened. It returns an error if that is to be
// retried before the current log is read.
func (r *reader) previous(ctx context.Context, source Source) error {
	if r.seen < 0 || source.Restarts <= r.seen {
		return nil
	}
	err := r.once(ctx, source, r.rest(Part{Previous: true, Tail: -1}))
	if err != nil && !errors.Is(err, ErrNone) {
		if r.failingSince.IsZero() {
			r.failingSince = time.Now()
		}
		if time.Since(r.failingSince) < previousPatience {
			return err
		}
	}
	r.failingSince = time.Time{}
	r.seen = source.Restarts
	r.recent.release()
	return nil
}

// current reads the log until it breaks off or ends. If the log was read
// before, current also returns when a restart is reported, because what is read
// may be the log of the new instance already: what the previous one wrote last
// is then still missing.
func (r *reader) current(ctx context.Context, source Source, part Part) error {
	if r.recent.holding {
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		defer stop()
		go func() {
			defer stop()
			for ctx.Err() == nil {
				latest, _, changed := r.now()
				if latest.Restarts > source.Restarts {
					return
				}
				await(ctx, changed, 0)
			}
		}()
	}
	err := r.once(ctx, source, part)
	if r.seen >= 0 {
		r.recent.hold(r.rest(Part{}).Since)
	}
	return err
}

// report calls denied once for a refusal that lasts.
func (r *reader) report(err error) {
	switch {
	case !refused(err):
		r.refusedSince = time.Time{}
	case r.refusedSince.IsZero():
		r.refusedSince = time.Now()
	case time.Since(r.refusedSince) >= deniedFor:
		r.denied(err)
	}
}

// rest returns a part that begins where reading broke off: after the last line
// that was read, before any after the log was first opened.
func (r *reader) rest(part Part) Part {
	switch {
	case part.Previous && r.recent.holding:
		part.Since = r.recent.from
	case r.recent.empty():
		part.Since = r.begun
	default:
		part.Since = r.recent.last.Add(-overlap)
	}
	return part
}

// refused reports whether err is one that a retry does not cure.
func refused(err error) bool {
	var final interface{ Final() bool }
	return errors.As(err, &final) && final.Final()
}

// once reads a part to its end. Lines that were read before are left out. A
// line that breaks off is left for the next time if there is to be one.
func (r *reader) once(ctx context.Context, source Source, part Part) error {
	log, err := r.open(ctx, source, part)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if r.begun.IsZero() && (part.Tail >= 0 || part.Ago > 0) {
		r.begun = time.Now().Add(-part.Ago - overlap)
	}
	if !part.Previous {
		r.seen, r.reopened = source.Restarts, time.Now()
	}
	again := maps.Clone(r.recent.counts)
	fresh := func(line Line) {
		if again.removeOne(r.recent.identify(line)) {
			return
		}
		r.recent.add(line)
		if r.recent.holding && !part.Previous && time.Since(r.reopened) > settled {
			r.recent.release()
		}
		r.take(line)
	}
	cut, err := lines(source, log, fresh)
	if cut != "" && err == nil && !(part.Follow && source.Running) {
		fresh(parse(source, cut))
	}
	return err
}

// await waits until changed is closed or, if most is not zero, for that time.
func await(ctx context.Context, changed <-chan struct{}, most time.Duration) {
	var timeout <-chan time.Time
	if most > 0 {
		timer := time.NewTimer(most)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-changed:
	case <-timeout:
	case <-ctx.Done():
	}
}
