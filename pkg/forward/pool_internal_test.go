package forward

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/streaming/pkg/httpstream"
)

// silent is a connection that carries nothing, until it is closed.
type silent struct{ closed chan bool }

func (silent) CreateStream(http.Header) (httpstream.Stream, error) {
	return nil, errors.New("carries nothing")
}
func (s silent) Close() error                     { close(s.closed); return nil }
func (s silent) CloseChan() <-chan bool           { return s.closed }
func (silent) SetIdleTimeout(time.Duration)       {}
func (silent) RemoveStreams(...httpstream.Stream) {}

// After many connections at once, tunnels are kept for as many again, but not
// for long.
func TestIdleTunnels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialed := 0
		var all []silent
		p := newPool(func(context.Context) (httpstream.Connection, error) {
			dialed++
			s := silent{closed: make(chan bool)}
			all = append(all, s)
			return s, nil
		})
		open := func() int {
			n := 0
			for _, s := range all {
				select {
				case <-s.closed:
				default:
					n++
				}
			}
			return n
		}
		burst := func() {
			t.Helper()
			var leases []*lease
			for range 10 {
				l, err := p.acquire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // for the one that is dialed ahead
				leases = append(leases, l)
			}
			for _, l := range leases {
				l.end(true)
			}
		}
		const each = 10 + 1 // one is ready for the next
		burst()
		time.Sleep(idleFor - time.Second)
		burst()
		if dialed != each {
			t.Errorf("%d tunnels were opened for two bursts, want %d", dialed, each)
		}
		time.Sleep(idleFor - time.Second)             // since the second
		if got, want := open(), each-1; got != want { // less the one that was never needed
			t.Errorf("%d tunnels are open soon after, want %d", got, want)
		}
		time.Sleep(time.Second + sweepInterval)
		if got := open(); got != maxIdle {
			t.Errorf("%d tunnels are open in the end, want %d", got, maxIdle)
		}
		burst()
		if want := each + each - maxIdle; dialed != want {
			t.Errorf("%d tunnels were opened for three bursts, want %d", dialed, want)
		}
		p.end(errMoved)
		synctest.Wait()
		if got := open(); got != 0 {
			t.Errorf("%d tunnels are open after the pool's end", got)
		}
		time.Sleep(2 * sweepInterval)
	})
}

// A tunnel on which a connection ended badly takes no other, and is closed once it
// carries none.
func TestSpoiledTunnels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(func(context.Context) (httpstream.Connection, error) {
			return silent{closed: make(chan bool)}, nil
		})
		acquire := func() *lease {
			t.Helper()
			l, err := p.acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		var leases []*lease
		for range maxTunnels {
			leases = append(leases, acquire())
			synctest.Wait() // for the one that is dialed ahead
		}
		shared := acquire()
		shared.end(false)
		if i := slices.IndexFunc(leases, func(l *lease) bool { return l.tunnel == shared.tunnel }); i < 0 || shared.isClosed() {
			t.Fatalf("the tunnel is shared with lease %d, closed %t", i, shared.isClosed())
		} else if next := acquire(); next.tunnel == shared.tunnel {
			t.Error("a connection got the spoiled tunnel")
		} else {
			next.end(true)
			leases[i].end(true)
		}
		if !shared.isClosed() {
			t.Error("the spoiled tunnel is open although it carries nothing")
		}
		if next := acquire(); next.tunnel == shared.tunnel {
			t.Error("a connection got the tunnel that was closed")
		}
		p.end(errMoved)
		synctest.Wait()
		time.Sleep(2 * sweepInterval)
	})
}

// pinged is a connection whose other end answers until it dies.
type pinged struct {
	silent
	died atomic.Pointer[time.Time]
}

func (p *pinged) Silence() time.Duration {
	if at := p.died.Load(); at != nil {
		return time.Since(*at)
	}
	return 0
}

func (p *pinged) die() {
	now := time.Now()
	p.died.Store(&now)
}

func (p *pinged) open() bool {
	select {
	case <-p.closed:
		return false
	default:
		return true
	}
}

// Idle tunnels that died are found by their pings and replaced before a
// connection meets them; one that carries a connection is left alone, and takes
// no other.
func TestIdleTunnelsThatDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []*pinged
		p := newPool(func(context.Context) (httpstream.Connection, error) {
			c := &pinged{silent: silent{closed: make(chan bool)}}
			all = append(all, c)
			return c, nil
		})
		acquire := func() *lease {
			t.Helper()
			l, err := p.acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return l
		}
		busy, resting, idle := acquire(), acquire(), acquire()
		resting.rest()
		idle.end(true)
		time.Sleep(time.Minute)
		if len(all) != 4 { // the last is ready for the next
			t.Fatalf("%d tunnels were dialed, want 4", len(all))
		}
		for i, c := range all {
			if !c.open() {
				t.Errorf("tunnel %d is closed although its pings are answered", i)
			}
			c.die()
		}
		time.Sleep(silentFor + sweepInterval)
		synctest.Wait()
		for i, want := range []bool{true, true, false, false, true} {
			if i >= len(all) {
				t.Fatalf("%d tunnels were dialed, want 5: one in place of those that died", len(all))
			}
			if got := all[i].open(); got != want {
				t.Errorf("tunnel %d: open %t, want %t", i, got, want)
			}
		}
		if l := acquire(); l.conn != all[4] {
			t.Error("a connection got a tunnel that died")
		}
		busy.end(true)
		resting.end(true)
		p.end(errMoved)
		synctest.Wait()
		time.Sleep(2 * sweepInterval)
	})
}

