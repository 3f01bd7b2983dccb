package ownership

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTake(t *testing.T) {
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
	got, err := Take(&corev1.Service{ObjectMeta: metav1.ObjectMeta{ManagedFields: entries}})
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
