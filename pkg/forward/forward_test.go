package forward

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Each of many connections gets its own bytes back, all of them, in order.
func TestManyConnectionsKeepTheirBytesApart(t *testing.T) {
	t.Parallel()
	n := newNode(t, map[string]func(net.Conn){"80": echo})
	f := start(t, time.Minute, to(n, 80))
	const connections, size = 100, 256 << 10 // more than maxTunnels
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			sent := make([]byte, size)
			fill(sent, uint64(i))
			c := f.connect(t)
			go func() { _, _ = c.Write(sent) }()
			got := make([]byte, size)
			if _, err := io.ReadFull(c, got); err != nil {
				t.Errorf("connection %d: %v", i, err)
			} else if !bytes.Equal(sent, got) {
				t.Errorf("connection %d got other bytes than it sent", i)
			}
		})
	}
	all.Wait()
	if got := f.failures(); len(got) > 0 {
		t.Errorf("said %q", got)
	}
	if got := n.dials.Load(); got > maxTunnels {
		t.Errorf("%d tunnels were opened, at most %d are allowed", got, maxTunnels)
	}
}

func fill(b []byte, seed uint64) {
	r := rand.NewChaCha8([32]byte(bytes.Repeat([]byte{byte(seed)}, 32)))
	_, _ = r.Read(b)
}

// A reader that stops reading holds up no other.
func TestSlowReaderHoldsUpNoOther(t *testing.T) {
	flood := func(c net.Conn) {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}
	n := newNode(t, map[string]func(net.Conn){"80": flood, "81": echo})
	var port atomic.Uint32
	port.Store(80)
	f := start(t, time.Second, func(context.Context) (Destination, error) {
		return Destination{Pod: "uid-0", Name: "pod-0", Port: uint16(port.Load()), Dial: n.dial}, nil
	})
	for range 10 {
		f.connect(t) // and never read
	}
	waitFor(t, func() bool { return n.dials.Load() >= 10 })
	port.Store(81)
	c := f.connect(t)
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, "ping")
	if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
		t.Fatalf("beside readers that do not read: %v", err)
	}
}

// A client that ends its side gets an answer that takes its time.
func TestHalfClosedByClient(t *testing.T) {
	t.Parallel()
	answer := make([]byte, 1<<20)
	fill(answer, 7)
	late := func(c net.Conn) {
		defer func() { _ = c.Close() }()
		_, _ = io.ReadFull(c, make([]byte, 4))
		time.Sleep(second * 3 / 2) // longer than the runtime waits
		_, _ = c.Write(answer)
	}
	n := newNode(t, map[string]func(net.Conn){"80": late})
	f := start(t, time.Second, to(n, 80))
	c := f.connect(t)
	_, _ = io.WriteString(c, "ping")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(answer) {
		t.Errorf("got %d bytes of %d, error %v", len(got), len(answer), err)
	}
}

// The pod learns in the end that the client has gone.
func TestClientGoneIsPassedOn(t *testing.T) {
	t.Parallel()
	gone := make(chan error, 1)
	n := newNode(t, map[string]func(net.Conn){"80": func(c net.Conn) {
		_, err := io.Copy(io.Discard, c)
		gone <- err
	}})
	f := start(t, time.Second, to(n, 80))
	c := f.connect(t)
	_, _ = io.WriteString(c, "ping")
	_ = c.Close()
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Fatal("the pod did not learn that the client has gone")
	}
	waitFor(t, func() bool { return !f.Busy() })
}

// A pod that ends its side ends the client's connection in good order.
func TestClosedByPod(t *testing.T) {
	t.Parallel()
	n := newNode(t, map[string]func(net.Conn){"80": func(c net.Conn) {
		_, _ = io.WriteString(c, "bye")
		_ = c.Close()
	}})
	f := start(t, time.Second, to(n, 80))
	for range 3 {
		if got, err := io.ReadAll(f.connect(t)); err != nil || string(got) != "bye" {
			t.Fatalf("got %q, error %v", got, err)
		}
	}
	waitFor(t, func() bool { return !f.Busy() })
	if got := n.dials.Load(); got > 2 {
		t.Errorf("connections one after the other took %d tunnels, want one and one to spare", got)
	}
}

// Clients that come and go, faster than the pod learns of it, share tunnels.
func TestClientsThatHaveGoneShareTunnels(t *testing.T) {
	n := newNode(t, map[string]func(net.Conn){"80": echo})
	f := start(t, time.Minute, to(n, 80))
	for range 30 {
		c := f.connect(t)
		_, _ = io.WriteString(c, "ping")
		expect(t, c, "ping")
		_ = c.Close()
		waitFor(t, func() bool { return f.free() })
	}
	if got := n.dials.Load(); got > 8 {
		t.Errorf("30 clients one after the other took %d tunnels", got)
	}
}

