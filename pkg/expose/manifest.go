package expose

import (
	"slices"

	"github.com/aymanbagabas/go-udiff"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// Manifest returns a planned Service as it is applied and printed: without status
// and without empty fields.
func Manifest(service *corev1.Service) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(service)
	if err != nil {
		return nil, err
	}
	delete(fields, "status")
	unstructured.RemoveNestedField(fields, "metadata", "creationTimestamp")
	return &unstructured.Unstructured{Object: fields}, nil
}

// Diff returns a unified diff from the live Service (nil if there is none) to what
// the server answered to a dry run of applying the planned one; empty if nothing
// changes. Neither side shows the status, the history, or addresses and ports that
// the server would assign.
func Diff(live, answer, planned *corev1.Service) (string, error) {
	before, err := content(live)
	if err != nil {
		return "", err
	}
	answer = answer.DeepCopy()
	dropAssigned(&answer.Spec, ptr.Deref(live, corev1.Service{}).Spec, planned.Spec)
	after, err := content(answer)
	// YAML escapes control characters, but not those that reorder a line.
	return text.Lines(udiff.Unified("live/"+planned.Name, "planned/"+planned.Name, before, after)), err
}

// dropAssigned removes what the server assigned to a spec: what neither the live nor
// the planned one has.
func dropAssigned(spec *corev1.ServiceSpec, live, planned corev1.ServiceSpec) {
	if live.ClusterIP == "" {
		spec.ClusterIP, spec.ClusterIPs = "", nil
	}
	if live.HealthCheckNodePort == 0 {
		spec.HealthCheckNodePort = 0
	}
	for i := range spec.Ports {
		number := spec.Ports[i].NodePort
		has := func(p corev1.ServicePort) bool { return p.NodePort == number }
		if !slices.ContainsFunc(live.Ports, has) && !slices.ContainsFunc(planned.Ports, has) {
			spec.Ports[i].NodePort = 0
		}
	}
}

// content returns a Service as YAML, without its status and history; nil as "".
func content(service *corev1.Service) (string, error) {
	if service == nil {
		return "", nil
	}
	typed := *service
	typed.APIVersion, typed.Kind = "v1", "Service"
	fields, err := Manifest(&typed)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"managedFields", "resourceVersion", "uid", "generation"} {
		unstructured.RemoveNestedField(fields.Object, "metadata", name)
	}
	raw, err := yaml.Marshal(fields.Object)
	return string(raw), err
}
