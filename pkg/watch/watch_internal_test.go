package watch

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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// watched is a watch under a fake clock: what it has shown, and the outages that it
// reported.
type watched struct {
	mu    sync.Mutex
	shown []topology.Snapshot
	lost  []error
	ended error
	stop  context.CancelFunc
	done  chan struct{}
}

func startWatch(t *testing.T, client *Watcher, scope kube.Scope) *watched {
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
			for how, failure := range kubetest.Failures() {
				t.Run(scopeName+"/"+part+"/"+how, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						server, client := newServer(t)
						server.Set(part, failure)
						w := startWatch(t, client, scope)
						shown := w.after(kube.PartTimeout + time.Second)
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
						server.Set(part, nil)
						shown = w.after(3 * kube.PartTimeout)
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
		server, client := newServer(t)
		w := startWatch(t, client, kube.Scope{Namespace: "iko"})
		w.after(time.Second)
		server.Set("services", kubetest.Refuses(500, metav1.StatusReasonInternalError, "etcd is unhappy"))
		server.EndWatches()
		for _, s := range w.after(kube.PartTimeout - time.Second) {
			if len(s.Unread) > 0 {
				t.Fatalf("missing at once: %+v", s.Unread)
			}
		}
		shown := w.after(kube.PartTimeout + time.Second)
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

// A restart of the whole server is reported once, and no part of it is missing when
// it is back.
func TestWatchOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		w := startWatch(t, client, kube.Scope{Namespace: "iko"})
		w.after(time.Second)
		for _, resource := range append(parts(), "pods") {
			server.Set(resource, kubetest.Breaks(syscall.ECONNREFUSED))
		}
		server.EndWatches()
		w.after(time.Minute)
		server.Set("pods", nil)
		w.after(kube.PartTimeout - time.Second) // the rest of the server comes back later
		for _, resource := range parts() {
			server.Set(resource, nil)
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
		fails    kubetest.Answer
		want     string
	}{
		"connection refused":  {"pods", kubetest.Breaks(syscall.ECONNREFUSED), "cannot reach the API server"},
		"unauthorized":        {"pods", kubetest.Refuses(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized"), "does not accept your credentials"},
		"a part unauthorized": {"events", kubetest.Refuses(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized"), "does not accept your credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newServer(t)
				server.Set(test.resource, test.fails)
				w := startWatch(t, client, kube.Scope{Namespace: "iko"})
				if shown := w.after(kube.PartTimeout); len(shown) > 0 {
					t.Errorf("shows %+v", shown)
				}
				if err := w.end(); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("ended with %v, want %q", err, test.want)
				}
			})
		})
	}
}

// No outage is reported after the call has returned.
func TestOutageIsNotReportedAfterTheEnd(t *testing.T) {
	shows := func([]iris.Pod) error { return nil }
	for name, follow := range map[string]func(context.Context, *Watcher, func(error)) error{
		"status": func(ctx context.Context, c *Watcher, lost func(error)) error {
			return c.Watch(ctx, kube.Scope{Namespace: "iko"}, func(topology.Snapshot) error { return nil }, lost)
		},
		"pods": func(ctx context.Context, c *Watcher, lost func(error)) error {
			return c.FollowPods(ctx, "iko", "simple", shows, lost)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newServer(t)
				ctx, stop := context.WithCancel(t.Context())
				var reporting, reported atomic.Bool
				done := make(chan error)
				go func() {
					done <- follow(ctx, client, func(error) {
						reporting.Store(true)
						time.Sleep(time.Minute)
						reported.Store(true)
					})
				}()
				time.Sleep(time.Second)
				for _, resource := range append(parts(), "pods") {
					server.Set(resource, kubetest.Breaks(syscall.ECONNREFUSED))
				}
				server.EndWatches()
				time.Sleep(10 * time.Second)
				if !reporting.Load() || reported.Load() {
					t.Errorf("reporting: %t, reported: %t", reporting.Load(), reported.Load())
				}
				stop()
				<-done
				if !reported.Load() {
					t.Error("returned before the outage was reported")
				}
			})
		})
	}
}

// A watch passes over pods that name no cluster.
func TestWatchPassesOverPodsThatNameNoCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, watcher := newServer(t)
		server.Set("pods", kubetest.Listing(server, func(r *http.Request) (*http.Response, error) {
			return kubetest.JSON(r, http.StatusOK, kubetest.PodList(metav1.ListMeta{ResourceVersion: "1"},
				kubetest.PodNamed("debug", nil), kubetest.PodNamed("simple-data-0", map[string]string{iris.LabelName: "simple"}))), nil
		}))
		enough := errors.New("enough")
		var watched, followed []iris.Pod
		err := watcher.Watch(t.Context(), kube.Scope{Namespace: "iko"}, func(s topology.Snapshot) error {
			watched = s.Pods
			return enough
		}, nil)
		if !errors.Is(err, enough) || len(watched) != 1 || watched[0].Name != "simple-data-0" {
			t.Errorf("watched %d pods, %v", len(watched), err)
		}
		err = watcher.FollowPods(t.Context(), "iko", "simple", func(pods []iris.Pod) error {
			followed = pods
			return enough
		}, nil)
		if !errors.Is(err, enough) || len(followed) != 1 || followed[0].Name != "simple-data-0" {
			t.Errorf("followed %d pods, %v", len(followed), err)
		}
	})
}

// checkUnread fails the test unless one part is unread, with a message of one line.
func checkUnread(t *testing.T, unread []view.Unread, part string) {
	t.Helper()
	if len(unread) != 1 || !strings.HasPrefix(unread[0].Resource, part) || unread[0].Reason != view.Failed {
		t.Fatalf("unread is %+v, want %s alone, as Failed", unread, part)
	}
	if m := unread[0].Message; strings.Contains(m, "\n") || len(m) > 500 || strings.Contains(m, "https://server") {
		t.Errorf("message %q", m)
	}
}

// parts are all kinds but pods.
func parts() []string { return []string{iris.Resource, "services", "endpointslices", "events"} }

// scopes are one cluster and all of a namespace.
func scopes() map[string]kube.Scope {
	return map[string]kube.Scope{"one": {Namespace: "iko", Names: []string{"simple"}}, "all": {Namespace: "iko"}}
}

// sizes counts what a snapshot holds of each resource.
func sizes(s topology.Snapshot) map[string]int {
	return map[string]int{
		iris.Resource: len(s.Clusters), "pods": len(s.Pods), "services": len(s.Services),
		"endpointslices": len(s.Slices), "events": len(s.Events),
	}
}
