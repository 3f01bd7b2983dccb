package iris_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

func podFrom(t *testing.T, text string) iris.Pod {
	t.Helper()
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict([]byte(text), &pod); err != nil {
		t.Fatal(err)
	}
	return iris.PodFrom(&pod)
}

func TestPodFrom(t *testing.T) {
	got := podFrom(t, `
metadata:
  name: simple-data-0-1
  namespace: iko
  uid: u1
  creationTimestamp: "2026-03-01T08:00:00Z"
  labels:
    intersystems.com/component: data
    intersystems.com/kind: IrisCluster
    intersystems.com/name: simple
    intersystems.com/shard: "0"
    intersystems.com/mirrorRole: backup
spec:
  nodeName: node-1
  containers:
    - {name: iriscluster, image: "irishealth:2023.3", ports: [{name: superserver, containerPort: 1972}]}
    - {name: webgateway, image: "webgateway:2023.3", ports: [{containerPort: 80}]}
status:
  phase: Running
  hostIP: 192.0.2.1
  podIP: 10.1.0.11
  conditions: [{type: Initialized, status: "True"}, {type: Ready, status: "False"}]
  containerStatuses:
    - {name: iriscluster, ready: true, state: {running: {startedAt: "2026-03-01T08:01:00Z"}}}
    - {name: webgateway, ready: false, state: {waiting: {reason: ImagePullBackOff}}}
`)
	want := iris.Pod{
		Namespace: "iko",
		Name:      "simple-data-0-1",
		UID:       "u1",
		NodeIP:    "192.0.2.1",
		Created:   metav1.NewTime(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)),
		Labels: map[string]string{
			"intersystems.com/component":  "data",
			"intersystems.com/kind":       "IrisCluster",
			"intersystems.com/name":       "simple",
			"intersystems.com/shard":      "0",
			"intersystems.com/mirrorRole": "backup",
		},
		State:           "ImagePullBackOff",
		Why:             `container "webgateway": ImagePullBackOff`,
		ContainersReady: 1,
		Containers:      2,
		Node:            "node-1",
		IP:              "10.1.0.11",
		IRIS: &iris.Container{
			Name: "iriscluster", Image: "irishealth:2023.3",
			Ports:   []corev1.ContainerPort{{Name: "superserver", ContainerPort: 1972}},
			Started: metav1.NewTime(time.Date(2026, 3, 1, 8, 1, 0, 0, time.UTC)),
		},
		Sidecar: &iris.Container{
			Name: "webgateway", Image: "webgateway:2023.3", Ports: []corev1.ContainerPort{{ContainerPort: 80}}, Reason: "ImagePullBackOff",
		},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b metav1.Time) bool { return a.Equal(&b) })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Cluster() != "simple" || got.Component() != "data" || got.Shard() != "0" || got.MirrorRole() != "backup" {
		t.Errorf("labels read as %q %q %q %q", got.Cluster(), got.Component(), got.Shard(), got.MirrorRole())
	}
	if diff := cmp.Diff([]corev1.ContainerPort{{ContainerPort: 80}, {Name: "superserver", ContainerPort: 1972}}, got.Ports()); diff != "" {
		t.Errorf("ports: -want +got:\n%s", diff)
	}
}

func TestNamesOfAPod(t *testing.T) {
	for _, test := range []struct {
		cluster, name, short string
		ordinal              int
	}{
		{"simple", "simple-data-0-1", "data-0-1", 1},
		{"simple", "simple-data-0", "data-0", 0},
		{"simple", "simple-compute-12", "compute-12", 12},
		{"a-data-0", "a-data-0-data-0-1", "data-0-1", 1},
		{"simple", "other-data-0-x", "other-data-0-x", -1},
		{"simple", "plain", "plain", -1},
	} {
		p := iris.Pod{Name: test.name, Labels: map[string]string{iris.LabelName: test.cluster}}
		if p.ShortName() != test.short || p.Ordinal() != test.ordinal {
			t.Errorf("%s of %s: short %q ordinal %d, want %q %d", test.name, test.cluster, p.ShortName(), p.Ordinal(), test.short, test.ordinal)
		}
	}
}

