package topology

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// Concerns tells whether a Service has to do with a cluster: it is one of the
// cluster's own, this tool made it for it, its selector names the cluster, or
// it selects one of the pods. So a reader need not fetch the EndpointSlices of
// other Services.
func Concerns(service *corev1.Service, cluster string, pods []iris.Pod) bool {
	if slices.Contains(iris.ServiceNames(cluster), service.Name) || namedCluster(service.Spec.Selector) == cluster {
		return true
	}
	if target := model.TargetOf(service); target != nil && target.Cluster == cluster {
		return true
	}
	selects := model.Selector(service.Spec.Selector)
	return slices.ContainsFunc(pods, func(p iris.Pod) bool {
		return p.Namespace == service.Namespace && selects.Matches(labels.Set(p.Labels))
	})
}
