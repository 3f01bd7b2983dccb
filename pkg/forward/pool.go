package forward

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
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
	// prepareTimeout bounds the dialing of a tunnel that no connection waits for.
	prepareTimeout = 30 * time.Second
)

// A pool holds the tunnels to one pod. TCP connections that share a tunnel wait for
// each other if a reader is slow, so each gets one to itself. Tunnels are used
// again, and one is dialed ahead, because to dial takes several round trips to the
// API server and on to the node (TCP, TLS, upgrade), and streams in a tunnel that
// is there take one: small requests on connections of their own, as browsers and
// scripts make them, would be slower than kubectl's without it.
type pool struct {
	dial Dial
	// ctx ends with the pool, and all tunnels with it.
	ctx context.Context
	end context.CancelCauseFunc

	mu sync.Mutex
	// tunnels are those that are open or being dialed.
	tunnels []*tunnel
}

func newPool(dial Dial) *pool {
	p := &pool{dial: dial}
	p.ctx, p.end = context.WithCancelCause(context.Background())
	go func() {
		for pause(p.ctx, sweepInterval) == nil {
			p.sweep()
		}
	}()
	return p
}

// A lease is the use of a tunnel by one TCP connection.
type lease struct {
	*tunnel
	pool *pool
	// reused: the tunnel was there before and has no other user, so that it may
	// have died unnoticed.
	reused bool
	// rested: the client has ended its side.
	rested bool
}

// acquire leases a tunnel without users, or a new one; if there are too many, the
// one with the fewest. One more is kept ready for the next.
func (p *pool) acquire(ctx context.Context) (*lease, error) {
	l := p.lease(ctx)
	var err error
	select {
	case <-l.dialed:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.prepare()
		return l, nil
	case <-l.ctx.Done():
		err = context.Cause(l.ctx)
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.end(true)
	return nil, err
}

// lease leases a tunnel that may still have to be dialed.
func (p *pool) lease(ctx context.Context) *lease {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(func(t *tunnel) bool { return t.isClosed() || t.isDead() })
	full := len(p.tunnels) >= maxTunnels
	var least *tunnel
	for _, t := range p.tunnels {
		if (full || t.isDialed()) && !t.spoiled && !t.isSilent() && (least == nil || t.users < least.users) {
			least = t
		}
	}
	reused := least != nil && least.users == 0
	if least == nil || !reused && !full {
		least = p.add()
		go least.dial(ctx, p.dial)
	}
	least.users++
	least.carried++
	return &lease{tunnel: least, pool: p, reused: reused}
}

// prepare dials a tunnel for the next TCP connection if none is ready.
func (p *pool) prepare() {
	if len(p.tunnels) >= maxTunnels || slices.ContainsFunc(p.tunnels, (*tunnel).isFree) {
		return
	}
	t := p.add()
	go func() {
		ctx, cancel := context.WithTimeout(p.ctx, prepareTimeout)
		defer cancel()
		t.dial(ctx, p.dial) // a connection that needs one reports the error
	}()
}

func (p *pool) add() *tunnel {
	t := newTunnel(p.ctx)
	p.tunnels = append(p.tunnels, t)
	return t
}

// sweep replaces dead tunnels by one that is ready, and closes those that have been
// idle for a while, all but a few.
func (p *pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drop((*tunnel).isDead) {
		p.prepare()
	}
	idle := 0
	p.drop(func(t *tunnel) bool {
		if t.carried > 0 {
			return false
		}
		idle++
		return idle > maxIdle && time.Since(t.idle) >= idleFor
	})
}

// drop closes and forgets some tunnels, and reports whether there were any.
func (p *pool) drop(which func(*tunnel) bool) bool {
	before := len(p.tunnels)
	p.tunnels = slices.DeleteFunc(p.tunnels, func(t *tunnel) bool {
		dropped := which(t)
		if dropped {
			t.close(errLost)
		}
		return dropped
	})
	return len(p.tunnels) < before
}

// suspect is called if a tunnel accepts no stream: those without users have most
// likely died with it, and take no other TCP connection.
func (p *pool) suspect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tunnels {
		t.spoiled = t.spoiled || t.users == 0
	}
	p.drop((*tunnel).isUseless)
}

// rest reports that the client has ended its side. Most have then read all that
// they want, so another TCP connection may use the tunnel as well.
func (l *lease) rest() {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	l.leave()
}

func (l *lease) leave() {
	if !l.rested {
		l.rested = true
		l.users--
	}
}

// end returns the tunnel. It is used again only if the connection ended well.
func (l *lease) end(well bool) {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	l.leave()
	l.carried--
	l.idle = time.Now()
	l.spoiled = l.spoiled || !well
	l.pool.drop((*tunnel).isUseless)
}

// open opens streams in the leased tunnel, and returns the tunnel if that fails.
func (l *lease) open(ctx context.Context, timeout time.Duration, port uint16, id uint64) (pair, error) {
	streams, err := l.tunnel.open(ctx, timeout, port, id)
	if errors.Is(err, errTimeout) {
		l.pool.suspect()
	}
	if err != nil {
		l.end(false)
	}
	return streams, err
}
