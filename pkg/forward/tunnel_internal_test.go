package forward

import (
	"context"
	"errors"
	"net/http"
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
				synctest.Wait() // for the one that is made ready
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
		time.Sleep(2 * time.Second)
		if got := open(); got != maxIdle {
			t.Errorf("%d tunnels are open in the end, want %d", got, maxIdle)
		}
		burst()
		if want := each + each - maxIdle; dialed != want {
			t.Errorf("%d tunnels were opened for three bursts, want %d", dialed, want)
		}
		p.end()
		synctest.Wait()
		if got := open(); got != 0 {
			t.Errorf("%d tunnels are open after the pool's end", got)
		}
		time.Sleep(2 * idleFor)
	})
}
