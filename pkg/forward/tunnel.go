package forward

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/streaming/pkg/httpstream"
)

const (
	// maxTunnels bounds the connections to the API server for one pod. Beyond
	// it, TCP connections share them.
	maxTunnels = 64
	// maxIdle is how many are kept for the next TCP connections, and idleFor how
	// long those beyond are: after many at once often come as many again.
	maxIdle = 4
	idleFor = 15 * time.Second
	// streamTimeout bounds the opening of streams: a node accepts them at once,
	// or the tunnel is dead. reuseTimeout bounds it in a tunnel that was idle and
	// may have died unnoticed: a new one takes less time than to wait for it.
	streamTimeout = 10 * time.Second
	reuseTimeout  = 2 * time.Second
	// prepareTimeout bounds the dialing of a tunnel that no connection waits for.
	prepareTimeout = 30 * time.Second
	// silentFor is how long nothing may come through an idle tunnel whose other
	// end is pinged every five seconds: longer, and it is dead.
	silentFor = 10 * time.Second
	// lookEvery is how often idle tunnels are checked for that.
	lookEvery = 5 * time.Second
)

var (
	errLost    = errors.New("the connection to the pod was lost")
	errTimeout = errors.New("the node accepted no stream in time")
	// errReused is the error of a tunnel that was idle before, and dead: another
	// may be tried at once.
	errReused = errors.New("the connection to the pod had died")
	errMoved  = errors.New("the pod is no longer the target pod")
)

// Dial opens a connection that carries port-forward streams to one pod. A
// connection that is a Pinged is closed if it dies while it is idle.
type Dial func(context.Context) (httpstream.Connection, error)

// Pinged is a connection whose other end is asked for a sign of life every five
// seconds.
type Pinged interface {
	// Silence returns for how long it has been waiting for the other end to send
	// anything.
	Silence() time.Duration
}

// tunnel is a connection to one pod that carries streams.
type tunnel struct {
	conn   httpstream.Connection
	dialed time.Time
	// users are the TCP connections that it carries, resting those of them whose
	// client has ended its side; guarded by its pool.
	users, resting int
	// idle is since when it has had none of either; guarded by its pool.
	idle time.Time
	// spoiled: no other TCP connection may use it; guarded by its pool.
	spoiled bool
	// ctx ends when the tunnel is closed from this side.
	ctx   context.Context
	close context.CancelFunc
}

func newTunnel(conn httpstream.Connection) *tunnel {
	now := time.Now()
	t := &tunnel{conn: conn, dialed: now, idle: now}
	t.ctx, t.close = context.WithCancel(context.Background())
	// A connection on which nothing goes through may take its time to close,
	// for which nobody is to wait.
	context.AfterFunc(t.ctx, func() { _ = conn.Close() })
	return t
}

// closed reports whether the tunnel is at its end. Its streams then end as if the
// pod had ended them.
func (t *tunnel) closed() bool {
	select {
	case <-t.conn.CloseChan():
		return true
	case <-t.ctx.Done():
		return true
	default:
		return false
	}
}

// pair are the streams of one TCP connection.
type pair struct {
	data, errors httpstream.Stream
}

// silent reports whether nothing comes from the other end although it is pinged.
// It may be dead, or wait for a pod that reads nothing for a while.
func (t *tunnel) silent() bool {
	pinged, ok := t.conn.(Pinged)
	return ok && pinged.Silence() >= silentFor
}

// dead reports whether the tunnel has died although neither end closed it. Only
// one that carries nothing is judged.
func (t *tunnel) dead() bool { return t.unused() && t.silent() }

// open opens the streams of one TCP connection within the given time. id is
// unique in the tunnel.
func (t *tunnel) open(ctx context.Context, most time.Duration, port uint16, id uint64) (pair, error) {
	type opened struct {
		stream httpstream.Stream
		err    error
	}
	// CreateStream knows no context, and waits for the node to accept. Both
	// streams are asked for at once: the id tells that they belong together.
	create := func(kind string) <-chan opened {
		result := make(chan opened, 1)
		headers := http.Header{}
		headers.Set(corev1.StreamType, kind)
		headers.Set(corev1.PortHeader, strconv.Itoa(int(port)))
		headers.Set(corev1.PortForwardRequestIDHeader, strconv.FormatUint(id, 10))
		go func() {
			stream, err := t.conn.CreateStream(headers)
			result <- opened{stream, err}
		}()
		return result
	}
	failures, data := create(corev1.StreamTypeError), create(corev1.StreamTypeData)
	timeout := time.NewTimer(most)
	defer timeout.Stop()
	var p pair
	for p.data == nil || p.errors == nil {
		var o opened
		select {
		case o = <-failures:
			p.errors = o.stream
		case o = <-data:
			p.data = o.stream
		case <-t.conn.CloseChan():
			o.err = errLost
		case <-t.ctx.Done():
			o.err = errMoved
		case <-timeout.C:
			o.err = errTimeout
		case <-ctx.Done():
			o.err = ctx.Err()
		}
		if o.err != nil {
			return pair{}, o.err
		}
	}
	// Nothing is ever sent on it.
	_ = p.errors.Close()
	return p, nil
}

