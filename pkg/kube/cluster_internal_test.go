package kube

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// An IrisCluster that could not be read is not taken for one that may not be read:
// a new Service would miss its template. The error is one line with a next step.
func TestClusterThatCannotBeRead(t *testing.T) {
	const cannot, again = `cannot get irisclusters.intersystems.com "simple" in namespace "iko": `, "try again"
	for name, test := range map[string]struct {
		fails      kubetest.Answer
		want, hint string
	}{
		"conversion webhook":  {kubetest.Failures()["conversion webhook"], cannot + "conversion webhook failed: Post", again},
		"etcd":                {kubetest.Refuses(http.StatusInternalServerError, metav1.StatusReasonInternalError, "etcdserver: request timed out"), cannot + "etcdserver: request timed out", again},
		"timeout":             {kubetest.Failures()["timeout"], cannot + "no answer from https://server.example.com in time: ", "request-timeout"},
		"overloaded":          {kubetest.Failures()["overloaded"], cannot + "too many requests", again},
		"aggregated API down": {kubetest.Failures()["aggregated API down"], cannot + "error trying to reach service", again},
		"page of a proxy":     {kubetest.Failures()["page of a proxy"], cannot, again},
		"page instead":        {kubetest.Failures()["page instead"], cannot, again},
		"hangs":               {kubetest.Hangs, cannot + "no answer from https://server.example.com in time", "request-timeout"},
		"refused":             {kubetest.Breaks(syscall.ECONNREFUSED), "cannot reach the API server at https://server.example.com: connection refused", "kubectl cluster-info"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newServer(t)
				server.Set(iris.Resource, test.fails)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				_, read, err := client.Cluster(ctx, "iko", "simple")
				if err == nil || read {
					t.Fatalf("read %t, error %v", read, err)
				}
				if words := err.Error(); !strings.HasPrefix(words, test.want) || strings.Contains(words, "\n") || len(words) > 500 {
					t.Errorf("error %q, want %q", words, test.want)
				}
				if hint := problem.HintOf(err); !strings.Contains(hint, test.hint) {
					t.Errorf("hint %q, want %q", hint, test.hint)
				}
			})
		})
	}
}

// Without the right, or without IKO's resource, a plan does without the template
// and says so.
func TestClusterThatMayNotBeRead(t *testing.T) {
	for name, fails := range map[string]kubetest.Answer{
		"forbidden":     kubetest.Refuses(http.StatusForbidden, metav1.StatusReasonForbidden, `irisclusters.intersystems.com "simple" is forbidden: User "u" cannot get resource "irisclusters" in API group "intersystems.com" in the namespace "iko"`),
		"not installed": kubetest.Page(http.StatusNotFound, "text/plain", "404 page not found"),
	} {
		server, client := newServer(t)
		server.Set(iris.Resource, fails)
		if found, read, err := client.Cluster(t.Context(), "iko", "simple"); read || err != nil || found.Namespace != "iko" || found.Name != "simple" {
			t.Errorf("%s: %s/%s, read %t, error %v", name, found.Namespace, found.Name, read, err)
		}
	}
	server, client := newServer(t)
	server.Set(iris.Resource, kubetest.Refuses(http.StatusNotFound, metav1.StatusReasonNotFound, `irisclusters.intersystems.com "simple" not found`))
	if _, read, err := client.Cluster(t.Context(), "iko", "simple"); read || !apierrors.IsNotFound(err) {
		t.Errorf("not found: read %t, error %v", read, err)
	}
}