// free reports whether a tunnel is ready.
func (f *forwarding) free() bool {
	f.Forwarder.mu.Lock()
	defer f.Forwarder.mu.Unlock()
	p := f.pools["uid-0"]
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.tunnels, func(t *tunnel) bool { return t.isDialed() && t.isFree() })
}

// A tunnel that breaks is not taken for the end of what the pod sent.
func TestLostTunnelBreaksTheConnection(t *testing.T) {
	n := newNode(t, map[string]func(net.Conn){"80": func(c net.Conn) { _, _ = io.WriteString(c, "half") }})
	f := start(t, time.Second, to(n, 80))
	c := f.connect(t)
	if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	n.cut()
	if _, err := io.ReadAll(c); !errors.Is(err, connectionReset) {
		t.Errorf("error %v, want a connection reset", err)
	}
	if _, err := io.ReadFull(f.connect(t), make([]byte, 4)); err != nil {
		t.Errorf("the next connection: %v", err)
	}
}

// Tunnels that died while they were idle, as while a laptop slept, cost the next
// connection a moment, the others nothing, and none of them breaks.
func TestTunnelsThatDiedSilently(t *testing.T) {
	t.Parallel()
	for _, grace := range []time.Duration{0, 30 * time.Second} {
		t.Run(grace.String(), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, map[string]func(net.Conn){"80": func(c net.Conn) {
				got := make([]byte, 4)
				_, _ = io.ReadFull(c, got)
				_, _ = c.Write(got)
				_ = c.Close()
			}})
			f := start(t, grace, func(context.Context) (Destination, error) {
				return Destination{Pod: "uid-0", Name: "pod-0", Port: 80, Dial: n.dialFar}, nil
			})
			f.timing.reuse = 2 * second
			// A browser opens six connections at once, and ends them.
			var all []net.Conn
			for range 6 {
				all = append(all, f.connect(t))
			}
			for _, c := range all {
				_, _ = io.WriteString(c, "ping")
				expect(t, c, "ping")
			}
			waitFor(t, func() bool { return !f.Busy() })
			n.lose()
			for i := range 3 {
				most := time.Second
				if i == 0 {
					most += f.timing.reuse
				}
				c := f.connect(t)
				begun := time.Now()
				_, _ = io.WriteString(c, "ping")
				expect(t, c, "ping")
				if took := time.Since(begun); took > most {
					t.Errorf("connection %d took %s", i+1, took)
				}
			}
			if got := f.failures(); len(got) > 0 {
				t.Errorf("said %q", got)
			}
		})
	}
}

