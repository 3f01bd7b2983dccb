package expose

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

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
