package integration_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func portsOf(s *corev1.Service) string {
	var words []string
	for _, p := range s.Spec.Ports {
		words = append(words, fmt.Sprintf("%s %d->%s", p.Name, p.Port, p.TargetPort.String()))
	}
	return strings.Join(words, ", ")
}

// A pod's Service has the pod's own labels in its selector, and never the role.
func TestPodService(t *testing.T) {
	t.Parallel()
	e := article(t)
	short := e.planned("expose-pod", "data-0-1", "--owner-reference")
	equal(t, "name", "simple-pod-data-0-1", short.Name)
	equal(t, "short and full name", short, e.planned("expose-pod", "simple-data-0-1", "--owner-reference"))
	equal(t, "selector", map[string]string{
		"intersystems.com/component": "data", "intersystems.com/kind": "IrisCluster", "intersystems.com/name": "simple",
		"intersystems.com/role": "iris", "statefulset.kubernetes.io/pod-name": "simple-data-0-1",
	}, short.Spec.Selector)
	equal(t, "type, from the cluster's template", corev1.ServiceTypeLoadBalancer, short.Spec.Type)
	equal(t, "owners", []metav1.OwnerReference{{
		APIVersion: "intersystems.com/v1alpha1", Kind: "IrisCluster", Name: "simple", UID: short.OwnerReferences[0].UID,
	}}, short.OwnerReferences)

	e.run("expose-pod", "data-0-0", "--type=ClusterIP").exits(0).warns()
	e.serviceReaches("simple-pod-data-0-0", "simple-data-0-0")
	r := e.run("expose-pod", "data-0-1", "--type=ClusterIP").exits(0)
	if !strings.Contains(r.stderr, "backup") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("want one line about the backup: %s", r.stderr)
	}
	r = e.run("expose-pod", "data-0-1", "--type=ClusterIP").exits(0)
	if first, _, _ := strings.Cut(r.stdout, "\n"); first != "service/simple-pod-data-0-1 unchanged" {
		t.Errorf("run again, it printed %q", r.stdout)
	}
	e.run("expose-pod", "data-0-1", "--selector=intersystems.com/mirrorRole=backup").fails(2, "mirrorRole", "follows the role")
	e.run("expose-pod", "data-0-1", "--selector=statefulset.kubernetes.io/pod-name-").fails(2, "--selector")
	e.run("expose-pod", "data-0-1", "--name=mine", "--type=ClusterIP").exits(0)
	equal(t, "selector of the named one", short.Spec.Selector, e.service("mine").Spec.Selector)
}

// Ports by number, by name, and by default: the sidecar's, else the web port of
// IRIS.
func TestPodPorts(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.apply("standalone")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"simple-data-0-1"}, "http 81->80"},
		{[]string{"iris-data-0"}, "http 52774->52773"},
		{[]string{"simple-data-0-1", "--port=superserver"}, "superserver 1972->1972"},
		{[]string{"simple-data-0-1", "--port=webserver"}, "webserver 80->80"},
		{[]string{"simple-data-0-1", "--port=portal=8080:webserver", "--port=1972:superserver"}, "portal 8080->webserver, superserver 1972->superserver"},
		{[]string{"simple-arbiter-0", "--port=iscagent"}, "iscagent 2188->2188"},
		{[]string{"simple-webgateway-0"}, "http 81->80"},
	} {
		equal(t, fmt.Sprint(test.args), test.want, portsOf(e.planned(append([]string{"expose-pod"}, test.args...)...)))
	}
	before := e.versions()
	e.run("expose-pod", "simple-data-0-1", "--port=nope").fails(2, "--port", "nope", "superserver", "webserver")
	e.run("expose-pod", "simple-arbiter-0").fails(2, "--port", "iscagent")
	e.unchanged(before)
}

// A short name that several pods have is refused, and the candidates are named.
func TestPodNames(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.applyDocument(strings.ReplaceAll(otherMirror, "NAME", "other"))
	before := e.versions()
	e.run("expose-pod", "data-0-1").fails(1, "data-0-1", "other-data-0-1", "simple-data-0-1", "full name")
	equal(t, "with --cluster", "other-pod-data-0-1", e.planned("expose-pod", "data-0-1", "--cluster=other").Name)
	e.run("expose-pod", "data-0-7").fails(1, `"data-0-7"`, "simple-data-0-0")
	e.run("expose-pod", "simple-data-0-1", "--cluster=other").fails(1, `"simple-data-0-1"`, "other-data-0-1")
	e.run("expose-pod", "--all").fails(2, "has several IrisClusters: other, simple")
	e.unchanged(before)

	// Look-alikes: data-0-0 of a-data-0 could be taken for a pod of a-data.
	alike := setup(t)
	alike.apply("look-alikes")
	equal(t, "cluster", "a-data-0", alike.planned("expose-pod", "a-data-0-data-0-0").Spec.Selector["intersystems.com/name"])
	equal(t, "cluster", "a", alike.planned("expose-pod", "a-data-0-0").Spec.Selector["intersystems.com/name"])
	equal(t, "short name", "a-data-pod-data-0-0", alike.planned("expose-pod", "a-data-data-0-0").Name)
}

