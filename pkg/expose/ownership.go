package expose

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
)

// IsOwnEntry reports whether managed fields are those of this tool's applies.
func IsOwnEntry(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == cluster.ManagedBy && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// Takes reports whether a field of a Service is one that this tool takes over
// from its manager: one of the spec, unless the server assigned it and it cannot
// change.
func Takes(path fieldpath.Path) bool {
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
		if IsOwnEntry(entry) || entry.Subresource != "" || entry.FieldsV1 == nil {
			return false
		}
		set := fieldpath.NewSet()
		if set.FromJSON(entry.FieldsV1.GetRawReader()) != nil {
			return false
		}
		takes := false
		set.Iterate(func(path fieldpath.Path) { takes = takes || Takes(path) })
		return takes
	})
}
