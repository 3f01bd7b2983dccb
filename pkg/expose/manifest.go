package expose

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/aymanbagabas/go-udiff"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
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

// Applied returns those fields of a live Service that this tool applied.
func Applied(live *corev1.Service) (*corev1.Service, error) {
	var extracted *applycorev1.ServiceApplyConfiguration
	err := error(nil)
	for _, entry := range live.ManagedFields { // the extraction panics at what is not JSON
		if entry.FieldsV1 != nil && !json.Valid(entry.FieldsV1.GetRawBytes()) {
			err = errors.New("invalid JSON")
		}
	}
	if err == nil {
		extracted, err = applycorev1.ExtractService(live, cluster.ManagedBy)
	}
	if err != nil {
		return nil, problem.New("cannot read the managedFields of service %q in namespace %q: %w", live.Name, live.Namespace, err)
	}
	raw, err := json.Marshal(extracted)
	if err != nil {
		return nil, err
	}
	service := &corev1.Service{}
	return service, json.Unmarshal(raw, service)
}

// IsUnchanged reports whether applying the planned Service over the live one changes
// nothing: this tool has applied the same fields with the same values.
func IsUnchanged(live, planned *corev1.Service) (bool, error) {
	before, err := Applied(live)
	if err != nil {
		return false, err
	}
	before.TypeMeta = planned.TypeMeta
	return equality.Semantic.DeepEqual(before, planned), nil
}

// Diff returns a unified diff from the live Service (nil if there is none) to what
// the server answered to a dry run of applying the planned one; empty if nothing
// changes. Neither side shows the status and what the server numbers and counts, nor
// addresses and ports that it would assign, which are not known before they are.
func Diff(live, answer, planned *corev1.Service) (string, error) {
	var before, after string
	var err error
	if live == nil {
		live = &corev1.Service{}
	} else if before, err = content(live); err != nil {
		return "", err
	}
	answer = answer.DeepCopy()
	dropAssigned(&answer.Spec, live.Spec, planned.Spec)
	if after, err = content(answer); err != nil {
		return "", err
	}
	// YAML escapes control characters, but not those that reorder a line.
	return text.Lines(udiff.Unified("live/"+planned.Name, "planned/"+planned.Name, before, after)), nil
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

// content returns a live Service as YAML, without its status and history.
func content(service *corev1.Service) (string, error) {
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
