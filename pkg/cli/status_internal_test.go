package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// output is what a status printed.
type output struct{ out, err bytes.Buffer }

// statusOf is a status of clusters in namespace iko.
func statusOf(o *output, unhealthy bool, names ...string) *statusRun {
	return &statusRun{
		session:   &session{Env: Env{Out: &o.out, Err: &o.err, Now: func() time.Time { return time.Unix(0, 0) }}},
		scope:     kube.Scope{Namespace: "iko", Names: names},
		unhealthy: unhealthy,
	}
}

// snapshotOf holds a cluster without a mirror for each pod, which is ready or not.
func snapshotOf(ready map[string]bool) topology.Snapshot {
	var s topology.Snapshot
	for name, is := range ready {
		s.Clusters = append(s.Clusters, iris.Cluster{Namespace: "iko", Name: name, Shards: 1})
		s.Pods = append(s.Pods, iris.Pod{
			Namespace: "iko", Name: name + "-data-0", Ready: is, State: "Running", Containers: 1,
			Labels: map[string]string{iris.LabelName: name, iris.LabelKind: iris.Kind, iris.LabelComponent: iris.ComponentData},
		})
	}
	return s
}

// fromLabels is a snapshot without the right to read IrisClusters.
func fromLabels(s topology.Snapshot) topology.Snapshot {
	s.Clusters = nil
	s.Unread = []view.Unread{{Verb: "get", Resource: "irisclusters.intersystems.com", Reason: view.Forbidden, Message: "forbidden"}}
	return s
}

// noneOf is the error of names that are not there.
func noneOf(unknown []string) error { return fmt.Errorf("no %s", strings.Join(unknown, ", ")) }

// --unhealthy says what is printed; exit code and names are judged by all.
func TestUnhealthyIsJudgedBeforeItIsFiltered(t *testing.T) {
	unread := snapshotOf(map[string]bool{"simple": true})
	unread.Pods, unread.Unread = nil, []view.Unread{{Verb: "list", Resource: "pods", Message: "forbidden"}}
	for name, test := range map[string]struct {
		snapshot topology.Snapshot
		names    []string
		code     problem.Status
		fails    string
		shows    string
	}{
		"well":           {snapshotOf(map[string]bool{"simple": true}), nil, 0, "", ""},
		"unknown health": {unread, nil, problem.Status(problem.ExitError), "", ""},
		"degraded":       {snapshotOf(map[string]bool{"simple": true, "other": false}), nil, problem.Status(problem.ExitDegraded), "", "other"},
		"wrong name":     {snapshotOf(nil), []string{"nope"}, 0, "no nope", ""},
		"a wrong name of two": {
			snapshotOf(map[string]bool{"simple": true}),
			[]string{"nope", "simple"},
			0, "no nope", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var o output
			r := statusOf(&o, true, test.names...)
			list, err := r.list(test.snapshot)
			if err != nil {
				t.Fatal(err)
			}
			err = r.conclude(list, noneOf)
			var code problem.Status
			switch {
			case test.fails != "":
				if err == nil || err.Error() != test.fails {
					t.Errorf("error %v, want %q", err, test.fails)
				}
			case errors.As(err, &code) != (test.code != 0) || code != test.code:
				t.Errorf("%v, want code %d", err, test.code)
			}
			rows := strings.Split(strings.TrimSpace(o.out.String()), "\n")
			if last := rows[len(rows)-1]; !strings.HasPrefix(last, test.shows) || test.shows == "" && last != "" {
				t.Errorf("shown:\n%s", o.out.String())
			}
		})
	}
}

// follows plays snapshots to a watch that appends, and returns what each added.
func follows(t *testing.T, r *statusRun, o *output, snapshots ...topology.Snapshot) (*following, []string) {
	t.Helper()
	f := &following{statusRun: r, show: r.keepShown(r.appendChanges()), notFound: noneOf}
	var told []string
	for _, s := range snapshots {
		o.out.Reset()
		if err := f.next(s); err != nil {
			t.Fatal(err)
		}
		told = append(told, o.out.String())
	}
	return f, told
}

// A cluster that is well again is told so, and not as deleted.
func TestUnhealthyClusterGetsWell(t *testing.T) {
	well, ill := snapshotOf(map[string]bool{"simple": true}), snapshotOf(map[string]bool{"simple": false})
	for _, names := range [][]string{nil, {"simple"}} {
		var o output
		f, told := follows(t, statusOf(&o, true, names...), &o, well, ill, well, snapshotOf(nil))
		if told[0] != "" {
			t.Errorf("%v: shown, though it is well:\n%s", names, told[0])
		}
		if !strings.Contains(strings.ToLower(told[1]), "degraded") {
			t.Errorf("%v: not shown:\n%s", names, told[1])
		}
		if !strings.Contains(strings.ToLower(told[2]), "healthy") || strings.Contains(told[2], "deleted") {
			t.Errorf("%v: well again:\n%s", names, told[2])
		}
		if !strings.Contains(told[3], `iriscluster.intersystems.com "simple" deleted from iko namespace`) {
			t.Errorf("%v: deleted:\n%s", names, told[3])
		}
		if names != nil && (f.timeline.View() == nil || len(f.timeline.View().Transitions) < 2) {
			t.Error("the timeline lacks the views that were not shown")
		}
	}
}

// A watch that knows clusters by their pods' labels outlives the pods.
func TestWatchFromLabelsOutlivesPods(t *testing.T) {
	there, none := fromLabels(snapshotOf(map[string]bool{"simple": true})), fromLabels(snapshotOf(nil))
	for _, names := range [][]string{nil, {"simple"}} {
		var o output
		_, told := follows(t, statusOf(&o, false, names...), &o, there, none, none, there)
		if told[2] != "" || !strings.Contains(told[3], "simple") {
			t.Errorf("%v: %q", names, told)
		}
		if names != nil && told[1] != "iriscluster.intersystems.com \"simple\" has no pods in iko namespace\n" {
			t.Errorf("gone: %q", told[1])
		}
	}
	var o output
	f := &following{statusRun: statusOf(&o, false), show: func(view.ClusterStatusList) error { return nil }, notFound: noneOf}
	if err := f.next(none); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("the first snapshot: %v", err)
	}
}

// Documents hold what has findings, each time.
func TestUnhealthyDocuments(t *testing.T) {
	var o output
	r := statusOf(&o, true)
	r.printer = &printers.JSONPrinter{}
	well, ill := snapshotOf(map[string]bool{"simple": true}), snapshotOf(map[string]bool{"simple": false})
	_, told := follows(t, r, &o, ill, well)
	if !strings.Contains(told[0], `"simple"`) || !strings.Contains(told[1], `"items":[]`) {
		t.Errorf("%q", told)
	}
}