// pool are the tunnels to one pod.
type pool struct {
	dial Dial

	mu      sync.Mutex
	tunnels []*tunnel
	// dialing are tunnels that are about to be.
	dialing int
	ended   bool
	// dialed is closed, and replaced, whenever one of them is or is not.
	dialed chan struct{}
	// looking: a look at the tunnels is due.
	looking bool
}

func newPool(dial Dial) *pool { return &pool{dial: dial, dialed: make(chan struct{})} }

// lease is the use of a tunnel by one TCP connection.
type lease struct {
	*tunnel
	pool *pool
	// reused: the tunnel was there before and carries nothing else but what
	// rests, so that it may have died unnoticed.
	reused bool
	// since is when it was leased.
	since time.Time
	// rests: the client has ended its side; over: the tunnel is given back.
	rests, over bool
}

// acquire leases a tunnel that carries nothing but what rests, or a new one;
// if there are too many, the one that carries least. One more is kept ready for
// the next.
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

// take leases a tunnel that is there, or returns what to wait for; neither if
// another is to be dialed.
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

// prepare dials a tunnel for the next TCP connection, where none is ready.
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
		_, _ = p.add(ctx, 0) // who needs one finds out
	}()
}

// ready reports whether another TCP connection would have the tunnel to itself.
func (t *tunnel) ready() bool { return t.users == 0 && !t.spoiled && !t.silent() && !t.closed() }

// add dials one more tunnel, with so many users.
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

// added takes in what dialing brought.
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
	p.look()
	return t, nil
}

// look closes idle tunnels that have died, in a while and again as long as there
// are tunnels, and has one ready in their place.
func (p *pool) look() {
	if p.looking || len(p.tunnels) == 0 {
		return
	}
	p.looking = true
	time.AfterFunc(lookEvery, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		before := len(p.tunnels)
		p.drop((*tunnel).dead)
		if len(p.tunnels) < before {
			go p.prepare()
		}
		p.looking = false
		p.look()
	})
}

// suspect gives a tunnel back on which no stream could be opened in time. Those
// that carried no more than it, and were there when it was leased, have most
// likely died with it: no other TCP connection uses them.
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

// rest says that the client has ended its side. Most have then read all that
// they want: another TCP connection may use the tunnel, too.
func (l *lease) rest() {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	if l.over {
		return
	}
	l.rests = true
	l.users--
	l.resting++
}

// open opens streams in the leased tunnel, and gives it back if that fails. The
// error is errReused if the tunnel may have died before it was leased.
func (l *lease) open(ctx context.Context, port uint16, id uint64) (pair, error) {
	most := streamTimeout
	if l.reused {
		most = reuseTimeout
	}
	streams, err := l.tunnel.open(ctx, most, port, id)
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

// end gives the tunnel back. Only one on which everything ended well is used
// again.
func (l *lease) end(well bool) {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	l.over = true
	if l.rests {
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
	if p.unused() > maxIdle {
		time.AfterFunc(idleFor, p.trim)
	}
}

// unused reports whether no TCP connection needs the tunnel.
func (t *tunnel) unused() bool { return t.users+t.resting == 0 }

// unused counts such tunnels.
func (p *pool) unused() int {
	n := 0
	for _, t := range p.tunnels {
		if t.unused() {
			n++
		}
	}
	return n
}

// trim closes tunnels that have been idle for a while, all but a few.
func (p *pool) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	excess := p.unused() - maxIdle
	p.drop(func(t *tunnel) bool {
		if excess <= 0 || !t.unused() || time.Since(t.idle) < idleFor {
			return false
		}
		excess--
		return true
	})
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

// end closes all tunnels, and those that are about to be.
func (p *pool) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.drop(func(*tunnel) bool { return true })
}
