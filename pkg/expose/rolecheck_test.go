package expose_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// mirrorPod is a data pod of the cluster simple with a sidecar and a role label.
func mirrorPod(name, label string, ready bool) iris.Pod {
	pod := iris.Pod{
		Namespace: "iko", Name: name, UID: types.UID(name), Ready: ready,
		Labels: map[string]string{
			iris.LabelComponent: iris.ComponentData, iris.LabelKind: iris.Kind, iris.LabelName: "simple",
			iris.LabelRole: iris.RoleIRIS, iris.LabelShard: "0", iris.LabelMirrorRole: label,
		},
		IRIS: &iris.Container{Name: "iris"}, Sidecar: &iris.Container{Name: iris.SidecarContainer},
	}
	return pod
}

func irisSays(pod, status string) iris.Answer {
	return iris.Answer{Pod: pod, UID: types.UID(pod), Source: iris.FromQlist, Instance: &iris.Instance{
		Status: "running", Condition: iris.Running, Mirror: &iris.Mirror{MemberType: "Failover", Status: status},
	}}
}

func TestCheckRole(t *testing.T) {
	const a, b = "simple-data-0-0", "simple-data-0-1"
	page := iris.Answer{Pod: b, UID: b, Source: iris.FromMirrorStatus}
	silent := iris.Answer{Pod: b, UID: b, Refused: []iris.Refusal{{Source: iris.FromQlist, Why: "the right pods/exec create is missing"}}}
	earlier := irisSays(b, "Primary")
	earlier.UID = "before"
	for name, test := range map[string]struct {
		pods                  []iris.Pod
		answers               []iris.Answer
		notes, contradictions []string
		has, silent           string
	}{
		"confirmed": {
			answers: []iris.Answer{irisSays(b, "Backup")},
			notes:   []string{`service "simple-sidecar-backup" reaches pod "simple-data-0-1", and IRIS confirms the role backup: it says Failover/Backup`},
		},
		"contradicted, one pod has the role": {
			answers:        []iris.Answer{irisSays(a, "Backup"), irisSays(b, "Primary")},
			contradictions: []string{`pod "simple-data-0-1", which is labelled backup, but IRIS says Failover/Primary`},
			has:            a,
		},
		"contradicted, no pod has the role": {
			answers:        []iris.Answer{irisSays(a, "Transition"), irisSays(b, "Primary")},
			contradictions: []string{`pod "simple-data-0-1", which is labelled backup, but IRIS says Failover/Primary`},
		},
		"not primary need not be the backup": {
			answers: []iris.Answer{page},
			notes:   []string{`service "simple-sidecar-backup" reaches pod "simple-data-0-1"; IRIS says not primary, which does not confirm the role backup`},
			silent:  `the role is not verified in pod "simple-data-0-1"`,
		},
		"no answer": {
			answers: []iris.Answer{silent},
			notes:   []string{`service "simple-sidecar-backup" reaches pod "simple-data-0-1"; whether IRIS confirms the role backup is not known: iris qlist: the right pods/exec create is missing`},
			silent:  `the role is not verified in pod "simple-data-0-1"`,
		},
		"an answer of an earlier pod": {
			answers: []iris.Answer{earlier},
			notes:   []string{`service "simple-sidecar-backup" reaches pod "simple-data-0-1"; whether IRIS confirms the role backup is not known: `},
			silent:  `the role is not verified in pod "simple-data-0-1"`,
		},
		"not ready": {
			pods:    []iris.Pod{mirrorPod(a, "primary", true), mirrorPod(b, "backup", false)},
			answers: []iris.Answer{irisSays(b, "Backup")},
			notes:   []string{`service "simple-sidecar-backup" reaches pod "simple-data-0-1" once it is ready, and IRIS confirms the role backup: it says Failover/Backup`},
		},
		"no pod": {
			pods:   []iris.Pod{mirrorPod(a, "primary", true)},
			silent: "the role is not verified: no pod is labelled backup",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.pods == nil {
				test.pods = []iris.Pod{mirrorPod(a, "primary", true), mirrorPod(b, "backup", true)}
			}
			plan, err := planSidecar(sidecarRequest{Component: iris.ComponentData, Role: iris.MirrorBackup},
				expose.Facts{Namespace: "iko", Cluster: iris.Cluster{Namespace: "iko", Name: "simple", Mirrored: true, Shards: 1}, ClusterRead: true, Pods: test.pods},
			)
			if err != nil {
				t.Fatal(err)
			}
			check := expose.NewRoleCheck(plan, expose.Facts{
				Namespace: "iko", Cluster: iris.Cluster{Namespace: "iko", Name: "simple", Mirrored: true, Shards: 1}, ClusterRead: true,
				Pods: test.pods, Answers: model.AnswersOf(test.answers),
			})
			if diff := cmp.Diff(test.notes, check.Notes()); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.contradictions, check.Contradictions()); diff != "" {
				t.Errorf("contradictions (-want +got):\n%s", diff)
			}
			if got := check.Has(); test.has != "" && got != test.has {
				t.Errorf("has the role: %q, want %q", got, test.has)
			}
			if got := check.Unverified(); got != test.silent {
				t.Errorf("unverified: %q, want %q", got, test.silent)
			}
		})
	}
}

