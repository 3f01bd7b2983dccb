package watch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// podOfAll has a container of each kind, with all that is read of it.
func podOfAll() *corev1.Pod {
	always := corev1.ContainerRestartPolicyAlways
	running := func(name string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Unix(1, 0)}}}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "simple-data-0", Namespace: "iko", Labels: map[string]string{iris.LabelComponent: iris.ComponentData}},
		Spec: corev1.PodSpec{
			NodeName: "node",
			InitContainers: []corev1.Container{
				{Name: "prepare", Image: "prepare:1"},
				{Name: "webgateway", Image: "webgateway:1", RestartPolicy: &always, Ports: []corev1.ContainerPort{{ContainerPort: 80}}},
				{Name: "exporter", Image: "exporter:1", RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090}}},
			},
			Containers: []corev1.Container{
				{Name: "istio-proxy", Image: "proxy:1", Ports: []corev1.ContainerPort{{ContainerPort: 15090}}},
				{Name: "iris", Image: "iris:1", Ports: []corev1.ContainerPort{{ContainerPort: 1972}}, Env: []corev1.EnvVar{{Name: "A"}}},
			},
		},
		Status: corev1.PodStatus{
			InitContainerStatuses: []corev1.ContainerStatus{running("webgateway"), running("exporter")},
			ContainerStatuses:     []corev1.ContainerStatus{running("istio-proxy"), running("iris")},
		},
	}
}

// A watch shows of a pod what a list shows.
func TestTrimmedPodsAreReadAlike(t *testing.T) {
	want := iris.PodFrom(podOfAll())
	trimmed, err := trimPod(podOfAll())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, iris.PodFrom(trimmed.(*corev1.Pod))); diff != "" {
		t.Errorf("-list +watch:\n%s", diff)
	}
	if want.Sidecar == nil || want.Sidecar.Image != "webgateway:1" || want.IRIS == nil || want.IRIS.Image != "iris:1" || len(want.Others) != 2 {
		t.Errorf("containers: %+v", want.AllContainers())
	}
	if spec := trimmed.(*corev1.Pod).Spec; spec.Containers[1].Env != nil {
		t.Error("a watch keeps more than is read")
	}
}

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
