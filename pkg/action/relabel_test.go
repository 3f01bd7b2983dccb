package action_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// A mirror is a RelabelCluster with one cluster, "simple". It logs the writes and what
// comes in between.
type mirror struct {
	pods     []iris.Pod
	statuses map[types.UID]string
	services []corev1.Service
	// servicesErr and refused are the errors of the reads and writes.
	servicesErr, refused error
	log                  []string
}

// failedOver returns a mirror whose labels did not follow a failover.
func failedOver() *mirror {
	m := &mirror{statuses: map[types.UID]string{"uid-0": "Backup", "uid-1": "Primary"}}
	for i, role := range []string{iris.MirrorPrimary, iris.MirrorBackup} {
		m.pods = append(m.pods, iris.Pod{
			Namespace: "iko", Name: fmt.Sprintf("simple-data-0-%d", i), UID: types.UID(fmt.Sprintf("uid-%d", i)), Ready: true, State: "Running",
			Labels: map[string]string{
				iris.LabelName: "simple", iris.LabelKind: iris.Kind, iris.LabelComponent: iris.ComponentData,
				iris.LabelMirrorRole: role, "statefulset.kubernetes.io/pod-name": fmt.Sprintf("simple-data-0-%d", i),
			},
		})
	}
	m.services = []corev1.Service{{
		ObjectMeta: metav1.ObjectMeta{Name: "simple-primary"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{iris.LabelName: "simple", iris.LabelMirrorRole: iris.MirrorPrimary}},
	}}
	return m
}

func (m *mirror) Clusters(context.Context, string) ([]string, error) { return []string{"simple"}, nil }

func (m *mirror) Cluster(_ context.Context, namespace, name string) (iris.Cluster, bool, error) {
	if name != "simple" {
		return iris.Cluster{}, false, apierrors.NewNotFound(schema.GroupResource{Resource: iris.Resource}, name)
	}
	return iris.Cluster{Namespace: namespace, Name: name, Mirrored: true}, true, nil
}

func (m *mirror) ClustersAndPods(ctx context.Context, namespace string) (topology.Snapshot, error) {
	c, _, err := m.Cluster(ctx, namespace, "simple")
	return topology.Snapshot{Clusters: []iris.Cluster{c}, Pods: slices.Clone(m.pods)}, err
}

func (m *mirror) Pods(context.Context, string, string) ([]iris.Pod, error) {
	return slices.Clone(m.pods), nil
}

func (m *mirror) Ask(_ context.Context, clusters []iris.Cluster, pods []iris.Pod) (answers []iris.Answer) {
	m.log = append(m.log, fmt.Sprintf("ask %d pods of %d clusters", len(pods), len(clusters)))
	for _, pod := range pods {
		answer := iris.Answer{Namespace: pod.Namespace, Pod: pod.Name, UID: pod.UID}
		if status := m.statuses[pod.UID]; status != "" {
			answer.Source = iris.FromQlist
			answer.Instance = &iris.Instance{Status: "running", Condition: iris.Running, Mirror: &iris.Mirror{MemberType: "Failover", Status: status}}
		}
		answers = append(answers, answer)
	}
	return answers
}

func (m *mirror) Services(context.Context, string) ([]corev1.Service, error) {
	return m.services, m.servicesErr
}

func (m *mirror) SetRole(_ context.Context, pod iris.Pod, role string, dryRun bool) error {
	verb := "set"
	if dryRun {
		verb = "check"
	}
	m.log = append(m.log, fmt.Sprintf("%s %s %s", verb, pod.ShortName(), role))
	if m.refused != nil || dryRun {
		return m.refused
	}
	i := slices.IndexFunc(m.pods, func(p iris.Pod) bool { return p.UID == pod.UID })
	m.pods[i].Labels = maps.Clone(m.pods[i].Labels)
	m.pods[i].Labels[iris.LabelMirrorRole] = role
	return nil
}

