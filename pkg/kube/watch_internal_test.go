package kube

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// watched is a watch under a fake clock: what it has shown, and what it told of
// the server.
type watched struct {
	mu    sync.Mutex
	shown []topology.Snapshot
	lost  []error
	ended error
	stop  context.CancelFunc
	done  chan struct{}
}

func startWatch(t *testing.T, client *Client, scope Scope) *watched {
	ctx, stop := context.WithCancel(t.Context())
	w := &watched{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.ended = client.Watch(ctx, scope, func(s topology.Snapshot) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.shown = append(w.shown, s)
			return nil
		}, func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lost = append(w.lost, err)
		})
	}()
	return w
}

// after lets time pass and returns the snapshots shown meanwhile.
func (w *watched) after(d time.Duration) []topology.Snapshot {
	w.mu.Lock()
	before := len(w.shown)
	w.mu.Unlock()
	time.Sleep(d)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown[before:]
}

func (w *watched) end() error {
	w.stop()
	<-w.done
	return w.ended
}

// A watch shows what there is while one part fails, and the part as soon as it
// can be read.
func TestWatchWithoutOnePart(t *testing.T) {
	for scopeName, scope := range scopes() {
		for _, part := range parts() {
			for how, failure := range failures() {
				t.Run(scopeName+"/"+part+"/"+how, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						server, client := newMemoryServer(t)
						server.set(part, failure)
						w := startWatch(t, client, scope)
						shown := w.after(partTimeout + time.Second)
						if len(shown) == 0 {
							w.stop()
							<-w.done
							t.Fatalf("nothing is shown; ended with %v, lost %v", w.ended, w.lost)
						}
						first := shown[0]
						want := map[string]int{iris.Resource: 1, "pods": 1, "services": 1, "endpointslices": 1, "events": 1}
						want[part] = 0
						for resource, n := range sizes(first) {
							if n != want[resource] {
								t.Errorf("shows %d %s, want %d", n, resource, want[resource])
							}
						}
						checkUnread(t, first.Unread, part)
						server.set(part, nil)
						shown = w.after(3 * partTimeout)
						if len(shown) == 0 {
							t.Fatal("nothing is shown once the part can be read")
						}
						if last := shown[len(shown)-1]; len(last.Unread) > 0 || sizes(last)[part] != 1 {
							t.Errorf("shows %v and unread %+v in the end", sizes(last), last.Unread)
						}
						if err := w.end(); err != nil || len(w.lost) > 0 {
							t.Errorf("ended with %v, lost %v", err, w.lost)
						}
					})
				})
			}
		}
	}
}

// A part that fails for a moment is as it was; one that goes on failing is
// missing, and not shown as it once was.
func TestWatchLosesOnePart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newMemoryServer(t)
		w := startWatch(t, client, Scope{Namespace: "iko"})
		w.after(time.Second)
		server.set("services", refuses(500, metav1.StatusReasonInternalError, "etcd is unhappy"))
		server.endWatches()
		for _, s := range w.after(partTimeout - time.Second) {
			if len(s.Unread) > 0 {
				t.Fatalf("missing at once: %+v", s.Unread)
			}
		}
		shown := w.after(partTimeout + time.Second)
		if len(shown) == 0 {
			t.Fatal("never missing")
		}
		last := shown[len(shown)-1]
		checkUnread(t, last.Unread, "services")
		if len(last.Services) > 0 || len(last.Pods) != 1 {
			t.Errorf("shows %v", sizes(last))
		}
		if err := w.end(); err != nil || len(w.lost) > 0 {
			t.Errorf("ended with %v, lost %v", err, w.lost)
		}
	})
}

// A restart of the whole server is told once, and no part of it is missing when
// it is back.
func TestWatchOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newMemoryServer(t)
		w := startWatch(t, client, Scope{Namespace: "iko"})
		w.after(time.Second)
		for _, resource := range append(parts(), "pods") {
			server.set(resource, breaks(syscall.ECONNREFUSED))
		}
		server.endWatches()
		w.after(time.Minute)
		server.set("pods", nil)
		w.after(partTimeout - time.Second) // the rest of the server comes back later
		for _, resource := range parts() {
			server.set(resource, nil)
		}
		w.after(time.Minute)
		if err := w.end(); err != nil || len(w.lost) != 1 || !strings.Contains(w.lost[0].Error(), "cannot reach the API server") {
			t.Errorf("ended with %v, lost %v", err, w.lost)
		}
		for _, s := range w.shown {
			if len(s.Unread) > 0 {
				t.Fatalf("unread %+v", s.Unread)
			}
		}
	})
}

// Without pods, or a server that accepts the user, a watch does not begin.
func TestWatchEssentialReadIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		resource string
		fails    answer
		want     string
	}{
		"connection refused":  {"pods", breaks(syscall.ECONNREFUSED), "cannot reach the API server"},
		"unauthorized":        {"pods", refuses(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized"), "does not accept your credentials"},
		"a part unauthorized": {"events", refuses(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized"), "does not accept your credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newMemoryServer(t)
				server.set(test.resource, test.fails)
				w := startWatch(t, client, Scope{Namespace: "iko"})
				if shown := w.after(partTimeout); len(shown) > 0 {
					t.Errorf("shows %+v", shown)
				}
				if err := w.end(); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("ended with %v, want %q", err, test.want)
				}
			})
		})
	}
}

// Whoever is told of an outage is not told any more once the call has returned.
func TestOutageIsNotToldAfterTheEnd(t *testing.T) {
	shows := func([]iris.Pod) error { return nil }
	for name, follow := range map[string]func(context.Context, *Client, func(error)) error{
		"status": func(ctx context.Context, c *Client, lost func(error)) error {
			return c.Watch(ctx, Scope{Namespace: "iko"}, func(topology.Snapshot) error { return nil }, lost)
		},
		"pods": func(ctx context.Context, c *Client, lost func(error)) error {
			return c.FollowPods(ctx, "iko", "simple", shows, lost)
		},
		"wait": func(ctx context.Context, c *Client, lost func(error)) error {
			service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "simple"}}
			return c.WaitGone(ctx, service, WaitOptions{Timeout: time.Hour, Tell: func(said string) { lost(errors.New(said)) }})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newMemoryServer(t)
				ctx, stop := context.WithCancel(t.Context())
				var telling, told atomic.Bool
				done := make(chan error)
				go func() {
					done <- follow(ctx, client, func(error) {
						telling.Store(true)
						time.Sleep(time.Minute)
						told.Store(true)
					})
				}()
				time.Sleep(time.Second)
				for _, resource := range append(parts(), "pods") {
					server.set(resource, breaks(syscall.ECONNREFUSED))
				}
				server.endWatches()
				time.Sleep(10 * time.Second)
				if !telling.Load() || told.Load() {
					t.Errorf("telling: %t, told: %t", telling.Load(), told.Load())
				}
				stop()
				<-done
				if !told.Load() {
					t.Error("returned before the outage was told")
				}
			})
		})
	}
}