// Of several pods, those that can be exposed are, and the others are told.
func TestSeveralPods(t *testing.T) {
	t.Parallel()
	e := article(t)
	r := e.run("expose-pod", "data-0-0", "nope", "data-0-1", "data-0-0", "--type=ClusterIP", "--port=superserver").exits(1)
	r.prints("service/simple-pod-data-0-0 created", "service/simple-pod-data-0-1 created").blames(`"nope"`)
	e.makeService(foreign("simple-pod-arbiter-0"))
	r = e.run("expose-pod", "arbiter-0", "data-0-1", "--port=sql=1972", "--type=ClusterIP").exits(1)
	r.prints("service/simple-pod-data-0-1 configured").blames(`service "simple-pod-arbiter-0"`, "--adopt")
}

// Every pod of a component gets a Service of its own.
func TestAllPods(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("compute-sidecars")
	e.run("expose-pod", "--all", "--type=ClusterIP", "-o", "name").exits(0).
		prints("service/iris-vs2021-pod-data-0-0", "service/iris-vs2021-pod-data-0-1")
	e.run("expose-pod", "--all", "--component=compute", "--cluster=iris-vs2021", "--type=ClusterIP", "-o", "name").exits(0).
		prints("service/iris-vs2021-pod-compute-0", "service/iris-vs2021-pod-compute-1")
	e.serviceReaches("iris-vs2021-pod-compute-1", "iris-vs2021-compute-1")
	e.run("expose-pod", "--all", "--component=compute", "--cluster=nope").fails(1, `"nope"`)
}

// Who may not read the IrisCluster makes a Service without an owner, and is
// told so; who may read nothing else than that makes none.
func TestExposeWithFewRights(t *testing.T) {
	t.Parallel()
	t.Run("no irisclusters", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		user := e.user("no-clusters", exposeRights().without("irisclusters.intersystems.com"))
		r := user.run("expose-pod", "data-0-0").exits(0)
		if !strings.Contains(r.stderr, "warning: ") || !strings.Contains(r.stderr, "no owner") {
			t.Errorf("nothing is said of the missing owner: %s", r.stderr)
		}
		service := e.service("simple-pod-data-0-0")
		equal(t, "owners", 0, len(service.OwnerReferences))
		equal(t, "type", corev1.ServiceTypeClusterIP, service.Spec.Type)
		r = user.run("expose-sidecar", "simple", "--role=backup").exits(0)
		if !strings.Contains(r.stderr, "no owner") {
			t.Errorf("nothing is said of the missing owner: %s", r.stderr)
		}
		equal(t, "owners", 0, len(e.service(exposed).OwnerReferences))
	})
	t.Run("a second run with fewer rights", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.run("expose-sidecar", "--role=backup").exits(0)
		user := e.user("no-clusters", exposeRights().without("irisclusters.intersystems.com"))
		user.run("expose-sidecar", "simple", "--role=backup").exits(0).prints("service/" + exposed + " unchanged")
		equal(t, "owners", 1, len(e.service(exposed).OwnerReferences))
	})
	for name, test := range map[string]struct {
		rights rights
		says   []string
	}{
		"no pods":     {exposeRights().without("pods"), []string{"cannot list pods", "forbidden", "list pods"}},
		"no services": {exposeRights().without("services"), []string{"services", "forbidden", "get services"}},
		"no patch":    {append(exposeRights().without("services"), "get,create services"), []string{"cannot patch services", "forbidden", "patch services"}},
		"no create":   {append(exposeRights().without("services"), "get,patch services"), []string{"cannot create", "forbidden", "create services"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := article(t)
			user := e.user("few", test.rights)
			before := e.versions()
			user.run("expose-sidecar", "--role=primary", "simple").fails(1, test.says...)
			user.run("expose-pod", "data-0-0").fails(1, test.says...)
			e.unchanged(before)
		})
	}
}
