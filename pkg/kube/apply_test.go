package kube

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

func liveService(labels map[string]string, change ...func(*corev1.Service)) *corev1.Service {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "svc", Labels: labels},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.1"},
	}
	for _, f := range change {
		f(service)
	}
	return service
}

func exposedLabels() map[string]string {
	return map[string]string{cluster.LabelManagedBy: cluster.ManagedBy, cluster.LabelCluster: "simple"}
}

func isHeadless(s *corev1.Service) { s.Spec.ClusterIP = corev1.ClusterIPNone }

// A headless Service would stay headless whatever is applied to it.
func TestCheckWritableHeadless(t *testing.T) {
	for name, test := range map[string]struct {
		labels map[string]string
		hint   string
	}{
		"adopted": {nil, "choose another name with name, or delete the service"},
		"exposed": {exposedLabels(), "kubectl delete service svc -n prod"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkWritable(liveService(test.labels), true); err != nil {
				t.Fatalf("an ordinary Service: %v", err)
			}
			err := checkWritable(liveService(test.labels, isHeadless), true)
			if err == nil || !strings.Contains(err.Error(), `service "svc" in namespace "prod" is headless`) || !strings.Contains(problem.HintOf(err), test.hint) {
				t.Errorf("error %v, hint %q, want one about a headless Service and %q", err, problem.HintOf(err), test.hint)
			}
		})
	}
}

// A Service that is or may be IKO's is not adopted; one that this tool created is
// its own whatever it selects.
func TestCheckWritableOperators(t *testing.T) {
	selecting := func(selector map[string]string) func(*corev1.Service) {
		return func(s *corev1.Service) { s.Spec.Selector = selector }
	}
	for name, test := range map[string]struct {
		selector      map[string]string
		message, hint string
	}{
		"the cluster's own":       {map[string]string{iris.LabelName: "svc"}, "is managed by IKO", "another name"},
		"no name in its selector": {map[string]string{iris.LabelComponent: "data"}, `names no cluster, as IKO's Service for an IrisCluster "svc" may`, "add intersystems.com/name to its selector"},
		"of another cluster":      {map[string]string{iris.LabelName: "simple"}, "", ""},
	} {
		if err := checkWritable(liveService(exposedLabels(), selecting(test.selector)), false); err != nil {
			t.Errorf("%s, exposed: %v", name, err)
		}
		err := checkWritable(liveService(nil, selecting(test.selector)), true)
		if (err == nil) != (test.message == "") || err != nil && (!strings.Contains(err.Error(), test.message) || !strings.Contains(problem.HintOf(err), test.hint)) {
			t.Errorf("%s: error %v, hint %q", name, err, problem.HintOf(err))
		}
	}
}

// A prediction has the word that the apply would have.
func TestPredict(t *testing.T) {
	wanted := liveService(exposedLabels(), func(s *corev1.Service) { s.Spec.ClusterIP = "" })
	applied := liveService(exposedLabels(), func(s *corev1.Service) {
		s.ManagedFields = []metav1.ManagedFieldsEntry{{
			Manager: cluster.ManagedBy, Operation: metav1.ManagedFieldsOperationApply,
			FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:app.kubernetes.io/managed-by":{},"f:kubectl-iris/cluster":{}}},"f:spec":{"f:type":{}}}`),
		}}
	})
	edited := applied.DeepCopy()
	edited.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
	edited.ManagedFields = append(edited.ManagedFields, metav1.ManagedFieldsEntry{
		Manager: "another", Operation: metav1.ManagedFieldsOperationUpdate,
		FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:sessionAffinity":{}}}`),
	})
	nodePort := wanted.DeepCopy()
	nodePort.Spec.Type = corev1.ServiceTypeNodePort
	for name, test := range map[string]struct {
		live, wanted *corev1.Service
		options      ApplyOptions
		want         Outcome
	}{
		"absent":                        {nil, wanted, ApplyOptions{}, Created},
		"absent, with --adopt":          {nil, wanted, ApplyOptions{Adopt: true}, Created},
		"applied before":                {applied, wanted, ApplyOptions{}, Unchanged},
		"applied before, with --adopt":  {applied, wanted, ApplyOptions{Adopt: true}, Unchanged},
		"another type":                  {applied, nodePort, ApplyOptions{}, Configured},
		"foreign":                       {liveService(nil), wanted, ApplyOptions{Adopt: true}, Adopted},
		"edited by another":             {edited, wanted, ApplyOptions{}, Unchanged},
		"edited by another, with force": {edited, wanted, ApplyOptions{ForceConflicts: true}, Configured},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Predict(test.live, test.wanted, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("outcome %q, want %q", got, test.want)
			}
		})
	}
}
