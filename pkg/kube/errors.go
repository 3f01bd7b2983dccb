package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// An Access is a kind of request, as RBAC has it.
type Access struct {
	Verb string
	// Resource is the plural with its group and subresource, or a path that begins
	// with a slash.
	Resource string
	// Namespace is empty for all namespaces.
	Namespace string
}

// String returns the request in words, such as: list pods in namespace "iko".
func (a Access) String() string {
	if strings.HasPrefix(a.Resource, "/") {
		return a.Verb + " " + a.Resource
	}
	return fmt.Sprintf("%s %s %s", a.Verb, a.Resource, inNamespace(a.Namespace))
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return "in all namespaces"
	}
	return fmt.Sprintf("in namespace %q", namespace)
}

// namespaceFlag returns kubectl's flag for a namespace, or for all.
func namespaceFlag(namespace string) string {
	if namespace == "" {
		return "-A"
	}
	return "-n " + namespace
}

// Explain returns the error of a request as a message of one line with a hint,
// without the credentials that a URL may contain. name is the object's, empty for a
// list. It returns nil for nil, and a context.Canceled as it is.
func (c *Client) Explain(err error, a Access, name string) error {
	what := a.String()
	if name != "" {
		what = fmt.Sprintf("%s %q %s", a.Verb+" "+a.Resource, name, inNamespace(a.Namespace))
	}
	err = withoutSecrets(err)
	var network *url.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case refuserOf(err) != notRefused:
		if missing := missingRight(err, a); missing.Resource == a.Resource && missing.Verb != a.Verb {
			return c.Explain(err, Access{missing.Verb, a.Resource, a.Namespace}, name)
		}
		return explainRefusal(err, a, what)
	case apierrors.IsUnauthorized(err):
		return problem.New("cannot %s: the server does not accept your credentials: %w", what, err).
			Hint("they may have expired: log in again, or choose another user with %s or %s", problem.Field("context"), problem.Field("user"))
	case isCredentialFailure(err):
		return c.credentialProblem(err)
	case errors.Is(err, context.DeadlineExceeded), IsTimeout(err):
		return problem.New("cannot %s: no answer from %s in time: %w", what, c.config.Host, oneLine{err}).
			Hint("kubectl cluster-info shows whether the server answers at all; %s allows it more time", problem.Field("request-timeout"))
	case errors.As(err, &network):
		return problem.New("cannot reach the API server at %s: %w", c.config.Host, withoutSecrets(network.Err)).
			Hint("check %s and %s; kubectl cluster-info shows whether it answers", problem.Field("context"), problem.Field("server"))
	case isFault(err) && !strings.Contains(a.Resource, "/"): // a connection to a pod may fail because of the pod
		return problem.New("cannot %s: %w", what, oneLine{err}).Hint("%s", afterFault(a, name))
	default:
		return problem.New("cannot %s: %w", what, oneLine{err})
	}
}

// isFault reports whether a request failed through a fault of the server, which
// may pass: a backend of it does not work, or something else answered in its place.
func isFault(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || status.Status().Code >= http.StatusInternalServerError || apierrors.IsTooManyRequests(err)
}

// afterFault returns the next step after a fault of the server.
func afterFault(a Access, name string) string {
	if !slices.Contains([]string{"get", "list", "watch"}, a.Verb) {
		return "run the command again; kubectl cluster-info shows whether the server answers at all"
	}
	what := a.Resource
	if name != "" {
		what += " " + name
	}
	return fmt.Sprintf("try again; kubectl get %s %s shows what the server answers", what, namespaceFlag(a.Namespace))
}

// maxAnswer bounds how much of an answer is in an error, in characters: a proxy may
// answer with a whole page.
const maxAnswer = 300

// oneLine is an error whose message is one line of bounded length.
type oneLine struct{ error }

func (e oneLine) Error() string { return text.Cut(e.error.Error(), maxAnswer) }
func (e oneLine) Unwrap() error { return e.error }

// IsTimeout reports whether err means that no answer came in time.
func IsTimeout(err error) bool {
	var timeout net.Error
	return apierrors.IsTimeout(err) || errors.As(err, &timeout) && timeout.Timeout()
}

// notInstalled reports whether the server does not know the resource, rather than the
// object: both are a 404, but the first has no Status.
func notInstalled(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// NewUnread returns a failed read with its reason and its loss, which is what is not
// known without it. answered reports whether the server answered the request and
// accepts the credentials.
func NewUnread(err error, a Access, loss string) (u view.Unread, answered bool) {
	reason, why := view.Failed, failureWords(err)
	switch by := refuserOf(err); {
	case by == byRBAC, by == byUnknown:
		reason, why = view.Forbidden, "forbidden"
	case notInstalled(err):
		reason, why = view.NotInstalled, "the server does not have this resource"
	}
	return view.Unread{
		Verb: a.Verb, Resource: a.Resource, Namespace: a.Namespace, Reason: reason,
		Message: fmt.Sprintf("cannot %s: %s, so %s", a, why, loss),
	}, isAnswer(err) && !apierrors.IsUnauthorized(err)
}
