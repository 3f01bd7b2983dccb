package kube

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

// The page of IRIS is asked where the pod serves pages.
func TestAddressOfAPod(t *testing.T) {
	container := func(name string, port corev1.ContainerPort) *iris.Container {
		return &iris.Container{Name: name, Ports: []corev1.ContainerPort{port}}
	}
	for want, of := range map[string]struct {
		iris, sidecar *iris.Container
		cluster       *iris.Cluster
	}{
		"p:80":         {iris: &iris.Container{}, sidecar: &iris.Container{}},
		"p:8080":       {iris: &iris.Container{}, sidecar: container("webgateway", corev1.ContainerPort{ContainerPort: 8080})},
		"https:p:443":  {iris: &iris.Container{}, sidecar: container("webgateway", corev1.ContainerPort{ContainerPort: 443})},
		"https:p:8443": {iris: &iris.Container{}, sidecar: container("webgateway", corev1.ContainerPort{Name: "https", ContainerPort: 8443})},
		"p:52773":      {iris: &iris.Container{}},
		"p:8888":       {iris: container("iris", corev1.ContainerPort{Name: "webserver", ContainerPort: 8888})},
		"p:52773 locked down": {
			iris: &iris.Container{}, sidecar: &iris.Container{},
			cluster: &iris.Cluster{Nodes: map[string]iris.Node{"data": {Sidecar: &iris.Gateway{Type: "apache-lockeddown"}}}},
		},
	} {
		q := question{cluster: of.cluster, pod: iris.Pod{
			Name: "p", Labels: map[string]string{iris.LabelComponent: iris.ComponentData}, IRIS: of.iris, Sidecar: of.sidecar,
		}}
		if got := q.address(); got != want && got+" locked down" != want {
			t.Errorf("address %q, want %q", got, want)
		}
	}
}
