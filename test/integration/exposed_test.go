package integration_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// exposeSome makes three Services: of a role, of the other, and of a pod.
func exposeSome(e *env) {
	e.Helper()
	e.run("expose-sidecar", "simple", "--role=backup", "--type=ClusterIP").exits(0)
	e.run("expose-sidecar", "simple", "--role=primary", "--type=NodePort").exits(0)
	e.run("expose-pod", "simple-data-0-1", "--type=ClusterIP", "--port=superserver").exits(0)
	e.settle()
}

// The Services that the tool made are listed, and no others.
func TestExposed(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("exposed").exits(0).prints().warns("No resources found in " + e.namespace + " namespace.")
	exposeSome(e)
	e.makeService(foreign("foreign"))
	look := foreign("look-alike")
	look.Labels["app.kubernetes.io/managed-by"] = "kubectl-iris" // but no label says for what
	e.makeService(look)

	r := e.run("exposed").exits(0).warns()
	equal(t, "rows", [][]string{
		{"simple-pod-data-0-1", "simple", "pod", "simple-data-0-1", "simple-data-0-1", "ClusterIP"},
		{"simple-sidecar-backup", "simple", "backup", "of", "data", "simple-data-0-1", "ClusterIP"},
		{"simple-sidecar-primary", "simple", "primary", "of", "data", "simple-data-0-0", "NodePort"},
	}, prefixes(r.rows()[1:], 6, 7, 7))
	equal(t, "header", "NAME CLUSTER TARGET REACHES TYPE ADDRESS PORTS AGE", strings.Join(r.rows()[0], " "))
	equal(t, "without headers", len(r.rows())-1, len(e.run("exposed", "--no-headers").rows()))

	list := decoded[view.ExposedServiceList](e.run("exposed", "-o", "json").exits(0))
	equal(t, "kinds", "kubectl-iris/v1alpha1 ExposedServiceList ExposedService", list.APIVersion+" "+list.Kind+" "+list.Items[0].Kind)
	equal(t, "target", &view.Target{Kind: view.TargetPod, Cluster: "simple", Component: "data", Pod: "simple-data-0-1"}, list.Items[0].Target)
	equal(t, "target", &view.Target{Kind: view.TargetSidecar, Cluster: "simple", Component: "data", Role: "backup"}, list.Items[1].Target)
	e.run("exposed", "-o", "name").exits(0).prints("service/simple-pod-data-0-1", "service/simple-sidecar-backup", "service/simple-sidecar-primary")
	onNode := e.nodeURL("simple-sidecar-primary")
	e.run("exposed", "-o", "url").exits(0).prints(fmt.Sprintf(urlOf, e.service(exposed).Spec.ClusterIP), onNode)
	blind := e.user("blind", statusRights().without("pods")).run("exposed", "-o", "wide").exits(0)
	if !strings.Contains(blind.stderr, "list pods") || !strings.Contains(blind.stderr, "the addresses of node ports are not known") {
		t.Errorf("without the right to list pods it says %q", blind.stderr)
	}
	equal(t, "rows without pods", len(r.rows()), len(blind.rows()))
	equal(t, "wide", 2, len(e.run("exposed", "-o", "wide").rows()[0])-len(r.rows()[0]))
	e.run("exposed", "--wait", "-o", "name").exits(0)

	all := decoded[view.ExposedServiceList](e.run("exposed", "-A", "-o", "json").exits(0))
	all.Items = slices.DeleteFunc(all.Items, func(s view.ExposedService) bool { return s.Metadata.Namespace != e.namespace })
	equal(t, "those of the namespace with -A", list.Items, all.Items)
	equal(t, "first column with -A", "NAMESPACE", e.run("exposed", "-A").rows()[0][0])
}

// prefixes are the first n words of each row.
func prefixes(rows [][]string, n ...int) [][]string {
	var short [][]string
	for i, row := range rows {
		short = append(short, row[:n[i]])
	}
	return short
}

// Waiting for what does not come ends at the timeout.
func TestExposedWaits(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.freezeLabels("simple")
	e.labelRole("simple-data-0-1", "")
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").exits(0)
	e.run("expose-pod", "data-0-0", "--type=ClusterIP").exits(0)
	r := e.run("exposed", "--wait", "--timeout=1s").exits(1).blames(notMade, "has no ready endpoint")
	equal(t, "shown all the same", 3, len(r.rows()))
	e.labelRole("simple-data-0-1", "backup")
	e.run("exposed", "--wait").exits(0)
}

// A forbidden read of EndpointSlices costs what the Services reach.
func TestExposedForbidden(t *testing.T) {
	t.Parallel()
	e := article(t)
	exposeSome(e)
	user := e.user("no-slices", rights{"list services"})
	r := user.run("exposed").exits(0)
	equal(t, "reaches", [][]string{{"<unknown>"}}, prefixes([][]string{r.rows()[2][5:]}, 1))
	equal(t, "stderr", fmt.Sprintf("warning: cannot list endpointslices.discovery.k8s.io in namespace %q: forbidden, so which pods a Service reaches is not known\n", e.namespace), r.stderr)
	e.user("nobody", nil).run("exposed").fails(1, "cannot list services", "forbidden")
	user.run("exposed", "-A").fails(1, "cannot list services in all namespaces", "forbidden")
}

