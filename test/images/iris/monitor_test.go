package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/test/images/mirror"
)

// page gets a page of the instance's own web server.
func page(t *testing.T, i *instance, path string) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	i.webHandler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	body, err := io.ReadAll(recorder.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return recorder.Code, string(body)
}

// samples are the metrics without their comments.
func samples(t *testing.T, i *instance) []string {
	t.Helper()
	code, body := page(t, i, "/api/monitor/metrics")
	if code != http.StatusOK {
		t.Fatalf("metrics: %d %s", code, body)
	}
	var lines []string
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// sound are the metrics that say nothing of a mirror.
func sound(ofMirror ...string) []string {
	lines := []string{"iris_system_state 0", "iris_license_days_remaining 365", "iris_license_percent_used 12.5"}
	return append(append(lines, ofMirror...), "iris_mirror_missing_databases 0")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, kind, status string
		want               []string
	}{
		{"primary", "Failover", "Primary", sound("iris_mirror_member_type 3", `iris_mirror_status{id="IRISMIRROR1"} 2`, "iris_mirror_failover_ready 1")},
		{"backup", "Failover", "Backup", sound("iris_mirror_member_type 3", `iris_mirror_status{id="IRISMIRROR1"} 3`, "iris_mirror_failover_ready 1")},
		{"DR async", "Disaster Recovery", "Connected", sound("iris_mirror_member_type 5", `iris_mirror_status{id="IRISMIRROR1"} 4`, "iris_mirror_failover_ready 0")},
		{"reporting async", "Read-Write Reporting", "Crashed", sound("iris_mirror_member_type 7", `iris_mirror_status{id="IRISMIRROR1"} 9`, "iris_mirror_failover_ready 0")},
		{"a status without a number", "Failover", "In Trouble", sound("iris_mirror_member_type 3", "iris_mirror_failover_ready 0")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i := newInstance(mirror.Config{Name: "IRISMIRROR1"}, "x-0", switchesIn(t.TempDir()), nil)
			if err := i.switches.setAnswer(test.kind, test.status); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, samples(t, i)); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMetricsOfNoMember(t *testing.T) {
	t.Parallel()
	i := newInstance(mirror.Config{}, "x-0", switchesIn(t.TempDir()), nil)
	c, _ := console(t, i, "")
	do := func(args ...string) {
		t.Helper()
		if err := c.standIn(t.Context(), args); err != nil {
			t.Fatal(err)
		}
	}
	none := []string{"iris_mirror_member_type 2", "iris_mirror_status 1", "iris_mirror_failover_ready 0"}
	if diff := cmp.Diff(sound(none...), samples(t, i)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	do("metric", "iris_license_days_remaining", "3")
	do("metric", "iris_mirror_failover_ready", "none")
	want := sound(none[:2]...)
	want[1] = "iris_license_days_remaining 3"
	if diff := cmp.Diff(want, samples(t, i)); diff != "" {
		t.Errorf("metrics that were switched (-want +got):\n%s", diff)
	}
	do("metric", "all", "none")
	if code, _ := page(t, i, "/api/monitor/metrics"); code != http.StatusNotFound {
		t.Errorf("an instance without metrics answers %d", code)
	}
	i.set(false)
	if code, _ := page(t, i, "/api/monitor/metrics"); code != http.StatusServiceUnavailable {
		t.Errorf("an instance that is down answers %d", code)
	}
}

// Whoever reads the alerts is counted.
func TestAlertsAreCounted(t *testing.T) {
	t.Parallel()
	i := newInstance(mirror.Config{}, "x-0", switchesIn(t.TempDir()), nil)
	c, out := console(t, i, "")
	count := func(want string) {
		t.Helper()
		out.Reset()
		if err := c.standIn(t.Context(), []string{"alerts"}); err != nil || out.String() != want+"\n" {
			t.Errorf("alerts were read %q times, %v, want %s", out, err, want)
		}
	}
	page(t, i, "/api/monitor/metrics")
	count("0")
	for range 2 {
		if code, body := page(t, i, "/api/monitor/alerts"); code != http.StatusOK || body != "[]" {
			t.Errorf("alerts: %d %s", code, body)
		}
	}
	count("2")
	if got := i.report().AlertsRead; got != 2 {
		t.Errorf("the agent reports %d", got)
	}
}

// The instance's own web port has the page that tells the primary.
func TestMirrorStatusOfTheInstance(t *testing.T) {
	t.Parallel()
	first, second := mirrored(t)
	settle(t, first, second)
	for _, path := range []string{"/csp/bin/mirror_status.cxw", "/csp/mirror_status.cxw"} {
		if code, body := page(t, first, path); code != http.StatusOK || body != "SUCCESS" {
			t.Errorf("%s of the primary: %d %s", path, code, body)
		}
		if code, body := page(t, second, path); code != http.StatusServiceUnavailable || body != "FAILED" {
			t.Errorf("%s of the backup: %d %s", path, code, body)
		}
	}
	if code, body := page(t, first, "/csp/sys/UtilHome.csp"); code != http.StatusOK || !strings.HasPrefix(body, "stand-in web server of IRIS") {
		t.Errorf("another page: %d %s", code, body)
	}
}

// Pages can be late, and the asker may go before they come.
func TestLatePages(t *testing.T) {
	t.Parallel()
	i := newInstance(mirror.Config{}, "x-0", switchesIn(t.TempDir()), nil)
	c, _ := console(t, i, "")
	if err := c.standIn(t.Context(), []string{"page", "late", "250ms"}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	samples(t, i)
	if took := time.Since(start); took < 250*time.Millisecond {
		t.Errorf("the late page took %s", took)
	}
	if err := c.iris(t.Context(), []string{"qlist"}); err != nil {
		t.Errorf("iris qlist: %v", err)
	}
	if err := c.standIn(t.Context(), []string{"page", "hang"}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(i.webHandler())
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*look)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/monitor/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that it hangs", err)
	}
	if got := i.report().Late; got != hanging {
		t.Errorf("the agent reports that pages take %s", got)
	}
}
