// Package ownership knows which fields of a Service which field manager set, and what
// becomes of them if this tool takes the spec over.
package ownership

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// isOwnEntry reports whether managed fields are those of this tool's applies.
func isOwnEntry(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == cluster.ManagedBy && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// isTaken reports whether a field of a Service is one that this tool takes over
// from its manager: one of the spec, unless the server assigned it and it cannot
// change.
func isTaken(path fieldpath.Path) bool {
	if len(path) < 2 || path[0].FieldName == nil || *path[0].FieldName != "spec" || path[1].FieldName == nil {
		return false
	}
	assigned := []string{"clusterIP", "clusterIPs", "ipFamilies", "healthCheckNodePort"}
	return !slices.Contains(assigned, *path[1].FieldName)
}

// OthersSet reports whether other clients have set fields of the spec of a live
// Service that a forced apply takes over.
func OthersSet(live *corev1.Service) bool {
	return live != nil && slices.ContainsFunc(live.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool {
		if isOwnEntry(entry) || entry.Subresource != "" || entry.FieldsV1 == nil {
			return false
		}
		set := fieldpath.NewSet()
		if set.FromJSON(entry.FieldsV1.GetRawReader()) != nil {
			return false
		}
		taken := false
		set.Iterate(func(path fieldpath.Path) { taken = taken || isTaken(path) })
		return taken
	})
}

// Applied returns those fields of a live Service that this tool applied.
func Applied(live *corev1.Service) (*corev1.Service, error) {
	for _, entry := range live.ManagedFields {
		if entry.FieldsV1 != nil && !json.Valid(entry.FieldsV1.GetRawBytes()) { // the extraction panics
			return nil, unreadable(live, errors.New("invalid JSON"))
		}
	}
	extracted, err := applycorev1.ExtractService(live, cluster.ManagedBy)
	if err != nil {
		return nil, unreadable(live, err)
	}
	raw, err := json.Marshal(extracted)
	if err != nil {
		return nil, err
	}
	service := &corev1.Service{}
	return service, json.Unmarshal(raw, service)
}

// Take returns managed fields after this tool took over those of the spec, as server-side
// apply keeps them. Everything else stays with its manager: finalizers and annotations
// belong to controllers.
func Take(entries []metav1.ManagedFieldsEntry) ([]metav1.ManagedFieldsEntry, error) {
	taken := &fieldpath.Set{}
	var kept []metav1.ManagedFieldsEntry
	for _, entry := range entries {
		if entry.Subresource != "" || entry.FieldsV1 == nil {
			kept = append(kept, entry)
			continue
		}
		own := isOwnEntry(entry)
		fields, left := &fieldpath.Set{}, &fieldpath.Set{}
		if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, err
		}
		fields.Iterate(func(path fieldpath.Path) {
			if own || isTaken(path) {
				taken.Insert(path.Copy())
			} else {
				left.Insert(path.Copy())
			}
		})
		if left.Empty() {
			continue
		}
		raw, err := left.ToJSON()
		if err != nil {
			return nil, err
		}
		entry.FieldsV1 = metav1.NewFieldsV1(string(raw))
		kept = append(kept, entry)
	}
	raw, err := taken.ToJSON()
	if err != nil {
		return nil, err
	}
	return slices.Insert(kept, 0, metav1.ManagedFieldsEntry{
		Manager:    cluster.ManagedBy,
		Operation:  metav1.ManagedFieldsOperationApply,
		APIVersion: "v1",
		FieldsType: "FieldsV1",
		FieldsV1:   metav1.NewFieldsV1(string(raw)),
	}), nil
}

// TakenOver returns what this tool makes of a live Service whose spec it takes over.
// The spec is the wanted one: no other manager has a field of it any more, and the
// server fills in what it had assigned, except for the node port of a port that is
// renamed. Labels, annotations and owners of others stay.
func TakenOver(live *corev1.Service, wanted *unstructured.Unstructured) (*corev1.Service, error) {
	after := &corev1.Service{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(wanted.Object, after); err != nil {
		return nil, err
	}
	before, err := Applied(live)
	if err != nil {
		return nil, err
	}
	after.Labels = withTheirs(live.Labels, before.Labels, after.Labels)
	after.Annotations = withTheirs(live.Annotations, before.Annotations, after.Annotations)
	for _, owner := range live.OwnerReferences {
		is := func(other metav1.OwnerReference) bool { return other.UID == owner.UID }
		if !slices.ContainsFunc(before.OwnerReferences, is) && !slices.ContainsFunc(after.OwnerReferences, is) {
			after.OwnerReferences = append(after.OwnerReferences, owner)
		}
	}
	managed, err := managedFields(live.ManagedFields)
	if err != nil {
		return nil, unreadable(live, err)
	}
	for i := range after.Spec.Ports {
		port := &after.Spec.Ports[i]
		for _, had := range live.Spec.Ports {
			same := had.Port == port.Port && had.Protocol == port.Protocol
			if key := fieldpath.KeyByFields("port", int64(port.Port), "protocol", string(port.Protocol)); same && port.NodePort == 0 &&
				!managed.Has(fieldpath.MakePathOrDie("spec", "ports", key, "nodePort")) {
				port.NodePort = had.NodePort
			}
		}
	}
	return after, nil
}

// withTheirs returns labels or annotations after an apply: those that are wanted, and
// those of others.
func withTheirs(live, applied, wanted map[string]string) map[string]string {
	after := maps.Clone(live)
	maps.DeleteFunc(after, func(key, _ string) bool { _, ours := applied[key]; return ours })
	if after == nil {
		after = map[string]string{}
	}
	maps.Copy(after, wanted)
	return after
}

// managedFields returns the fields that managers have, those of subresources aside.
func managedFields(entries []metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	all := &fieldpath.Set{}
	for _, entry := range entries {
		if entry.Subresource != "" || entry.FieldsV1 == nil {
			continue
		}
		fields := &fieldpath.Set{}
		if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, err
		}
		all = all.Union(fields)
	}
	return all, nil
}

func unreadable(live *corev1.Service, err error) error {
	return problem.New("cannot read the managedFields of service %q in namespace %q: %w", live.Name, live.Namespace, err)
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
