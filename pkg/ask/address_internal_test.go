package ask

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

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
