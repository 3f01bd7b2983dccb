package integration_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// meddling does something right before the first request of a method.
type meddling struct {
	next   http.RoundTripper
	method string
	once   *sync.Once
	do     func()
}

func (m meddling) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == m.method {
		m.once.Do(m.do)
	}
	return m.next.RoundTrip(r)
}

// before has do happen right before a command's first request of the method:
// after it looked.
func (e *env) before(method string, do func()) *env {
	once := &sync.Once{}
	return e.through(func(next http.RoundTripper) http.RoundTripper { return meddling{next, method, once, do} })
}

// foreign is a Service that somebody else made.
func foreign(name string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"team": "red"}, Annotations: map[string]string{"example.com/note": "mine"},
			Finalizers: []string{"example.com/hold"},
		},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, SessionAffinity: corev1.ServiceAffinityClientIP,
			Selector: map[string]string{"app": "web", "tier": "front"},
			Ports:    []corev1.ServicePort{{Name: "web", Port: 8080, TargetPort: intstr.FromInt32(8080)}, {Name: "admin", Port: 81, TargetPort: intstr.FromInt32(9000)}},
		},
	}
}

const (
	exposed     = "simple-sidecar-backup"
	notMade     = `service "` + exposed + `" in namespace`
	notMadeHint = "--adopt"
)

// A Service that this tool did not make is left alone, also one that comes to
// be between look and write, or takes the place of ours.
func TestForeignService(t *testing.T) {
	t.Parallel()
	t.Run("there before", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.makeService(foreign(exposed))
		before := e.versions()
		for _, flags := range [][]string{nil, {"--force-conflicts"}, {"--dry-run=server"}, {"--wait"}} {
			e.run(append([]string{"expose-sidecar", "--role=backup"}, flags...)...).fails(1, notMade, "not created by kubectl-iris", notMadeHint)
		}
		e.run("expose-pod", "data-0-1", "--name="+exposed).fails(1, notMade, notMadeHint)
		e.unchanged(before)
	})
	t.Run("made between look and write", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		var made *corev1.Service
		e.before(http.MethodPatch, func() { made = e.makeService(foreign(exposed)) }).
			run("expose-sidecar", "--role=backup").fails(1, notMade, notMadeHint)
		equal(t, "the Service", made, e.service(exposed))
	})
	t.Run("made between look and write, with force", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		var made *corev1.Service
		e.before(http.MethodPatch, func() { made = e.makeService(foreign(exposed)) }).
			run("expose-sidecar", "--role=backup", "--force-conflicts").fails(1, notMade, notMadeHint)
		equal(t, "the Service", made, e.service(exposed))
	})
	t.Run("in place of ours", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.run("expose-sidecar", "--role=backup").exits(0)
		var made *corev1.Service
		e.before(http.MethodPatch, func() {
			e.must(e.core.CoreV1().Services(e.namespace).Delete(e.ctx, exposed, metav1.DeleteOptions{}))
			made = e.makeService(foreign(exposed))
		}).run("expose-sidecar", "--role=backup", "--type=ClusterIP").fails(1, notMade, notMadeHint)
		equal(t, "the Service", made, e.service(exposed))
	})
	t.Run("ours no longer", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.run("expose-sidecar", "--role=backup").exits(0)
		e.before(http.MethodPatch, func() { e.patchService(exposed, `{"metadata":{"labels":{"app.kubernetes.io/managed-by":"another"}}}`) }).
			run("expose-sidecar", "--role=backup", "--type=ClusterIP").fails(1, notMade, notMadeHint)
		equal(t, "type", corev1.ServiceTypeLoadBalancer, e.service(exposed).Spec.Type)
	})
}

// Changes of others between look and write do not stop an apply, and stay.
func TestUpdateRace(t *testing.T) {
	t.Parallel()
	t.Run("changed", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.run("expose-sidecar", "--role=backup").exits(0)
		e.before(http.MethodPatch, func() { e.giveAddress(exposed, "192.0.2.9") }).
			run("expose-sidecar", "--role=backup", "--port=8080").exits(0).
			prints("service/"+exposed+" configured", "http://192.0.2.9:8080/csp/sys/UtilHome.csp")
	})
	t.Run("deleted", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.run("expose-sidecar", "--role=backup").exits(0)
		e.before(http.MethodPatch, func() {
			e.must(e.core.CoreV1().Services(e.namespace).Delete(e.ctx, exposed, metav1.DeleteOptions{}))
		}).run("expose-sidecar", "--role=backup", "--port=8080").exits(0).prints("service/" + exposed + " created")
	})
	t.Run("made by ourselves", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.before(http.MethodPatch, func() { e.run("expose-sidecar", "--role=backup").exits(0) }).
			run("expose-sidecar", "--role=backup").exits(0).prints("service/" + exposed + " unchanged")
	})
}

