package expose

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Labels of the Services that this tool makes. They are its own and not the
// operator's (intersystems.com/…).
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of LabelManagedBy, and the field manager of
	// every write.
	ManagedBy = "kubectl-iris"

	LabelCluster   = "kubectl-iris/cluster"
	LabelTarget    = "kubectl-iris/target"
	LabelComponent = "kubectl-iris/component"
	LabelRole      = "kubectl-iris/role"
	LabelShard     = "kubectl-iris/shard"
	LabelPod       = "kubectl-iris/pod"

	targetSidecar = "sidecar"
	targetPod     = "pod"
)

// Made tells whether a Service is one that this tool made.
func Made(service *corev1.Service) bool {
	return service.Labels[LabelManagedBy] == ManagedBy && service.Labels[LabelCluster] != ""
}

// IsIKOs tells whether a Service is one that IKO keeps for a cluster: it has
// one of its names, and leads to that cluster's pods or is all clusters' own.
func IsIKOs(service *corev1.Service) bool {
	return service.Name == iris.HeadlessService ||
		slices.Contains(iris.ServiceNames(service.Spec.Selector[iris.LabelName]), service.Name)
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

// TargetOf reads back from a Service's labels what it was made for; nil for
// one that this tool did not make.
func TargetOf(service *corev1.Service) *view.Target {
	if !Made(service) {
		return nil
	}
	l := service.Labels
	t := &view.Target{
		Kind:      view.TargetSidecar,
		Cluster:   l[LabelCluster],
		Component: l[LabelComponent],
		Role:      l[LabelRole],
		Shard:     l[LabelShard],
	}
	if l[LabelTarget] == targetPod {
		t.Kind, t.Pod = view.TargetPod, l[LabelPod]
	}
	return t
}

// labelsOf are the labels that let TargetOf read a target back.
func labelsOf(t view.Target) map[string]string {
	labels := map[string]string{
		LabelManagedBy: ManagedBy,
		LabelCluster:   t.Cluster,
		LabelTarget:    targetSidecar,
		LabelComponent: t.Component,
	}
	if t.Kind == view.TargetPod {
		labels[LabelTarget] = targetPod
	}
	for key, value := range map[string]string{LabelRole: t.Role, LabelShard: t.Shard, LabelPod: t.Pod} {
		if value != "" {
			labels[key] = value
		}
	}
	return labels
}