// A ready pod is not reached at a port that none of its containers declares.
func TestNoteOfAnUndeclaredTarget(t *testing.T) {
	t.Parallel()
	const b = "simple-data-0-1"
	port, err := expose.ParsePort("81:nosuch")
	if err != nil {
		t.Fatal(err)
	}
	pods := []iris.Pod{mirrorPod(b, "backup", true)}
	facts := expose.Facts{
		Namespace: "iko", Cluster: iris.Cluster{Namespace: "iko", Name: "simple", Mirrored: true, Shards: 1}, ClusterRead: true,
		Pods: pods, Answers: model.AnswersOf([]iris.Answer{irisSays(b, "Backup")}),
	}
	plan, err := planSidecar(sidecarRequest{Component: iris.ComponentData, Role: iris.MirrorBackup, Options: expose.Options{Ports: []expose.Port{port}}}, facts)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`service "simple-sidecar-backup" selects pod "simple-data-0-1", but no endpoint serves port 81, since no container of simple-data-0-1 declares "nosuch", and IRIS confirms the role backup: it says Failover/Backup`}
	if diff := cmp.Diff(want, expose.NewRoleCheck(plan, facts).Notes()); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestPodsToAsk(t *testing.T) {
	pods := []iris.Pod{mirrorPod("a", "primary", true), mirrorPod("b", "backup", true)}
	other := mirrorPod("c", "backup", true)
	other.Labels[iris.LabelShard] = "1"
	pods = append(pods, other)
	plan, err := planSidecar(sidecarRequest{Component: iris.ComponentData, Role: iris.MirrorBackup, Shard: "0"},
		expose.Facts{Namespace: "iko", Cluster: iris.Cluster{Name: "simple", Mirrored: true, Shards: 2}, ClusterRead: true, Pods: pods},
	)
	if err != nil {
		t.Fatal(err)
	}
	names := func(pods []iris.Pod) (names []string) {
		for _, p := range pods {
			names = append(names, p.Name)
		}
		return names
	}
	if diff := cmp.Diff([]string{"b"}, names(expose.PodsToAsk(plan, pods, false))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, names(expose.PodsToAsk(plan, pods, true))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A pod without a key is not one whose key is empty, as for the API server.
func TestPodsToAskTellsAMissingKeyFromAnEmptyValue(t *testing.T) {
	empty, bare := mirrorPod("simple-data-0-0", "backup", true), mirrorPod("simple-data-0-1", "backup", true)
	empty.Labels["zone"] = ""
	plan := expose.Plan{Service: &corev1.Service{Spec: corev1.ServiceSpec{Selector: map[string]string{iris.LabelMirrorRole: "backup", "zone": ""}}}}
	plan.Target.Role = "backup"
	pods := []iris.Pod{empty, bare}
	var asked []string
	for _, pod := range expose.PodsToAsk(plan, pods, false) {
		asked = append(asked, pod.Name)
	}
	if diff := cmp.Diff([]string{"simple-data-0-0"}, asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if notes := expose.NewRoleCheck(plan, expose.Facts{Namespace: "iko", Cluster: iris.Cluster{Name: "simple"}, Pods: pods}).Notes(); len(notes) != 1 || !strings.Contains(notes[0], "simple-data-0-0") {
		t.Errorf("notes %q", notes)
	}
}
