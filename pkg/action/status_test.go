package action_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// snapshots is a StatusCluster in which these snapshots are read one after the
// other.
type snapshots struct {
	all   []topology.Snapshot
	names []string
	scope kube.Scope
}

func (s *snapshots) Snapshot(_ context.Context, scope kube.Scope) (topology.Snapshot, error) {
	s.scope = scope
	return s.all[0], nil
}

func (s *snapshots) Watch(_ context.Context, scope kube.Scope, show func(topology.Snapshot) error, _ func(error)) error {
	s.scope = scope
	for _, one := range s.all {
		if err := show(one); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshots) Clusters(context.Context, string) ([]string, error) { return s.names, nil }

func request(t *testing.T, names ...string) action.StatusRequest {
	t.Helper()
	r, err := action.NewStatusRequest("iko", names, "", action.AskAuto)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStatusOfWhatIsNotThere(t *testing.T) {
	simple := actiontest.SnapshotOf(map[string]bool{"simple": true})
	for name, test := range map[string]struct {
		snapshot topology.Snapshot
		exist    []string
		names    []string
		found    int
		message  string
		hint     string
	}{
		"all":         {simple, nil, nil, 1, "", ""},
		"one":         {simple, nil, []string{"simple"}, 1, "", ""},
		"none exists": {topology.Snapshot{}, nil, nil, 0, "", ""},
		"wrong name": {
			topology.Snapshot{},
			[]string{"simple"},
			[]string{"nope"},
			0,
			`IrisCluster "nope" not found in namespace "iko"`, `this namespace has "simple"`,
		},
		"one wrong name of two": {
			simple, nil,
			[]string{"nope", "simple"},
			1,
			`IrisCluster "nope" not found in namespace "iko"`, "this namespace has none; kubectl iris status -A shows those of all namespaces",
		},
		"two wrong names": {
			topology.Snapshot{},
			nil,
			[]string{"b", "a", "b"},
			0,
			`IrisClusters "a", "b" not found in namespace "iko"`, "this namespace has none; kubectl iris status -A shows those of all namespaces",
		},
		"clusters unreadable, their pods not": {actiontest.Lacking(simple, iris.Resource), nil, []string{"simple"}, 1, "", ""},
		"clusters unreadable, no pod": {
			actiontest.Lacking(topology.Snapshot{}, iris.Resource), nil, nil, 0,
			`no IrisCluster found in namespace "iko": cannot list irisclusters`, "ask for the right to list irisclusters",
		},
		"neither readable": {
			actiontest.Lacking(topology.Snapshot{}, iris.Resource, "pods"), nil,
			[]string{"simple"},
			0,
			`it is not known whether IrisCluster "simple" exists in namespace "iko": cannot list irisclusters; cannot list pods`,
			"ask for the right to list irisclusters; ask for the right to list pods",
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := &snapshots{all: []topology.Snapshot{test.snapshot}, names: test.exist}
			list, err := action.Status{Config: actiontest.ConfigTo(&actiontest.Reports{}), Client: client, StatusRequest: request(t, test.names...)}.Run(t.Context())
			if len(list.Items) != test.found {
				t.Errorf("%d clusters, want %d", len(list.Items), test.found)
			}
			if test.message == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || err.Error() != test.message || problem.HintOf(err) != test.hint {
				t.Errorf("%v, hint %q\nwant %s, hint %q", err, problem.HintOf(err), test.message, test.hint)
			}
		})
	}
}

func TestStatusRequest(t *testing.T) {
	for name, test := range map[string]struct {
		namespace, selector string
		names               []string
		ask                 action.Asking
		want                kube.Scope
		message             string
	}{
		"all of a namespace":   {"iko", "", nil, action.AskAuto, kube.Scope{Namespace: "iko"}, ""},
		"one, named twice":     {"iko", "", []string{"simple", "simple"}, action.AskAuto, kube.Scope{Namespace: "iko", Names: []string{"simple"}, Ask: true}, ""},
		"one":                  {"iko", "", []string{"simple"}, action.AskAuto, kube.Scope{Namespace: "iko", Names: []string{"simple"}, Ask: true}, ""},
		"one, not asked":       {"iko", "", []string{"simple"}, action.AskNever, kube.Scope{Namespace: "iko", Names: []string{"simple"}}, ""},
		"several":              {"iko", "", []string{"b", "a", "b"}, action.AskAuto, kube.Scope{Namespace: "iko", Names: []string{"a", "b"}}, ""},
		"several, asked":       {"iko", "", []string{"b", "a"}, action.AskAlways, kube.Scope{Namespace: "iko", Names: []string{"a", "b"}, Ask: true}, ""},
		"selected":             {"", "app=web", nil, action.AskAuto, kube.Scope{Selector: "app=web"}, ""},
		"no selector":          {"iko", "a b", nil, action.AskAuto, kube.Scope{}, `invalid selector "a b": `},
		"selector and name":    {"iko", "app=web", []string{"simple"}, action.AskAuto, kube.Scope{}, "a cluster's name cannot be used together with selector"},
		"name of which space?": {"", "", []string{"simple"}, action.AskAuto, kube.Scope{}, "a cluster's name cannot be used together with all-namespaces"},
		"no name":              {"iko", "", []string{"Simple"}, action.AskAuto, kube.Scope{}, `"Simple" is not the name of an IrisCluster`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := action.NewStatusRequest(test.namespace, test.names, test.selector, test.ask)
			if test.message != "" {
				if err == nil || !strings.HasPrefix(err.Error(), test.message) || problem.ExitCode(err) != problem.ExitUsage || problem.HintOf(err) == "" {
					t.Errorf("%v, want %s with a hint", err, test.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			client := &snapshots{all: []topology.Snapshot{actiontest.SnapshotOf(map[string]bool{"a": true, "b": true, "simple": true})}}
			if _, err := (action.Status{Config: actiontest.ConfigTo(&actiontest.Reports{}), Client: client, StatusRequest: got}).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if want := test.want; client.scope.Namespace != want.Namespace || strings.Join(client.scope.Names, " ") != strings.Join(want.Names, " ") ||
				client.scope.Selector != want.Selector || client.scope.Ask != want.Ask {
				t.Errorf("read %+v, want %+v", client.scope, want)
			}
			if _, only := got.Only(); only != (len(test.want.Names) == 1) || got.AsksIRIS() != test.want.Ask || got.Namespace() != test.namespace {
				t.Errorf("%+v says other than %+v", got, test.want)
			}
		})
	}
}

// A label selector needs the labels of IrisClusters, and drops the pods of those
// that it leaves out.
func TestStatusOfSelectedClusters(t *testing.T) {
	selected, err := action.NewStatusRequest("iko", nil, "app=web", action.AskNever)
	if err != nil {
		t.Fatal(err)
	}
	snapshot := actiontest.SnapshotOf(map[string]bool{"simple": true})
	snapshot.Pods = append(snapshot.Pods, actiontest.SnapshotOf(map[string]bool{"other": true}).Pods...)
	status := action.Status{Config: actiontest.ConfigTo(&actiontest.Reports{}), Client: &snapshots{all: []topology.Snapshot{snapshot}}, StatusRequest: selected}
	list, err := status.Run(t.Context())
	if err != nil || len(list.Items) != 1 || list.Items[0].Metadata.Name != "simple" {
		t.Errorf("%+v, %v", list, err)
	}
	status.Client = &snapshots{all: []topology.Snapshot{actiontest.Lacking(snapshot, iris.Resource)}}
	if _, err := status.Run(t.Context()); err == nil || err.Error() != "selector requires the labels of IrisClusters: cannot list irisclusters" {
		t.Error(err)
	}
}

// Only the first snapshot of a watch may fail for what is not there.
func TestStatusWatch(t *testing.T) {
	healthy, degraded, none := actiontest.SnapshotOf(map[string]bool{"simple": true}), actiontest.SnapshotOf(map[string]bool{"simple": false}), topology.Snapshot{}
	var shown []view.ClusterStatusList
	show := func(list view.ClusterStatusList) error {
		shown = append(shown, list)
		return nil
	}
	status := action.Status{Config: actiontest.ConfigTo(&actiontest.Reports{}), StatusRequest: request(t, "simple")}
	status.Client = &snapshots{all: []topology.Snapshot{healthy, degraded, none, actiontest.Lacking(none, iris.Resource), healthy}}
	last, err := status.Watch(t.Context(), show, nil)
	if err != nil || len(shown) != 5 || len(last.Items) != 1 {
		t.Fatalf("%d lists, %v", len(shown), err)
	}
	if timeline := last.Items[0].Failover; timeline == nil || len(timeline.Transitions) < 2 {
		t.Errorf("the timeline %+v does not have what was shown before", timeline)
	}

	for name, first := range map[string]topology.Snapshot{"not found": none, "cannot list irisclusters": actiontest.Lacking(none, iris.Resource)} {
		status.Client = &snapshots{all: []topology.Snapshot{first, healthy}}
		if _, err := status.Watch(t.Context(), show, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %s", err, name)
		}
	}
	status.Client = &snapshots{all: []topology.Snapshot{healthy, healthy}}
	full := errors.New("no space left on device")
	if _, err := status.Watch(t.Context(), func(view.ClusterStatusList) error { return full }, nil); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
}
