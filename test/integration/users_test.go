package integration_test

import (
	"context"
	"slices"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// rights are verbs on resources: "list pods", "get,patch services",
// "get,list irisclusters.intersystems.com".
type rights []string

// statusRights are all that status uses.
func statusRights() rights {
	return rights{
		"get,list irisclusters.intersystems.com", "list pods", "list services",
		"list endpointslices.discovery.k8s.io", "list events",
	}
}

// exposeRights are all that expose-sidecar and expose-pod use without --wait.
func exposeRights() rights {
	return rights{"get irisclusters.intersystems.com", "list pods", "get,create,patch services"}
}

// without leaves out the right to a resource.
func (r rights) without(resource string) rights {
	return slices.DeleteFunc(slices.Clone(r), func(right string) bool { return strings.Fields(right)[1] == resource })
}

// user runs commands as somebody who has these rights in the namespace, and no
// others anywhere.
func (e *env) user(name string, r rights) *env {
	e.Helper()
	full := e.namespace + "-" + name
	user, err := cluster.NewUser(full, nil, time.Time{})
	e.must(err)
	meta := metav1.ObjectMeta{Name: name, Namespace: e.namespace}
	_, err = e.core.RbacV1().Roles(e.namespace).Create(e.ctx, &rbacv1.Role{ObjectMeta: meta, Rules: r.rules()}, metav1.CreateOptions{})
	e.must(err)
	_, err = e.core.RbacV1().RoleBindings(e.namespace).Create(e.ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: full}},
	}, metav1.CreateOptions{})
	e.must(err)
	for _, rule := range r.rules() {
		e.waitAllowed(full, rule)
	}
	return e.as(user.Kubeconfig)
}

func (r rights) rules() []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, right := range r {
		words := strings.Fields(right)
		resource, group, _ := strings.Cut(words[1], ".")
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: strings.Split(words[0], ",")})
	}
	return rules
}

// waitAllowed waits until the API server has learned of a rule.
func (e *env) waitAllowed(user string, rule rbacv1.PolicyRule) {
	e.Helper()
	e.must(wait.PollUntilContextTimeout(e.ctx, poll, deadline, true, func(ctx context.Context) (bool, error) {
		review, err := e.core.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: e.namespace, Verb: rule.Verbs[0], Group: rule.APIGroups[0], Resource: rule.Resources[0],
			}},
		}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed, err
	}))
}
