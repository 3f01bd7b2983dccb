package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// output is what a status printed.
type output struct{ out, err bytes.Buffer }

// printerTo returns the printer of a status of clusters in namespace iko.
func printerTo(t *testing.T, o *output, unhealthy bool, names ...string) *statusPrinter {
	t.Helper()
	request, err := action.NewStatusRequest("iko", names, "", action.AskNever)
	if err != nil {
		t.Fatal(err)
	}
	f := &factory{Env: Env{Out: &o.out, Err: &o.err, Now: func() time.Time { return time.Unix(0, 0) }}, reporter: newReporter(&o.err)}
	return newStatusPrinter(f, &statusFlags{unhealthy: unhealthy, tableFlags: tableFlags{color: "never", output: flag.NewOutput()}}, request, nil)
}

// listOf returns the view of a cluster without a mirror for each pod, which is
// ready or not.
func listOf(ready map[string]bool) view.ClusterStatusList {
	return topology.Statuses(actiontest.SnapshotOf(ready))
}

// prints plays lists to a watch that appends, and returns what each added.
func prints(t *testing.T, p *statusPrinter, o *output, lists ...view.ClusterStatusList) []string {
	t.Helper()
	show := p.keepShown(p.appendChanges())
	var printed []string
	for _, list := range lists {
		o.out.Reset()
		if err := show(list); err != nil {
			t.Fatal(err)
		}
		printed = append(printed, o.out.String())
	}
	return printed
}

// A cluster that recovers is printed so, and not as deleted.
func TestUnhealthyClusterRecovers(t *testing.T) {
	healthy, degraded := listOf(map[string]bool{"simple": true}), listOf(map[string]bool{"simple": false})
	for _, names := range [][]string{nil, {"simple"}} {
		var o output
		printed := prints(t, printerTo(t, &o, true, names...), &o, healthy, degraded, healthy, listOf(nil))
		if printed[0] != "" {
			t.Errorf("%v: shown, though it is healthy:\n%s", names, printed[0])
		}
		if !strings.Contains(strings.ToLower(printed[1]), "degraded") {
			t.Errorf("%v: not shown:\n%s", names, printed[1])
		}
		if !strings.Contains(strings.ToLower(printed[2]), "healthy") || strings.Contains(printed[2], "deleted") {
			t.Errorf("%v: healthy again:\n%s", names, printed[2])
		}
		if !strings.Contains(printed[3], `iriscluster.intersystems.com "simple" deleted from iko namespace`) {
			t.Errorf("%v: deleted:\n%s", names, printed[3])
		}
	}
}

// A watch that knows clusters by their pods' labels outlives the pods.
func TestWatchFromLabelsOutlivesPods(t *testing.T) {
	unreadable := func(s topology.Snapshot) view.ClusterStatusList {
		return topology.Statuses(actiontest.Lacking(s, iris.Resource))
	}
	there, none := unreadable(actiontest.SnapshotOf(map[string]bool{"simple": true})), unreadable(actiontest.SnapshotOf(nil))
	for _, names := range [][]string{nil, {"simple"}} {
		var o output
		printed := prints(t, printerTo(t, &o, false, names...), &o, there, none, none, there)
		if printed[2] != "" || !strings.Contains(printed[3], "simple") {
			t.Errorf("%v: %q", names, printed)
		}
		if names != nil && printed[1] != "iriscluster.intersystems.com \"simple\" has no pods in iko namespace\n" {
			t.Errorf("gone: %q", printed[1])
		}
	}
}

// Documents hold what has findings, each time.
func TestUnhealthyDocuments(t *testing.T) {
	var o output
	p := printerTo(t, &o, true)
	p.printer = &printers.JSONPrinter{}
	printed := prints(t, p, &o, listOf(map[string]bool{"simple": false}), listOf(map[string]bool{"simple": true}))
	if !strings.Contains(printed[0], `"simple"`) || !strings.Contains(printed[1], `"items":[]`) {
		t.Errorf("%q", printed)
	}
}

// listWith returns a list with a cluster for each health.
func listWith(healths ...view.Health) (list view.ClusterStatusList) {
	for _, h := range healths {
		list.Items = append(list.Items, view.ClusterStatus{Health: h})
	}
	return list
}

func TestWorst(t *testing.T) {
	for name, test := range map[string]struct {
		list         view.ClusterStatusList
		code, strict int
	}{
		"none":                   {listWith(), problem.ExitOK, problem.ExitOK},
		"healthy":                {listWith(view.Healthy), problem.ExitOK, problem.ExitOK},
		"a warning":              {listWith(view.Warning, view.Healthy), problem.ExitOK, problem.ExitDegraded},
		"degraded":               {listWith(view.Healthy, view.Degraded, view.Warning), problem.ExitDegraded, problem.ExitDegraded},
		"unknown before a worse": {listWith(view.Unknown, view.Degraded), problem.ExitError, problem.ExitError},
		"unknown after a worse":  {listWith(view.Degraded, view.Unknown), problem.ExitError, problem.ExitError},
	} {
		if got := problem.ExitCode(worst(test.list, false)); got != test.code {
			t.Errorf("%s: exit code %d, want %d", name, got, test.code)
		}
		if got := problem.ExitCode(worst(test.list, true)); got != test.strict {
			t.Errorf("%s, --strict: exit code %d, want %d", name, got, test.strict)
		}
	}
}

// --unhealthy keeps clusters that are not healthy, also those of which too little is
// known.
func TestUnhealthyGoesByHealth(t *testing.T) {
	var list view.ClusterStatusList
	for _, health := range []view.Health{view.Healthy, view.Warning, view.Degraded, view.Unknown} {
		list.Items = append(list.Items, view.ClusterStatus{Health: health})
	}
	var o output
	if got := printerTo(t, &o, true).worthShowing(list).Items; len(got) != 3 || got[0].Health != view.Warning {
		t.Errorf("%d of 4 are shown: %v", len(got), got)
	}
	if got := printerTo(t, &o, false).worthShowing(list).Items; len(got) != 4 {
		t.Errorf("without --unhealthy %d of 4 are shown", len(got))
	}
}
