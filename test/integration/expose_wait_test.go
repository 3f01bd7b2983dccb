package integration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

const urlOf = "http://%s:81/csp/sys/UtilHome.csp"

// nodeURL is the portal's address at the node port of a Service, on the node
// that all pods say they run on.
func (e *env) nodeURL(service string) string {
	return fmt.Sprintf("http://%s:%d/csp/sys/UtilHome.csp", standin.NodeIP, e.service(service).Spec.Ports[0].NodePort)
}

// --wait ends when the Service works, and gives the address.
func TestWaitSucceeds(t *testing.T) {
	t.Parallel()
	t.Run("an endpoint", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		r := e.run("expose-sidecar", "--role=backup", "--type=ClusterIP", "--wait").exits(0)
		ip := e.service(exposed).Spec.ClusterIP
		r.prints("service/"+exposed+" created", fmt.Sprintf(urlOf, ip))
		equal(t, "reach", []string{"simple-data-0-1"}, e.reached(exposed))
		e.run("expose-sidecar", "--role=backup", "--type=ClusterIP", "--wait", "-o", "url").exits(0).prints(fmt.Sprintf(urlOf, ip))
	})
	t.Run("a node port", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		r := e.run("expose-sidecar", "--role=backup", "--type=NodePort", "--wait").exits(0)
		r.prints("service/"+exposed+" created", e.nodeURL(exposed))
		e.run("expose-pod", "data-0-1", "--type=NodePort", "-o", "url").exits(0).prints(e.nodeURL("simple-pod-data-0-1"))
	})
	t.Run("a node port, and an endpoint that comes", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.freezeLabels("simple")
		e.labelRole("simple-data-0-1", "")
		w := e.start(nil, "expose-sidecar", "--role=backup", "--type=NodePort", "--wait")
		w.becomes("stdout", "service/"+exposed+" created\n", func(stdout string) string { return stdout })
		e.labelRole("simple-data-0-1", "backup")
		w.endsByItself(0)
		equal(t, "stdout", "service/"+exposed+" created\n"+e.nodeURL(exposed)+"\n", w.stdout.String())
	})
	t.Run("an endpoint that comes", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.freezeLabels("simple")
		e.labelRole("simple-data-0-1", "")
		w := e.start(nil, "expose-sidecar", "--role=backup", "--type=ClusterIP", "--wait")
		w.becomes("stdout", "service/"+exposed+" created\n", func(stdout string) string { return stdout })
		e.labelRole("simple-data-0-1", "backup")
		w.endsByItself(0)
		equal(t, "reach", []string{"simple-data-0-1"}, e.reached(exposed))
	})
	t.Run("several pods, of which the first is slow", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.setReady("simple-data-0-0", false)
		w := e.start(nil, "expose-pod", "data-0-0", "data-0-1", "--type=ClusterIP", "--wait")
		w.becomes("stdout", "service/simple-pod-data-0-0 created\nservice/simple-pod-data-0-1 created\n", func(stdout string) string { return stdout })
		e.serviceReaches("simple-pod-data-0-1", "simple-data-0-1")
		e.setReady("simple-data-0-0", true)
		w.endsByItself(0)
	})
	t.Run("an address", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		w := e.start(nil, "expose-sidecar", "--role=backup", "--wait")
		w.becomes("stdout", "service/"+exposed+" created\n", func(stdout string) string { return stdout })
		e.serviceReaches(exposed, "simple-data-0-1")
		e.giveAddress(exposed, "192.0.2.8")
		w.endsByItself(0)
		equal(t, "stdout", "service/"+exposed+" created\n"+fmt.Sprintf(urlOf, "192.0.2.8")+"\n", w.stdout.String())
	})
	t.Run("a load balancer that is slow", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		w := e.start(nil, "expose-sidecar", "--role=backup", "--wait")
		w.becomes("stdout", "service/"+exposed+" created\n", func(stdout string) string { return stdout })
		const slow = "has no address yet: no load-balancer controller has reacted to it for 10s"
		becomes(e, "stderr", true, func() bool { return strings.Contains(w.stderr.String(), slow) })
		e.giveAddress(exposed, "192.0.2.8")
		w.endsByItself(0)
		equal(t, "how often it is told", 1, strings.Count(w.stderr.String(), "has no address yet"))
	})
	t.Run("a load balancer that warns meanwhile", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		w := e.start(nil, "expose-sidecar", "--role=backup", "--wait")
		w.becomes("stdout", "service/"+exposed+" created\n", func(stdout string) string { return stdout })
		const warned = "warning: service \"" + exposed + "\" in namespace %q has no address yet: SyncLoadBalancerFailed: not active yet\n"
		for range 2 {
			e.warn(e.service(exposed), time.Now(), "SyncLoadBalancerFailed", "not active yet")
			becomes(e, "stderr", 1, func() int { return strings.Count(w.stderr.String(), fmt.Sprintf(warned, e.namespace)) })
		}
		e.giveAddress(exposed, "192.0.2.8")
		w.endsByItself(0)
		equal(t, "stdout", "service/"+exposed+" created\n"+fmt.Sprintf(urlOf, "192.0.2.8")+"\n", w.stdout.String())
		equal(t, "how often it is told", 1, strings.Count(w.stderr.String(), "has no address yet"))
	})
}

