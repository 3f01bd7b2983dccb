package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
	"github.com/kubectl-iris/kubectl-iris/test/images/mirror"
)

// report is that of an instance which says so of itself.
func report(kind, status string) agent.Report {
	return agent.Report{Member: mirror.Member{Up: true}, Instance: "IRIS", Type: kind, Status: status}
}

func TestPages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		report agent.Report
		err    error
		role   string // on the page
		status int    // of mirror_status.cxw
		body   string
	}{
		{"primary", report("Failover", "Primary"), nil, "<dd>IRIS\n<dt>role<dd>Failover Primary\n", 200, "SUCCESS"},
		{"backup", report("Failover", "Backup"), nil, "<dd>IRIS\n<dt>role<dd>Failover Backup\n", 503, "FAILED"},
		{"async", report("Disaster Recovery", "Connected"), nil, "<dd>IRIS\n<dt>role<dd>Disaster Recovery Connected\n", 503, "FAILED"},
		{"no mirror", report("", ""), nil, "<dd>IRIS\n<dt>role<dd>none\n", 503, "FAILED"},
		{"down", agent.Report{Instance: "IRIS", Type: "Failover", Status: "Primary"}, nil, "<dd>IRIS\n<dt>role<dd>down\n", 503, "FAILED"},
		{"alone", agent.Report{}, errors.New("refused"), "<dd>none\n<dt>role<dd>none\n", 503, "FAILED"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := gateway{pod: "pod-0", instance: func(context.Context) (agent.Report, error) { return test.report, test.err }}
			var log bytes.Buffer
			server := httptest.NewServer(g.handler(&log))
			defer server.Close()
			status, page := request(t, server.URL+"/csp/sys/UtilHome.csp", "")
			if status != http.StatusOK || !strings.Contains(page, "<dt>pod<dd>pod-0\n<dt>instance"+test.role) || !strings.Contains(page, "stand-in") {
				t.Errorf("%d %s", status, page)
			}
			if status, body := request(t, server.URL+"/csp/bin/mirror_status.cxw", ""); status != test.status || body != test.body {
				t.Errorf("mirror status %d %q, want %d %q", status, body, test.status, test.body)
			}
			if !strings.HasPrefix(log.String(), "GET /csp/sys/UtilHome.csp from 127.0.0.1:") {
				t.Errorf("log %q", log.String())
			}
		})
	}
}

func TestTransfers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(gateway{}.handler(io.Discard))
	defer server.Close()
	content := strings.Repeat("0123456789", 100_000)
	if status, body := request(t, server.URL+"/stand-in/echo", content); status != http.StatusOK || body != content {
		t.Errorf("echo: %d, %d bytes, want %d", status, len(body), len(content))
	}
	hash := sha256.Sum256([]byte(content))
	if _, body := request(t, server.URL+"/stand-in/sum", content); strings.TrimSpace(body) != hex.EncodeToString(hash[:]) {
		t.Errorf("sum %q", body)
	}

	response, err := http.Get(server.URL + "/stand-in/bytes?size=1000000")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	hash = sha256.Sum256(body)
	if got := response.Trailer.Get(checksum); len(body) != 1_000_000 || got != hex.EncodeToString(hash[:]) {
		t.Errorf("%d bytes, checksum %q", len(body), got)
	}
	if status, _ := request(t, server.URL+"/stand-in/bytes?size=-1", ""); status != http.StatusBadRequest {
		t.Errorf("a negative size: %d", status)
	}
}

// request posts the body, or gets if there is none.
func request(t *testing.T, url, body string) (int, string) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// A gateway passes the instance's REST API on where its application paths cover it.
func TestApplicationPaths(t *testing.T) {
	t.Parallel()
	const metrics, alerts, portal = "/api/monitor/metrics", "/api/monitor/alerts", "/csp/sys/UtilHome.csp"
	tests := []struct {
		paths     []string
		requested string
		passed    bool
		status    int
	}{
		{nil, metrics, false, 404},
		{nil, portal, false, 200},
		{[]string{"/csp/sys", "/api/atelier"}, metrics, false, 404},
		{[]string{"/csp/sys", "/api/atelier"}, portal, false, 200},
		{[]string{"/api"}, metrics, true, 200},
		{[]string{"/api"}, alerts, true, 200},
		{[]string{"/api"}, portal, false, 404},
		{[]string{"/api"}, "/csp/bin/mirror_status.cxw", false, 503},
		{[]string{"/api/monitor/"}, metrics, true, 200},
		{[]string{"/api/mon"}, metrics, false, 404},
		{[]string{"/"}, metrics, true, 200},
	}
	for _, test := range tests {
		var passed string
		g := gateway{
			paths:    test.paths,
			instance: func(context.Context) (agent.Report, error) { return report("", ""), nil },
			api: func(_ context.Context, path string) (*http.Response, error) {
				passed = path
				recorder := httptest.NewRecorder()
				_, err := recorder.WriteString("from the instance")
				return recorder.Result(), err
			},
		}
		server := httptest.NewServer(g.handler(io.Discard))
		status, body := request(t, server.URL+test.requested+"?x=1", "")
		server.Close()
		if status != test.status || (passed == test.requested+"?x=1") != test.passed || test.passed && body != "from the instance" {
			t.Errorf("%s with the paths %q: %d %q, passed on %q", test.requested, test.paths, status, body, passed)
		}
	}

	alone := gateway{paths: []string{"/api"}, api: func(context.Context, string) (*http.Response, error) { return nil, errors.New("refused") }}
	server := httptest.NewServer(alone.handler(io.Discard))
	defer server.Close()
	if status, _ := request(t, server.URL+metrics, ""); status != http.StatusServiceUnavailable {
		t.Errorf("without an instance: %d", status)
	}
}

// A gateway waits for an instance that takes its time.
func TestLateInstance(t *testing.T) {
	t.Parallel()
	late := report("Failover", "Primary")
	late.Late = 100 * time.Millisecond
	g := gateway{instance: func(context.Context) (agent.Report, error) { return late, nil }}
	server := httptest.NewServer(g.handler(io.Discard))
	defer server.Close()
	for _, path := range []string{"/csp/bin/mirror_status.cxw", "/csp/sys/UtilHome.csp"} {
		start := time.Now()
		if status, _ := request(t, server.URL+path, ""); status != http.StatusOK || time.Since(start) < late.Late {
			t.Errorf("%s: %d after %s", path, status, time.Since(start))
		}
	}
}
