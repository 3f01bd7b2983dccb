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
	"k8s.io/apimachinery/pkg/runtime"
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
		expose.Facts{Namespace: "prod", ClusterRead: true, Cluster: resource("c", "", isMirrored, func(c *iris.Cluster) {
			c.UID = "7d0a1f6e-0000-4000-8000-000000000001"
		})},
	)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Service
}

func TestDiff(t *testing.T) {
	takenOver := map[string]bool{"taken-over": true}
	for name, options := range map[string]expose.Options{
		"absent":     {OwnerReference: true},
		"taken-over": {OwnerReference: true},
		"unchanged":  {OwnerReference: true},
		"released":   {},
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
			got, err := expose.Diff(liveService(t, folder), planned(t, options), takenOver[name])
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

// Whether an apply changes anything is seen in the live Service: its fields, and
// who manages them.
func TestChanges(t *testing.T) {
	read := func(folder string) *corev1.Service { return liveService(t, filepath.Join("testdata", "diff", folder)) }
	applied := read("unchanged")
	others := read("unchanged")
	for i := range others.ManagedFields {
		others.ManagedFields[i].Manager = "another"
	}
	more := read("unchanged")
	more.ManagedFields = append(more.ManagedFields, metav1.ManagedFieldsEntry{
		Manager: "cloud", Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "status",
		FieldsV1: metav1.NewFieldsV1(`{"f:status":{"f:loadBalancer":{}}}`),
	}, metav1.ManagedFieldsEntry{
		Manager: "another", Operation: metav1.ManagedFieldsOperationUpdate,
		FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:sessionAffinity":{}}}`),
	})
	own := expose.Options{OwnerReference: true}
	for name, test := range map[string]struct {
		live     *corev1.Service
		options  expose.Options
		takeOver bool
		want     bool
	}{
		"no Service":                      {nil, own, false, true},
		"applied before":                  {applied, own, false, false},
		"another field":                   {applied, expose.Options{OwnerReference: true, Type: corev1.ServiceTypeNodePort}, false, true},
		"a default, which becomes ours":   {applied, expose.Options{OwnerReference: true, SessionAffinity: corev1.ServiceAffinityNone}, false, true},
		"no owner":                        {applied, expose.Options{}, false, true},
		"the same, applied by another":    {others, own, false, true},
		"fields of others":                {more, own, false, false},
		"fields of others, which we take": {more, own, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := expose.Changes(test.live, planned(t, test.options), test.takeOver)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("changes: %t, want %t", got, test.want)
			}
		})
	}
	broken := read("unchanged")
	broken.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(`{"f:spec":`)
	if _, err := expose.Changes(broken, planned(t, own), true); err == nil {
		t.Error("managed fields that cannot be read: no error")
	}
}

// A Service that is taken over has of the spec what is wanted and what the
// server assigned; labels and annotations of others stay.
func TestTakenOver(t *testing.T) {
	live := liveService(t, "testdata/diff/adopted")
	live.Annotations = map[string]string{"example.com/note": "theirs"}
	live.Spec.ExternalIPs = []string{"192.0.2.7"}
	wanted := planned(t, expose.Options{OwnerReference: true, Ports: ports(t, "81:80", "83:80"), Type: corev1.ServiceTypeLoadBalancer})
	manifest, err := expose.Manifest(wanted)
	if err != nil {
		t.Fatal(err)
	}
	after, err := expose.TakenOver(live, manifest)
	if err != nil {
		t.Fatal(err)
	}
	got := &corev1.Service{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(after.Object, got); err != nil {
		t.Fatal(err)
	}
	want := wanted.Spec.DeepCopy()
	want.ClusterIP, want.ClusterIPs = live.Spec.ClusterIP, live.Spec.ClusterIPs
	want.IPFamilies, want.IPFamilyPolicy = live.Spec.IPFamilies, live.Spec.IPFamilyPolicy
	want.Ports[0].NodePort = 31138 // assigned by the server
	if diff := cmp.Diff(*want, got.Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(union(wanted.Labels, map[string]string{"x": "y"}), got.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(live.Annotations, got.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wanted.OwnerReferences, got.OwnerReferences); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

// The answer to a dry run is shown without what is no part of the question.
func TestDiffAnswer(t *testing.T) {
	wanted := planned(t, expose.Options{Type: corev1.ServiceTypeNodePort, NodePort: 30081})
	answer := wanted.DeepCopy()
	answer.UID, answer.ResourceVersion, answer.Generation = "1", "2", 3
	answer.CreationTimestamp = metav1.Now()
	answer.Spec.ClusterIP, answer.Spec.ClusterIPs = "10.96.0.1", []string{"10.96.0.1"}
	answer.Spec.SessionAffinity = corev1.ServiceAffinityNone
	answer.Spec.Ports = append(answer.Spec.Ports, corev1.ServicePort{Port: 9, NodePort: 30009})
	answer.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	got, err := expose.DiffAnswer(nil, answer, wanted)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"+++ wanted/svc\n", "\n+    nodePort: 30081\n", "\n+  sessionAffinity: None\n", "\n+  - port: 9\n"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in:\n%s", part, got)
		}
	}
	for _, part := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "10.96.0.1", "30009", "192.0.2.1"} {
		if strings.Contains(got, part) {
			t.Errorf("%q is in:\n%s", part, got)
		}
	}
	if got, err = expose.DiffAnswer(answer, answer, wanted); err != nil || got != "" {
		t.Errorf("nothing changes, but: %q, %v", got, err)
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
	got, err := expose.Diff(live, want, false)
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
	got, err := expose.Diff(nil, want, false)
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
	if diff, err := expose.Diff(live, planned(t, expose.Options{}), false); err == nil {
		t.Errorf("no error, but the diff %q", diff)
	}
}

func TestDiffLeavesTheLiveServiceAlone(t *testing.T) {
	live := liveService(t, "testdata/diff/changed")
	before := live.DeepCopy()
	if _, err := expose.Diff(live, planned(t, expose.Options{}), false); err != nil {
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
