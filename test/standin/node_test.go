package standin

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestNextStep(t *testing.T) {
	pod := func(change func(*corev1.Pod)) *corev1.Pod {
		pod := &corev1.Pod{Spec: corev1.PodSpec{SchedulerName: "default-scheduler", Containers: []corev1.Container{{Name: "main"}}}}
		change(pod)
		return pod
	}
	onNode := func(change func(*corev1.Pod)) *corev1.Pod {
		return pod(func(p *corev1.Pod) {
			p.Spec.NodeName = "stand-in"
			change(p)
		})
	}
	running := func(p *corev1.Pod) { p.Status = runningStatus(p, "10.128.0.1", metav1.Now()) }
	nothing := func(*corev1.Pod) {}
	deleted := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }
	tests := []struct {
		name string
		pod  *corev1.Pod
		held bool
		want podStep
	}{
		{"new", pod(nothing), false, podBind},
		{"held", pod(nothing), true, podDone},
		{"of another scheduler", pod(func(p *corev1.Pod) { p.Spec.SchedulerName = "other" }), false, podDone},
		{"gated", pod(func(p *corev1.Pod) { p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "g"}} }), false, podDone},
		{"deleted before it had a node", pod(deleted), false, podDone},
		{"bound", onNode(nothing), false, podRun},
		{"bound, then held", onNode(running), true, podDone},
		{"running", onNode(running), false, podDone},
		{"shall be unready", onNode(func(p *corev1.Pod) { running(p); p.Annotations = map[string]string{AnnotationReady: "false"} }), false, podRun},
		{"is unready", onNode(func(p *corev1.Pod) { p.Annotations = map[string]string{AnnotationReady: "false"}; running(p) }), false, podDone},
		{"shall be ready again", onNode(func(p *corev1.Pod) {
			p.Annotations = map[string]string{AnnotationReady: "false"}
			running(p)
			p.Annotations = nil
		}), false, podRun},
		{"deleted", onNode(func(p *corev1.Pod) { running(p); deleted(p) }), false, podRemove},
		{"finished", onNode(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }), false, podDone},
		{"on another node", pod(func(p *corev1.Pod) { p.Spec.NodeName = "node1"; deleted(p) }), false, podDone},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := nextStep(test.pod, test.held); got != test.want {
				t.Errorf("got step %d, want %d", got, test.want)
			}
		})
	}
}

func TestRunningStatusKeepsTimes(t *testing.T) {
	start := metav1.NewTime(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	later := metav1.NewTime(start.Add(time.Minute))
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "iris", Image: "iris:1"}, {Name: "webgateway", Image: "gw:1"}}}}
	pod.Status = runningStatus(pod, "10.128.0.1", start)
	pod.Annotations = map[string]string{AnnotationReady: "false"}
	status := runningStatus(pod, "10.128.0.1", later)

	if !status.StartTime.Equal(&start) {
		t.Errorf("start time moved to %v", status.StartTime)
	}
	changed := map[corev1.PodConditionType]bool{}
	for _, condition := range status.Conditions {
		changed[condition.Type] = condition.LastTransitionTime.Equal(&later)
	}
	want := map[corev1.PodConditionType]bool{corev1.PodScheduled: false, corev1.PodInitialized: false, corev1.ContainersReady: true, corev1.PodReady: true}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("conditions that changed (-want +got):\n%s", diff)
	}
	for _, container := range status.ContainerStatuses {
		if container.Ready || container.State.Running == nil {
			t.Errorf("container %q: got %+v, want running and not ready", container.Name, container)
		}
	}
}

func TestAddresses(t *testing.T) {
	a := newAddresses(playedPods)
	if got := a.next(); got != "10.128.0.1" {
		t.Errorf("first address: got %s", got)
	}
	for _, ip := range []string{"10.128.1.255", "10.0.0.7", "192.168.255.255", ""} {
		a.taken(&corev1.Pod{Status: corev1.PodStatus{PodIP: ip}})
	}
	if got := a.next(); got != "10.128.2.0" {
		t.Errorf("after addresses were taken: got %s, want 10.128.2.0", got)
	}
}
