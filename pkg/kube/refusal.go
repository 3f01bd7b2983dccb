package kube

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// A refuser is what in the API server refused a request.
type refuser int

const (
	notRefused       refuser = iota // the request failed for another reason
	byRBAC                          // an authorizer: the user does not have a right
	byPolicy                        // an admission policy or an admission webhook
	byWebhookFailure                // an admission webhook that failed, with the failurePolicy Fail
	byQuota                         // a ResourceQuota
	byLimits                        // a LimitRange
	byPodSecurity                   // Pod Security admission
	byTermination                   // the namespace, which is being deleted
	byUnknown                       // Forbidden without known words; a proxy may have answered
)

// The words by which the API server's admission names what refused a request.
// Only the termination of a namespace has a cause in the Status' details.
var (
	policyWords        = lazily(`admission webhook "[^"]*" denied the request|AdmissionPolicy '[^']*'.* denied request`)
	webhookFailedWords = lazily(`failed calling webhook "[^"]*"`)
	quotaWords         = lazily(`is forbidden: (exceeded quota|failed quota|insufficient quota)`)
	podSecurityWords   = lazily(`violates PodSecurity "`)
	limitWords         = lazily(`(minimum|maximum) \S+ usage per |max limit to request ratio per |Invalid value: .* limit range`)
	rightWords         = lazily(`User "[^"]*" cannot (\S+) (?:path "|resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?)`)
)

// lazily returns a function that compiles a pattern at its first call. Most
// commands need none of the patterns, and each would delay their start.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// messageOf returns the message of the server's Status; "" if err has none.
func messageOf(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return ""
	}
	return status.Status().Message
}

// refuserOf returns what refused the request that failed with err. Admission policies
// and webhooks choose the status themselves (Invalid, BadRequest or Unauthorized, for
// example), so their words take precedence over it.
func refuserOf(err error) refuser {
	switch message := messageOf(err); {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return byTermination
	case policyWords().MatchString(message):
		return byPolicy
	case webhookFailedWords().MatchString(message):
		return byWebhookFailure
	case !apierrors.IsForbidden(err):
		return notRefused
	case quotaWords().MatchString(message):
		return byQuota
	case podSecurityWords().MatchString(message):
		return byPodSecurity
	case limitWords().MatchString(message):
		return byLimits
	case rightWords().MatchString(message):
		return byRBAC
	}
	return byUnknown
}

// IsMissingRight reports whether an authorizer refused the request because the user does
// not have a right.
func IsMissingRight(err error) bool { return refuserOf(err) == byRBAC }

// missingRight returns the right that is missing according to the API server. It may
// differ from the one for the request: a server-side apply that creates an object takes
// two, and --as takes the right to impersonate. If the server names none, it returns a.
func missingRight(err error, a Access) Access {
	words := rightWords().FindStringSubmatch(messageOf(err))
	if words == nil || words[2] == "" {
		return a
	}
	missing := Access{Verb: words[1], Resource: words[2], Namespace: words[4]}
	if group := words[3]; group != "" {
		resource, subresource, found := strings.Cut(missing.Resource, "/")
		missing.Resource = resource + "." + group
		if found {
			missing.Resource += "/" + subresource
		}
	}
	// A connection to a pod is tried in two ways, with the right to get and to
	// create; create is enough.
	if missing.Resource == a.Resource && strings.Contains(a.Resource, "/") {
		return a
	}
	return missing
}

// canI returns the kubectl command that reports whether the user has the right.
func (a Access) canI() string {
	if strings.HasPrefix(a.Resource, "/") {
		return fmt.Sprintf("kubectl auth can-i %s %s", a.Verb, a.Resource)
	}
	// kubectl takes what follows a slash as an object's name.
	resource, subresource, found := strings.Cut(a.Resource, "/")
	if found {
		resource += " --subresource=" + subresource
	}
	return fmt.Sprintf("kubectl auth can-i %s %s %s", a.Verb, resource, namespaceFlag(a.Namespace))
}

// writesService reports whether the request sends a Service, so that other values of its
// fields may satisfy a policy or quota.
func (a Access) writesService() bool {
	return a.Resource == "services" && (a.Verb == "patch" || a.Verb == "create")
}

// explainRefusal turns the refusal of a request into one line with a next step
// that can help against what refused it. what is the request in words.
func explainRefusal(err error, a Access, what string) error {
	refused := problem.New("cannot %s: %w", what, err)
	switch refuserOf(err) {
	case byRBAC:
		missing := missingRight(err, a)
		return problem.New("cannot %s: forbidden: %w", what, err).
			Hint("ask for the right to %s; %s reports whether you have it", missing, missing.canI())
	case byPolicy:
		return refused.Hint("%w", afterPolicy(a))
	case byWebhookFailure:
		return refused.Hint("the Kubernetes cluster's admission webhook does not work; its administrator has to repair it, then run the command again")
	case byQuota:
		return refused.Hint("%w", afterQuota(err, a))
	case byLimits:
		return refused.Hint("kubectl describe limitrange -n %s shows the limits", a.Namespace)
	case byPodSecurity:
		return refused.Hint("kubectl get namespace %s --show-labels shows the Pod Security level that is enforced", a.Namespace)
	case byTermination:
		return refused.Hint("wait until it is deleted (kubectl wait --for=delete namespace/%s) and created again, or choose another namespace with %s", a.Namespace, problem.Field("namespace"))
	default:
		return problem.New("cannot %s: forbidden: %w", what, err).
			Hint("%s reports whether RBAC allows it; if it does, a policy or a proxy in front of the API server refuses it", a.canI())
	}
}

// afterPolicy returns the next step after an admission policy refused a request.
func afterPolicy(a Access) error {
	if a.writesService() {
		return problem.New("an admission policy refuses it, not RBAC: another %s, %s or %s may satisfy it",
			problem.Field("type"), problem.Field("label"), problem.Field("annotation"))
	}
	return problem.New("an admission policy refuses it, not RBAC: ask the administrator of the Kubernetes cluster for an exception")
}

// afterQuota returns the next step after a ResourceQuota refused a request.
func afterQuota(err error, a Access) error {
	used := fmt.Sprintf("kubectl describe quota -n %s shows what is used", a.Namespace)
	if !a.writesService() {
		return problem.New("%s", used)
	}
	if text := err.Error(); strings.Contains(text, "services.loadbalancers") || strings.Contains(text, "services.nodeports") {
		return problem.New("%s; %s ClusterIP needs neither load balancer nor node port", used, problem.Field("type"))
	}
	return problem.New("%s; kubectl get services -n %s -l %s lists exposed Services that can be deleted", used, a.Namespace, exposedSelector)
}
