package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Service that is on its way out is neither changed nor waited for.
func TestExposeWhatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").exits(0)
	e.patchService(exposed, `{"metadata":{"finalizers":["example.com/hold"]}}`)
	e.run("unexpose", exposed).exits(0)
	for _, flags := range [][]string{nil, {"--wait"}, {"--dry-run=server"}, {"--diff"}} {
		e.run(append([]string{"expose-sidecar", "--role=backup"}, flags...)...).
			fails(1, notMade, "is being deleted, held by example.com/hold", "kubectl wait --for=delete")
	}
	e.patchService(exposed, `{"metadata":{"finalizers":null}}`)
	e.run("expose-sidecar", "--role=backup").exits(0).prints("service/" + exposed + " created")
}

// Somebody with fewer rights takes nothing away from a Service that is there.
func TestRerunWithoutTheCluster(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.patchCluster("simple", `{"spec":{"serviceTemplate":{"metadata":{"annotations":{"example.com/internal":"true"},"labels":{"team":"blue"}}}}}`)
	e.run("expose-sidecar", "--role=backup").exits(0)
	before := e.service(exposed)
	if before.Annotations["example.com/internal"] != "true" || before.Labels["team"] != "blue" {
		t.Fatalf("the template's labels %v and annotations %v are not there", before.Labels, before.Annotations)
	}
	user := e.user("no-clusters", exposeRights().without("irisclusters.intersystems.com"))
	user.run("expose-sidecar", "simple", "--role=backup").exits(0).prints("service/" + exposed + " unchanged")
	after := e.service(exposed)
	equal(t, "annotations", before.Annotations, after.Annotations)
	equal(t, "labels", before.Labels, after.Labels)
}

// The rights that help names are enough where CLUSTER is left out.
func TestExposeWithTheRightToGetOnly(t *testing.T) {
	t.Parallel()
	e := article(t)
	user := e.user("gets", exposeRights())
	user.run("expose-sidecar", "--role=backup").exits(0).prints("service/" + exposed + " created")
	service := e.service(exposed)
	equal(t, "owners", 1, len(service.OwnerReferences))
	equal(t, "type", corev1.ServiceTypeLoadBalancer, service.Spec.Type)
}

// A Service that cannot be adopted keeps the managers that it had.
func TestAdoptThatIsRefused(t *testing.T) {
	t.Parallel()
	e := article(t)
	before := e.makeService(foreign(exposed))
	// Only the server knows that it has one family of addresses.
	e.run("expose-sidecar", "--role=backup", "--adopt", "--ip-family-policy=RequireDualStack").fails(1, notMade, "ipFamilyPolicy")
	after := e.service(exposed)
	managers := func(s *corev1.Service) (names []string) {
		for _, entry := range s.ManagedFields {
			names = append(names, fmt.Sprint(entry.Manager, entry.Operation, string(entry.FieldsV1.GetRawBytes())))
		}
		return names
	}
	equal(t, "managers", managers(before), managers(after))
	equal(t, "spec", before.Spec, after.Spec)
}

// IKO's own Services are not adopted under any name.
func TestAdoptIKOs(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.applyDocument(strings.ReplaceAll(otherMirror, "NAME", "other"))
	becomes(e, "IKO's Service", true, func() bool { return e.service("other") != nil })
	before := e.versions()
	e.run("expose-sidecar", "simple", "--role=backup", "--name=other", "--adopt").fails(1, `service "other"`, "managed by IKO", "--name")
	e.unchanged(before)

	// IKO's Service, as it is printed in some places, does not name its cluster.
	service := foreign("third")
	service.Spec.Selector = map[string]string{"intersystems.com/kind": "IrisCluster", "intersystems.com/component": "data"}
	e.makeService(service)
	before = e.versions()
	for _, args := range [][]string{
		{"expose-pod", "simple-data-0-0", "--name=third", "--adopt"},
		{"expose-sidecar", "simple", "--role=backup", "--name=third", "--adopt", "--dry-run=client"},
	} {
		e.run(args...).fails(1, `service "third"`, "names no cluster", "intersystems.com/name", "--name")
	}
	e.unchanged(before)
}

// What another client changed in the spec is taken over with --force-conflicts.
func TestRerunAfterAnotherClient(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").exits(0)
	live := e.service(exposed)
	live.Spec.Ports[0].Port = 8082
	if _, err := e.core.CoreV1().Services(e.namespace).Update(e.ctx, live, metav1.UpdateOptions{FieldManager: "another"}); err != nil {
		t.Fatal(err)
	}
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").fails(1, notMade, "--force-conflicts")
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP", "--force-conflicts").exits(0)
	ports := e.service(exposed).Spec.Ports
	if len(ports) != 1 || ports[0].Port != 81 {
		t.Errorf("ports %+v, want 81 alone", ports)
	}
}

// Endpoints from before a change do not end a wait: neither those of another role
// nor those of another pod.
func TestWaitAfterRetargeting(t *testing.T) {
	t.Parallel()
	t.Run("to another role", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.freezeLabels("simple")
		e.setReady("simple-data-0-0", false)
		e.run("expose-sidecar", "--role=backup", "--name=portal", "--type=ClusterIP", "--wait").exits(0)
		e.run("expose-sidecar", "--role=primary", "--name=portal", "--type=ClusterIP", "--wait", "--timeout=1s").
			exits(1).blames(`service "portal"`, "has no ready endpoint")
	})
	t.Run("to another pod", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.run("expose-pod", "data-0-0", "--name=portal", "--type=ClusterIP", "--wait").exits(0)
		e.run("expose-pod", "data-0-1", "--name=portal", "--type=ClusterIP", "--wait").exits(0)
		equal(t, "reach", true, slices.Contains(e.reached("portal"), "simple-data-0-1"))
	})
}
