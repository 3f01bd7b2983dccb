package expose

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/ownership"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// blindPlan is a plan made without the right to read the IrisCluster.
func blindPlan(t *testing.T, options Options) Plan {
	t.Helper()
	pod := iris.Pod{
		Namespace: "prod", Name: "simple-data-0-1",
		Labels: map[string]string{
			iris.LabelComponent: "data", iris.LabelKind: iris.Kind, iris.LabelName: "simple",
			iris.LabelRole: iris.RoleIRIS, iris.LabelMirrorRole: "backup", iris.LabelPodName: "simple-data-0-1",
		},
		Sidecar: &iris.Container{Name: iris.SidecarContainer},
	}
	request, err := NewSidecarRequest(options, "data", "backup", "")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Sidecar(request,
		Facts{Namespace: "prod", Cluster: iris.Cluster{Namespace: "prod", Name: "simple"}, Pods: []iris.Pod{pod}})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// liveOf is the Service of a plan as a user with more rights created it.
func liveOf(plan Plan) *corev1.Service {
	live := plan.Service.DeepCopy()
	live.OwnerReferences = []metav1.OwnerReference{
		{APIVersion: iris.APIVersion, Kind: iris.Kind, Name: "simple", UID: "1"},
		{APIVersion: "v1", Kind: "ConfigMap", Name: "other", UID: "2"},
	}
	live.Spec.Type = corev1.ServiceTypeLoadBalancer
	live.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	live.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"}
	return live
}

func TestMergeLiveKeepsWhatOnlyTheClusterSays(t *testing.T) {
	plan := blindPlan(t, Options{OwnerReference: true})
	live := liveOf(plan)
	kept := plan.MergeLive(live)

	want := plan.Service.DeepCopy()
	want.OwnerReferences = live.OwnerReferences[:1]
	want.Spec.Type = live.Spec.Type
	want.Spec.ExternalTrafficPolicy = live.Spec.ExternalTrafficPolicy
	want.Spec.LoadBalancerSourceRanges = live.Spec.LoadBalancerSourceRanges
	if diff := cmp.Diff(want, kept.Service); diff != "" {
		t.Errorf("kept Service (-want +got):\n%s", diff)
	}
	if !strings.Contains(kept.Warnings()[0], "keeps the owner") {
		t.Errorf("warnings %q do not say what is kept", kept.Warnings())
	}
	if plan.Service.Spec.Type != corev1.ServiceTypeClusterIP {
		t.Error("the plan itself was changed")
	}
}

// The other fields that the IrisCluster gave stay too, as far as the type allows
// and as this tool applied them; what the server or others set does not become
// this tool's.
func TestMergeLiveKeepsAppliedFields(t *testing.T) {
	local := corev1.ServiceInternalTrafficPolicyLocal
	live := liveOf(blindPlan(t, Options{}))
	live.Labels["team"], live.Labels["theirs"] = "blue", "x"
	live.Annotations = map[string]string{"example.com/pool": "a", "example.com/note": "b"}
	live.Spec.InternalTrafficPolicy = &local
	live.Spec.AllocateLoadBalancerNodePorts = ptrTo(false)
	live.Spec.SessionAffinity = corev1.ServiceAffinityNone
	live.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol}
	live.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: cluster.ManagedBy, Operation: metav1.ManagedFieldsOperationApply,
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:team":{}},"f:annotations":{"f:example.com/pool":{},"f:example.com/note":{}}},
			"f:spec":{"f:internalTrafficPolicy":{},"f:allocateLoadBalancerNodePorts":{},"f:loadBalancerSourceRanges":{}}}`),
	}}
	plan := blindPlan(t, Options{Annotations: []Edit{{Key: "example.com/note", Remove: true}}})
	got := plan.MergeLive(live).Service
	want := plan.Service.DeepCopy()
	want.Labels["team"] = "blue"
	want.Annotations = map[string]string{"example.com/pool": "a"}
	want.Spec.Type = corev1.ServiceTypeLoadBalancer
	want.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	want.Spec.LoadBalancerSourceRanges = live.Spec.LoadBalancerSourceRanges
	want.Spec.InternalTrafficPolicy = &local
	want.Spec.AllocateLoadBalancerNodePorts = ptrTo(false)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("no type asked for (-want +got):\n%s", diff)
	}

	plan = blindPlan(t, Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP}, Annotations: []Edit{{Key: "example.com/note", Remove: true}}})
	got = plan.MergeLive(live).Service
	want.Spec = *plan.Service.Spec.DeepCopy()
	want.Spec.InternalTrafficPolicy = &local
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a cluster IP asked for (-want +got):\n%s", diff)
	}
}

func ptrTo[T any](v T) *T { return &v }

func TestMergeLiveLeavesTheUsersChoice(t *testing.T) {
	plan := blindPlan(t, Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort}})
	kept := plan.MergeLive(liveOf(plan)).Service
	if kept.Spec.Type != corev1.ServiceTypeNodePort || len(kept.OwnerReferences) != 0 {
		t.Errorf("type %s and owners %v, want NodePort and none", kept.Spec.Type, kept.OwnerReferences)
	}
}

func TestMergeLiveKeepsNothingOfForeignServices(t *testing.T) {
	plan := blindPlan(t, Options{OwnerReference: true})
	live := liveOf(plan)
	delete(live.Labels, cluster.LabelManagedBy)
	for _, other := range []*corev1.Service{nil, live} {
		if diff := cmp.Diff(plan.Service, plan.MergeLive(other).Service); diff != "" {
			t.Errorf("something was kept (-want +got):\n%s", diff)
		}
	}
}

func TestRetargetWarning(t *testing.T) {
	plan := blindPlan(t, Options{})
	live := plan.Service.DeepCopy()
	if line := plan.RetargetWarning(live); line != "" {
		t.Errorf("the same target: %q", line)
	}
	if line := plan.RetargetWarning(nil); line != "" {
		t.Errorf("no Service: %q", line)
	}
	for want, target := range map[string]view.Target{
		`service "simple-sidecar-backup" selected pod "demo-data-0-1" until now`: {
			Kind: view.TargetPod, Cluster: "demo", Component: "data", Pod: "demo-data-0-1",
		},
		`service "simple-sidecar-backup" selected the primary's sidecar in shard "1" of IrisCluster "demo" until now`: {
			Kind: view.TargetSidecar, Cluster: "demo", Component: "data", Role: "primary", Shard: "1",
		},
		`service "simple-sidecar-backup" selected compute sidecars of IrisCluster "demo" until now`: {
			Kind: view.TargetSidecar, Cluster: "demo", Component: "compute",
		},
	} {
		live.Labels = cluster.TargetLabels(target)
		if got := plan.RetargetWarning(live); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What this tool applied decides whether a plan changes anything; managed fields that
// cannot be read are an error.
func TestIsUnchanged(t *testing.T) {
	plan := blindPlan(t, Options{})
	live := plan.Service.DeepCopy()
	live.UID, live.Spec.ClusterIP, live.Spec.SessionAffinity = "1", "10.96.0.1", corev1.ServiceAffinityNone
	applied := []metav1.ManagedFieldsEntry{{
		Manager: cluster.ManagedBy, Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1", FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:app.kubernetes.io/managed-by":{},"f:kubectl-iris/cluster":{},"f:kubectl-iris/component":{},"f:kubectl-iris/role":{},"f:kubectl-iris/target":{}}},
			"f:spec":{"f:ports":{"k:{\"port\":81,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:protocol":{},"f:targetPort":{}}},"f:selector":{},"f:type":{}}}`),
	}}
	for name, test := range map[string]struct {
		change func(live, planned *corev1.Service)
		want   bool
	}{
		"applied before":                {func(*corev1.Service, *corev1.Service) {}, true},
		"changed by another":            {func(live, _ *corev1.Service) { live.Spec.Type = corev1.ServiceTypeNodePort }, false},
		"applied by another":            {func(live, _ *corev1.Service) { live.ManagedFields[0].Manager = "other" }, false},
		"another label":                 {func(_, planned *corev1.Service) { planned.Labels["team"] = "blue" }, false},
		"a default, which becomes ours": {func(_, planned *corev1.Service) { planned.Spec.SessionAffinity = corev1.ServiceAffinityNone }, false},
		"a label of another":            {func(live, _ *corev1.Service) { live.Labels["theirs"] = "x" }, true},
	} {
		live, planned := live.DeepCopy(), plan.Service.DeepCopy()
		live.ManagedFields = append([]metav1.ManagedFieldsEntry(nil), applied...)
		test.change(live, planned)
		if got, err := ownership.IsUnchanged(live, planned); err != nil || got != test.want {
			t.Errorf("%s: unchanged %v, %v", name, got, err)
		}
	}
	broken := metav1.NewFieldsV1(`{"f:spec":`)
	live.ManagedFields = append(applied, metav1.ManagedFieldsEntry{Manager: "other", FieldsV1: broken})
	if got, err := ownership.IsUnchanged(live, plan.Service); err != nil || !got {
		t.Errorf("another's managed fields that are no JSON: unchanged %v, %v", got, err)
	}
	live.ManagedFields[0].FieldsV1 = broken
	if _, err := ownership.IsUnchanged(live, plan.Service); err == nil {
		t.Error("managed fields that are no JSON: no error")
	}
	if kept := plan.MergeLive(live); len(kept.Service.Labels) != len(plan.Service.Labels) {
		t.Errorf("labels %v", kept.Service.Labels)
	}
}