// run runs a Relabel of "simple" and returns what it did, what it reported and its
// error. The log has what is asked of the caller, too.
func (m *mirror) run(t *testing.T, change func(*action.Relabel)) (action.Relabeling, string, error) {
	t.Helper()
	reports := &actiontest.Reports{}
	r := action.Relabel{
		Config: actiontest.ConfigTo(reports), Client: m, Namespace: "iko", Name: "simple", DryRun: action.DryRunNone,
		Shield: func() { m.log = append(m.log, "shield") },
	}
	change(&r)
	result, err := r.Run(t.Context())
	return result, reports.Lines(), err
}

// changes returns the changes of a result in short: which pod gets which label.
func changes(r action.Relabeling) string {
	var all []string
	for _, c := range r.Changes {
		all = append(all, c.Pod.ShortName()+" "+c.To)
	}
	return strings.Join(all, ", ")
}

const (
	planned    = "ask 2 pods of 1 clusters"
	swapped    = "data-0-0 backup, data-0-1 primary"
	preview    = `note: service "simple-primary" selects: simple-data-0-0 -> simple-data-0-1`
	noPreview  = "note: no Service selects other pods because of this"
	unanswered = `IRIS in pod "simple-data-0-1" gave no conclusive answer`
)

// checked and written are the requests for the changes of swapped.
func checked() []string { return []string{"check data-0-0 backup", "check data-0-1 primary"} }

func written() []string {
	return slices.Concat(checked(), []string{"set data-0-0 backup", "set data-0-1 primary", planned})
}

