package expose_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
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

var update = flag.Bool("update", false, "write the golden files anew")

// planned is the Service that the scenarios in testdata/diff want.
func planned(t *testing.T, options expose.Options) *corev1.Service {
	t.Helper()
	options.Name = "svc"
	plan, err := expose.Sidecar(
		expose.SidecarRequest{Component: "data", Role: "backup", Options: options},
		expose.Facts{Namespace: "prod", ClusterRead: true, Cluster: cluster("c", "", isMirrored, func(c *iris.Cluster) {
			c.UID = "7d0a1f6e-0000-4000-8000-000000000001"
		})},
	)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Service
}

func TestDiff(t *testing.T) {
	for name, options := range map[string]expose.Options{
		"absent":    {OwnerReference: true},
		"unchanged": {OwnerReference: true},
		"released":  {},
		"narrowed": {
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: ptr("example.com/x"), LoadBalancerSourceRanges: []string{"10.0.0.0/8"},
			ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyCluster, OwnerReference: true,
		},
		"changed": {OwnerReference: true, Ports: ports(t, "99:80", "superserver"), Labels: map[string]string{"team": "blue"}},
		"adopted": {OwnerReference: true},
		"edited":  {OwnerReference: true},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join("testdata", "diff", name)
			got, err := expose.Diff(liveService(t, folder), planned(t, options))
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join(folder, "diff.golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// liveService reads live.yaml, nil where the folder has none.
func liveService(t *testing.T, folder string) *corev1.Service {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "live.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	live := &corev1.Service{}
	if err := yaml.UnmarshalStrict(raw, live); err != nil {
		t.Fatal(err)
	}
	return live
}

// What is left empty on the live side is not shown as an empty field.
func TestDiffShowsNoEmptyFields(t *testing.T) {
	want := planned(t, expose.Options{Annotations: map[string]string{"example.com/note": "ours"}})
	live := want.DeepCopy()
	live.Annotations = map[string]string{"example.com/other": "theirs"}
	live.Spec.Ports = []corev1.ServicePort{tcp("theirs", 9000, 9000)}
	live.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl-iris", Operation: metav1.ManagedFieldsOperationApply}}
	got, err := expose.Diff(live, want)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "--- ") {
			t.Errorf("something is taken away:\n%s", got)
		}
	}
	if !strings.Contains(got, "+    port: 81\n") || !strings.Contains(got, "+    example.com/note: ours\n") {
		t.Errorf("what is added does not show:\n%s", got)
	}
}

// A diff is for a terminal: YAML alone lets bidirectional and zero-width
// characters pass.
func TestDiffShowsInvisibleCharacters(t *testing.T) {
	want := planned(t, expose.Options{Annotations: map[string]string{"example.com/note": "a\u202eb\u200bc\x1b[2J"}})
	got, err := expose.Diff(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	if line := "+    example.com/note: \"a?b?c\\e[2J\"\n"; !strings.Contains(got, line) {
		t.Errorf("the diff lacks %q:\n%q", line, got)
	}
}

func TestDiffOfManagedFieldsThatCannotBeRead(t *testing.T) {
	live := planned(t, expose.Options{})
	live.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "kubectl-iris", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(`{"f:spec":`),
	}}
	if diff, err := expose.Diff(live, planned(t, expose.Options{})); err == nil {
		t.Errorf("no error, but the diff %q", diff)
	}
}

func TestDiffLeavesTheLiveServiceAlone(t *testing.T) {
	live := liveService(t, "testdata/diff/changed")
	before := live.DeepCopy()
	if _, err := expose.Diff(live, planned(t, expose.Options{})); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, live); diff != "" {
		t.Errorf("changed (-before +after):\n%s", diff)
	}
}

func TestDrift(t *testing.T) {
	wanted := planned(t, expose.Options{Ports: ports(t, "81:80", "53:53/UDP")})
	if lines := expose.Drift(wanted, wanted); len(lines) != 0 {
		t.Errorf("drift of a Service from itself: %q", lines)
	}
	applied := wanted.DeepCopy()
	applied.Spec.Selector["zone"] = "a"
	applied.Spec.Ports = append(applied.Spec.Ports,
		corev1.ServicePort{Port: 53, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("dns")})
	want := []string{
		`service "svc" also selects by zone=a, which another client has set`,
		`service "svc" also has port 53/TCP to dns, which another client has set`,
	}
	if diff := cmp.Diff(want, expose.Drift(applied, wanted)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestManifestHoldsNothingButWhatIsWanted(t *testing.T) {
	facts, _ := article(t)
	plan, err := expose.Sidecar(expose.SidecarRequest{
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
