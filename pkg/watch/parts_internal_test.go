package watch

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
)

// slow are the answers of a server that takes long, but is never silent for as
// long as kube.PartTimeout.
func slow() map[string]kubetest.Answer {
	return map[string]kubetest.Answer{
		"pages":          kubetest.TenPages(700 * time.Millisecond),
		"slower pages":   kubetest.TenPages(kube.PartTimeout / 2),
		"one large page": kubetest.Trickles(time.Second, 12),
	}
}

// A watch downloads a slow part once, and not its beginning again and again.
func TestWatchReadsASlowPartOnce(t *testing.T) {
	for name, answer := range slow() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newServer(t)
				server.Set("services", kubetest.Listing(server, answer))
				w := startWatch(t, client, kube.Scope{Namespace: "iko"})
				shown := w.after(29 * time.Second)
				if len(shown) == 0 {
					w.stop()
					<-w.done
					t.Fatal("nothing is shown")
				}
				for _, s := range shown {
					if len(s.Services) != 10 || len(s.Unread) > 0 {
						t.Errorf("%d Services, unread %+v", len(s.Services), s.Unread)
					}
				}
				firsts := 0
				for _, r := range server.Requests("services") {
					if r.URL.Query().Get("watch")+r.URL.Query().Get("continue") == "" {
						firsts++
					}
				}
				if err := w.end(); err != nil || firsts != 1 {
					t.Errorf("listed %d times, ended with %v", firsts, err)
				}
			})
		})
	}
}

// A watch shows what there is while a part takes very long, and the part when it
// has come.
func TestWatchShowsTheRestMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		server.Set("services", kubetest.Listing(server, kubetest.Trickles(time.Second, 100)))
		w := startWatch(t, client, kube.Scope{Namespace: "iko"})
		shown := w.after(firstTimeout + time.Second)
		if len(shown) == 0 {
			w.stop()
			<-w.done
			t.Fatal("nothing is shown")
		}
		checkUnread(t, shown[0].Unread, "services")
		shown = w.after(100 * time.Second)
		if len(shown) == 0 || len(shown[len(shown)-1].Services) != 10 || len(shown[len(shown)-1].Unread) > 0 {
			t.Errorf("the part is not shown once it has come")
		}
		if err := w.end(); err != nil || len(w.lost) > 0 {
			t.Errorf("ended with %v, lost %v", err, w.lost)
		}
	})
}

// A part that hangs when it is listed again is missing, whichever kind was listed
// last at first.
func TestWatchLosesAPartThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		late := func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return kubetest.JSON(r, http.StatusOK, kubetest.Healthy(r)), nil
		}
		server.Set("pods", kubetest.Listing(server, late))
		w := startWatch(t, client, kube.Scope{Namespace: "iko"})
		w.after(2 * time.Second)
		gone := kubetest.Refuses(http.StatusGone, metav1.StatusReasonExpired, "too old")
		server.Set("services", func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") != "" {
				return gone(r)
			}
			return kubetest.Hangs(r)
		})
		server.EndWatches()
		shown := w.after(time.Minute)
		if len(shown) == 0 {
			w.stop()
			<-w.done
			t.Fatal("never missing")
		}
		checkUnread(t, shown[len(shown)-1].Unread, "services")
		if err := w.end(); err != nil || len(w.lost) > 0 {
			t.Errorf("ended with %v, lost %v", err, w.lost)
		}
	})
}
