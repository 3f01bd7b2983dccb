package logs

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Options say which logs are wanted, and where they go.
type Options struct {
	Open Open
	// Part is what is wanted of the logs that are there at first. Those of
	// containers that come are read whole.
	Part Part
	// Containers are the names of the containers that are wanted; none for all.
	Containers []string
	// Print is called with one line at a time.
	Print func(Line) error
}

func (o Options) wants(s Source) bool {
	return len(o.Containers) == 0 || slices.Contains(o.Containers, s.Container)
}

// Read prints the logs of some containers as they are now, in the order of
// time. Containers without a log are passed over; read tells how many had one.
func Read(ctx context.Context, sources []Source, o Options) (read int, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	m := newMerger(-1, o.Print)
	group, ctx := errgroup.WithContext(ctx)
	found := make([]bool, len(sources))
	failed := make([]error, len(sources))
	for i, source := range sources {
		if !o.wants(source) {
			continue
		}
		q := m.add()
		group.Go(func() error {
			defer q.close()
			r := newReader(source, o.Open, q.push)
			err := r.once(ctx, source, o.Part)
			found[i] = !errors.Is(err, ErrNone)
			if found[i] {
				failed[i] = err // the others' logs are printed all the same
			}
			return nil
		})
	}
	m.complete()
	group.Go(func() error { return m.run(ctx) })
	err = group.Wait()
	for _, f := range found {
		if f {
			read++
		}
	}
	return read, errors.Join(append(told(failed), err)...)
}

// told are the errors that are worth telling: of refusals, which are the same
// for all, the first.
func told(failed []error) []error {
	seen := false
	return slices.DeleteFunc(failed, func(err error) bool {
		again := seen && refused(err)
		seen = seen || refused(err)
		return again
	})
}

// Watch calls show with the containers that there are, and again after every
// change, until its context ends, which is no error, or show returns one.
type Watch func(ctx context.Context, show func([]Source) error) error

// Follow prints the logs of the containers that watch tells of, and of those
// that come, about in the order of time, until ctx ends.
func Follow(ctx context.Context, watch Watch, o Options) error {
	group, ctx := errgroup.WithContext(ctx)
	f := &follower{
		options: o,
		merger:  newMerger(window, o.Print),
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

// follower has a reader for each container.
type follower struct {
	options Options
	merger  *merger
	readers map[key]*reader
	start   func(func() error)
	// joined: the containers that were there at first are known.
	joined bool
}

func (f *follower) update(ctx context.Context, sources []Source) {
	there := map[key]bool{}
	for _, source := range sources {
		if !f.options.wants(source) {
			continue
		}
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
	part, seen := Part{Follow: true, Tail: -1}, 0
	if !f.joined {
		part, seen = f.options.Part, -1
	}
	q := f.merger.add()
	r := newReader(source, f.options.Open, q.push)
	f.readers[source.key()] = r
	f.start(func() error {
		defer q.close()
		return r.run(ctx, part, seen)
	})
}