// left are the namespace's Services but for IKO's own.
func (e *env) left() []string {
	e.Helper()
	services, err := e.core.CoreV1().Services(e.namespace).List(e.ctx, metav1.ListOptions{LabelSelector: "intersystems.com/kind!=IrisCluster"})
	e.must(err)
	names := []string{}
	for _, service := range services.Items {
		if service.Name != "iris-svc" {
			names = append(names, service.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Services are removed by name, by pod, by role and altogether; others stay.
func TestUnexpose(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.makeService(foreign("foreign"))
	for _, test := range []struct {
		args []string
		gone []string
	}{
		{[]string{exposed}, []string{exposed}},
		{[]string{"data-0-1"}, []string{"simple-pod-data-0-1"}},
		{[]string{"simple-data-0-1"}, []string{"simple-pod-data-0-1"}},
		{[]string{"--role=backup"}, []string{exposed}},
		{[]string{"--role=primary", "simple"}, []string{"simple-sidecar-primary"}},
		{[]string{"--component=data"}, []string{exposed, "simple-sidecar-primary"}},
		{[]string{exposed, "data-0-1", exposed}, []string{exposed, "simple-pod-data-0-1"}},
		{[]string{"--all"}, []string{"simple-pod-data-0-1", exposed, "simple-sidecar-primary"}},
	} {
		exposeSome(e)
		all := []string{"foreign", "simple-pod-data-0-1", exposed, "simple-sidecar-primary"}
		before := e.versions()
		var said, tried, server []string
		for _, name := range test.gone {
			said = append(said, fmt.Sprintf("service %q deleted", name))
			tried = append(tried, fmt.Sprintf("service %q deleted (dry run)", name))
			server = append(server, fmt.Sprintf("service %q deleted (server dry run)", name))
		}
		args := append([]string{"unexpose"}, test.args...)
		e.run(append(args, "--dry-run=client")...).exits(0).prints(tried...)
		e.run(append(args, "--dry-run=server")...).exits(0).prints(server...)
		e.unchanged(before)
		e.run(args...).exits(0).prints(said...).warns()
		equal(t, fmt.Sprintf("left after %q", args), slices.DeleteFunc(all, func(name string) bool { return slices.Contains(test.gone, name) }), e.left())
	}
	e.run("unexpose", "--all").exits(0).prints().warns("No resources found in " + e.namespace + " namespace.")
	e.run("unexpose", "--role=backup").fails(1, "no matching Service")
}

// A Service that changed, or was replaced, since it was looked at stays.
func TestUnexposeGuards(t *testing.T) {
	t.Parallel()
	for name, meddle := range map[string]func(e *env){
		"changed": func(e *env) {
			e.patchService(exposed, `{"metadata":{"labels":{"app.kubernetes.io/managed-by":"another"}}}`)
		},
		"replaced": func(e *env) {
			e.must(e.core.CoreV1().Services(e.namespace).Delete(e.ctx, exposed, metav1.DeleteOptions{}))
			e.makeService(foreign(exposed))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := article(t)
			exposeSome(e)
			var after *corev1.Service
			r := e.before(http.MethodDelete, func() { meddle(e); after = e.service(exposed) }).run("unexpose", exposed, "simple-sidecar-primary").exits(1)
			r.prints(`service "simple-sidecar-primary" deleted`).blames(notMade, "changed while it was being deleted")
			equal(t, "the Service", after, e.service(exposed))
		})
	}
	t.Run("changed, and still ours", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		exposeSome(e)
		e.before(http.MethodDelete, func() { e.patchService(exposed, `{"metadata":{"annotations":{"example.com/note":"new"}}}`) }).
			run("unexpose", exposed).exits(0).prints(fmt.Sprintf("service %q deleted", exposed))
	})
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		exposeSome(e)
		e.before(http.MethodDelete, func() {
			e.must(e.core.CoreV1().Services(e.namespace).Delete(e.ctx, exposed, metav1.DeleteOptions{}))
		}).run("unexpose", exposed).exits(0)
	})
}

// --wait waits for what holds a Service, and says at the timeout what that is.
func TestUnexposeWaits(t *testing.T) {
	t.Parallel()
	e := article(t)
	exposeSome(e)
	e.patchService(exposed, `{"metadata":{"finalizers":["example.com/hold"]}}`)
	e.run("unexpose", exposed, "--wait", "--timeout=1s").exits(1).
		prints(fmt.Sprintf("service %q deleted", exposed)).blames(notMade, "still there after 1s", "example.com/hold")
	w := e.start(nil, "unexpose", "--all", "--wait")
	becomes(e, "Services without a finalizer", []string{exposed}, e.left)
	e.patchService(exposed, `{"metadata":{"finalizers":null}}`)
	w.endsByItself(0)
	equal(t, "left", []string{}, e.left())
	equal(t, "lines", 3, strings.Count(w.stdout.String(), "\n"))
}

// Who may not delete is told so.
func TestUnexposeForbidden(t *testing.T) {
	t.Parallel()
	e := article(t)
	exposeSome(e)
	before := e.versions()
	e.user("no-delete", rights{"get,list services"}).run("unexpose", exposed).fails(1, "cannot delete services", "forbidden", "delete services")
	e.user("no-list", rights{"get,delete services"}).run("unexpose", exposed).fails(1, "cannot list services", "forbidden", "list services")
	e.unchanged(before)
}
