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

// A Service that IKO manages is recognised by its name and by the cluster that its
// selector or its labels name; one that names none could be any cluster's.
func TestOperatorsServices(t *testing.T) {
	const kind, clusterName, component = "intersystems.com/kind", "intersystems.com/name", "intersystems.com/component"
	type labels = map[string]string
	for name, test := range map[string]struct {
		service          string
		selector, labels labels
		ofB, is, mayBe   bool
	}{
		"the cluster's own":              {"b", labels{clusterName: "b"}, nil, true, true, false},
		"its web gateway's":              {"b-webgateway", labels{clusterName: "b"}, nil, true, true, false},
		"selector without a name":        {"b", labels{kind: "IrisCluster", component: "data"}, nil, true, false, true},
		"... and labels that name it":    {"b", labels{component: "data"}, labels{clusterName: "b"}, true, true, false},
		"a role alone":                   {"b", labels{"intersystems.com/mirrorRole": "primary"}, nil, true, false, true},
		"that name, of another":          {"b", labels{clusterName: "a"}, nil, false, false, false},
		"another name":                   {"portal", labels{clusterName: "b"}, nil, false, false, false},
		"another name, labels name it":   {"portal", labels{component: "data"}, labels{clusterName: "b"}, false, false, false},
		"another name, none named":       {"portal", labels{component: "data"}, nil, false, false, true},
		"the headless one":               {"iris-svc", labels{kind: "IrisCluster"}, nil, false, true, true},
		"that name, no pods of clusters": {"b", labels{"app": "web"}, nil, true, false, false},
		"that name, no selector":         {"b", nil, nil, true, false, false},
	} {
		service := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: test.service, Labels: test.labels},
			Spec:       corev1.ServiceSpec{Selector: test.selector},
		}
		if got := cluster.IsOperatorsOf(service, "b"); got != test.ofB {
			t.Errorf("%s: of cluster b: %v", name, got)
		}
		if got := cluster.IsOperators(service); got != test.is {
			t.Errorf("%s: IKO's: %v", name, got)
		}
		if got := cluster.MayBeOperators(service); got != test.mayBe {
			t.Errorf("%s: possibly IKO's: %v", name, got)
		}
	}
}
