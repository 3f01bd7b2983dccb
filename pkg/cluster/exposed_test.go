package cluster_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
)

func TestServicesOfOthersHaveNoTarget(t *testing.T) {
	for name, labels := range map[string]map[string]string{
		"no labels":             nil,
		"managed by others":     {"app.kubernetes.io/managed-by": "Helm", "kubectl-iris/cluster": "c"},
		"managed, no cluster":   {"app.kubernetes.io/managed-by": "kubectl-iris"},
		"the operator's labels": {"intersystems.com/name": "c", "intersystems.com/kind": "IrisCluster"},
	} {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
		if cluster.IsExposed(service) || cluster.TargetOf(service) != nil {
			t.Errorf("%s: taken for a Service of this tool", name)
		}
	}
}
