package forward

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/streaming/pkg/httpstream"
)

// silentFor is how long nothing may come through an idle tunnel whose other end
// is pinged every five seconds: longer, and it is dead.
const silentFor = 10 * time.Second

var (
	errLost    = errors.New("the connection to the pod was lost")
	errTimeout = errors.New("the node accepted no stream in time")
	errMoved   = errors.New("the pod is no longer the target pod")
)

// Dial opens a connection that carries port-forward streams to one pod. A Pinged
// connection is closed if it dies while it is idle.
type Dial func(context.Context) (httpstream.Connection, error)

// Pinged is a connection whose other end is pinged every five seconds.
type Pinged interface {
	// Silence returns for how long it has been waiting for the other end to send
	// anything.
	Silence() time.Duration
}

// A tunnel is a connection to one pod that carries streams.
type tunnel struct {
	// ctx ends if dialing fails or either end closes the tunnel; its cause says why.
	ctx   context.Context
	close context.CancelCauseFunc
	// dialed is closed once there is conn.
	dialed chan struct{}
	conn   httpstream.Connection

	// The pool guards the rest. carried counts the TCP connections in the tunnel;
	// users are those of them whose client has not ended its side.
	users, carried int
	// idle is since when it has carried none.
	idle time.Time
	// spoiled: no other TCP connection may use it.
	spoiled bool
}

// newTunnel returns a tunnel that is still to be dialed.
func newTunnel(ctx context.Context) *tunnel {
	t := &tunnel{dialed: make(chan struct{}), idle: time.Now()}
	t.ctx, t.close = context.WithCancelCause(ctx)
	return t
}

// dial dials the tunnel and, once it is closed, the connection's end.
func (t *tunnel) dial(ctx context.Context, dial Dial) {
	conn, err := dial(ctx)
	if err != nil {
		t.close(err)
		return
	}
	t.conn = conn
	close(t.dialed)
	select {
	case <-conn.CloseChan():
		t.close(errLost)
	case <-t.ctx.Done():
	}
	// A connection that is stuck may take its time to close; nothing waits for it.
	_ = conn.Close()
}

func (t *tunnel) isDialed() bool {
	select {
	case <-t.dialed:
		return true
	default:
		return false
	}
}

// isClosed reports whether either end closed the tunnel. Its streams then end as if
// the pod had ended them, which may be seen before ctx ends.
func (t *tunnel) isClosed() bool {
	if t.isDialed() {
		select {
		case <-t.conn.CloseChan():
			return true
		default:
		}
	}
	return t.ctx.Err() != nil
}

// isSilent reports whether nothing comes from the other end although it is pinged.
// It may be dead, or wait for a pod that reads nothing for a while.
func (t *tunnel) isSilent() bool {
	if !t.isDialed() {
		return false
	}
	pinged, ok := t.conn.(Pinged)
	return ok && pinged.Silence() >= silentFor
}

// isDead reports whether the tunnel has died although neither end closed it. Only
// one that carries nothing is judged.
func (t *tunnel) isDead() bool { return t.carried == 0 && t.isSilent() }

// isUseless reports whether the tunnel carries nothing, and never will.
func (t *tunnel) isUseless() bool { return t.carried == 0 && t.spoiled }

// isFree reports whether another TCP connection would have the tunnel to itself, once
// it is dialed.
func (t *tunnel) isFree() bool { return t.users == 0 && !t.spoiled && !t.isSilent() && !t.isClosed() }

// A pair holds the streams of one TCP connection.
type pair struct {
	data, errors httpstream.Stream
}

// open opens the streams of one TCP connection within the timeout. id is unique
// in the tunnel.
func (t *tunnel) open(ctx context.Context, timeout time.Duration, port uint16, id uint64) (pair, error) {
	type opened struct {
		stream httpstream.Stream
		err    error
	}
	// CreateStream takes no context, and waits for the node to accept. Both
	// streams are requested at once: the id shows that they belong together.
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
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	var p pair
	for p.data == nil || p.errors == nil {
		var o opened
		select {
		case o = <-failures:
			p.errors = o.stream
		case o = <-data:
			p.data = o.stream
		case <-t.ctx.Done():
			o.err = context.Cause(t.ctx)
		case <-timer.C:
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
