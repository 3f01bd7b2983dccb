package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
)

// metric is one of /api/monitor/metrics. [D]
type metric struct {
	name, help string
	// value returns the value; false leaves the metric out.
	value func(agent.Report) (string, bool)
	// ofMirror says that the sample has a label with the name of the mirror, if there is
	// one. Whether IRIS sets one is not known. [?]
	ofMirror bool
}

// metrics are those that the stand-in has, with the values of a sound instance.
var metrics = []metric{
	{"iris_system_state", "state of the instance: 0 is ok", fixed("0"), false},
	{"iris_license_days_remaining", "days until the licence expires", fixed("365"), false},
	{"iris_license_percent_used", "percentage of the licence that is used", fixed("12.5"), false},
	{"iris_mirror_member_type", "type of mirror member", memberType, false},
	{"iris_mirror_status", "status of the mirror member", memberStatus, true},
	{"iris_mirror_failover_ready", "whether the member could take over", failoverReady, false},
	{"iris_mirror_missing_databases", "databases that the mirror lacks", fixed("0"), false},
}

// memberTypes and memberStatuses are the values of iris_mirror_member_type and
// iris_mirror_status, in the words of iris qlist; the first is 1. [D]
var (
	memberTypes    = []string{"Indeterminate", "", "Failover", "Async", "Disaster Recovery", "Read-Only Reporting", "Read-Write Reporting"}
	memberStatuses = []string{"Not Initialized", "Primary", "Backup", "Connected", "Transition", "Synchronizing", "Waiting", "Stopped", "Crashed"}
)

func fixed(value string) func(agent.Report) (string, bool) {
	return func(agent.Report) (string, bool) { return value, true }
}

func memberType(r agent.Report) (string, bool) {
	return numbered(memberTypes, r.Type)
}

// memberStatus is left out for a status, like "In Trouble", that has no value.
func memberStatus(r agent.Report) (string, bool) {
	if r.Type == "" {
		return "1", true
	}
	return numbered(memberStatuses, r.Status)
}

func failoverReady(r agent.Report) (string, bool) {
	if r.Type == "Failover" && (r.Status == "Primary" || r.Status == "Backup") {
		return "1", true
	}
	return "0", true
}

// numbered returns the place of the word, counted from 1.
func numbered(words []string, word string) (string, bool) {
	at := slices.Index(words, word)
	return strconv.Itoa(at + 1), at >= 0
}

// monitorHandler answers at /api/monitor, without a login [D], and at the page that tells
// the primary, which was seen at an instance's own web port too. [S]
func (i *instance) monitorHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/monitor/metrics", func(w http.ResponseWriter, _ *http.Request) { i.writeMetrics(w) })
	// Reading the alerts takes them away from whoever monitors IRIS. [D]
	mux.HandleFunc("GET /api/monitor/alerts", func(w http.ResponseWriter, _ *http.Request) {
		i.alertsRead.Add(1)
		_, _ = io.WriteString(w, "[]") // the asker may have gone
	})
	for _, path := range []string{"/csp/bin/mirror_status.cxw", "/csp/mirror_status.cxw"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { agent.MirrorStatus(w, i.report()) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := wait(r.Context(), i.switches.pageLate); err != nil {
			return // the asker has gone
		}
		if !i.report().Up {
			http.Error(w, "stand-in: the instance is down", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// writeMetrics writes the metrics in the text format of Prometheus.
func (i *instance) writeMetrics(w http.ResponseWriter) {
	if _, none := i.switches.metric("all"); none {
		http.Error(w, "stand-in: no metrics", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	report := i.report()
	for _, m := range metrics {
		value, has := m.value(report)
		if other, set := i.switches.metric(m.name); set {
			value, has = other, other != ""
		}
		if !has {
			continue
		}
		name := m.name
		if m.ofMirror && i.mirrorName != "" {
			name += fmt.Sprintf("{id=%q}", i.mirrorName)
		}
		_, _ = fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s %s\n", m.name, m.help, m.name, name, strings.TrimSpace(value)) // the asker may have gone
	}
}
