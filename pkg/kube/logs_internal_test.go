package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// Containers that begin before the others and stay have logs as any; those that
// prepare the pod are left out.
func TestLogSources(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	pod := &corev1.Pod{
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "prepares"}, {Name: "stays", RestartPolicy: &always}},
			Containers:     []corev1.Container{{Name: "iris"}},
		},
		Status: corev1.PodStatus{
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "stays", RestartCount: 2, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
		},
	}
	type known struct {
		Container string
		Restarts  int
		Running   bool
	}
	var got []known
	for _, s := range logSources(pod) {
		got = append(got, known{s.Container, s.Restarts, s.Running})
	}
	if diff := cmp.Diff([]known{{"iris", 0, false}, {"stays", 2, true}}, got); diff != "" {
		t.Error(diff)
	}
}