// An adopted Service is exactly what was asked for; what is not the spec's
// stays as it was.
func TestAdopt(t *testing.T) {
	t.Parallel()
	makers := map[string]func(e *env){
		"created": func(e *env) { e.makeService(foreign(exposed)) },
		"applied by kubectl": func(e *env) {
			service := foreign(exposed)
			service.APIVersion, service.Kind = "v1", "Service"
			body, err := json.Marshal(service)
			e.must(err)
			_, err = e.core.CoreV1().Services(e.namespace).Patch(e.ctx, exposed, types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "kubectl"})
			e.must(err)
		},
	}
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := article(t)
			want := e.planned("expose-sidecar", "--role=backup", "--owner-reference")
			make(e)
			before := e.versions()
			uid := e.service(exposed).UID
			e.run("expose-sidecar", "--role=backup", "--adopt", "--dry-run=server").exits(0).prints("service/" + exposed + " adopted (server dry run)")
			diff := e.run("expose-sidecar", "--role=backup", "--adopt", "--diff").exits(0)
			for _, part := range []string{"\n-    app: web\n", "\n-    port: 8080\n", "\n+    targetPort: 80\n"} {
				if !strings.Contains(diff.stdout, part) {
					t.Errorf("%q is not in the diff:\n%s", part, diff.stdout)
				}
			}
			e.unchanged(before)

			e.run("expose-sidecar", "--role=backup", "--adopt").exits(0).prints("service/" + exposed + " adopted").warns(backupWarning)
			got := e.service(exposed)
			equal(t, "uid", uid, got.UID)
			equal(t, "selector", want.Spec.Selector, got.Spec.Selector)
			for i := range got.Spec.Ports {
				got.Spec.Ports[i].NodePort = 0
			}
			equal(t, "ports", want.Spec.Ports, got.Spec.Ports)
			equal(t, "type", want.Spec.Type, got.Spec.Type)
			equal(t, "affinity", corev1.ServiceAffinityNone, got.Spec.SessionAffinity)
			equal(t, "owners", want.OwnerReferences, got.OwnerReferences)
			equal(t, "finalizers", []string{"example.com/hold"}, got.Finalizers)
			equal(t, "annotations", map[string]string{"example.com/note": "mine"}, got.Annotations)
			equal(t, "label", "red", got.Labels["team"])

			e.run("expose-sidecar", "--role=backup").exits(0).prints("service/" + exposed + " unchanged").warns(backupWarning)
			e.run("expose-sidecar", "--role=backup", "--adopt", "--port=8080").exits(0).prints("service/" + exposed + " configured")
			equal(t, "ports", 1, len(e.service(exposed).Spec.Ports))
			e.patchService(exposed, `{"metadata":{"finalizers":null}}`)
		})
	}
	t.Run("changed between look and write", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.makeService(foreign(exposed))
		e.before(http.MethodPatch, func() { e.patchService(exposed, `{"metadata":{"labels":{"team":"green"}}}`) }).
			run("expose-sidecar", "--role=backup", "--adopt").exits(0).prints("service/" + exposed + " adopted")
		got := e.service(exposed)
		equal(t, "label", "green", got.Labels["team"])
		equal(t, "ports", 1, len(got.Spec.Ports))
	})
	t.Run("nothing to adopt", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.run("expose-sidecar", "--role=backup", "--adopt").exits(0).prints("service/" + exposed + " created")
	})
}

// What another client set is not taken over in passing; where it adds to ours
// a warning says so.
func TestFieldConflicts(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").exits(0)
	e.patchService(exposed, `{"spec":{"sessionAffinity":"ClientIP"}}`)
	before := e.versions()
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP", "--session-affinity=None").fails(1, notMade, "sessionAffinity", "another-client", "--force-conflicts")
	e.unchanged(before)
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP", "--session-affinity=None", "--force-conflicts").exits(0)
	equal(t, "affinity", corev1.ServiceAffinityNone, e.service(exposed).Spec.SessionAffinity)

	service := e.service(exposed)
	service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: "extra", Port: 9999, TargetPort: intstr.FromInt32(9)})
	_, err := e.core.CoreV1().Services(e.namespace).Update(e.ctx, service, metav1.UpdateOptions{FieldManager: "another-client"})
	e.must(err)
	r := e.run("expose-sidecar", "--role=backup", "--type=ClusterIP", "--session-affinity=None").exits(0)
	if want := fmt.Sprintf("warning: service %q also has port 9999/TCP to 9, which another client has set\n", exposed); !strings.Contains(r.stderr, want) {
		t.Errorf("%q is not in:\n%s", want, r.stderr)
	}
}

// With its IrisCluster a Service goes, unless it was to have no owner.
func TestGarbageCollection(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").exits(0)
	e.run("expose-pod", "data-0-1", "--type=ClusterIP").exits(0)
	e.run("expose-sidecar", "--role=primary", "--type=ClusterIP", "--owner-reference=false").exits(0)
	for _, name := range []string{exposed, "simple-pod-data-0-1"} {
		if owner := e.service(name).OwnerReferences[0]; owner.BlockOwnerDeletion != nil || owner.Controller != nil {
			t.Errorf("service %q blocks or controls: %v", name, owner)
		}
	}
	e.deleteCluster("simple")
	becomes(e, "Services left", "simple-sidecar-primary", func() string {
		var left []string
		for _, name := range []string{exposed, "simple-pod-data-0-1", "simple-sidecar-primary"} {
			if e.service(name) != nil {
				left = append(left, name)
			}
		}
		return strings.Join(left, " ")
	})
}
