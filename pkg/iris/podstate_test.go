package iris_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// The words are those of kubectl get pods here, too.
func TestStateOfALostOrRestartedPod(t *testing.T) {
	const running = `containerStatuses: [{name: iris, ready: true, state: {running: {}}}]`
	for name, test := range map[string]struct{ pod, want string }{
		"deleted from a lost node": {
			`{metadata: {deletionTimestamp: "2026-03-01T08:00:00Z"}, status: {phase: Running, reason: NodeLost, ` + running + `}}`, "Unknown",
		},
		"on a lost node": {`{status: {phase: Running, reason: NodeLost, ` + running + `}}`, "NodeLost"},
		"ended on a lost node": {
			`{metadata: {deletionTimestamp: "2026-03-01T08:00:00Z"}, status: {phase: Failed, reason: NodeLost}}`, "Unknown",
		},
		"initialized, its native sidecar starts again": {
			`{spec: {initContainers: [{name: a, restartPolicy: Always}]}, status: {phase: Running, conditions: [{type: Initialized, status: "True"}],
			  initContainerStatuses: [{name: a, started: false, state: {running: {}}}], containerStatuses: [{name: iris, state: {waiting: {reason: CrashLoopBackOff}}}]}}`, "CrashLoopBackOff",
		},
	} {
		if got := podFrom(t, test.pod).State; got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestWhyAPodIsNotReady(t *testing.T) {
	const notReady = `{type: Ready, status: "False", reason: ContainersNotReady, message: "containers with unready status: [iris]"}`
	status := func(container string) string {
		return `{spec: {nodeName: node-1, containers: [{name: iris}]}, status: {phase: Running, conditions: [` + notReady + `], containerStatuses: [` + container + `]}}`
	}
	for name, test := range map[string]struct{ pod, want string }{
		"ready":         {`{status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`, ""},
		"nothing known": {`{}`, ""},
		"unschedulable": {
			`{status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: "0/3 nodes are available: 3 Insufficient memory."}]}}`,
			"Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
		},
		"gated": {
			`{status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: SchedulingGated, message: Scheduling is blocked due to non-empty scheduling gates}]}}`,
			"SchedulingGated: Scheduling is blocked due to non-empty scheduling gates",
		},
		"evicted": {
			`{status: {phase: Failed, reason: Evicted, message: "The node was low on resource: memory."}}`, "Evicted: The node was low on resource: memory.",
		},
		"creating":  {status(`{name: iris, state: {waiting: {reason: ContainerCreating}}}`), `ContainersNotReady: containers with unready status: [iris]`},
		"no image":  {status(`{name: iris, state: {waiting: {reason: ImagePullBackOff, message: Back-off pulling image "iris:1"}}}`), `container "iris": ImagePullBackOff: Back-off pulling image "iris:1"`},
		"no secret": {status(`{name: iris, state: {waiting: {reason: CreateContainerConfigError, message: secret "s" not found}}}`), `container "iris": CreateContainerConfigError: secret "s" not found`},
		"out of memory": {
			status(`{name: iris, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff, message: back-off 5m0s}}, lastState: {terminated: {reason: OOMKilled, exitCode: 137}}}`),
			`container "iris": CrashLoopBackOff, last ended with OOMKilled, exit code 137`,
		},
		"crash of an unknown kind": {status(`{name: iris, state: {waiting: {reason: CrashLoopBackOff, message: back-off 5m0s}}}`), `container "iris": CrashLoopBackOff: back-off 5m0s`},
		"ended": {
			status(`{name: iris, state: {terminated: {reason: Error, exitCode: 1, message: "licence\nexpired"}}}`), `container "iris": ended with Error, exit code 1: licence expired`,
		},
		"killed":                 {status(`{name: iris, state: {terminated: {exitCode: 137, signal: 9}}}`), `container "iris": ended with signal 9`},
		"ended without a reason": {status(`{name: iris, state: {terminated: {exitCode: 3}}}`), `container "iris": ended with exit code 3`},
		"probe fails":            {status(`{name: iris, state: {running: {}}}`), `container "iris": running, not ready`},
		"probe fails after a crash": {
			status(`{name: iris, state: {running: {}}, lastState: {terminated: {reason: OOMKilled, exitCode: 137}}}`), `container "iris": running, not ready, last ended with OOMKilled, exit code 137`,
		},
		"init container": {
			`{spec: {nodeName: node-1, initContainers: [{name: fix}]}, status: {phase: Pending, conditions: [` + notReady + `],
			  initContainerStatuses: [{name: fix, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {reason: Error, exitCode: 1}}}],
			  containerStatuses: [{name: iris, state: {waiting: {reason: PodInitializing}}}]}}`,
			`init container "fix": CrashLoopBackOff, last ended with Error, exit code 1`,
		},
		"as many containers as are named": {
			status(`{name: a, state: {running: {}}}, {name: b, state: {running: {}}}, {name: c, state: {running: {}}}`),
			`container "a": running, not ready; container "b": running, not ready; container "c": running, not ready`,
		},
		"many containers": {
			status(`{name: a, state: {running: {}}}, {name: b, state: {running: {}}}, {name: c, ready: true, state: {running: {}}}, {name: d, state: {running: {}}}, {name: e, state: {running: {}}}`),
			`container "a": running, not ready; container "b": running, not ready; container "d": running, not ready; and 1 more`,
		},
		"readiness gate": {
			`{spec: {nodeName: node-1, containers: [{name: iris}], readinessGates: [{conditionType: example.com/a}, {conditionType: example.com/b}, {conditionType: example.com/c}]},
			  status: {phase: Running, containerStatuses: [{name: iris, ready: true, state: {running: {}}}], conditions: [{type: example.com/a, status: "True"},
			  {type: example.com/b, status: "False", reason: Unhealthy, message: "codes: [503]"}, {type: Ready, status: "False", reason: ReadinessGatesNotReady}]}}`,
			`readiness gate "example.com/b": Unhealthy: codes: [503]; readiness gate "example.com/c": nothing has set it yet`,
		},
		"container before readiness gate": {
			`{spec: {nodeName: node-1, containers: [{name: iris}], readinessGates: [{conditionType: example.com/a}]},
			  status: {phase: Running, containerStatuses: [{name: iris, state: {running: {}}}], conditions: [` + notReady + `]}}`,
			`container "iris": running, not ready`,
		},
		"no containers": {`{spec: {nodeName: node-1}, status: {phase: Running, conditions: [{type: Ready, status: "False"}]}}`, ""},
		"node that no longer reports": {
			`{spec: {nodeName: node-1, containers: [{name: iris}]}, status: {phase: Running, containerStatuses: [{name: iris, ready: true, state: {running: {}}}], conditions: [{type: Ready, status: "False"}]}}`,
			`node "node-1" may be lost: the containers were ready when it last reported`,
		},
		"lost node": {
			`{metadata: {deletionTimestamp: "2026-03-01T08:00:00Z"}, spec: {nodeName: node-1}, status: {phase: Running, reason: NodeLost, message: Node node-1 is unresponsive}}`,
			`node "node-1" is lost: Node node-1 is unresponsive`,
		},
		"deleted for a taint": {
			`{metadata: {deletionTimestamp: "2026-03-01T08:00:00Z"}, status: {phase: Running, conditions: [{type: DisruptionTarget, status: "True", reason: DeletionByTaintManager, message: "Taint manager: deleting due to NoExecute taint"}]}}`,
			"DeletionByTaintManager: Taint manager: deleting due to NoExecute taint",
		},
		"deleted": {`{metadata: {deletionTimestamp: "2026-03-01T08:00:00Z"}, status: {phase: Running, containerStatuses: [{name: iris, state: {running: {}}}]}}`, ""},
		"deleted, with a readiness gate": {
			`{metadata: {deletionTimestamp: "2026-03-01T08:00:00Z"}, spec: {nodeName: node-1, containers: [{name: iris}], readinessGates: [{conditionType: example.com/a}]},
			  status: {phase: Running, containerStatuses: [{name: iris, ready: true, state: {running: {}}}], conditions: [{type: Ready, status: "False"}]}}`, "",
		},
	} {
		p := podFrom(t, test.pod)
		if p.Why != test.want {
			t.Errorf("%s:\n got %q\nwant %q", name, p.Why, test.want)
		}
		if want := strings.HasPrefix(test.want, "readiness gate"); p.AwaitsGates != want {
			t.Errorf("%s: awaits readiness gates: %t, want %t", name, p.AwaitsGates, want)
		}
	}
}

// A pod whose containers are not known awaits more than its readiness gates.
func TestAwaitsGatesNeedsContainers(t *testing.T) {
	p := podFrom(t, `{spec: {nodeName: node-1, readinessGates: [{conditionType: example.com/a}]}, status: {phase: Running}}`)
	if p.AwaitsGates || p.Why != `readiness gate "example.com/a": nothing has set it yet` {
		t.Errorf("awaits gates %v, %q", p.AwaitsGates, p.Why)
	}
}

func TestCrashOfAPod(t *testing.T) {
	for name, test := range map[string]struct {
		pod  string
		want iris.Crash
	}{
		"none":       {`{status: {containerStatuses: [{name: a, state: {running: {}}}, {name: b, state: {terminated: {exitCode: 0}}}]}}`, iris.Crash{}},
		"first end":  {`{status: {containerStatuses: [{name: a, state: {running: {}}}, {name: b, state: {terminated: {exitCode: 1}}}]}}`, iris.Crash{Container: "b"}},
		"later end":  {`{status: {containerStatuses: [{name: b, restartCount: 2, state: {terminated: {exitCode: 1}}}]}}`, iris.Crash{Container: "b", Restarted: true}},
		"crash loop": {`{status: {containerStatuses: [{name: b, state: {waiting: {reason: CrashLoopBackOff}}}]}}`, iris.Crash{Container: "b", Restarted: true}},
		"init first": {
			`{status: {initContainerStatuses: [{name: i, state: {terminated: {exitCode: 1}}}], containerStatuses: [{name: b, state: {waiting: {reason: PodInitializing}}}]}}`, iris.Crash{Container: "i"},
		},
	} {
		if got := podFrom(t, test.pod).Crash; got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// However much a pod says, and whoever created it, the reason is one short line.
func TestWhyIsBounded(t *testing.T) {
	long := strings.Repeat("so \x1b[31mlong\n\u202e ", 5000)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "simple-compute-5d8f7c9b4-24567", Labels: map[string]string{iris.LabelName: "simple"}}}
	pod.Spec.NodeName = "n"
	for i := range 50 {
		name := fmt.Sprint(long, i)
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name})
		pod.Spec.ReadinessGates = append(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: corev1.PodConditionType(name)})
	}
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: long, Message: long}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: long, Message: long, ExitCode: 1}}
	for name, change := range map[string]func(*corev1.PodStatus){
		"waiting": func(s *corev1.PodStatus) {
			s.ContainerStatuses = []corev1.ContainerStatus{{Name: long, State: waiting}, {Name: long, State: ended}}
		},
		"init": func(s *corev1.PodStatus) {
			s.InitContainerStatuses = []corev1.ContainerStatus{{Name: long, State: ended}}
		},
		"gates":     func(*corev1.PodStatus) {},
		"lost node": func(s *corev1.PodStatus) { s.Reason, s.Message = "NodeLost", long },
		"evicted":   func(s *corev1.PodStatus) { s.Reason, s.Message = "Evicted", long },
	} {
		changed := pod.DeepCopy()
		change(&changed.Status)
		got := iris.PodFrom(changed).Why
		if got == "" || utf8.RuneCountInString(got) > 300 || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s: %d characters: %q", name, utf8.RuneCountInString(got), got)
		}
	}
}
