package forward

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"k8s.io/streaming/pkg/httpstream"
)

const (
	// maxTunnels bounds the connections to the API server for one pod. Beyond
	// it, TCP connections share them.
	maxTunnels = 64
	// maxIdle is how many idle tunnels are kept, and idleFor how long further ones
	// are: after many connections at once there often come as many again.
	maxIdle = 4
	idleFor = 15 * time.Second
	// sweepInterval is how often idle tunnels that are dead or too many are closed.
	sweepInterval = 5 * time.Second
	// streamTimeout bounds the opening of streams: a node accepts them at once,
	// or the tunnel is dead. reuseTimeout bounds it in a tunnel that was idle and
	// may have died unnoticed: to dial a new one takes less time.
	streamTimeout = 10 * time.Second
	reuseTimeout  = 2 * time.Second
	// prepareTimeout bounds the dialing of a tunnel that no connection waits for.
	prepareTimeout = 30 * time.Second
)

// errReused is the error of a tunnel that was idle, and died: another is tried at
// once.
var errReused = errors.New("the connection to the pod had died")

// A pool holds the tunnels to one pod. TCP connections that share a tunnel wait for
// each other if a reader is slow, so each gets one to itself. Tunnels are used
// again, and one is dialed ahead, because to dial takes several round trips to the
// API server and on to the node (TCP, TLS, upgrade), and streams in a tunnel that
// is there take one: small requests on connections of their own, as browsers and
// scripts make them, would be slower than kubectl's without it.
type pool struct {
	dial Dial

	mu      sync.Mutex
	tunnels []*tunnel
	// dialing counts the tunnels that are being dialed.
	dialing int
	ended   bool
	// dialed is closed, and replaced, whenever dialing has succeeded or failed.
	dialed chan struct{}
	// sweeping: a sweep is scheduled.
	sweeping bool
}

func newPool(dial Dial) *pool { return &pool{dial: dial, dialed: make(chan struct{})} }

// A lease is the use of a tunnel by one TCP connection.
type lease struct {
	*tunnel
	pool *pool
	// reused: the tunnel was there before and has no other user, so that it may
	// have died unnoticed.
	reused bool
	// since is when it was leased.
	since time.Time
	// rested: the client has ended its side; returned: the lease is over.
	rested, returned bool
}

// acquire leases a tunnel without users, or a new one; if there are too many, the
// one with the fewest. One more is kept ready for the next.
func (p *pool) acquire(ctx context.Context) (*lease, error) {
	for {
		l, wait, err := p.take()
		if err != nil {
			return nil, err
		}
		if l == nil && wait == nil {
			t, err := p.add(ctx, 1)
			if err != nil {
				return nil, err
			}
			l = &lease{tunnel: t, pool: p, since: time.Now()}
		}
		if l != nil {
			p.prepare()
			return l, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take leases a tunnel that is there, or returns a channel to wait for; neither if
// the caller is to dial another.
func (p *pool) take() (l *lease, wait <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil, nil, errMoved
	}
	p.drop(func(t *tunnel) bool { return t.closed() || t.dead() })
	var least *tunnel
	for _, t := range p.tunnels {
		if !t.spoiled && !t.silent() && (least == nil || t.users < least.users) {
			least = t
		}
	}
	full := len(p.tunnels)+p.dialing >= maxTunnels
	switch {
	case least != nil && (least.users == 0 || full):
		least.users++
		return &lease{tunnel: least, pool: p, reused: least.users == 1, since: time.Now()}, nil, nil
	case full && p.dialing > 0:
		return nil, p.dialed, nil
	}
	p.dialing++
	return nil, nil, nil
}

// prepare dials a tunnel for the next TCP connection if none is ready.
func (p *pool) prepare() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.dialing > 0 || len(p.tunnels) >= maxTunnels || slices.ContainsFunc(p.tunnels, (*tunnel).ready) {
		return
	}
	p.dialing++
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), prepareTimeout)
		defer cancel()
		_, _ = p.add(ctx, 0) // a connection that needs one reports the error
	}()
}

