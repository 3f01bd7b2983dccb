package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
)

func TestTakeSpec(t *testing.T) {
	entries := []metav1.ManagedFieldsEntry{
		{
			Manager: "kubectl-create", Operation: metav1.ManagedFieldsOperationUpdate,
			FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:team":{}}},"f:spec":{"f:clusterIP":{},"f:selector":{},"f:type":{}}}`),
		},
		{
			Manager: "cloud", Operation: metav1.ManagedFieldsOperationUpdate,
			FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:finalizers":{"v:\"hold\"":{}}}}`),
		},
		{
			Manager: "argo", Operation: metav1.ManagedFieldsOperationApply,
			FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{"f:port":{}}}}}`),
		},
		{
			Manager: "cloud", Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "status",
			FieldsV1: metav1.NewFieldsV1(`{"f:status":{"f:loadBalancer":{}}}`),
		},
	}
	got, _, err := takeSpec(entries)
	if err != nil {
		t.Fatal(err)
	}
	type owned struct{ Manager, Operation, Subresource, Fields string }
	var fields []owned
	for _, entry := range got {
		fields = append(fields, owned{entry.Manager, string(entry.Operation), entry.Subresource, string(entry.FieldsV1.GetRawBytes())})
	}
	want := []owned{
		{"kubectl-iris", "Apply", "", `{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{"f:port":{}}},"f:selector":{},"f:type":{}}}`},
		{"kubectl-create", "Update", "", `{"f:metadata":{"f:labels":{"f:team":{}}},"f:spec":{"f:clusterIP":{}}}`},
		{"cloud", "Update", "", `{"f:metadata":{"f:finalizers":{"v:\"hold\"":{}}}}`},
		{"cloud", "Update", "status", `{"f:status":{"f:loadBalancer":{}}}`},
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("managers (-want +got):\n%s", diff)
	}
}

// A Service that is taken over has the spec that is wanted, with the node ports that
// the server assigned; labels, annotations and owners of others stay, and those go
// that this tool applied and does not want any more.
func TestTakenOver(t *testing.T) {
	const port81 = `k:{\"port\":81,\"protocol\":\"TCP\"}`
	service := func(name string, ports ...corev1.ServicePort) *corev1.Service {
		s := &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}}
		s.Name, s.Spec.Type, s.Spec.Ports = name, corev1.ServiceTypeNodePort, ports
		return s
	}
	tcp := func(number, node int32) corev1.ServicePort {
		return corev1.ServicePort{Port: number, Protocol: corev1.ProtocolTCP, NodePort: node}
	}
	for name, test := range map[string]struct {
		owned string
		live  []corev1.ServicePort
		want  []corev1.ServicePort
	}{
		"assigned":              {`{"f:spec":{"f:ports":{".":{},"` + port81 + `":{".":{},"f:port":{}}}}}`, []corev1.ServicePort{tcp(81, 30081)}, []corev1.ServicePort{tcp(81, 30081)}},
		"chosen by another":     {`{"f:spec":{"f:ports":{".":{},"` + port81 + `":{".":{},"f:nodePort":{}}}}}`, []corev1.ServicePort{tcp(81, 30081)}, []corev1.ServicePort{tcp(81, 0)}},
		"of another port":       {`{"f:spec":{"f:type":{}}}`, []corev1.ServicePort{tcp(82, 30082)}, []corev1.ServicePort{tcp(81, 0)}},
		"of another protocol":   {`{"f:spec":{"f:type":{}}}`, []corev1.ServicePort{{Port: 81, Protocol: corev1.ProtocolUDP, NodePort: 30082}}, []corev1.ServicePort{tcp(81, 0)}},
		"fields of a finalizer": {`{"f:metadata":{"f:finalizers":{}}}`, nil, []corev1.ServicePort{tcp(81, 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			live, wanted := service("a", test.live...), service("a", tcp(81, 0))
			live.Spec.ExternalIPs = []string{"192.0.2.7"}
			live.Labels = map[string]string{"theirs": "x", "ours": "old", "dropped": "x"}
			live.Annotations = map[string]string{"theirs": "x"}
			live.OwnerReferences = []metav1.OwnerReference{{UID: "theirs"}, {UID: "ours"}, {UID: "dropped"}}
			live.ManagedFields = []metav1.ManagedFieldsEntry{
				{
					Manager: cluster.ManagedBy, Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1", FieldsType: "FieldsV1",
					FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:ours":{},"f:dropped":{}},"f:ownerReferences":{"k:{\"uid\":\"ours\"}":{},"k:{\"uid\":\"dropped\"}":{}}}}`),
				},
				{Manager: "another", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(test.owned)},
			}
			wanted.Labels = map[string]string{"ours": "new"}
			wanted.OwnerReferences = []metav1.OwnerReference{{UID: "ours"}}
			manifest, err := expose.Manifest(wanted)
			if err != nil {
				t.Fatal(err)
			}
			got, err := takenOver(live, manifest)
			if err != nil {
				t.Fatal(err)
			}
			want := service("a", test.want...)
			want.Labels = map[string]string{"theirs": "x", "ours": "new"}
			want.Annotations = map[string]string{"theirs": "x"}
			want.OwnerReferences = []metav1.OwnerReference{{UID: "ours"}, {UID: "theirs"}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	broken := service("a")
	broken.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "another", FieldsV1: metav1.NewFieldsV1(`{"f:spec":`)}}
	manifest, err := expose.Manifest(service("a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := takenOver(broken, manifest); err == nil {
		t.Error("managed fields that cannot be read: no error")
	}
}
