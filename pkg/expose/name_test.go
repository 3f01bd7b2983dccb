package expose_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// nameOf is the default name for the sidecar of a role in a cluster.
func nameOf(t *testing.T, name, role, shard string) string {
	t.Helper()
	plan, err := planSidecar(sidecarRequest{Component: "data", Role: role, Shard: shard},
		expose.Facts{
			Namespace: "prod", ClusterRead: true, Cluster: resource(name, "", isMirrored, shards(2)),
			Pods: []iris.Pod{pod(name, "data-0-0", sidecar(80), func(p *corev1.Pod) {
				p.Labels["intersystems.com/mirrorRole"], p.Labels["intersystems.com/shard"] = role, shard
			})},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Service.Name
}

func TestDefaultNames(t *testing.T) {
	for _, test := range []struct{ cluster, role, shard, want string }{
		{"c", "primary", "0", "c-sidecar-primary-0"},
		{strings.Repeat("c", 43), "primary", "0", strings.Repeat("c", 43) + "-sidecar-primary-0"}, // 61
		{strings.Repeat("c", 45), "primary", "0", strings.Repeat("c", 45) + "-sidecar-primary-0"}, // 63
		{"a.b", "primary", "0", "a-b-45bd631f-sidecar-primary-0"},
		{"z-9.b", "primary", "0", "z-9-b-bd3f5b55-sidecar-primary-0"},
		{"1st", "primary", "0", "iris-1st-0a2d7808-sidecar-primary-0"},
		{"c", "Zz_09", "0", "c-042ea1f5-sidecar-zz-09-0"},
		{"c", strings.Repeat("r", 63), "0", "c-d2fbe5e0-sidecar-" + strings.Repeat("r", 31)},
		{strings.Repeat("c", 46), "primary", "0", strings.Repeat("c", 36) + "-48ec433a-sidecar-primary-0"},
	} {
		if got := nameOf(t, test.cluster, test.role, test.shard); got != test.want {
			t.Errorf("%s: %q, want %q", test.cluster, got, test.want)
		}
	}
}

// What a Service's name cannot hold is replaced, and a hash keeps names apart
// that would become alike.
func TestDefaultNamesAreFittedAndStayDistinct(t *testing.T) {
	long := strings.Repeat("n", 62)
	seen := map[string]string{}
	for _, cluster := range []string{"1st", "iris-1st", "a.b", "a-b", long + "a", long + "b", long[:30] + "." + long[:31], long[:40] + "-" + long[:22]} {
		for _, role := range []string{"primary", "backup", "DR_Async", "dr.async", long, long + "x"} {
			for _, shard := range []string{"0", "1"} {
				what := strings.Join([]string{cluster, role, shard}, " ")
				name := nameOf(t, cluster, role, shard)
				if errs := validation.IsDNS1035Label(name); len(errs) != 0 {
					t.Errorf("%s: %q is not valid: %v", what, name, errs)
				}
				if other, taken := seen[name]; taken {
					t.Errorf("%s and %s are both %q", what, other, name)
				}
				seen[name] = what
				if again := nameOf(t, cluster, role, shard); again != name {
					t.Errorf("%s: %q, then %q", what, name, again)
				}
			}
		}
	}
}