// The words are those of kubectl get pods.
func TestStateOfAPod(t *testing.T) {
	const (
		running = `{ready: true, state: {running: {}}}`
		waiting = `{state: {waiting: {reason: ContainerCreating}}}`
	)
	for name, test := range map[string]struct{ pod, want string }{
		"running":   {`{status: {phase: Running, containerStatuses: [` + running + `]}}`, "Running"},
		"pending":   {`{status: {phase: Pending}}`, "Pending"},
		"creating":  {`{status: {phase: Pending, containerStatuses: [` + waiting + `]}}`, "ContainerCreating"},
		"no reason": {`{status: {phase: Pending, containerStatuses: [{state: {waiting: {}}}]}}`, "Pending"},
		"gated":     {`{status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: SchedulingGated}]}}`, "SchedulingGated"},
		"crashing":  {`{status: {phase: Running, containerStatuses: [` + running + `, {state: {waiting: {reason: CrashLoopBackOff}}}]}}`, "CrashLoopBackOff"},
		"first container's": {
			`{status: {phase: Running, containerStatuses: [{state: {terminated: {exitCode: 1, reason: Error}}}, {state: {waiting: {reason: CrashLoopBackOff}}}]}}`, "Error",
		},
		"exit code": {`{status: {phase: Failed, containerStatuses: [{state: {terminated: {exitCode: 3}}}]}}`, "ExitCode:3"},
		"signal":    {`{status: {phase: Failed, containerStatuses: [{state: {terminated: {exitCode: 137, signal: 9}}}]}}`, "Signal:9"},
		"evicted":   {`{status: {phase: Failed, reason: Evicted}}`, "Evicted"},
		"completed beside a ready one": {
			`{status: {phase: Running, conditions: [{type: Ready, status: "True"}], containerStatuses: [{state: {terminated: {exitCode: 0, reason: Completed}}}, ` + running + `]}}`, "Running",
		},
		"completed beside another": {
			`{status: {phase: Running, containerStatuses: [{state: {terminated: {exitCode: 0, reason: Completed}}}, ` + running + `]}}`, "NotReady",
		},
		"completed": {`{status: {phase: Succeeded, containerStatuses: [{state: {terminated: {exitCode: 0, reason: Completed}}}]}}`, "Completed"},
		"completed beside one that is not ready": {
			`{status: {phase: Running, containerStatuses: [{state: {terminated: {exitCode: 0, reason: Completed}}}, {ready: false, state: {running: {}}}]}}`, "Completed",
		},
		"unschedulable": {`{status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable}]}}`, "Pending"},
		"deleted": {
			`{metadata: {deletionTimestamp: "2026-03-01T08:00:00Z"}, status: {phase: Running, containerStatuses: [` + running + `]}}`, "Terminating",
		},
		"deleted after its end": {
			`{metadata: {deletionTimestamp: "2026-03-01T08:00:00Z"}, status: {phase: Failed, reason: Evicted}}`, "Evicted",
		},
		"init runs": {
			`{spec: {initContainers: [{name: a}, {name: b}]}, status: {phase: Pending, initContainerStatuses: [{name: a, state: {terminated: {exitCode: 0}}}, {name: b, state: {running: {}}}], containerStatuses: [{state: {waiting: {reason: PodInitializing}}}]}}`, "Init:1/2",
		},
		"init waits": {
			`{spec: {initContainers: [{name: a}]}, status: {phase: Pending, initContainerStatuses: [{name: a, state: {waiting: {reason: PodInitializing}}}]}}`, "Init:0/1",
		},
		"init has no image": {
			`{spec: {initContainers: [{name: a}]}, status: {phase: Pending, initContainerStatuses: [{name: a, state: {waiting: {reason: ImagePullBackOff}}}]}}`, "Init:ImagePullBackOff",
		},
		"init failed": {
			`{spec: {initContainers: [{name: a}]}, status: {phase: Pending, initContainerStatuses: [{name: a, state: {terminated: {exitCode: 2}}}]}}`, "Init:ExitCode:2",
		},
		"init goes on beside": {
			`{spec: {initContainers: [{name: a, restartPolicy: Always}]}, status: {phase: Running, initContainerStatuses: [{name: a, started: true, state: {running: {}}}], containerStatuses: [` + running + `]}}`, "Running",
		},
		"init is about to go on beside": {
			`{spec: {initContainers: [{name: a, restartPolicy: Always}]}, status: {phase: Pending, initContainerStatuses: [{name: a, started: false, state: {running: {}}}]}}`, "Init:0/1",
		},
		"init runs and has started": {
			`{spec: {initContainers: [{name: a}]}, status: {phase: Pending, initContainerStatuses: [{name: a, started: true, state: {running: {}}}]}}`, "Init:0/1",
		},
		"nothing known": {`{}`, ""},
	} {
		if got := podFrom(t, test.pod).State; got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestReadyContainersCountThoseThatGoOn(t *testing.T) {
	p := podFrom(t, `
spec:
  initContainers: [{name: once}, {name: proxy, restartPolicy: Always}]
  containers: [{name: iris}, {name: webgateway}]
status:
  initContainerStatuses: [{name: once, ready: true, state: {terminated: {exitCode: 0}}}, {name: proxy, ready: true, started: true}]
  containerStatuses: [{name: iris, ready: true}, {name: webgateway, ready: false}]
`)
	if p.ContainersReady != 2 || p.Containers != 3 {
		t.Errorf("%d/%d ready, want 2/3", p.ContainersReady, p.Containers)
	}
}

func TestIsIRIS(t *testing.T) {
	for name, test := range map[string]struct {
		labels map[string]string
		want   bool
	}{
		"IKO's":        {map[string]string{iris.LabelKind: "IrisCluster", iris.LabelName: "simple"}, true},
		"no name":      {map[string]string{iris.LabelKind: "IrisCluster"}, false},
		"other kind":   {map[string]string{iris.LabelKind: "Other", iris.LabelName: "simple"}, false},
		"none":         {nil, false},
		"foreign pods": {map[string]string{"app": "shop"}, false},
	} {
		if got := iris.IsIRIS(test.labels); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
