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

// access names one kind of request, for messages about rights.
type access struct {
	verb string
	// resource is the plural with its group.
	resource  string
	namespace string
}

func (a access) String() string {
	if strings.HasPrefix(a.resource, "/") {
		return a.verb + " " + a.resource
	}
	return fmt.Sprintf("%s %s %s", a.verb, a.resource, inNamespace(a.namespace))
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return "in all namespaces"
	}
	return fmt.Sprintf("in namespace %q", namespace)
}

// namespaceFlag is how kubectl is told a namespace, or all.
func namespaceFlag(namespace string) string {
	if namespace == "" {
		return "-A"
	}
	return "-n " + namespace
}

// explain turns the error of a request into one line for a person, with the
// next step. No secret that a URL may hold is in it.
func (c *Client) explain(err error, a access, name string) error {
	what := a.String()
	if name != "" {
		what = fmt.Sprintf("%s %q %s", a.verb+" "+a.resource, name, inNamespace(a.namespace))
	}
	err = withoutSecrets(err)
	var network *url.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case refuserOf(err) != notRefused:
		if missing := missingRight(err, a); missing.resource == a.resource && missing.verb != a.verb {
			return c.explain(err, access{missing.verb, a.resource, a.namespace}, name)
		}
		return explainRefusal(err, a, what)
	case apierrors.IsUnauthorized(err):
		return problem.New("cannot %s: the server does not accept your credentials: %w", what, err).
			Hint("they may have expired: log in again, or choose another user with --context or --user")
	case isCredentialFailure(err):
		return c.credentialProblem(err)
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return problem.New("cannot %s: no answer from %s in time: %w", what, c.config.Host, oneLine{err}).
			Hint("kubectl cluster-info shows whether the server answers at all; --request-timeout gives it longer")
	case errors.As(err, &network):
		return problem.New("cannot reach the API server at %s: %w", c.config.Host, withoutSecrets(network.Err)).
			Hint("check --context and --server; kubectl cluster-info shows whether it answers")
	case isFault(err) && !strings.Contains(a.resource, "/"): // a connection to a pod may fail because of the pod
		return problem.New("cannot %s: %w", what, oneLine{err}).Hint("%s", afterFault(a, name))
	default:
		return problem.New("cannot %s: %w", what, oneLine{err})
	}
}

// isFault reports whether a request failed through a fault of the server, which
// may pass: a backend of it does not work, or something else answered in its place.
func isFault(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	code := status.Status().Code
	return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
}

// afterFault returns the next step after a fault of the server.
func afterFault(a access, name string) string {
	if !slices.Contains([]string{"get", "list", "watch"}, a.verb) {
		return "run the command again; kubectl cluster-info shows whether the server answers at all"
	}
	what := a.resource
	if name != "" {
		what += " " + name
	}
	return fmt.Sprintf("try again; kubectl get %s %s shows what the server answers", what, namespaceFlag(a.namespace))
}

// maxAnswer bounds how much of an answer is in an error, in characters: a proxy may
// answer with a whole page.
const maxAnswer = 300

// oneLine is an error whose words are one line of bounded length.
type oneLine struct{ error }

func (e oneLine) Error() string { return text.Cut(e.error.Error(), maxAnswer) }
func (e oneLine) Unwrap() error { return e.error }

func isTimeout(err error) bool {
	var timeout net.Error
	return apierrors.IsTimeout(err) || errors.As(err, &timeout) && timeout.Timeout()
}

// notInstalled tells a resource that the server does not know from an object
// that is not there: both come as 404, but only the first without a Status.
func notInstalled(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// unreadFrom says what a view lacks because of err; ok is false if the server
// gave no answer or accepts no credentials, which leaves nothing to show if the
// essential read fails so.
func unreadFrom(err error, a access, lacks string) (u view.Unread, ok bool) {
	u = view.Unread{Verb: a.verb, Resource: a.resource, Namespace: a.namespace}
	var status apierrors.APIStatus
	switch by := refuserOf(err); {
	case by == byRBAC, by == byUnknown:
		u.Reason = view.Forbidden
		u.Message = fmt.Sprintf("cannot %s: forbidden, so %s", a, lacks)
	case notInstalled(err):
		u.Reason = view.NotInstalled
		u.Message = fmt.Sprintf("cannot %s: the server does not have this resource, so %s", a, lacks)
	default:
		u.Reason = view.Failed
		u.Message = fmt.Sprintf("cannot %s: %s, so %s", a, failureWords(err), lacks)
	}
	return u, errors.As(err, &status) && !apierrors.IsUnauthorized(err)
}
