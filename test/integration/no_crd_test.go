package integration_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// Where the server does not know IrisClusters, labels tell what they can, and
// what needs them says so.
func TestNoCRD(t *testing.T) {
	e := healthy(t) // not parallel: the CRD is everybody's
	empty := setup(t)
	e.must(operator.stop())
	e.disown()
	e.serve(false)
	defer e.serve(true)

	warning := fmt.Sprintf("cannot list irisclusters.intersystems.com in namespace %q: the server does not have this resource, so this is worked out from the labels of pods", e.namespace)
	r := e.run("status").exits(0).warns("warning: " + warning)
	equal(t, "rows", [][]string{{"simple", "simple-data-0-0", "simple-data-0-1", "2/2", "Healthy"}},
		columns(r, "NAME", "PRIMARY", "BACKUP", "READY", "HEALTH"))
	status := decoded[view.ClusterStatus](e.run("status", "simple", "-o", "json").exits(0))
	equal(t, "source", view.FromLabels, status.Source)
	equal(t, "unread", view.NotInstalled, status.Unread[0].Reason)

	r = e.run("expose-sidecar", "simple", "--role=backup").exits(0)
	if !strings.Contains(r.stderr, "no owner") {
		t.Errorf("nothing is said of the missing owner: %s", r.stderr)
	}
	e.run("expose-pod", "data-0-1").exits(0)
	e.run("exposed", "-o", "name").exits(0).prints("service/simple-pod-data-0-1", "service/"+exposed)
	e.run("unexpose", "--all").exits(0)

	w := e.start(nil, "status", "simple", "-w")
	w.becomes("start", "true", func(stdout string) string {
		return fmt.Sprint(strings.Contains(stdout, "simple-data-0-0"))
	})
	w.ends(0)
	if !strings.Contains(w.stderr.String(), "the server does not have this resource") {
		t.Errorf("stderr does not name the missing resource: %s", w.stderr)
	}

	before := empty.versions()
	for _, args := range [][]string{
		{"status"},
		{"status", "simple"},
		{"status", "-w"},
		{"status", "simple", "-w"},
		{"expose-sidecar", "--role=backup"},
		{"expose-sidecar", "simple", "--role=backup"},
		{"expose-pod", "data-0-1"},
	} {
		empty.run(args...).fails(1)
	}
	for _, args := range [][]string{{"status"}, {"status", "simple"}, {"status", "-w"}} {
		empty.run(args...).fails(1, "the server does not have this resource", "InterSystems Kubernetes Operator")
	}
	empty.unchanged(before)
}

// disown takes the IrisCluster from its objects: the garbage collector takes a
// kind that is not served for owners that are gone.
func (e *env) disown() {
	e.Helper()
	const patch = `{"metadata":{"ownerReferences":null}}`
	services, err := e.core.CoreV1().Services(e.namespace).List(e.ctx, metav1.ListOptions{})
	e.must(err)
	for _, service := range services.Items {
		e.patchService(service.Name, patch)
	}
	sets := e.core.AppsV1().StatefulSets(e.namespace)
	owned, err := sets.List(e.ctx, metav1.ListOptions{})
	e.must(err)
	for _, set := range owned.Items {
		_, err := sets.Patch(e.ctx, set.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		e.must(err)
	}
}

// serve has the API server know IrisClusters, or not.
func (e *env) serve(served bool) {
	e.Helper()
	crds := e.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	patch := fmt.Sprintf(`[{"op":"replace","path":"/spec/versions/0/served","value":%t}]`, served)
	_, err := crds.Patch(e.ctx, "irisclusters.intersystems.com", types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
	e.must(err)
	becomes(e, "IrisClusters served", served, func() bool {
		_, err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).List(context.WithoutCancel(e.ctx), metav1.ListOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			e.Fatal(err)
		}
		return err == nil
	})
}
