package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// node plays the far side of the port-forward protocol, as a kubelet with
// containerd does it: a pod's port is what serve does with a connection.
type node struct {
	t     *testing.T
	serve map[string]func(net.Conn)
	dials atomic.Int64

	mu    sync.Mutex
	conns []net.Conn
	// ways are the networks between the node and its clients, if there are any.
	ways []*way
}

func newNode(t *testing.T, serve map[string]func(net.Conn)) *node {
	n := &node{t: t, serve: serve}
	t.Cleanup(n.cut)
	return n
}

// cut breaks all connections.
func (n *node) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		_ = c.Close()
	}
	n.conns = nil
}

// dial is a Dial.
func (n *node) dial(context.Context) (httpstream.Connection, error) {
	n.dials.Add(1)
	client, server := loopback(n.t)
	n.mu.Lock()
	n.conns = append(n.conns, client, server)
	n.mu.Unlock()
	pairs := &pairs{node: n, open: map[string]httpstream.Stream{}}
	if _, err := spdy.NewServerConnection(server, pairs.accept); err != nil {
		return nil, err
	}
	return spdy.NewClientConnection(client)
}

// way is a network that carries bytes until it is lost: then it swallows them,
// and neither side learns of an end.
type way struct{ lost atomic.Bool }

func (w *way) carry(to, from net.Conn) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && !w.lost.Load() {
			_, _ = to.Write(b[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

// dialFar is a Dial through a network of its own.
func (n *node) dialFar(context.Context) (httpstream.Connection, error) {
	n.dials.Add(1)
	client, near := loopback(n.t)
	far, server := loopback(n.t)
	w := &way{}
	go w.carry(far, near)
	go w.carry(near, far)
	n.mu.Lock()
	n.conns = append(n.conns, client, near, far, server)
	n.ways = append(n.ways, w)
	n.mu.Unlock()
	pairs := &pairs{node: n, open: map[string]httpstream.Stream{}}
	if _, err := spdy.NewServerConnection(server, pairs.accept); err != nil {
		return nil, err
	}
	return spdy.NewClientConnection(client)
}

// lose loses the networks that there are.
func (n *node) lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range n.ways {
		w.lost.Store(true)
	}
}

// pairs brings the two streams of each request together.
type pairs struct {
	node *node
	mu   sync.Mutex
	open map[string]httpstream.Stream
}

func (p *pairs) accept(stream httpstream.Stream, replied <-chan struct{}) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := stream.Headers().Get(corev1.PortForwardRequestIDHeader)
	other := p.open[id]
	if other == nil {
		p.open[id] = stream
		return nil
	}
	delete(p.open, id)
	data, failures := stream, other
	if data.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
		data, failures = other, stream
	}
	go func() {
		<-replied
		p.node.forward(data, failures)
	}()
	return nil
}

// second is how long these tests take for a second of the node and of a Forwarder.
const second = 200 * time.Millisecond

// forward does what containerd does: one second after either side ended, it
// cuts the connection off.
func (n *node) forward(data, failures httpstream.Stream) {
	defer func() { _ = failures.Close() }()
	defer func() { _ = data.Close() }()
	serve := n.serve[data.Headers().Get(corev1.PortHeader)]
	if serve == nil {
		_, _ = fmt.Fprintf(failures, "error forwarding port %s: dial tcp4 127.0.0.1: connect: connection refused", data.Headers().Get(corev1.PortHeader))
		_ = data.Reset()
		_ = failures.Reset()
		return
	}
	ours, theirs := loopback(n.t)
	go serve(theirs)
	defer func() { _ = ours.Close() }()
	ended := make(chan error, 2)
	go func() {
		_, err := io.Copy(data, ours)
		ended <- err
	}()
	go func() {
		_, err := io.Copy(ours, data)
		ended <- err
	}()
	<-ended
	select {
	case <-ended:
	case <-time.After(second):
	}
}

// loopback is a TCP connection from this process to itself.
func loopback(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// forwarding is a running Forwarder.
type forwarding struct {
	*Forwarder
	address string
	mu      sync.Mutex
	failed  []string
}

func (f *forwarding) failures() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.failed...)
}

var errFinal = errors.New("not allowed")

// start forwards a free port to where resolve says, until the test ends.
func start(t *testing.T, grace time.Duration, resolve func(context.Context) (Destination, error)) *forwarding {
	t.Helper()
	f := &forwarding{}
	f.Forwarder = New(Options{
		Grace: grace,
		Failed: func(err error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.failed = append(f.failed, err.Error())
		},
	})
	f.timing.halfClosed, f.timing.report, f.timing.linger = 5*second, second/4, second
	listeners, err := Listen(parsed(t, Localhost), 0)
	if err != nil {
		t.Fatal(err)
	}
	f.address = listeners[0].Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Serve(ctx, listeners, resolve)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(time.Second):
			t.Error("the forwarder did not end within a second")
		}
	})
	return f
}

// to is a resolve that always says the same.
func to(n *node, port uint16) func(context.Context) (Destination, error) {
	return func(context.Context) (Destination, error) {
		return Destination{Pod: "uid-0", Name: "pod-0", Port: port, Dial: n.dial}, nil
	}
}

func (f *forwarding) connect(t *testing.T) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.TCPConn)
}

// readAll connects and reads to the end. A connection that is broken at once may
// not even come about.
func (f *forwarding) readAll() error {
	c, err := net.Dial("tcp", f.address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_, err = io.ReadAll(c)
	return err
}

func echo(c net.Conn) {
	_, _ = io.Copy(c, c)
	_ = c.Close()
}
