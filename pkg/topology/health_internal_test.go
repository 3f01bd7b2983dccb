package topology

import (
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func TestHealth(t *testing.T) {
	of := func(severities ...view.Severity) []view.Finding {
		var findings []view.Finding
		for _, s := range severities {
			findings = append(findings, view.Finding{Severity: s})
		}
		return findings
	}
	for name, test := range map[string]struct {
		findings     []view.Finding
		read, unread view.Health
	}{
		"none":               {of(), view.Healthy, view.Unknown},
		"an info":            {of(view.SeverityInfo), view.Healthy, view.Unknown},
		"a warning":          {of(view.SeverityWarning, view.SeverityInfo), view.Warning, view.Unknown},
		"an error":           {of(view.SeverityError), view.Degraded, view.Degraded},
		"error and warnings": {of(view.SeverityError, view.SeverityWarning, view.SeverityWarning), view.Degraded, view.Degraded},
	} {
		if got := healthOf(test.findings, true); got != test.read {
			t.Errorf("%s: %s, want %s", name, got, test.read)
		}
		if got := healthOf(test.findings, false); got != test.unread {
			t.Errorf("%s, pods not read: %s, want %s", name, got, test.unread)
		}
	}
}