// A port on which nothing listens is reported, and the connection broken off.
func TestRefusedByPod(t *testing.T) {
	n := newNode(t, nil)
	f := start(t, time.Second, to(n, 99))
	if err := f.readAll(); !errors.Is(err, connectionReset) {
		t.Errorf("error %v, want a connection reset", err)
	}
	want := `port 99 of pod "pod-0": connection refused`
	waitFor(t, func() bool { return len(f.failures()) == 1 })
	if got := f.failures()[0]; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

// Keep breaks what leads elsewhere, and new connections go to the new pod.
func TestKeepMovesConnections(t *testing.T) {
	named := func(name string) *node {
		return newNode(t, map[string]func(net.Conn){"80": func(c net.Conn) {
			_, _ = io.WriteString(c, name)
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}})
	}
	old, young := named("old"), named("new")
	var mu sync.Mutex
	where := Destination{Pod: "uid-0", Name: "pod-0", Port: 80, Dial: old.dial}
	f := start(t, time.Second, func(context.Context) (Destination, error) {
		mu.Lock()
		defer mu.Unlock()
		return where, nil
	})
	c := f.connect(t)
	expect(t, c, "old")
	mu.Lock()
	where = Destination{Pod: "uid-1", Name: "pod-1", Port: 80, Dial: young.dial}
	mu.Unlock()
	f.Keep("uid-1")
	if _, err := io.ReadAll(c); !errors.Is(err, connectionReset) {
		t.Errorf("the open connection: error %v, want a connection reset", err)
	}
	expect(t, f.connect(t), "new")
}

// A connection waits for a pod, and for a server that does not answer.
func TestWaitsWithinGrace(t *testing.T) {
	n := newNode(t, map[string]func(net.Conn){"80": echo})
	tries := 0
	f := start(t, 10*time.Second, func(ctx context.Context) (Destination, error) {
		return Destination{Pod: "uid-0", Port: 80, Dial: func(ctx context.Context) (httpstream.Connection, error) {
			if tries++; tries < 4 {
				return nil, errors.New("connection refused by the server")
			}
			return n.dial(ctx)
		}}, nil
	})
	c := f.connect(t)
	_, _ = io.WriteString(c, "ping")
	expect(t, c, "ping")
	if got := f.failures(); len(got) != 0 {
		t.Errorf("said %q", got)
	}
}

func TestNoGrace(t *testing.T) {
	n := newNode(t, map[string]func(net.Conn){"80": echo})
	f := start(t, 0, to(n, 80))
	c := f.connect(t)
	_, _ = io.WriteString(c, "ping")
	expect(t, c, "ping")
}

func TestGraceIsOver(t *testing.T) {
	f := start(t, 100*time.Millisecond, func(ctx context.Context) (Destination, error) {
		<-ctx.Done()
		return Destination{}, errors.New("no pod is backup")
	})
	if err := f.readAll(); !errors.Is(err, connectionReset) {
		t.Errorf("error %v, want a connection reset", err)
	}
	waitFor(t, func() bool { return len(f.failures()) == 1 })
	if got := f.failures()[0]; got != "no pod is backup" {
		t.Errorf("said %q", got)
	}
}

func TestPermanentErrorsAreNotRetried(t *testing.T) {
	f := start(t, time.Minute, func(context.Context) (Destination, error) {
		return Destination{}, fmt.Errorf("port: %w", Permanent{errFinal})
	})
	started := time.Now()
	_ = f.readAll()
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestTryTellsWhetherThereIsAWay(t *testing.T) {
	n := newNode(t, map[string]func(net.Conn){"80": echo})
	f := New(Options{})
	if err := f.Try(t.Context(), Destination{Pod: "uid-0", Dial: n.dial}); err != nil {
		t.Error(err)
	}
	err := f.Try(t.Context(), Destination{Pod: "uid-1", Dial: func(context.Context) (httpstream.Connection, error) { return nil, errFinal }})
	if !errors.Is(err, errFinal) {
		t.Errorf("error %v, want %v", err, errFinal)
	}
	f.Close()
	if err := f.Try(t.Context(), Destination{Pod: "uid-0", Dial: n.dial}); !errors.Is(err, errMoved) {
		t.Errorf("error %v after the end, want %v", err, errMoved)
	}
}

func TestListen(t *testing.T) {
	listeners, err := Listen(parsed(t, Localhost), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer Close(listeners)
	ports := map[int]bool{}
	for _, l := range listeners {
		ports[l.Addr().(*net.TCPAddr).Port] = true
		if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
			t.Errorf("listens on %s", ip)
		}
	}
	if len(ports) != 1 {
		t.Errorf("one port of all addresses is wanted, got %d listeners", len(listeners))
	}
	taken := uint16(listeners[0].Addr().(*net.TCPAddr).Port)
	for _, c := range []struct {
		name      string
		addresses []string
		port      uint16
		want      string
	}{
		{"in use", []string{Localhost}, taken, fmt.Sprintf("cannot listen on 127.0.0.1:%d: address already in use", taken)},
		{"not ours", []string{"192.0.2.1"}, 0, "cannot listen on 192.0.2.1:0: cannot assign requested address"},
		{"second fails", []string{"127.0.0.1", "192.0.2.1"}, 0, "cannot listen on 192.0.2.1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Listen(parsed(t, c.addresses...), c.port)
			if err == nil {
				Close(got)
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error %q, want %q", err, c.want)
			}
		})
	}
}

func parsed(t *testing.T, addresses ...string) (all []Address) {
	t.Helper()
	for _, s := range addresses {
		address, err := ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, address)
	}
	return all
}

func TestParseAddress(t *testing.T) {
	for _, s := range []string{"", "example.com", "127.0.0.1:80", "localhost."} {
		_, err := ParseAddress(s)
		if want := fmt.Sprintf("invalid address %q: not an IP address", s); err == nil || err.Error() != want ||
			problem.ExitCode(err) != problem.ExitUsage || problem.HintOf(err) != "use IP addresses, or localhost" {
			t.Errorf("%q: error %v", s, err)
		}
	}
}

func expect(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("got %q, error %v, want %q", got, err, want)
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("did not come about")
		}
	}
}