// --wait fails with what is missing: at the timeout, or early if it can never
// come. The Service stays.
func TestWaitFails(t *testing.T) {
	t.Parallel()
	fails := func(w *running, parts ...string) {
		w.Helper()
		w.endsByItself(1)
		equal(w.T, "stdout", "service/"+exposed+" created\n", w.stdout.String())
		result{w.T, w.args, 1, "", w.stderr.String()}.blames(parts...)
		if w.service(exposed) == nil {
			w.Error("the Service is gone")
		}
	}
	t.Run("no endpoint", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.freezeLabels("simple")
		e.labelRole("simple-data-0-1", "")
		fails(e.start(nil, "expose-sidecar", "--role=backup", "--type=ClusterIP", "--wait", "--timeout=1s"),
			notMade, "has no ready endpoint after 1s: no pod matches its selector", "kubectl describe service", "--timeout")
	})
	t.Run("neither endpoint nor address", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.freezeLabels("simple")
		e.labelRole("simple-data-0-1", "")
		fails(e.start(nil, "expose-sidecar", "--role=backup", "--wait", "--timeout=1s"),
			notMade, "has no ready endpoint and no load-balancer address after 1s")
	})
	t.Run("a Warning", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		w := e.start(nil, "expose-sidecar", "--role=backup", "--wait", "--timeout=5s")
		w.becomes("stdout", "service/"+exposed+" created\n", func(stdout string) string { return stdout })
		e.warn(e.service(exposed), time.Now(), "SyncLoadBalancerFailed", "quota exceeded")
		fails(w, notMade, "has no load-balancer address after 5s: SyncLoadBalancerFailed: quota exceeded", "kubectl describe service "+exposed)
	})
	t.Run("no controller", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		fails(e.start(nil, "expose-sidecar", "--role=backup", "--wait", "--timeout=3s"), notMade,
			"has no load-balancer address after 3s: no load-balancer controller has reacted to it", "--type")
	})
	t.Run("a port that another load balancer has", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.run("expose-pod", "data-0-0", "--type=LoadBalancer").exits(0)
		e.giveAddress("simple-pod-data-0-0", "192.0.2.7")
		w := e.start(nil, "expose-sidecar", "--role=backup", "--wait", "--timeout=3s")
		w.becomes("stdout", "service/"+exposed+" created\n", func(stdout string) string { return stdout })
		e.patchService(exposed, `{"metadata":{"finalizers":["service.kubernetes.io/load-balancer-cleanup"]}}`)
		fails(w, notMade, "has no load-balancer address after 3s", `service "simple-pod-data-0-0" has port 81 here, too`, "use --port 82:80")
		e.patchService(exposed, `{"metadata":{"finalizers":null}}`)
	})
	t.Run("a target port that no container declares", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		fails(e.start(nil, "expose-sidecar", "--role=backup", "--type=ClusterIP", "--port=81:nosuch", "--wait"), notMade,
			`no endpoint serves port 81, since no container of simple-data-0-1 declares "nosuch"`, "--port 81:NUMBER")
		r := e.run("exposed", "--wait").exits(1).blames(`no endpoint serves port 81, since no container of simple-data-0-1 declares "nosuch"`)
		equal(t, "shown all the same", 2, len(r.rows()))
		equal(t, "what status says", true, strings.Contains(e.run("status", "simple").exits(3).stdout,
			`no endpoint serves port 81, since no container of simple-data-0-1 declares "nosuch"`))
	})
	t.Run("deleted meanwhile", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		w := e.start(nil, "expose-sidecar", "--role=backup", "--wait")
		w.becomes("stdout", "service/"+exposed+" created\n", func(stdout string) string { return stdout })
		e.run("unexpose", exposed).exits(0)
		w.endsByItself(1)
		if !strings.Contains(w.stderr.String(), "error: "+notMade) || !strings.Contains(w.stderr.String(), "was deleted while it was waited for\n") {
			t.Errorf("stderr: %s", w.stderr)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		w := e.start(nil, "expose-sidecar", "--role=backup", "--wait")
		w.becomes("stdout", "service/"+exposed+" created\n", func(stdout string) string { return stdout })
		w.ends(problem.ExitInterrupted)
		equal(t, "stderr", backupWarning+"\n", withoutNotes(w.stderr.String()))
	})
	t.Run("without the rights", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		user := e.user("no-slices", append(exposeRights(), "list,watch services", "list,watch events"))
		fails(user.start(nil, "expose-sidecar", "--role=backup", "--wait"), "cannot watch endpointslices.discovery.k8s.io", "forbidden", "--wait")
	})
}
