package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
	"github.com/kubectl-iris/kubectl-iris/test/images/mirror"
)

// apiServer answers with this status and body, to whom has the token.
func apiServer(t *testing.T, status int, body string) podLookup {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/namespaces/n/pods/x-1" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("asked for %s with %q", r.URL, r.Header.Get("Authorization"))
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return podLookup{client: server.Client(), server: server.URL, namespace: "n", tokenFile: token}
}

// dialing has connections, whatever their address, go to the listener; nil refuses.
func dialing(t *testing.T, p *peers, listener net.Listener) {
	t.Helper()
	p.client.Timeout = 200 * time.Millisecond
	p.client.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "10.0.0.7:2188" {
			t.Errorf("connected to %s", address)
		}
		if listener == nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("refused")}
		}
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", listener.Addr().String())
	}}
}

func TestPeersTellGoneFromSilent(t *testing.T) {
	t.Parallel()
	const found = `{"status": {"podIP": "10.0.0.7"}}`
	answering := func(pod string) net.Listener {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(agent.Report{Member: mirror.Member{Pod: pod, Up: true}})
		}))
		t.Cleanup(server.Close)
		return server.Listener
	}
	silent, err := listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	tests := []struct {
		name     string
		status   int
		body     string
		listener net.Listener
		fails    bool
		gone     bool
	}{
		{"answers", 200, found, answering("x-1"), false, false},
		{"another pod has the address", 200, found, answering("y-0"), true, true},
		{"refused", 200, found, nil, true, true},
		{"accepted, and then nothing", 200, found, silent, true, false},
		{"no pod", 404, "", nil, true, true},
		{"no address", 200, `{"status": {}}`, nil, true, true},
		{"forbidden", 403, "", nil, true, false},
		{"no JSON", 200, "oops", nil, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPeers(apiServer(t, test.status, test.body))
			dialing(t, p, test.listener)
			report, err := p.ask(t.Context(), "x-1")
			if (err != nil) != test.fails || errors.Is(err, errGone) != test.gone {
				t.Errorf("error %v", err)
			}
			if !test.fails && report.Pod != "x-1" {
				t.Errorf("report %+v", report)
			}
		})
	}
}

func TestPeersLookAgainAfterAFailure(t *testing.T) {
	t.Parallel()
	p := newPeers(apiServer(t, 200, `{"status": {"podIP": "10.0.0.7"}}`))
	dialing(t, p, nil)
	p.addresses["x-1"] = "10.0.0.7"
	if _, err := p.ask(t.Context(), "x-1"); !errors.Is(err, errGone) {
		t.Errorf("error %v", err)
	}
	if address, known := p.addresses["x-1"]; known {
		t.Errorf("it still believes that the pod is at %s", address)
	}
}
