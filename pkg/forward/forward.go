package forward

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A Destination is where one connection goes.
type Destination struct {
	// Pod is the pod's uid, which distinguishes it from a later one of its name.
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
	// Failed reports why a connection failed. It is called by many goroutines.
	Failed func(error)
}

// Permanent marks the error of a destination that waiting does not cure.
type Permanent struct{ Err error }

// Error implements error.
func (e Permanent) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e Permanent) Unwrap() error { return e.Err }

// timing says how long a connection may take to begin and to end.
type timing struct {
	// stream bounds the opening of streams: a node accepts them at once, or the
	// tunnel is dead. reuse bounds it in a tunnel that was idle and may have died
	// unnoticed: to dial a new one takes less time.
	stream, reuse time.Duration
	// halfClosed is how long the pod has to be silent, once the client has ended
	// its side, before that is passed on. Container runtimes cut a connection off
	// one second after either side ended: an answer that is still to come would be
	// lost.
	halfClosed time.Duration
	// report is how long after the end of the data the node's error message may
	// come.
	report time.Duration
	// linger is how long a client may go on sending after the pod has ended the
	// connection. To close it at once would discard, on some systems, what the
	// client has not read yet.
	linger time.Duration
}

// A Forwarder carries connections to pods.
type Forwarder struct {
	options     Options
	timing      timing
	ids         atomic.Uint64
	connections atomic.Int64

	mu    sync.Mutex
	pools map[string]*pool
	// kept is the only pod that connections may go to; "" for any.
	kept   string
	closed bool
}

// New returns a Forwarder that listens on nothing yet.
func New(options Options) *Forwarder {
	return &Forwarder{options: options, pools: map[string]*pool{}, timing: timing{
		stream:     10 * time.Second,
		reuse:      2 * time.Second,
		halfClosed: 5 * time.Second,
		report:     250 * time.Millisecond,
		linger:     time.Second,
	}}
}

// Busy reports whether connections are open or waiting.
func (f *Forwarder) Busy() bool { return f.connections.Load() > 0 }

// Keep closes all connections that go to other pods than this one.
func (f *Forwarder) Keep(pod string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = pod
	f.closePools(pod)
}

// Close closes all connections.
func (f *Forwarder) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.closePools("")
}

// closePools closes all pools but that of a pod.
func (f *Forwarder) closePools(but string) {
	for pod, p := range f.pools {
		if pod != but {
			p.end(errMoved)
			delete(f.pools, pod)
		}
	}
}

// Try opens a tunnel to a destination, to find out whether that is possible, and
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
// and all connections. resolve returns where a new connection goes; it waits until
// that is known, or its context ends.
func (f *Forwarder) Serve(ctx context.Context, listeners []net.Listener, resolve func(context.Context) (Destination, error)) {
	stop := context.AfterFunc(ctx, func() { Close(listeners) })
	defer stop()
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() {
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
				serving.Go(func() { f.carry(ctx, conn.(*net.TCPConn), resolve) })
			}
		})
	}
	serving.Wait()
	f.Close()
}

// acceptPause is the wait after a listener failed to accept.
const acceptPause = 50 * time.Millisecond

// carry carries one connection to its end.
func (f *Forwarder) carry(ctx context.Context, local *net.TCPConn, resolve func(context.Context) (Destination, error)) {
	f.connections.Add(1)
	defer f.connections.Add(-1)
	c, err := f.open(ctx, resolve)
	if err != nil {
		abort(local)
	} else {
		var well bool
		well, err = c.transfer(ctx, local, f.timing)
		c.end(well)
		if well {
			linger(ctx, local, f.timing.linger)
		}
	}
	if err != nil && ctx.Err() == nil {
		f.options.Failed(err)
	}
}

// A channel is what was opened for one connection: streams in a leased tunnel.
type channel struct {
	*lease
	pair
	to Destination
}

// open opens the channel of one connection. Since nothing has been sent so far, it
// is tried again until the grace is over; it is tried once in any case.
func (f *Forwarder) open(ctx context.Context, resolve func(context.Context) (Destination, error)) (channel, error) {
	opening, cancel := context.WithTimeout(ctx, max(f.options.Grace, f.timing.stream))
	defer cancel()
	ctx, stop := context.WithTimeout(opening, f.options.Grace)
	defer stop()
	var cause error
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		c, err := f.try(ctx, opening, resolve)
		if err == nil || errors.As(err, new(Permanent)) {
			return c, err
		}
		// That time is over explains less than what went wrong before.
		if cause == nil || ctx.Err() == nil {
			cause = err
		}
		if pause(ctx, wait) != nil {
			return channel{}, cause
		}
	}
}

// Pauses between two tries to open a channel.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// try waits for a destination while the grace lasts, and opens a channel to it.
func (f *Forwarder) try(grace, ctx context.Context, resolve func(context.Context) (Destination, error)) (channel, error) {
	d, err := resolve(grace)
	if err != nil {
		return channel{}, err
	}
	p, err := f.pool(d)
	if err != nil {
		return channel{}, err
	}
	for {
		l, err := p.acquire(ctx)
		if err != nil {
			return channel{}, err
		}
		timeout := f.timing.stream
		if l.reused {
			timeout = f.timing.reuse
		}
		streams, err := l.open(ctx, timeout, d.Port, f.ids.Add(1))
		if err == nil {
			return channel{l, streams, d}, nil
		}
		// A tunnel that was idle may have died: another is tried at once.
		if !l.reused || !errors.Is(err, errTimeout) && !errors.Is(err, errLost) {
			return channel{}, err
		}
	}
}

func (f *Forwarder) pool(d Destination) (*pool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.kept != "" && f.kept != d.Pod {
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
