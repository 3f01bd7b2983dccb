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
	conn   httpstream.Connection
	dialed time.Time
	// users counts the TCP connections that it carries, without the resting ones,
	// whose client has ended its side; guarded by the pool.
	users, resting int
	// idle is when it last carried any; guarded by the pool.
	idle time.Time
	// spoiled: no other TCP connection may use it; guarded by the pool.
	spoiled bool
	// ctx ends when the tunnel is closed from this side.
	ctx   context.Context
	close context.CancelFunc
}

func newTunnel(conn httpstream.Connection) *tunnel {
	now := time.Now()
	t := &tunnel{conn: conn, dialed: now, idle: now}
	t.ctx, t.close = context.WithCancel(context.Background())
	// A connection that is stuck may take its time to close; nothing waits for it.
	context.AfterFunc(t.ctx, func() { _ = conn.Close() })
	return t
}

// closed reports whether either end closed the tunnel. Its streams then end as if
// the pod had ended them.
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

// A pair holds the streams of one TCP connection.
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

// unused reports whether the tunnel carries no TCP connection.
func (t *tunnel) unused() bool { return t.users+t.resting == 0 }

// ready reports whether another TCP connection would have the tunnel to itself.
func (t *tunnel) ready() bool { return t.users == 0 && !t.spoiled && !t.silent() && !t.closed() }

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
		case <-t.conn.CloseChan():
			o.err = errLost
		case <-t.ctx.Done():
			o.err = errMoved
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
