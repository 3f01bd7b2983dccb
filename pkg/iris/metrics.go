package iris

import (
	"strconv"
	"strings"
)

// MetricsPath is the page with an instance's metrics. IRIS's own web port
// serves it, without authentication by default, and a web gateway if its
// applicationPaths cover it (documented). /api/monitor/alerts is never read:
// reading removes the alerts, which then reach no monitoring.
const MetricsPath = "/api/monitor/metrics"

// The metrics of an instance's mirror (Monitoring Guide).
const (
	metricMirrorStatus = "iris_mirror_status"
	metricMemberType   = "iris_mirror_member_type"
)

// mirrorStatusOf and memberTypeOf translate the values of the metrics into the
// words that qlist uses.
func mirrorStatusOf(value int) string {
	return wordAt(value, StatusNotInitialized, StatusPrimary, StatusBackup, StatusConnected,
		StatusTransition, StatusSynchronizing, StatusWaiting, StatusStopped, StatusCrashed)
}

func memberTypeOf(value int) string {
	return wordAt(value, TypeIndeterminate, TypeNotMember, TypeFailover,
		TypeAsync, TypeDisasterRecovery, TypeReadOnlyReporting, TypeReadWriteReporting)
}

// wordAt returns the word of a value, counted from 1; the number itself if it is
// not known.
func wordAt(value int, words ...string) string {
	if value < 1 || value > len(words) {
		return strconv.Itoa(value)
	}
	return words[value-1]
}

// ParseMetrics returns what an instance's metrics, in Prometheus' text format,
// say of its mirror. It returns nil if they say nothing of it: the version is old,
// or the group of sensors is switched off.
func ParseMetrics(text string) *Mirror {
	var m Mirror
	for line := range strings.Lines(text) {
		switch name, value := sample(line); name {
		case metricMirrorStatus:
			m.Status = mirrorStatusOf(value)
		case metricMemberType:
			m.MemberType = memberTypeOf(value)
		}
	}
	if strings.EqualFold(m.MemberType, TypeNotMember) {
		return &Mirror{}
	}
	if m.Status == "" {
		return nil
	}
	return &m
}

// sample returns the name and the value of one line, NAME[{LABELS}] VALUE
// [TIMESTAMP]. The name is "" for comments and for values that are not whole numbers.
func sample(line string) (name string, value int) {
	line = strings.TrimSpace(line)
	at := strings.IndexAny(line, "{ \t")
	if at <= 0 || line[0] == '#' {
		return "", 0
	}
	name, rest := line[:at], line[at:]
	if end := strings.LastIndexByte(rest, '}'); end >= 0 {
		rest = rest[end+1:]
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return "", 0
	}
	number, err := strconv.ParseFloat(fields[0], 64)
	if err != nil || number != float64(int(number)) {
		return "", 0
	}
	return name, int(number)
}
