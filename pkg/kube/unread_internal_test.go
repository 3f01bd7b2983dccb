package kube

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
)

// slow are the answers of a server that takes long, but is never silent for as
// long as PartTimeout.
func slow() map[string]kubetest.Answer {
	return map[string]kubetest.Answer{
		"pages":          kubetest.TenPages(700 * time.Millisecond),
		"slower pages":   kubetest.TenPages(PartTimeout / 2),
		"one large page": kubetest.Trickles(time.Second, 12),
	}
}

// A part is read to its end as long as its data comes, however many pages it has
// and however slow the network is.
func TestSlowPartIsReadWhole(t *testing.T) {
	for name, answer := range slow() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newServer(t)
				server.Set("services", answer)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				s, err := client.Snapshot(ctx, Scope{Namespace: "iko"}, nil)
				if err != nil || len(s.Unread) > 0 || len(s.Services) != 10 {
					t.Errorf("%d Services, unread %+v, error %v", len(s.Services), s.Unread, err)
				}
			})
		})
	}
}

// The command's own time bounds a part that goes on and on.
func TestEndlessPartEndsWithTheCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		server.Set("services", kubetest.Trickles(time.Second, 1000))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		s, err := client.Snapshot(ctx, Scope{Namespace: "iko"}, nil)
		if err != nil || len(s.Pods) != 1 {
			t.Fatalf("%d pods, %v", len(s.Pods), err)
		}
		checkUnread(t, s.Unread, "services")
	})
}

// A part that stops in its middle costs no more than one that never begins.
func TestPartThatFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		server.Set("services", func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("continue") != "" {
				return kubetest.Hangs(r)
			}
			return kubetest.JSON(r, http.StatusOK, kubetest.ServiceList("next", 0, 1)), nil
		})
		began := time.Now()
		s, err := client.Snapshot(t.Context(), Scope{Namespace: "iko"}, nil)
		if took := time.Since(began); err != nil || took > PartTimeout+time.Second {
			t.Errorf("took %s, %v", took, err)
		}
		checkUnread(t, s.Unread, "services")
	})
}

// A refusal that is tried again and again is no answer.
func TestRetriedRefusalIsNoProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		server.Set("services", func(r *http.Request) (*http.Response, error) {
			response, err := kubetest.Refuses(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "slow down")(r)
			response.Header.Set("Retry-After", "3")
			return response, err
		})
		began := time.Now()
		s, err := client.Snapshot(t.Context(), Scope{Namespace: "iko"}, nil)
		if took := time.Since(began); err != nil || took > PartTimeout+time.Second {
			t.Errorf("took %s, %v", took, err)
		}
		checkUnread(t, s.Unread, "services")
	})
}