// While tunnels are dialed, no more of them are opened than are allowed: further TCP
// connections wait for those, and share them evenly.
func TestTunnelsAreSharedWhileTheyAreDialed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialed atomic.Int64
		p := newPool(func(context.Context) (httpstream.Connection, error) {
			dialed.Add(1)
			time.Sleep(time.Second)
			return silent{closed: make(chan bool)}, nil
		})
		var all sync.WaitGroup
		for range maxTunnels + 10 {
			all.Go(func() {
				if _, err := p.acquire(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		begun := time.Now()
		all.Wait()
		if took := time.Since(begun); took != time.Second {
			t.Errorf("the tunnels took %s, want that of one dial", took)
		}
		if got := dialed.Load(); got != maxTunnels {
			t.Errorf("%d tunnels were dialed, want %d", got, maxTunnels)
		}
		users := map[int]int{}
		for _, tunnel := range p.tunnels {
			users[tunnel.users]++
		}
		if users[1] != maxTunnels-10 || users[2] != 10 {
			t.Errorf("tunnels by their number of users: %v", users)
		}
		p.end(errMoved)
	})
}

// A TCP connection waits for dialing no longer than it may, and gets the error if that
// fails; the next one begins afresh.
func TestDialingThatFails(t *testing.T) {
	errRefused := errors.New("refused")
	for name, test := range map[string]struct {
		takes   time.Duration
		err     error
		ends    bool
		want    error
		tunnels int
	}{
		"succeeds":           {takes: time.Second, tunnels: 2},
		"fails":              {takes: time.Second, err: errRefused, want: errRefused},
		"takes too long":     {takes: time.Minute, want: context.DeadlineExceeded, tunnels: 1},
		"the pod has no use": {takes: time.Second, ends: true, want: errMoved},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all []silent
				p := newPool(func(context.Context) (httpstream.Connection, error) {
					time.Sleep(test.takes)
					if test.err != nil {
						return nil, test.err
					}
					s := silent{closed: make(chan bool)}
					all = append(all, s)
					return s, nil
				})
				if test.ends {
					time.AfterFunc(test.takes/2, func() { p.end(errMoved) })
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if _, err := p.acquire(ctx); !errors.Is(err, test.want) {
					t.Errorf("error %v, want %v", err, test.want)
				}
				time.Sleep(test.takes + sweepInterval)
				p.mu.Lock()
				p.drop((*tunnel).isClosed)
				if len(p.tunnels) != test.tunnels {
					t.Errorf("%d tunnels are there, want %d", len(p.tunnels), test.tunnels)
				}
				p.mu.Unlock()
				p.end(errMoved)
				synctest.Wait()
				for _, s := range all {
					<-s.closed // or the test blocks
				}
			})
		})
	}
}

// If a tunnel that was idle accepts no stream, it and those that are idle are closed,
// and those whose clients have ended their side take no other connection.
func TestIdleTunnelsAreSuspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(func(context.Context) (httpstream.Connection, error) {
			return stuck{silent{closed: make(chan bool)}}, nil
		})
		var leases []*lease
		for range 4 {
			l, err := p.acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			leases = append(leases, l)
		}
		busy, first, idle, resting := leases[0], leases[1], leases[2], leases[3]
		resting.rest()
		resting.rest() // once is enough
		first.end(true)
		idle.end(true)
		l, err := p.acquire(t.Context())
		if err != nil || l.tunnel != first.tunnel || !l.reused || busy.reused {
			t.Fatalf("got %+v, error %v, want the first idle tunnel again", l, err)
		}
		begun := time.Now()
		if _, err := l.open(t.Context(), time.Second, 80, 1); !errors.Is(err, errTimeout) || time.Since(begun) != time.Second {
			t.Errorf("error %v after %s, want %v after %s", err, time.Since(begun), errTimeout, time.Second)
		}
		for name, one := range map[string]struct {
			*lease
			closed bool
		}{"that is stuck": {l, true}, "idle": {idle, true}, "resting": {resting, false}, "busy": {busy, false}} {
			if got := one.isClosed(); got != one.closed {
				t.Errorf("the tunnel %s is closed: %t, want %t", name, got, one.closed)
			}
		}
		if next, err := p.acquire(t.Context()); err != nil || next.reused || next.tunnel == resting.tunnel {
			t.Errorf("the next connection got a tunnel that may have died, error %v", err)
		}
		resting.end(true)
		if !resting.isClosed() {
			t.Error("the resting tunnel is open although it carries nothing any more")
		}
		p.end(errMoved)
	})
}

// stuck is a connection whose other end accepts no stream.
type stuck struct{ silent }

func (s stuck) CreateStream(http.Header) (httpstream.Stream, error) {
	<-s.closed
	return nil, errors.New("closed")
}

// A connection learns at once that its tunnel is lost before it has streams.
func TestTunnelThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		breaks := make(chan bool)
		p := newPool(func(context.Context) (httpstream.Connection, error) {
			return lost{silent{closed: make(chan bool)}, breaks}, nil
		})
		l, err := p.acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { close(breaks) })
		begun := time.Now()
		if _, err := l.open(t.Context(), time.Minute, 80, 1); !errors.Is(err, errLost) || time.Since(begun) != time.Second {
			t.Errorf("error %v after %s, want %v after a second", err, time.Since(begun), errLost)
		}
		p.mu.Lock()
		if len(p.tunnels) != 0 && p.tunnels[0] == l.tunnel {
			t.Error("the lost tunnel is kept")
		}
		p.mu.Unlock()
		p.end(errMoved)
		time.Sleep(2 * time.Hour) // for CreateStream
	})
}

// lost is a connection that is lost while it opens streams.
type lost struct {
	silent
	lost chan bool
}

func (l lost) CloseChan() <-chan bool { return l.lost }

func (lost) CreateStream(http.Header) (httpstream.Stream, error) {
	time.Sleep(time.Hour)
	return nil, errors.New("lost")
}
