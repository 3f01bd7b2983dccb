package integration_test

import (
	"context"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// blamesNoRight checks that a command that the API server refused does not ask
// for rights that the user has.
func (r result) blamesNoRight() result {
	r.t.Helper()
	for _, words := range []string{"can-i", "the right to", "log in", "--force-conflicts"} {
		if strings.Contains(r.stderr, words) {
			r.t.Errorf("%q: %q is in\n%s", r.args, words, r.stderr)
		}
	}
	return r
}

// denies makes a policy of the test's namespace that denies what an expression
// does not hold for, and waits until it works: probe is a request that it denies.
func (e *env) denies(name string, rule admissionv1.RuleWithOperations, expression, message string, reason *metav1.StatusReason, probe func(context.Context) error) {
	e.Helper()
	full := e.namespace + "-" + name
	policies := e.core.AdmissionregistrationV1()
	_, err := policies.ValidatingAdmissionPolicies().Create(e.ctx, &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: full},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: rule}}},
			Validations:      []admissionv1.Validation{{Expression: expression, Message: message, Reason: reason}},
		},
	}, metav1.CreateOptions{})
	e.must(err)
	e.Cleanup(func() {
		e.must(policies.ValidatingAdmissionPolicies().Delete(e.background, full, metav1.DeleteOptions{}))
	})
	_, err = policies.ValidatingAdmissionPolicyBindings().Create(e.ctx, &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: full},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        full,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{corev1.LabelMetadataName: e.namespace},
			}},
		},
	}, metav1.CreateOptions{})
	e.must(err)
	e.Cleanup(func() {
		e.must(policies.ValidatingAdmissionPolicyBindings().Delete(e.background, full, metav1.DeleteOptions{}))
	})
	e.must(wait.PollUntilContextTimeout(e.ctx, poll, deadline, true, func(ctx context.Context) (bool, error) {
		err := probe(ctx)
		return err != nil && strings.Contains(err.Error(), message), nil
	}))
}

func ruleFor(resource string, operations ...admissionv1.OperationType) admissionv1.RuleWithOperations {
	return admissionv1.RuleWithOperations{
		Operations: operations,
		Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{resource}},
	}
}

// wouldMake asks for a Service without making it.
func (e *env) wouldMake(ctx context.Context, serviceType corev1.ServiceType) error {
	_, err := e.core.CoreV1().Services(e.namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "probe"},
		Spec:       corev1.ServiceSpec{Type: serviceType, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// An admission policy that denies a Service is no missing right, whatever
// status it chooses.
func TestPolicyDeniesAService(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]*metav1.StatusReason{
		"by default": nil,
		"forbidden":  reasonOf(metav1.StatusReasonForbidden),
		"too large":  reasonOf(metav1.StatusReasonRequestEntityTooLarge),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := article(t)
			e.run("expose-pod", "data-0-1", "--type=ClusterIP").exits(0)
			e.denies("no-lb", ruleFor("services", admissionv1.Create, admissionv1.Update), "object.spec.type != 'LoadBalancer'", "load balancers cost money", reason,
				func(ctx context.Context) error { return e.wouldMake(ctx, corev1.ServiceTypeLoadBalancer) })
			before := e.versions()
			for _, args := range [][]string{
				{"expose-sidecar", "simple", "--role=backup", "--type=LoadBalancer"},
				{"expose-sidecar", "simple", "--role=backup", "--type=LoadBalancer", "--dry-run=server"},
				{"expose-pod", "data-0-0", "--type=LoadBalancer"},
				{"expose-pod", "data-0-1", "--type=LoadBalancer"}, // a change
			} {
				e.run(args...).fails(1, "cannot patch services", "load balancers cost money", "policy", "--type").blamesNoRight()
			}
			e.unchanged(before)
			e.run("expose-sidecar", "simple", "--role=backup", "--type=ClusterIP").exits(0)
		})
	}
}

// Whoever lacks the right, and would be denied too, hears of the right.
func TestPolicyAndNoRight(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.denies("no-lb", ruleFor("services", admissionv1.Create, admissionv1.Update), "object.spec.type != 'LoadBalancer'", "load balancers cost money", nil,
		func(ctx context.Context) error { return e.wouldMake(ctx, corev1.ServiceTypeLoadBalancer) })
	reader := e.user("reader", rights{"get irisclusters.intersystems.com", "list pods", "get services"})
	reader.run("expose-sidecar", "simple", "--role=backup", "--type=LoadBalancer").
		fails(1, "cannot patch services", "forbidden", "the right to patch services", "kubectl auth can-i patch services -n "+e.namespace)
	patcher := e.user("patcher", rights{"get irisclusters.intersystems.com", "list pods", "get,patch services"})
	patcher.run("expose-sidecar", "simple", "--role=backup", "--type=LoadBalancer").
		fails(1, "cannot create services", "forbidden", "the right to create services", "kubectl auth can-i create services -n "+e.namespace)
}

