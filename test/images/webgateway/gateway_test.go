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
