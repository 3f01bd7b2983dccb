package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Destination is where one connection goes.
type Destination struct {
	// Pod tells the pod from every other, also from a later one of its name: its
	// uid.
	Pod string
	// Name is the pod's name, for messages.
	Name string
	Port uint16
	Dial Dial
}

// Options are those of a Forwarder.
type Options struct {
	// Grace is how long a connection waits for a pod, and for a way to it.
	Grace time.Duration
	// Final tells an error of Dial that waiting does not cure.
	Final func(error) bool
	// Failed is told why a connection could not be made. It is called by many
	// goroutines.
	Failed func(error)
}

// Forwarder carries connections to pods.
type Forwarder struct {
	options Options
	ids     atomic.Uint64
	open    atomic.Int64

	mu    sync.Mutex
	pools map[string]*pool
	// kept is the only pod that connections may lead to; "" for any.
	kept string
}

// New is a forwarder that listens to nothing yet.
func New(options Options) *Forwarder {
	return &Forwarder{options: options, pools: map[string]*pool{}}
}

// Busy tells whether connections are open, or waiting.
func (f *Forwarder) Busy() bool { return f.open.Load() > 0 }

// Keep closes all connections that lead to other pods than this one.
func (f *Forwarder) Keep(pod string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = pod
	for id, p := range f.pools {
		if id != pod {
			p.end()
			delete(f.pools, id)
		}
	}
}

// Try opens a way to a destination, to find out whether there is one, and
// leaves it open for the first connection.
func (f *Forwarder) Try(ctx context.Context, d Destination) error {
	p, err := f.pool(d)
	if err != nil {
		return err
	}
	l, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	l.end(true)
	return nil
}

// Serve takes connections from listeners until ctx ends, and then closes these
// and all connections. resolve says where a new connection goes; it waits until
// that can be said, or its context ends.
func (f *Forwarder) Serve(ctx context.Context, listeners []net.Listener, resolve func(context.Context) (Destination, error)) {
	stop := context.AfterFunc(ctx, func() { Close(listeners) })
	defer stop()
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() {
			var carrying sync.WaitGroup
			defer carrying.Wait()
			for {
				conn, err := l.Accept()
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err != nil {
					// As when too many files are open: some will be closed.
					_ = pause(ctx, acceptPause)
					continue
				}
				carrying.Go(func() { f.carry(ctx, conn.(*net.TCPConn), resolve) })
			}
		})
	}
	serving.Wait()
	f.Keep("none")
}

// acceptPause is the wait after a listener failed to accept.
const acceptPause = 50 * time.Millisecond

// carry carries one connection to its end.
func (f *Forwarder) carry(ctx context.Context, local *net.TCPConn, resolve func(context.Context) (Destination, error)) {
	f.open.Add(1)
	defer f.open.Add(-1)
	l, err := f.lead(ctx, resolve)
	if err != nil {
		abort(local)
		f.failed(ctx, err)
		return
	}
	well, err := transfer(ctx, local, l)
	l.end(well)
	if well {
		linger(ctx, local)
	}
	if err != nil {
		f.failed(ctx, fmt.Errorf("port %d of pod %q: %w", l.to.Port, l.to.Name, err))
	}
}

func (f *Forwarder) failed(ctx context.Context, err error) {
	if ctx.Err() == nil {
		f.options.Failed(err)
	}
}

// line is the way that was opened for one connection.
type line struct {
	*lease
	pair
	to Destination
}

// lead opens the way for one connection. Nothing of it has been sent so far, so
// that another way may be tried until the grace is over; one is tried in any
// case.
func (f *Forwarder) lead(ctx context.Context, resolve func(context.Context) (Destination, error)) (line, error) {
	opening, cancel := context.WithTimeout(ctx, max(f.options.Grace, streamTimeout))
	defer cancel()
	ctx, over := context.WithTimeout(opening, f.options.Grace)
	defer over()
	var cause error
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		l, err := f.try(ctx, opening, resolve)
		if err == nil || f.options.Final(err) {
			return l, err
		}
		// That time is over says less than what went wrong before.
		if cause == nil || ctx.Err() == nil {
			cause = err
		}
		if pause(ctx, wait) != nil {
			return line{}, cause
		}
	}
}

// Pauses between two tries to lead a connection.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// try waits for a destination while the grace lasts, and opens a way to it.
func (f *Forwarder) try(grace, ctx context.Context, resolve func(context.Context) (Destination, error)) (line, error) {
	d, err := resolve(grace)
	if err != nil {
		return line{}, err
	}
	p, err := f.pool(d)
	if err != nil {
		return line{}, err
	}
	for {
		l, err := p.acquire(ctx)
		if err != nil {
			return line{}, err
		}
		streams, err := l.open(ctx, d.Port, f.ids.Add(1))
		switch {
		case err == nil:
			return line{lease: l, pair: streams, to: d}, nil
		case !errors.Is(err, errReused):
			return line{}, err
		}
	}
}

func (f *Forwarder) pool(d Destination) (*pool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept != "" && f.kept != d.Pod {
		return nil, errMoved
	}
	p := f.pools[d.Pod]
	if p == nil {
		p = newPool(d.Dial)
		f.pools[d.Pod] = p
	}
	return p, nil
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
