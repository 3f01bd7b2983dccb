package cluster

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Labels of the Services that this tool creates. They are its own and not the
// operator's (intersystems.com/…).
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of LabelManagedBy, and the field manager of every
	// write.
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

// IsExposed reports whether a Service is one that this tool created.
func IsExposed(service *corev1.Service) bool {
	return service.Labels[LabelManagedBy] == ManagedBy && service.Labels[LabelCluster] != ""
}

// IsOperatorsOf reports whether a Service is one that IKO manages for a cluster:
// it has one of its names, and its selector names that cluster or none. The
// headless Service is one of all clusters, and of none of them.
func IsOperatorsOf(service *corev1.Service, cluster string) bool {
	named := service.Spec.Selector[iris.LabelName]
	return service.Name != iris.HeadlessService && slices.Contains(iris.ServiceNames(cluster), service.Name) &&
		(named == "" || named == cluster)
}

// IsOperators reports whether a Service is one that IKO manages, by what it says
// itself: it is the headless one, or IsOperatorsOf holds for the cluster that its
// selector names or, if that names none, its labels.
func IsOperators(service *corev1.Service) bool {
	named := namedCluster(service)
	return service.Name == iris.HeadlessService || named != "" && IsOperatorsOf(service, named)
}

// MayBeOperators reports whether a Service could be one that IKO manages for a
// cluster of its name: it names no cluster, but selects pods by IKO's labels.
func MayBeOperators(service *corev1.Service) bool {
	return namedCluster(service) == "" && slices.ContainsFunc(slices.Collect(maps.Keys(service.Spec.Selector)), func(key string) bool {
		return strings.HasPrefix(key, iris.Group+"/")
	})
}

func namedCluster(service *corev1.Service) string {
	return cmp.Or(service.Spec.Selector[iris.LabelName], service.Labels[iris.LabelName])
}

// TargetOf returns what a Service was created for, by its labels; nil for one
// that this tool did not create.
func TargetOf(service *corev1.Service) *view.Target {
	if !IsExposed(service) {
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

// TargetLabels returns the labels from which TargetOf reads a target.
func TargetLabels(t view.Target) map[string]string {
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
