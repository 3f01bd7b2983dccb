package logs

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Options say which logs are printed, and how.
type Options struct {
	Open Open
	// Part is what is printed of the logs that exist at first. Those of containers
	// that come later are printed whole.
	Part Part
	// Containers are the names of the containers whose logs are printed; none for
	// all.
	Containers []string
	// Print is called with one line at a time.
	Print func(Line) error
	// Late is called by Read with logs that have sent nothing for a while: the
	// lines of the others are no longer held back for theirs. It may be nil.
	Late func([]Source)
	// Denied is called by Follow, once, if a log that was read before is refused
	// for longer than a restart of the server explains. It may be nil.
	Denied func(error)
}

func (o Options) selected(sources []Source) []Source {
	return slices.DeleteFunc(slices.Clone(sources), func(s Source) bool {
		return len(o.Containers) > 0 && !slices.Contains(o.Containers, s.Container)
	})
}

// A Failure is a log that could not be read to its end, and why.
type Failure struct {
	Source
	Err error
}

// Final reports whether the log was refused, so that a retry does not help.
func (f Failure) Final() bool { return refused(f.Err) }

// Read prints the logs of some containers as they are now, in the order of
// time. A log that sends nothing for some seconds is no longer waited for: its
// lines are printed when they come. Read returns how many containers have a
// log; those without one are skipped. A log that fails is among failed, and
// costs the others nothing; err is that of printing.
func Read(ctx context.Context, sources []Source, o Options) (found int, failed []Failure, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	sources = o.selected(sources)
	m := newMerger(false, o.Print)
	var reading sync.WaitGroup
	ends := make([]error, len(sources))
	for i, source := range sources {
		q := m.add(source)
		reading.Go(func() {
			defer q.close()
			ends[i] = newReader(source, o.Open, q.push).once(ctx, source, o.Part)
		})
	}
	if o.Late != nil {
		reading.Go(func() { m.late(ctx, o.Late) })
	}
	err = m.run(ctx)
	stop()
	reading.Wait()
	for i, end := range ends {
		if errors.Is(end, ErrNone) {
			continue
		}
		found++
		if end != nil {
			failed = append(failed, Failure{sources[i], end})
		}
	}
	return found, failed, err
}

// Follow prints the logs of containers, and of those that come later, about in the
// order of time, until ctx ends. watch calls show with the containers that there are,
// and again after every change, until its context ends, which is no error, or show
// returns one.
func Follow(ctx context.Context, watch func(ctx context.Context, show func([]Source) error) error, o Options) error {
	group, ctx := errgroup.WithContext(ctx)
	f := &follower{
		options: o,
		merger:  newMerger(true, o.Print),
		readers: map[key]*reader{},
		start:   group.Go,
	}
	group.Go(func() error { return f.merger.run(ctx) })
	group.Go(func() error {
		return watch(ctx, func(sources []Source) error {
			f.update(ctx, sources)
			return nil
		})
	})
	return group.Wait()
}

// A follower has a reader for each container.
type follower struct {
	options Options
	merger  *merger
	readers map[key]*reader
	start   func(func() error)
	// joined: the containers that were there at first are known.
	joined bool
	// denied reports the first refusal that lasts: those of all logs are the same.
	denied sync.Once
}

func (f *follower) update(ctx context.Context, sources []Source) {
	there := map[key]bool{}
	for _, source := range f.options.selected(sources) {
		there[source.key()] = true
		if r := f.readers[source.key()]; r != nil {
			r.update(source, false)
		} else {
			f.join(ctx, source)
		}
	}
	for k, r := range f.readers {
		if !there[k] {
			source, _, _ := r.now()
			r.update(source, true)
			delete(f.readers, k)
		}
	}
	f.joined = true
}

func (f *follower) join(ctx context.Context, source Source) {
	q := f.merger.add(source)
	r := newReader(source, f.options.Open, q.push)
	if f.options.Denied != nil {
		r.denied = func(err error) { f.denied.Do(func() { f.options.Denied(err) }) }
	}
	part := f.options.Part
	if f.joined {
		part, r.seen = Part{Follow: true, Tail: -1}, 0
	}
	f.readers[source.key()] = r
	f.start(func() error {
		defer q.close()
		return r.run(ctx, part)
	})
}
