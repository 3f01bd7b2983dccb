package stream

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// refuse answers as an API server does to a user without the right.
func refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden,
		Message: `pods "pod-0" is forbidden: User "jane" cannot get resource "pods/portforward" in API group "" in the namespace "ns"`,
	})
}

func clientOf(t *testing.T, handler http.HandlerFunc) *Streamer {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := kube.New(&rest.Config{Host: server.URL}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return New(client)
}

// A server that lets no WebSocket in is spoken to as before there were any.
func TestTunnelFallsBackToSPDY(t *testing.T) {
	streams := make(chan httpstream.Stream, 1)
	client := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			refuse(w)
			return
		}
		if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
			t.Error(err)
			return
		}
		conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
			streams <- s
			return nil
		})
		<-conn.CloseChan()
	})
	conn, err := client.Tunnel(t.Context(), "ns", "pod-0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.CreateStream(http.Header{"Port": {"80"}}); err != nil {
		t.Fatal(err)
	}
	if got := (<-streams).Headers().Get("Port"); got != "80" {
		t.Errorf("the stream that arrived is for port %q", got)
	}
}

func TestTunnelForbidden(t *testing.T) {
	client := clientOf(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w) })
	_, err := client.Tunnel(t.Context(), "ns", "pod-0")
	if err == nil || !strings.HasPrefix(err.Error(), `cannot create pods/portforward "pod-0" in namespace "ns": forbidden`) {
		t.Errorf("error %v", err)
	}
	want := `ask for the right to create pods/portforward in namespace "ns"; kubectl auth can-i create pods --subresource=portforward -n ns reports whether you have it`
	if hint := problem.HintOf(err); hint != want {
		t.Errorf("hint %q", hint)
	}
}
