package kube

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// manifest returns the manifest of an exposed Service with one port.
func manifest(t *testing.T, port int32) *unstructured.Unstructured {
	t.Helper()
	service := corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "svc", Labels: exposedLabels()},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, Selector: map[string]string{"app": "web"},
			Ports: []corev1.ServicePort{{Name: "web", Port: port, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(80)}},
		},
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&service)
	if err != nil {
		t.Fatal(err)
	}
	delete(content, "status")
	return &unstructured.Unstructured{Object: content}
}

// foreignService returns a Service of kubectl create.
func foreignService(change ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "svc", ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: "kubectl-create", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{".":{},"f:note":{}}},"f:spec":{"f:externalName":{},"f:ports":{".":{},"k:{\"port\":9090,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{},"f:targetPort":{}}},"f:sessionAffinity":{},"f:type":{}}}`),
		}}, Annotations: map[string]string{"note": "theirs"}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, SessionAffinity: corev1.ServiceAffinityClientIP,
			Ports: []corev1.ServicePort{{Port: 9090, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(9090)}},
		},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func clientOf(t *testing.T, server *kubetest.Services) *Client {
	t.Helper()
	client, err := New(server.Config(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// portsOf returns the numbers of a Service's ports.
func portsOf(s *corev1.Service) []int32 {
	var ports []int32
	if s != nil {
		for _, p := range s.Spec.Ports {
			ports = append(ports, p.Port)
		}
	}
	return ports
}

// read returns the Service as a command reads it before an apply.
func read(t *testing.T, client *Client) *corev1.Service {
	t.Helper()
	live, err := client.Service(t.Context(), "prod", "svc")
	if err != nil {
		t.Fatal(err)
	}
	return live
}

func TestApplyOutcomes(t *testing.T) {
	server := kubetest.NewServices()
	client := clientOf(t, server)
	for _, step := range []struct {
		port    int32
		options ApplyOptions
		want    Outcome
		stored  []int32
	}{
		{81, ApplyOptions{DryRun: true}, Created, nil},
		{81, ApplyOptions{}, Created, []int32{81}},
		{81, ApplyOptions{}, Unchanged, []int32{81}},
		{81, ApplyOptions{DryRun: true}, Unchanged, []int32{81}},
		{82, ApplyOptions{DryRun: true}, Configured, []int32{81}},
		{82, ApplyOptions{}, Configured, []int32{82}},
	} {
		applied, err := client.Apply(t.Context(), manifest(t, step.port), read(t, client), step.options)
		if err != nil || applied.Outcome != step.want || !slices.Equal(portsOf(applied.Service), []int32{step.port}) {
			t.Errorf("%d %+v: %s, ports %v, %v", step.port, step.options, applied.Outcome, portsOf(applied.Service), err)
		}
		if got := portsOf(server.Get("svc")); !slices.Equal(got, step.stored) {
			t.Errorf("%d %+v: stored %v, want %v", step.port, step.options, got, step.stored)
		}
	}
}

// An adopted Service has what is wanted and nothing of what others set in its spec; its
// annotations stay.
func TestAdopt(t *testing.T) {
	for _, dry := range []bool{true, false} {
		server := kubetest.NewServices(foreignService())
		client := clientOf(t, server)
		before := server.Get("svc")
		applied, err := client.Apply(t.Context(), manifest(t, 81), read(t, client), ApplyOptions{Adopt: true, DryRun: dry})
		if err != nil || applied.Outcome != Adopted {
			t.Fatalf("dry %t: %s, %v", dry, applied.Outcome, err)
		}
		after := applied.Service
		if !slices.Equal(portsOf(after), []int32{81}) || after.Spec.SessionAffinity != "" || after.Annotations["note"] != "theirs" || !cluster.IsExposed(after) {
			t.Errorf("dry %t: %+v", dry, after)
		}
		if changed := server.Get("svc").ResourceVersion != before.ResourceVersion; changed == dry {
			t.Errorf("dry %t: changed %t", dry, changed)
		}
	}
}

// If the server refuses the apply after the ownership was taken, it is given back.
func TestRefusedAdoptionGivesOwnershipBack(t *testing.T) {
	server := kubetest.NewServices(foreignService())
	client := clientOf(t, server)
	live := read(t, client)
	server.Before = func(r *http.Request) error {
		if r.Header.Get("Content-Type") == "application/apply-patch+yaml" {
			return apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "svc", nil)
		}
		return nil
	}
	_, err := client.Apply(t.Context(), manifest(t, 81), live, ApplyOptions{Adopt: true})
	if err == nil || !strings.Contains(err.Error(), "is invalid") || !strings.Contains(problem.HintOf(err), "force-conflicts") {
		t.Errorf("%v, hint %q", err, problem.HintOf(err))
	}
	after := server.Get("svc")
	if len(after.ManagedFields) != 1 || after.ManagedFields[0].Manager != "kubectl-create" || !slices.Equal(portsOf(after), []int32{9090}) {
		t.Errorf("managers %+v, ports %v", after.ManagedFields, portsOf(after))
	}
}

// A Service that changes between read and write is read again: a change of its status does
// not matter, one of another client that this tool must not overwrite does.
func TestApplyAgainstChanges(t *testing.T) {
	ours := func(s *corev1.Service) { s.Labels = exposedLabels() }
	for name, test := range map[string]struct {
		stored  *corev1.Service
		options ApplyOptions
		// change is made before the first patch, or before each if always is set.
		change func(server *kubetest.Services)
		always bool
		want   Outcome
		fails  string
	}{
		"its status": {stored: foreignService(ours), change: func(s *kubetest.Services) {
			now := s.Get("svc")
			now.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
			s.Put(now)
		}, options: ApplyOptions{ForceConflicts: true}, want: Configured},
		"again and again": {stored: foreignService(ours), change: func(s *kubetest.Services) { s.Put(s.Get("svc")) }, always: true, options: ApplyOptions{ForceConflicts: true}, fails: "the object has been modified"},
		"created meanwhile": {change: func(s *kubetest.Services) {
			s.Put(foreignService(func(s *corev1.Service) { s.Spec.Ports, s.Spec.SessionAffinity, s.ManagedFields = nil, "", nil }))
		}, fails: "was not created by kubectl-iris"},
		"deleted meanwhile":                {stored: foreignService(ours, func(s *corev1.Service) { s.ManagedFields = nil }), change: func(s *kubetest.Services) { s.Remove("svc") }, want: Created},
		"a field of another field manager": {stored: foreignService(ours), fails: "conflict"},
	} {
		t.Run(name, func(t *testing.T) {
			server := kubetest.NewServices()
			if test.stored != nil {
				server.Put(test.stored)
			}
			client := clientOf(t, server)
			live := read(t, client)
			changed := 0
			server.Before = func(r *http.Request) error {
				if r.Method == http.MethodPatch && test.change != nil && (changed == 0 || test.always) {
					changed++
					test.change(server)
				}
				return nil
			}
			wanted := manifest(t, 81)
			if test.fails == "conflict" {
				if err := unstructured.SetNestedField(wanted.Object, "None", "spec", "sessionAffinity"); err != nil {
					t.Fatal(err)
				}
			}
			applied, err := client.Apply(t.Context(), wanted, live, test.options)
			if (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("error %v, want %q", err, test.fails)
			}
			if applied.Outcome != test.want {
				t.Errorf("outcome %q, want %q", applied.Outcome, test.want)
			}
			if test.always && changed != maxAttempts {
				t.Errorf("%d attempts", changed)
			}
			if patches := slices.DeleteFunc(server.Requests, func(method string) bool { return method != http.MethodPatch }); test.fails == "conflict" && len(patches) != 1 {
				t.Errorf("%d attempts against a field manager", len(patches))
			}
		})
	}
}

func TestDelete(t *testing.T) {
	ours := foreignService(func(s *corev1.Service) { s.Labels = exposedLabels() })
	for name, test := range map[string]struct {
		stored *corev1.Service
		dry    bool
		// change is made before the first delete.
		change func(server *kubetest.Services, now *corev1.Service)
		gone   bool
		fails  string
	}{
		"as it was read": {stored: ours, gone: true},
		"dry run":        {stored: ours, dry: true},
		"foreign":        {stored: foreignService(), fails: "was not created by kubectl-iris"},
		"its status changed": {stored: ours, gone: true, change: func(s *kubetest.Services, now *corev1.Service) {
			now.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
			s.Put(now)
		}},
		"replaced": {stored: ours, fails: "changed while it was being deleted", change: func(s *kubetest.Services, now *corev1.Service) {
			now.UID = "other"
			s.Put(now)
		}},
		"adopted by another": {stored: ours, fails: "changed while it was being deleted", change: func(s *kubetest.Services, now *corev1.Service) {
			now.Labels = nil
			s.Put(now)
		}},
		"gone already": {stored: ours, gone: true, change: func(s *kubetest.Services, _ *corev1.Service) { s.Remove("svc") }},
	} {
		t.Run(name, func(t *testing.T) {
			server := kubetest.NewServices(test.stored)
			client := clientOf(t, server)
			service := read(t, client)
			server.Before = func(r *http.Request) error {
				if r.Method == http.MethodDelete && test.change != nil {
					test.change(server, server.Get("svc"))
					test.change = nil
				}
				return nil
			}
			err := client.Delete(t.Context(), service, test.dry)
			if (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("error %v, want %q", err, test.fails)
			}
			if gone := server.Get("svc") == nil; gone != test.gone {
				t.Errorf("gone %t", gone)
			}
		})
	}
}

// Whatever the server refuses names the Service and has a next step.
func TestWritesThatAreRefused(t *testing.T) {
	forbidden := apierrors.NewForbidden(corev1.Resource("services"), "svc", errors.New(`User "jane" cannot patch resource "services" in API group "" in the namespace "prod"`))
	server := kubetest.NewServices(foreignService(func(s *corev1.Service) { s.Labels = exposedLabels() }))
	client := clientOf(t, server)
	live := read(t, client)
	server.Before = func(*http.Request) error { return forbidden }
	_, applied := client.Apply(t.Context(), manifest(t, 81), live, ApplyOptions{})
	_, looked := client.Service(t.Context(), "prod", "svc")
	for verb, err := range map[string]error{"apply": applied, "read": looked, "delete": client.Delete(t.Context(), live, false)} {
		if err == nil || !strings.Contains(err.Error(), `services "svc" in namespace "prod": forbidden`) || !strings.Contains(problem.HintOf(err), "kubectl auth can-i") {
			t.Errorf("%s: %v, hint %q", verb, err, problem.HintOf(err))
		}
	}
	server.Before = func(*http.Request) error { return apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "svc", nil) }
	if _, err := client.Apply(t.Context(), manifest(t, 81), nil, ApplyOptions{}); !strings.Contains(problem.HintOf(err), "the Service was not created") {
		t.Errorf("invalid: %v, hint %q", err, problem.HintOf(err))
	}
	ours := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "svc", Labels: exposedLabels()}}
	if _, err := client.Apply(t.Context(), manifest(t, 81), ours, ApplyOptions{}); !strings.Contains(problem.HintOf(err), "kubectl delete service svc -n prod") {
		t.Errorf("immutable: %v, hint %q", err, problem.HintOf(err))
	}
}
