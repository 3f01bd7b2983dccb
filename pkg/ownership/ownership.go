// Package ownership knows which fields of a Service which field manager set, and what
// becomes of them if this tool takes the spec over.
package ownership

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// isOwnEntry reports whether managed fields are those of this tool's applies.
func isOwnEntry(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == cluster.ManagedBy && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// fieldsOf returns the fields of an entry: those of a Service itself, and not of a
// subresource.
func fieldsOf(entry metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	fields := &fieldpath.Set{}
	if entry.Subresource != "" || entry.FieldsV1 == nil {
		return fields, nil
	}
	return fields, fields.FromJSON(entry.FieldsV1.GetRawReader())
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
		fields, err := fieldsOf(entry)
		taken := false
		fields.Iterate(func(path fieldpath.Path) { taken = taken || isTaken(path) })
		return taken && err == nil && !isOwnEntry(entry)
	})
}

// Applied returns a live Service with only those fields that this tool applied.
// ExtractService of client-go does the same, and has the schema of every kind linked.
func Applied(live *corev1.Service) (*corev1.Service, error) {
	fields := &fieldpath.Set{}
	var err error
	if i := slices.IndexFunc(live.ManagedFields, isOwnEntry); i >= 0 {
		fields, err = fieldsOf(live.ManagedFields[i])
	}
	if err != nil {
		return nil, unreadable(live, err)
	}
	bare := *live
	bare.ManagedFields = nil // those of others may be invalid, which no converter takes
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&bare)
	if err != nil {
		return nil, err
	}
	service := &corev1.Service{}
	err = runtime.DefaultUnstructuredConverter.FromUnstructured(extract(content, fields), service)
	service.Namespace, service.Name = live.Namespace, live.Name
	return service, err
}

// extract returns those fields of an object that are in the set.
func extract(object map[string]any, fields *fieldpath.Set) map[string]any {
	found := map[string]any{}
	for name, value := range object {
		if part, ok := extractValue(value, fields, fieldpath.FieldNameElement(name)); ok {
			found[name] = part
		}
	}
	return found
}

// extractValue returns what is in the set of the value at one of its elements.
func extractValue(value any, fields *fieldpath.Set, at fieldpath.PathElement) (part any, ok bool) {
	below := fields.WithPrefix(at)
	if below.Empty() {
		return value, fields.Members.Has(at)
	}
	switch value := value.(type) {
	case map[string]any:
		return extract(value, below), true
	case []any:
		var items []any
		for _, item := range value {
			if part, ok := extractValue(item, below, keyOf(item)); ok {
				items = append(items, part)
			}
		}
		return items, true
	}
	return nil, false
}

// keyOf returns the key of an item of a Service's ports or owners, which are the lists
// whose items have managers.
func keyOf(item any) fieldpath.PathElement {
	fields, _ := item.(map[string]any)
	if port, ok := fields["port"]; ok {
		return fieldpath.KeyElementByFields("port", port, "protocol", fields["protocol"])
	}
	return fieldpath.KeyElementByFields("uid", fields["uid"])
}

// Take returns the managed fields of a live Service after this tool took over those of the
// spec, as server-side apply keeps them. Everything else stays with its manager: finalizers
// and annotations belong to controllers.
func Take(live *corev1.Service) ([]metav1.ManagedFieldsEntry, error) {
	taken := &fieldpath.Set{}
	var kept []metav1.ManagedFieldsEntry
	for _, entry := range live.ManagedFields {
		fields, err := fieldsOf(entry)
		if err != nil {
			return nil, unreadable(live, err)
		}
		if isOwnEntry(entry) {
			taken = taken.Union(fields)
			continue
		}
		theirs := &fieldpath.Set{}
		fields.Iterate(func(path fieldpath.Path) {
			if isTaken(path) {
				taken.Insert(path.Copy())
			} else {
				theirs.Insert(path.Copy())
			}
		})
		if theirs.Size() < fields.Size() {
			if theirs.Empty() {
				continue
			}
			if err := setFields(&entry, theirs); err != nil {
				return nil, err
			}
		}
		kept = append(kept, entry)
	}
	own := metav1.ManagedFieldsEntry{Manager: cluster.ManagedBy, Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1", FieldsType: "FieldsV1"}
	err := setFields(&own, taken)
	return slices.Insert(kept, 0, own), err
}

func setFields(entry *metav1.ManagedFieldsEntry, fields *fieldpath.Set) error {
	raw, err := fields.ToJSON()
	entry.FieldsV1 = metav1.NewFieldsV1(string(raw))
	return err
}

// TakenOver returns what this tool makes of a live Service whose spec it takes over.
// The spec is the wanted one, since no other manager has a field of it any more; what no
// manager has stays, for example what an admission webhook set. So do labels, annotations
// and owners of others.
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
	managed := &fieldpath.Set{}
	for _, entry := range live.ManagedFields {
		fields, err := fieldsOf(entry)
		if err != nil {
			return nil, unreadable(live, err)
		}
		managed = managed.Union(fields)
	}
	if err := keepUnmanaged(&after.Spec, live.Spec, managed); err != nil {
		return nil, err
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

// keepUnmanaged adds the fields of a live spec that no manager has and that the spec
// lacks.
func keepUnmanaged(spec *corev1.ServiceSpec, live corev1.ServiceSpec, managed *fieldpath.Set) error {
	convert := runtime.DefaultUnstructuredConverter
	fields, err := convert.ToUnstructured(spec)
	if err != nil {
		return err
	}
	had, err := convert.ToUnstructured(&live)
	if err != nil {
		return err
	}
	below := managed.WithPrefix(fieldpath.FieldNameElement("spec"))
	for name, value := range had {
		at := fieldpath.FieldNameElement(name)
		if _, ok := fields[name]; !ok && !below.Members.Has(at) && below.WithPrefix(at).Empty() {
			fields[name] = value
		}
	}
	return convert.FromUnstructured(fields, spec)
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
