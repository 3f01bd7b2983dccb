package logs

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// overlap is how much of a log is read once more after it broke off: lines
	// of several streams of a container may be a little out of order, and
	// servers heed whole seconds only.
	overlap = 2 * time.Second
	// Pauses before a log that ended is opened again.
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// reader follows the log of one container.
type reader struct {
	open Open
	take func(Line)

	mu     sync.Mutex
	source Source
	gone   bool
	// news is closed, and made anew, whenever the source changes.
	news chan struct{}

	recent recent
	// begun is about when the log was first opened, where what was said before
	// that is not all wanted.
	begun time.Time
}

func newReader(source Source, open Open, take func(Line)) *reader {
	return &reader{open: open, take: take, source: source, news: make(chan struct{})}
}

// update tells the reader how its container is now; gone that it is no more.
func (r *reader) update(source Source, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if source == r.source && gone == r.gone {
		return
	}
	r.source, r.gone = source, gone
	close(r.news)
	r.news = make(chan struct{})
}

func (r *reader) now() (source Source, gone bool, news <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source, r.gone, r.news
}

// run follows the log, from the part that is given, until the container is
// gone or ctx ends. seen is how often the container had been restarted when
// its log is to begin; below zero for the instance that is there, whose log must
// not be refused. Whatever else goes wrong is tried again: a server that has
// just started may refuse what it will allow.
func (r *reader) run(ctx context.Context, part Part, seen int) error {
	for wait := firstPause; ctx.Err() == nil; wait = min(2*wait, longestPause) {
		opened, gone, news := r.now()
		if !opened.Started && !gone {
			await(ctx, news, 0)
			wait = firstPause
			continue
		}
		if seen >= 0 && opened.Restarts > seen {
			// What its former instance said last may not have been read.
			_ = r.once(ctx, opened, r.rest(Part{Previous: true, Tail: -1}))
		}
		err := r.once(ctx, opened, part)
		switch {
		case err == nil:
			seen, wait = opened.Restarts, firstPause
		case refused(err) && seen < 0:
			return err
		}
		if !r.recent.empty() || !r.begun.IsZero() {
			part = r.rest(Part{Follow: true, Tail: -1})
		}
		switch _, gone, news = r.now(); {
		case gone:
			return nil
		case err == nil && !opened.Running:
			// It had ended when it was read: wait for it to come again.
			await(ctx, news, 0)
		default:
			await(ctx, news, wait)
		}
	}
	return nil
}

// rest is a part that begins where reading broke off: after the last line that
// was read, before any after the log was first opened.
func (r *reader) rest(part Part) Part {
	part.Since = r.begun
	if !r.recent.empty() {
		part.Since = r.recent.last.Add(-overlap)
	}
	return part
}

// refused tells an error that trying again does not cure.
func refused(err error) bool {
	var final interface{ Final() bool }
	return errors.As(err, &final) && final.Final()
}

// once reads a part to its end. Lines that were read before are left out. A
// line that breaks off is left for the next time where there is to be one.
func (r *reader) once(ctx context.Context, source Source, part Part) error {
	log, err := r.open(ctx, source, part)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if r.begun.IsZero() && (part.Tail >= 0 || part.Ago > 0) {
		r.begun = time.Now().Add(-part.Ago - overlap)
	}
	again := r.recent.copy()
	fresh := func(line Line) {
		if !again.remove(line) {
			r.recent.add(line)
			r.take(line)
		}
	}
	cut, err := lines(source, log, fresh)
	if cut != "" && err == nil && !(part.Follow && source.Running) {
		fresh(parse(source, cut))
	}
	return err
}

// await waits for news or, where it is not zero, for a time.
func await(ctx context.Context, news <-chan struct{}, most time.Duration) {
	var timeout <-chan time.Time
	if most > 0 {
		timer := time.NewTimer(most)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-news:
	case <-timeout:
	case <-ctx.Done():
	}
}
