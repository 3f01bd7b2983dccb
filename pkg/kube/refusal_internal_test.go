package kube

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func refusedWith(code int, reason metav1.StatusReason, message string, causes ...metav1.CauseType) error {
	status := metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message, Details: &metav1.StatusDetails{}}
	for _, cause := range causes {
		status.Details.Causes = append(status.Details.Causes, metav1.StatusCause{Type: cause})
	}
	return fmt.Errorf("wrapped: %w", &apierrors.StatusError{ErrStatus: status})
}

// Refusals are distinguished by what the API server of Kubernetes 1.37 and the
// webhooks of Gatekeeper and Kyverno say, and each hint is one that can help.
func TestRefusals(t *testing.T) {
	const forbidden = metav1.StatusReasonForbidden
	const canI = "kubectl auth can-i"
	service := Access{"patch", "services", "iko"}
	for name, test := range map[string]struct {
		err     error
		request Access
		refuser refuser
		// hints are in the hint, the others must not be.
		hints, others []string
	}{
		"RBAC, patch": {
			refusedWith(403, forbidden, `services "x" is forbidden: User "jane" cannot patch resource "services" in API group "" in the namespace "iko"`), service, byRBAC,
			[]string{`the right to patch services in namespace "iko"`, canI + " patch services -n iko"},
			[]string{"policy"},
		},
		"RBAC, create of an apply": {
			refusedWith(403, forbidden, `services "x" is forbidden: User "jane" cannot create resource "services" in API group "" in the namespace "iko": no rule`), service, byRBAC,
			[]string{`the right to create services in namespace "iko"`, canI + " create services -n iko"},
			nil,
		},
		"RBAC, impersonation": {
			refusedWith(403, forbidden, `users "joe" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope`), service, byRBAC,
			[]string{canI + " impersonate users -A"},
			[]string{"services"},
		},
		"RBAC, a group": {
			refusedWith(403, forbidden, `irisclusters.intersystems.com is forbidden: User "jane" cannot list resource "irisclusters" in API group "intersystems.com" at the cluster scope`),
			Access{"list", "irisclusters.intersystems.com", ""},
			byRBAC,
			[]string{"list irisclusters.intersystems.com in all namespaces", canI + " list irisclusters.intersystems.com -A"},
			nil,
		},
		"RBAC, exec": {
			refusedWith(403, forbidden, `pods "p" is forbidden: User "jane" cannot get resource "pods/exec" in API group "" in the namespace "iko"`),
			Access{"create", "pods/exec", "iko"},
			byRBAC,
			[]string{canI + " create pods --subresource=exec -n iko"},
			nil,
		},
		"RBAC, a path": {
			refusedWith(403, forbidden, `forbidden: User "jane" cannot get path "/version"`),
			Access{Verb: "get", Resource: "/version"},
			byRBAC,
			[]string{"the right to get /version;", canI + " get /version reports"},
			[]string{"-A"},
		},
		"policy": {
			refusedWith(403, forbidden, `services "x" is forbidden: ValidatingAdmissionPolicy 'no-lb' with binding 'all' denied request: no load balancers; User "x" cannot have one`), service, byPolicy,
			[]string{"policy", "another type, label or annotation"},
			[]string{canI, "the right to"},
		},
		"policy that says invalid": {
			refusedWith(422, metav1.StatusReasonInvalid, `services "x" is forbidden: ValidatingAdmissionPolicy 'no-lb' with binding 'all' denied request: no`), service, byPolicy,
			[]string{"policy", "another type"},
			[]string{canI, "force-conflicts", "recreated"},
		},
		"policy that says unauthorized": {
			refusedWith(401, metav1.StatusReasonUnauthorized, `services "x" is forbidden: ValidatingAdmissionPolicy 'no-lb' with binding 'all' denied request: no`), service, byPolicy,
			[]string{"policy"},
			[]string{canI, "log in"},
		},
		"policy for pods": {
			refusedWith(422, metav1.StatusReasonInvalid, `pods "p" is forbidden: ValidatingAdmissionPolicy 'labels' with binding 'all' denied request: no`),
			Access{"patch", "pods", "iko"},
			byPolicy,
			[]string{"policy", "administrator"},
			[]string{canI, "another type"},
		},
		"policy for exec": {
			refusedWith(403, forbidden, `admission webhook "exec.example.org" denied the request: no shells`),
			Access{"create", "pods/exec", "iko"},
			byPolicy,
			[]string{"policy", "administrator"},
			[]string{canI, "another type"},
		},
		"Gatekeeper": {
			refusedWith(403, forbidden, `admission webhook "validation.gatekeeper.sh" denied the request: [no-lb] Service type LoadBalancer is not allowed`), service, byPolicy,
			[]string{"policy"},
			[]string{canI},
		},
		"Kyverno": {
			refusedWith(400, "", "admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Service/iko/x was blocked due to the following policies\n\nno-lb: ..."), service, byPolicy,
			[]string{"policy", "another type"},
			[]string{canI, "the message names the field"},
		},
		"webhook that does not answer": {
			refusedWith(500, metav1.StatusReasonInternalError, `Internal error occurred: failed calling webhook "v.example.org": failed to call webhook: Post "https://v.ns.svc:443/": dial tcp: connection refused`),
			service, byWebhookFailure,
			[]string{"webhook", "administrator"},
			[]string{canI, "context"},
		},
		"quota of load balancers": {
			refusedWith(403, forbidden, `services "x" is forbidden: exceeded quota: q, requested: services.loadbalancers=1, used: services.loadbalancers=0, limited: services.loadbalancers=0`), service, byQuota,
			[]string{"kubectl describe quota -n iko", "type ClusterIP"},
			[]string{canI},
		},
		"quota of Services": {
			refusedWith(403, forbidden, `services "x" is forbidden: exceeded quota: q, requested: services=1, used: services=1, limited: services=1`), service, byQuota,
			[]string{"kubectl describe quota -n iko", "kubectl get services -n iko -l app.kubernetes.io/managed-by=kubectl-iris"},
			[]string{canI, "another type"},
		},
		"quota of pods": {
			refusedWith(403, forbidden, `pods "p" is forbidden: failed quota: q: must specify limits.cpu`),
			Access{"patch", "pods", "iko"},
			byQuota,
			[]string{"kubectl describe quota -n iko"},
			[]string{canI, "managed-by"},
		},
		"terminating": {
			refusedWith(403, forbidden, `services "x" is forbidden: unable to create new content in namespace iko because it is being terminated`, corev1.NamespaceTerminatingCause), service, byTermination,
			[]string{"kubectl wait --for=delete namespace/iko", "another namespace"},
			[]string{canI},
		},
		"Pod Security": {
			refusedWith(403, forbidden, `pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false`),
			Access{"patch", "pods", "iko"},
			byPodSecurity,
			[]string{"kubectl get namespace iko --show-labels"},
			[]string{canI},
		},
		"limits": {
			refusedWith(403, forbidden, `pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2`),
			Access{"patch", "pods", "iko"},
			byLimits,
			[]string{"kubectl describe limitrange -n iko"},
			[]string{canI},
		},
		"a proxy": {
			refusedWith(403, forbidden, "<html>blocked</html>"),
			Access{"list", "pods", "iko"},
			byUnknown,
			[]string{canI + " list pods -n iko", "proxy"},
			[]string{"ask for the right"},
		},
		"not refused": {
			refusedWith(422, metav1.StatusReasonInvalid, `Service "x" is invalid: spec.ports: Required value`), service, notRefused, nil, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refuserOf(test.err); got != test.refuser {
				t.Errorf("refuser %d, want %d", got, test.refuser)
			}
			if test.refuser == notRefused {
				return
			}
			client := &Client{config: &rest.Config{Host: "https://host"}}
			explained := client.Explain(test.err, test.request, "x")
			if test.request == service {
				wanted := &unstructured.Unstructured{Object: map[string]any{}}
				wanted.SetName("x")
				wanted.SetNamespace("iko")
				explained = client.explainApply(test.err, wanted, nil)
			}
			hint := problem.HintOf(explained)
			for _, part := range test.hints {
				if !strings.Contains(hint, part) {
					t.Errorf("%q is not in hint %q", part, hint)
				}
			}
			for _, part := range test.others {
				if strings.Contains(hint, part) {
					t.Errorf("%q is in hint %q", part, hint)
				}
			}
			if !strings.HasPrefix(explained.Error(), "cannot ") || !strings.Contains(explained.Error(), test.err.Error()) {
				t.Errorf("error %q", explained)
			}
		})
	}
}

// A right is missing only if an authorizer said so.
func TestOnlyAnAuthorizerTakesRights(t *testing.T) {
	policy := refusedWith(http.StatusForbidden, metav1.StatusReasonForbidden, `pods "p" is forbidden: ValidatingAdmissionPolicy 'no-exec' with binding 'all' denied request: no shells`)
	if IsMissingRight(policy) {
		t.Error("a policy is taken for a missing right")
	}
	if u, ok := NewUnread(policy, Access{"list", "pods", "iko"}, "nothing is known"); !ok || u.Reason != view.Failed || !strings.Contains(u.Message, "no shells") {
		t.Errorf("list: %+v", u)
	}
	rbac := refusedWith(http.StatusForbidden, metav1.StatusReasonForbidden, `pods "p" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "iko"`)
	if !IsMissingRight(rbac) {
		t.Error("a missing right is not recognised")
	}
	if u, ok := NewUnread(rbac, Access{"list", "pods", "iko"}, "nothing is known"); !ok || u.Reason != view.Forbidden {
		t.Errorf("list: %+v", u)
	}
}
