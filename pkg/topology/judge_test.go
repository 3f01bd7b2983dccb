package topology_test

import (
	"slices"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Each code of the table is found in a scenario, as the table has it, and no
// other code is. Errors come first.
func TestEachFindingHasAScenario(t *testing.T) {
	found := map[view.FindingCode]view.Severity{}
	order := []view.Severity{view.SeverityError, view.SeverityWarning, view.SeverityInfo}
	for _, name := range scenarios(t) {
		for _, c := range topology.Statuses(load(t, name)).Items {
			last := 0
			for _, f := range c.Findings {
				found[f.Code] = f.Severity
				if f.URL != finding.URL(f.Code) {
					t.Errorf("%s: %s: URL %q", name, f.Code, f.URL)
				}
				rank := slices.Index(order, f.Severity)
				if rank < last {
					t.Errorf("%s: %s, %s, after a finding of less severity", name, f.Code, f.Severity)
				}
				last = rank
			}
		}
	}
	for _, k := range finding.Table() {
		if found[k.Code] != k.Severity {
			t.Errorf("%s is in no scenario of testdata, or of severity %q, want %q", k.Code, found[k.Code], k.Severity)
		}
		delete(found, k.Code)
	}
	for code := range found {
		t.Errorf("%s is not in the table of pkg/finding", code)
	}
}