func TestRelabel(t *testing.T) {
	agree := func(m *mirror, agreed bool, err error, meanwhile func()) func(context.Context, relabel.Plan) (bool, error) {
		return func(_ context.Context, plan relabel.Plan) (bool, error) {
			m.log = append(m.log, fmt.Sprintf("confirm %d changes", len(plan.Changes)))
			meanwhile()
			return agreed, err
		}
	}
	nothing := func() {}
	for name, test := range map[string]struct {
		arrange func(m *mirror, r *action.Relabel)
		log     []string
		changes string
		// begun and inEffect are those of the result.
		begun, inEffect bool
		reported        string
		// err is in the error; "" if there is none.
		err string
	}{
		"without being asked": {
			arrange: func(*mirror, *action.Relabel) {},
			log:     slices.Concat([]string{planned, "shield"}, written()),
			changes: swapped, begun: true, reported: preview,
		},
		"the only cluster": {
			arrange: func(_ *mirror, r *action.Relabel) { r.Name = "" },
			log:     slices.Concat([]string{planned, "shield"}, written()),
			changes: swapped, begun: true, reported: preview,
		},
		"no such cluster": {
			arrange: func(_ *mirror, r *action.Relabel) { r.Name = "other" },
			err:     `IrisCluster "other" not found in namespace "iko"`,
		},
		"labels that are right": {
			arrange: func(m *mirror, _ *action.Relabel) {
				m.statuses = map[types.UID]string{"uid-0": "Primary", "uid-1": "Backup"}
			},
			log:      []string{planned},
			inEffect: true,
		},
		"refused": {
			arrange: func(m *mirror, _ *action.Relabel) { m.statuses["uid-1"] = "" },
			log:     []string{planned},
			err:     unanswered,
		},
		"a client's dry run": {
			arrange: func(_ *mirror, r *action.Relabel) { r.DryRun = action.DryRunClient },
			log:     []string{planned},
			changes: swapped, reported: preview,
		},
		"a server's dry run": {
			arrange: func(_ *mirror, r *action.Relabel) { r.DryRun = action.DryRunServer },
			log:     slices.Concat([]string{planned}, checked()),
			changes: swapped, reported: preview,
		},
		"a server's dry run that fails": {
			arrange:  func(m *mirror, r *action.Relabel) { r.DryRun, m.refused = action.DryRunServer, errors.New("denied") },
			log:      []string{planned, "check data-0-0 backup"},
			reported: preview, err: "denied",
		},
		"a write that would be refused": {
			arrange:  func(m *mirror, _ *action.Relabel) { m.refused = errors.New("denied") },
			log:      []string{planned, "shield", "check data-0-0 backup"},
			reported: preview, err: "denied",
		},
		"no Service by role": {
			arrange: func(m *mirror, r *action.Relabel) { r.DryRun, m.services = action.DryRunClient, nil },
			log:     []string{planned},
			changes: swapped, reported: noPreview,
		},
		"Services that may not be read": {
			arrange: func(m *mirror, r *action.Relabel) {
				r.DryRun, m.servicesErr = action.DryRunClient, errors.New("cannot list services")
			},
			log:     []string{planned},
			changes: swapped, reported: "note: cannot list services",
		},
		"confirmed": {
			arrange: func(m *mirror, r *action.Relabel) { r.Confirm = agree(m, true, nil, nothing) },
			log:     slices.Concat([]string{planned, "confirm 2 changes", planned, "shield"}, written()),
			changes: swapped, begun: true, reported: preview,
		},
		"not confirmed": {
			arrange:  func(m *mirror, r *action.Relabel) { r.Confirm = agree(m, false, nil, nothing) },
			log:      []string{planned, "confirm 2 changes"},
			reported: preview, err: "nothing was changed",
		},
		"interrupted while it is confirmed": {
			arrange:  func(m *mirror, r *action.Relabel) { r.Confirm = agree(m, true, context.Canceled, nothing) },
			log:      []string{planned, "confirm 2 changes"},
			reported: preview, err: "context canceled",
		},
		"IRIS fails back while it is confirmed": {
			arrange: func(m *mirror, r *action.Relabel) {
				r.Confirm = agree(m, true, nil, func() { m.statuses = map[types.UID]string{"uid-0": "Primary", "uid-1": "Backup"} })
			},
			log:      []string{planned, "confirm 2 changes", planned},
			reported: preview, err: "IRIS's answers or the labels changed meanwhile: no label is changed",
		},
		"the cluster is deleted while it is confirmed": {
			arrange: func(m *mirror, r *action.Relabel) {
				r.Confirm = agree(m, true, nil, func() { m.pods = nil })
			},
			log:      []string{planned, "confirm 2 changes", "ask 0 pods of 1 clusters"},
			reported: preview, err: `IrisCluster "simple" in namespace "iko" has no data pods`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := failedOver()
			result, reported, err := m.run(t, func(r *action.Relabel) { test.arrange(m, r) })
			if diff := cmp.Diff(test.log, m.log); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if got := changes(result); got != test.changes || result.Begun != test.begun || result.InEffect != test.inEffect {
				t.Errorf("changes %q, begun %t, in effect %t; want %q, %t, %t", got, result.Begun, result.InEffect, test.changes, test.begun, test.inEffect)
			}
			if reported != test.reported {
				t.Errorf("reported\n%s\nwant\n%s", reported, test.reported)
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}

// What is not refused in one shard is done, and the error says what is refused in the
// other.
func TestRelabelOfShards(t *testing.T) {
	for name, dryRun := range map[string]action.DryRun{"written": action.DryRunNone, "client": action.DryRunClient, "server": action.DryRunServer} {
		t.Run(name, func(t *testing.T) {
			m := failedOver()
			for i := range m.pods {
				other := m.pods[i]
				other.Name, other.UID = fmt.Sprintf("simple-data-1-%d", i), types.UID(fmt.Sprintf("uid-1-%d", i))
				other.Labels = maps.Clone(other.Labels)
				other.Labels["statefulset.kubernetes.io/pod-name"], other.Labels[iris.LabelShard] = other.Name, "1"
				m.pods = append(m.pods, other)
				m.pods[i].Labels[iris.LabelShard] = "0"
			}
			result, _, err := m.run(t, func(r *action.Relabel) { r.DryRun = dryRun })
			if got := changes(result); got != swapped {
				t.Errorf("changes %q, want %q", got, swapped)
			}
			if err == nil || !strings.Contains(err.Error(), `"simple-data-1-0"`) {
				t.Errorf("error %v, want that of the other shard", err)
			}
		})
	}
}