func TestPolicyDeniesADeletion(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("expose-pod", "data-0-1", "--type=ClusterIP").exits(0)
	e.denies("keep", ruleFor("services", admissionv1.Delete), "false", "Services stay", nil, func(ctx context.Context) error {
		return e.core.CoreV1().Services(e.namespace).Delete(ctx, "simple", metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}})
	})
	e.run("unexpose", "--all").fails(1, "cannot delete services", "Services stay", "policy", "administrator").blamesNoRight()
}

// A policy that denies shells in pods takes no right from anybody.
func TestPolicyDeniesExec(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.denies("no-exec", ruleFor("pods/exec", admissionv1.Connect), "false", "no shells here", nil, func(ctx context.Context) error {
		return e.core.CoreV1().RESTClient().Post().Namespace(e.namespace).Resource("pods").Name("simple-data-0-0").SubResource("exec").
			Param("command", "true").Param("stdout", "true").Do(ctx).Error()
	})
	session := e.run("session", "data-0-0").exits(1).blamesNoRight()
	for _, part := range []string{"error: cannot create pods/exec", "no shells here", "hint: an admission policy", "administrator"} {
		if !strings.Contains(session.stderr, part) {
			t.Errorf("%q is not in\n%s", part, session.stderr)
		}
	}
	status := e.run("status", "simple", "--ask-iris=always", "-o", "json")
	if !strings.Contains(status.stdout+status.stderr, "no shells here") || strings.Contains(status.stdout, "is missing") {
		t.Errorf("status says %s%s", status.stdout, status.stderr)
	}
}

// A quota names what it counts; the hint depends on it.
func TestQuotaOfServices(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		counted corev1.ResourceName
		says    string
	}{
		"load balancers": {corev1.ResourceServicesLoadBalancers, "--type ClusterIP"},
		"all":            {corev1.ResourceServices, "managed-by=kubectl-iris lists exposed Services"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := article(t)
			e.quota(test.counted)
			before := e.versions()
			e.run("expose-sidecar", "simple", "--role=backup", "--type=LoadBalancer").
				fails(1, "exceeded quota", string(test.counted), "kubectl describe quota -n "+e.namespace, test.says).blamesNoRight()
			e.unchanged(before)
		})
	}
}

// quota makes one that is used up, and plays its controller, which does not run.
func (e *env) quota(counted corev1.ResourceName) {
	e.Helper()
	none := corev1.ResourceList{counted: resource.MustParse("0")}
	quotas := e.core.CoreV1().ResourceQuotas(e.namespace)
	quota, err := quotas.Create(e.ctx, &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "none"}, Spec: corev1.ResourceQuotaSpec{Hard: none},
	}, metav1.CreateOptions{})
	e.must(err)
	quota.Status = corev1.ResourceQuotaStatus{Hard: none, Used: none}
	_, err = quotas.UpdateStatus(e.ctx, quota, metav1.UpdateOptions{})
	e.must(err)
	e.must(wait.PollUntilContextTimeout(e.ctx, poll, deadline, true, func(ctx context.Context) (bool, error) {
		err := e.wouldMake(ctx, corev1.ServiceTypeLoadBalancer)
		return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota"), nil
	}))
}

// A namespace that is being deleted takes no new Service.
func TestTerminatingNamespace(t *testing.T) {
	t.Parallel()
	e := article(t)
	const hold = "example.org/hold"
	e.patchCluster("simple", `{"metadata":{"finalizers":["`+hold+`"]}}`)
	t.Cleanup(func() { e.afterwards().patchCluster("simple", `{"metadata":{"finalizers":null}}`) })
	e.must(e.core.CoreV1().Namespaces().Delete(e.ctx, e.namespace, metav1.DeleteOptions{}))
	e.must(wait.PollUntilContextTimeout(e.ctx, poll, deadline, true, func(ctx context.Context) (bool, error) {
		return apierrors.HasStatusCause(e.wouldMake(ctx, corev1.ServiceTypeClusterIP), corev1.NamespaceTerminatingCause), nil
	}))
	e.run("expose-sidecar", "simple", "--role=backup", "--type=ClusterIP").
		fails(1, "being terminated", "kubectl wait --for=delete namespace/"+e.namespace, "-n").blamesNoRight()
}

func reasonOf(reason metav1.StatusReason) *metav1.StatusReason { return &reason }
