package ownership

import (
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
)

// entry returns managed fields of a manager's update, or of this tool's apply.
func entry(manager, fields string) metav1.ManagedFieldsEntry {
	e := metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}
	if manager == cluster.ManagedBy {
		e.Operation = metav1.ManagedFieldsOperationApply
	}
	return e
}

func wanted(t *testing.T) (*corev1.Service, *unstructured.Unstructured) {
	t.Helper()
	service := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "svc", Labels: map[string]string{"new": "ours"}, OwnerReferences: []metav1.OwnerReference{{UID: "ours"}}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort, Ports: []corev1.ServicePort{{Name: "web", Port: 81, Protocol: corev1.ProtocolTCP}, {Name: "other", Port: 82, Protocol: corev1.ProtocolTCP}}},
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(service)
	if err != nil {
		t.Fatal(err)
	}
	return service, &unstructured.Unstructured{Object: content}
}

func TestTakenOver(t *testing.T) {
	live := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "iko", Name: "svc",
			Labels: map[string]string{"old": "ours", "team": "theirs"}, Annotations: map[string]string{"note": "theirs"},
			OwnerReferences: []metav1.OwnerReference{{UID: "theirs"}, {UID: "ours"}},
			ManagedFields: []metav1.ManagedFieldsEntry{
				entry(cluster.ManagedBy, `{"f:metadata":{"f:labels":{"f:old":{}}}}`),
				entry("kubectl-edit", `{"f:spec":{"f:sessionAffinity":{},"f:ports":{"k:{\"port\":82,\"protocol\":\"TCP\"}":{"f:nodePort":{}}}}}`),
			},
		},
		Spec: corev1.ServiceSpec{
			SessionAffinity: corev1.ServiceAffinityClientIP, LoadBalancerClass: ptr.To("webhook"),
			Ports: []corev1.ServicePort{{Port: 81, Protocol: corev1.ProtocolTCP, NodePort: 30081}, {Port: 82, Protocol: corev1.ProtocolTCP, NodePort: 30082}, {Port: 81, Protocol: corev1.ProtocolUDP, NodePort: 30083}},
		},
	}
	_, manifest := wanted(t)
	after, err := TakenOver(live, manifest)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"new": "ours", "team": "theirs"}; !maps.Equal(after.Labels, want) || after.Annotations["note"] != "theirs" {
		t.Errorf("labels %v, annotations %v", after.Labels, after.Annotations)
	}
	if owners := after.OwnerReferences; len(owners) != 2 || owners[0].UID != "ours" || owners[1].UID != "theirs" {
		t.Errorf("owners %+v", owners)
	}
	if class := ptr.Deref(after.Spec.LoadBalancerClass, ""); class != "webhook" {
		t.Errorf("class %q, which no manager has, does not stay", class)
	}
	// The server assigned the one node port, and a manager the other, which goes.
	if ports := after.Spec.Ports; ports[0].NodePort != 30081 || ports[1].NodePort != 0 || after.Spec.SessionAffinity != "" {
		t.Errorf("ports %+v, affinity %q", ports, after.Spec.SessionAffinity)
	}
}

func TestOthersSet(t *testing.T) {
	const spec = `{"f:spec":{"f:type":{}}}`
	status := entry("cloud", spec)
	status.Subresource = "status"
	for name, test := range map[string]struct {
		entries []metav1.ManagedFieldsEntry
		want    bool
	}{
		"none":        {},
		"ours":        {[]metav1.ManagedFieldsEntry{entry(cluster.ManagedBy, spec)}, false},
		"theirs":      {[]metav1.ManagedFieldsEntry{entry(cluster.ManagedBy, spec), entry("kubectl-edit", spec)}, true},
		"labels":      {[]metav1.ManagedFieldsEntry{entry("kubectl-edit", `{"f:metadata":{"f:labels":{"f:a":{}}}}`)}, false},
		"assigned":    {[]metav1.ManagedFieldsEntry{entry("kubectl-edit", `{"f:spec":{"f:clusterIP":{},"f:ipFamilies":{}}}`)}, false},
		"the status":  {[]metav1.ManagedFieldsEntry{status}, false},
		"no fields":   {[]metav1.ManagedFieldsEntry{{Manager: "x"}}, false},
		"unreadable":  {[]metav1.ManagedFieldsEntry{entry("x", "{")}, false},
		"spec itself": {[]metav1.ManagedFieldsEntry{entry("x", `{"f:spec":{}}`)}, false},
	} {
		if got := OthersSet(&corev1.Service{ObjectMeta: metav1.ObjectMeta{ManagedFields: test.entries}}); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if OthersSet(nil) {
		t.Error("of no Service")
	}
}

func TestIsUnchanged(t *testing.T) {
	planned, _ := wanted(t)
	live := planned.DeepCopy()
	live.Annotations = map[string]string{"note": "theirs"}
	live.ManagedFields = []metav1.ManagedFieldsEntry{entry(cluster.ManagedBy, `{"f:metadata":{"f:labels":{"f:new":{}},"f:ownerReferences":{"k:{\"uid\":\"ours\"}":{}}},"f:spec":{"f:type":{},"f:ports":{"k:{\"port\":81,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:protocol":{}},"k:{\"port\":82,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:protocol":{}}}}}`)}
	for i := range planned.Spec.Ports {
		planned.Spec.Ports[i].TargetPort = live.Spec.Ports[i].TargetPort
	}
	if same, err := IsUnchanged(live, planned); err != nil || !same {
		applied, _ := Applied(live)
		t.Errorf("same %t, %v: %+v", same, err, applied)
	}
	planned.Spec.Ports[0].Name = "renamed"
	if same, err := IsUnchanged(live, planned); err != nil || same {
		t.Errorf("renamed: same %t, %v", same, err)
	}
}

func TestUnreadableManagedFields(t *testing.T) {
	broken := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "svc", ManagedFields: []metav1.ManagedFieldsEntry{entry(cluster.ManagedBy, `{"x":{}}`)}}}
	planned, manifest := wanted(t)
	_, applied := Applied(broken)
	_, unchanged := IsUnchanged(broken, planned)
	_, after := TakenOver(broken, manifest)
	_, taken := Take(broken)
	broken.ManagedFields[0].Manager = "kubectl-edit"
	_, theirs := TakenOver(broken, manifest)
	for name, err := range map[string]error{"applied": applied, "unchanged": unchanged, "taken over": after, "taken": taken, "theirs": theirs} {
		if err == nil || !strings.HasPrefix(err.Error(), `cannot read the managedFields of service "svc" in namespace "iko": `) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
