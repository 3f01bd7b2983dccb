package expose_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// planned is the Service of a plan for a backup.
func planned(t *testing.T, options expose.Options) *corev1.Service {
	t.Helper()
	options.Name = "svc"
	plan, err := planSidecar(sidecarRequest{Component: "data", Role: "backup", Options: options},
		expose.Facts{Namespace: "prod", ClusterRead: true, Cluster: resource("c", "", isMirrored, func(c *iris.Cluster) {
			c.UID = "7d0a1f6e-0000-4000-8000-000000000001"
		})},
	)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Service
}

// The answer to a dry run is shown without what is no part of the question.
func TestDiff(t *testing.T) {
	wanted := planned(t, expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort}, NodePort: 30081})
	answer := wanted.DeepCopy()
	answer.UID, answer.ResourceVersion, answer.Generation = "1", "2", 3
	answer.CreationTimestamp = metav1.Now()
	answer.Spec.ClusterIP, answer.Spec.ClusterIPs = "10.96.0.1", []string{"10.96.0.1"}
	answer.Spec.SessionAffinity = corev1.ServiceAffinityNone
	answer.Spec.Ports = append(answer.Spec.Ports, corev1.ServicePort{Port: 9, NodePort: 30009})
	answer.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	got, err := expose.Diff(nil, answer, wanted)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"+++ planned/svc\n", "\n+    nodePort: 30081\n", "\n+  sessionAffinity: None\n", "\n+  - port: 9\n"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in:\n%s", part, got)
		}
	}
	for _, part := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "10.96.0.1", "30009", "192.0.2.1"} {
		if strings.Contains(got, part) {
			t.Errorf("%q is in:\n%s", part, got)
		}
	}
	if got, err = expose.Diff(answer, answer, wanted); err != nil || got != "" {
		t.Errorf("nothing changes, but: %q, %v", got, err)
	}
}

// A diff is for a terminal: YAML alone lets bidirectional and zero-width
// characters pass.
func TestDiffShowsInvisibleCharacters(t *testing.T) {
	want := planned(t, expose.Options{Annotations: []expose.Edit{{Key: "example.com/note", Value: "a\u202eb\u200bc\x1b[2J"}}})
	got, err := expose.Diff(nil, want, want)
	if err != nil {
		t.Fatal(err)
	}
	if line := "+    example.com/note: \"a?b?c\\e[2J\"\n"; !strings.Contains(got, line) {
		t.Errorf("the diff does not have %q:\n%q", line, got)
	}
}

func TestForeignFields(t *testing.T) {
	wanted := planned(t, expose.Options{Ports: ports(t, "81:80", "53:53/UDP")})
	if lines := expose.ForeignFields(wanted, wanted); len(lines) != 0 {
		t.Errorf("foreign fields of the Service itself: %q", lines)
	}
	applied := wanted.DeepCopy()
	applied.Spec.Selector["zone"] = "a"
	applied.Spec.Ports = append(applied.Spec.Ports,
		corev1.ServicePort{Port: 53, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("dns")})
	want := []string{
		`service "svc" also selects by zone=a, which another client has set`,
		`service "svc" also has port 53/TCP to dns, which another client has set`,
	}
	if diff := cmp.Diff(want, expose.ForeignFields(applied, wanted)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestManifestHoldsNothingButWhatIsWanted(t *testing.T) {
	facts, _ := article(t)
	plan, err := planSidecar(sidecarRequest{
		Role: "backup", Component: "data", Options: expose.Options{Name: "sidecar-service", OwnerReference: true},
	}, facts)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := expose.Manifest(plan.Service)
	if err != nil {
		t.Fatal(err)
	}
	got, err := yaml.Marshal(manifest.Object)
	if err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/managed-by: kubectl-iris
    kubectl-iris/cluster: simple
    kubectl-iris/component: data
    kubectl-iris/role: backup
    kubectl-iris/target: sidecar
  name: sidecar-service
  namespace: prod
  ownerReferences:
  - apiVersion: intersystems.com/v1alpha1
    kind: IrisCluster
    name: simple
    uid: 7d0a1f6e-0000-4000-8000-000000000001
spec:
  ports:
  - name: http
    port: 81
    protocol: TCP
    targetPort: 80
  selector:
    intersystems.com/component: data
    intersystems.com/kind: IrisCluster
    intersystems.com/mirrorRole: backup
    intersystems.com/name: simple
    intersystems.com/role: iris
  type: LoadBalancer
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