// add dials one more tunnel, which then has this many users.
func (p *pool) add(ctx context.Context, users int) (*tunnel, error) {
	type dialed struct {
		conn httpstream.Connection
		err  error
	}
	result := make(chan dialed, 1)
	go func() {
		conn, err := p.dial(ctx)
		result <- dialed{conn, err}
	}()
	select {
	case d := <-result:
		return p.added(d.conn, d.err, users)
	case <-ctx.Done():
		go func() {
			if d := <-result; d.err == nil {
				_ = d.conn.Close()
			}
		}()
		return p.added(nil, ctx.Err(), users)
	}
}

// added takes in the result of dialing.
func (p *pool) added(conn httpstream.Connection, err error, users int) (*tunnel, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	close(p.dialed)
	p.dialed = make(chan struct{})
	if err != nil {
		return nil, err
	}
	t := newTunnel(conn)
	if p.ended {
		t.close()
		return nil, errMoved
	}
	t.users = users
	p.tunnels = append(p.tunnels, t)
	p.scheduleSweep()
	return t, nil
}

// scheduleSweep has idle tunnels that have died, or are too many, closed from time
// to time as long as there are tunnels.
func (p *pool) scheduleSweep() {
	if p.sweeping || len(p.tunnels) == 0 {
		return
	}
	p.sweeping = true
	time.AfterFunc(sweepInterval, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sweep()
		p.sweeping = false
		p.scheduleSweep()
	})
}

// sweep closes dead tunnels, and replaces them by one that is ready; and those
// that have been idle for a while, all but a few.
func (p *pool) sweep() {
	before := len(p.tunnels)
	p.drop((*tunnel).dead)
	if len(p.tunnels) < before {
		go p.prepare()
	}
	excess := -maxIdle
	for _, t := range p.tunnels {
		if t.unused() {
			excess++
		}
	}
	p.drop(func(t *tunnel) bool {
		if excess <= 0 || !t.unused() || time.Since(t.idle) < idleFor {
			return false
		}
		excess--
		return true
	})
}

// suspect returns a tunnel on which no stream could be opened in time. Others
// without users that were there when it was leased have most likely died with it:
// no TCP connection uses them any more.
func (l *lease) suspect() {
	p := l.pool
	p.mu.Lock()
	for _, t := range p.tunnels {
		t.spoiled = t.spoiled || t.users == 0 && !t.dialed.After(l.since)
	}
	p.drop(func(t *tunnel) bool { return t.spoiled && t.unused() })
	p.mu.Unlock()
	l.end(false)
}

// rest reports that the client has ended its side. Most have then read all that
// they want, so another TCP connection may use the tunnel as well.
func (l *lease) rest() {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	if l.returned {
		return
	}
	l.rested = true
	l.users--
	l.resting++
}

// open opens streams in the leased tunnel, and returns the tunnel if that fails.
// The error is errReused if the tunnel may have died before it was leased.
func (l *lease) open(ctx context.Context, port uint16, id uint64) (pair, error) {
	timeout := streamTimeout
	if l.reused {
		timeout = reuseTimeout
	}
	streams, err := l.tunnel.open(ctx, timeout, port, id)
	switch {
	case err == nil:
		return streams, nil
	case errors.Is(err, errTimeout):
		l.suspect()
	default:
		l.end(false)
	}
	if l.reused && (errors.Is(err, errTimeout) || errors.Is(err, errLost)) {
		return pair{}, errReused
	}
	return pair{}, err
}

// end returns the tunnel. It is used again only if the connection ended well.
func (l *lease) end(well bool) {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	l.returned = true
	if l.rested {
		l.resting--
	} else {
		l.users--
	}
	l.spoiled = l.spoiled || !well
	if !l.unused() {
		return
	}
	if l.spoiled {
		p.drop(func(t *tunnel) bool { return t == l.tunnel })
		return
	}
	l.idle = time.Now()
}

// drop closes tunnels and forgets them.
func (p *pool) drop(which func(*tunnel) bool) {
	var kept []*tunnel
	for _, t := range p.tunnels {
		if which(t) {
			t.close()
		} else {
			kept = append(kept, t)
		}
	}
	p.tunnels = kept
}

// end closes all tunnels, and those that are being dialed.
func (p *pool) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.drop(func(*tunnel) bool { return true })
}
