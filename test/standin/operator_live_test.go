package standin_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// create makes the IrisClusters of a document and does not wait for them.
func (e *env) create(document string) {
	e.Helper()
	if _, err := standin.Apply(e.ctx, e.dynamic, e.namespace, []byte(document)); err != nil {
		e.Fatal(err)
	}
}

// article returns the document of the article's cluster.
func (e *env) article() string {
	e.Helper()
	document, err := os.ReadFile("testdata/article/cluster.yaml")
	if err != nil {
		e.Fatal(err)
	}
	return string(document)
}

// cluster returns an IrisCluster.
func (e *env) cluster(name string) *unstructured.Unstructured {
	e.Helper()
	object, err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).Get(e.ctx, name, metav1.GetOptions{})
	if err != nil {
		e.Fatal(err)
	}
	return object
}

// statusField returns a field of an IrisCluster's status, "" if it has none.
func (e *env) statusField(name, field string) string {
	e.Helper()
	value, _, err := unstructured.NestedString(e.cluster(name).Object, "status", field)
	if err != nil {
		e.Fatal(err)
	}
	return value
}

// patchCluster merges a patch into an IrisCluster.
func (e *env) patchCluster(name, patch string) {
	e.Helper()
	_, err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).Patch(e.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		e.Fatal(err)
	}
}

// patchService merges a patch into a Service.
func (e *env) patchService(name, patch string) {
	e.Helper()
	if _, err := e.core.CoreV1().Services(e.namespace).Patch(e.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		e.Fatal(err)
	}
}

// events are the Events about IrisClusters, each as "type reason", once.
func (e *env) events() []string {
	e.Helper()
	list, err := e.core.CoreV1().Events(e.namespace).List(e.ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=IrisCluster"})
	if err != nil {
		e.Fatal(err)
	}
	var events []string
	for _, event := range list.Items {
		events = append(events, event.Type+" "+event.Reason)
	}
	slices.Sort(events)
	return slices.Compact(events)
}

// The phase of a new cluster passes Creating and Initializing before Running.
func TestPhases(t *testing.T) {
	t.Parallel()
	e := setup(t)
	watch, err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).Watch(e.ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	e.apply("article")
	var phases []string
	for len(phases) == 0 || phases[len(phases)-1] != "Running" {
		select {
		case event := <-watch.ResultChan():
			phase, _, err := unstructured.NestedString(event.Object.(*unstructured.Unstructured).Object, "status", "phase")
			if err != nil {
				t.Fatal(err)
			}
			phases = append(phases, phase)
		case <-e.ctx.Done():
			t.Fatalf("phases %v, and no Running", phases)
		}
	}
	want := []string{"", "Creating", "Initializing", "Running"}
	if diff := gocmp.Diff(want, slices.Compact(phases)); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
	object := e.cluster("simple")
	if diff := gocmp.Diff([]string{"intersystems.com"}, object.GetFinalizers()); diff != "" {
		t.Errorf("finalizers (-want +got):\n%s", diff)
	}
	if got := e.statusField("simple", "observedGeneration"); !regexp.MustCompile(`^[1-9][0-9]*\$[0-9]+$`).MatchString(got) {
		t.Errorf("observedGeneration %q is no generation and hash", got)
	}
	e.become("Events", []string{"Normal Initializing", "Normal Successful"}, e.events)
}

// Services and StatefulSets are owned by their cluster, but for the shared Service.
func TestOwners(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	uid := e.cluster("simple").GetUID()
	var owned []string
	note := func(kind string, meta metav1.ObjectMeta) {
		owner := metav1.GetControllerOf(&meta)
		if owner != nil && (owner.Kind != "IrisCluster" || owner.Name != "simple" || owner.UID != uid || owner.APIVersion != "intersystems.com/v1alpha1") {
			t.Errorf("%s %s is owned by %+v", kind, meta.Name, owner)
		}
		owned = append(owned, fmt.Sprint(kind, " ", meta.Name, " ", owner != nil))
	}
	services, err := e.core.CoreV1().Services(e.namespace).List(e.ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range services.Items {
		note("Service", service.ObjectMeta)
	}
	sets, err := e.core.AppsV1().StatefulSets(e.namespace).List(e.ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range sets.Items {
		note("StatefulSet", set.ObjectMeta)
	}
	want := []string{
		"Service iris-svc false", "Service simple true", "Service simple-webgateway true",
		"StatefulSet simple-arbiter true", "StatefulSet simple-data-0 true", "StatefulSet simple-webgateway true",
	}
	if diff := gocmp.Diff(want, owned); diff != "" {
		t.Errorf("owned by the IrisCluster (-want +got):\n%s", diff)
	}
}

// A foreign Service of the cluster's name is left alone, and the cluster fails until it
// has gone.
func TestForeignService(t *testing.T) {
	t.Parallel()
	e := setup(t)
	foreign, err := e.core.CoreV1().Services(e.namespace).Create(e.ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "simple", Labels: map[string]string{"intersystems.com/kind": "IrisCluster"}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 81}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.create(e.article())
	e.become("phase", []string{"Failed"}, func() []string { return []string{e.statusField("simple", "phase")} })
	if reason := e.statusField("simple", "reason"); !strings.Contains(reason, `Service "simple"`) || !strings.Contains(reason, "already exists") {
		t.Errorf("reason %q", reason)
	}
	e.become("Events", []string{"Warning Failed"}, e.events)
	if diff := gocmp.Diff([]string{"Service iris-svc", "Service simple", "ServiceAccount default"}, slices.DeleteFunc(e.inventory(), func(name string) bool {
		return strings.HasPrefix(name, "ConfigMap kube-root-ca")
	})); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	after, err := e.core.CoreV1().Services(e.namespace).Get(e.ctx, "simple", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if after.ResourceVersion != foreign.ResourceVersion {
		t.Errorf("the foreign Service was changed: %v", after.ManagedFields)
	}
	if err := e.core.CoreV1().Services(e.namespace).Delete(e.ctx, "simple", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.waitRunning("simple")
	if reason := e.statusField("simple", "reason"); reason != "" {
		t.Errorf("the reason stays: %q", reason)
	}
}

// A cluster that runs fails too if its Service loses the labels that make it its own, and
// its pods stay as they are.
func TestServiceBecomesForeign(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	before := e.uids()
	e.patchService("simple", `{"metadata":{"labels":{"intersystems.com/name":"other"}}}`)
	e.annotate("simple", standin.AnnotationSync, "1")
	e.become("phase", []string{"Failed"}, func() []string { return []string{e.statusField("simple", "phase")} })
	if diff := gocmp.Diff(before, e.uids()); diff != "" {
		t.Errorf("pods (-before +after):\n%s", diff)
	}
	e.patchService("simple", `{"metadata":{"labels":{"intersystems.com/name":"simple"}}}`)
	e.waitRunning("simple")
}

// A spec of which nothing can be made is told by an Event, and nothing is made.
func TestInvalidSpec(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.create(strings.Replace(e.article(), "type: apache", "type: httpd", 1))
	e.become("Events", []string{"Warning Invalid"}, e.events)
	if got := e.pods(""); len(got) > 0 {
		t.Errorf("pods %v", got)
	}
	e.apply("article")
	e.become("Events", []string{"Normal Initializing", "Normal Successful", "Warning Invalid"}, e.events)
}

// Without its operator an IrisCluster that is deleted stays.
func TestDeletionWithoutTheOperator(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	e.annotate("simple", standin.AnnotationPaused, "true")
	e.deleteCluster("simple")
	object := e.cluster("simple")
	if object.GetDeletionTimestamp() == nil || !slices.Contains(object.GetFinalizers(), "intersystems.com") {
		t.Errorf("deletion %v, finalizers %v", object.GetDeletionTimestamp(), object.GetFinalizers())
	}
	ctx, cancel := context.WithTimeout(e.ctx, 300*time.Millisecond)
	defer cancel()
	gone := func(ctx context.Context) (bool, error) {
		_, err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).Get(ctx, "simple", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	}
	if err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, gone); !wait.Interrupted(err) {
		t.Errorf("the IrisCluster goes without its operator: %v", err)
	}
	e.patchCluster("simple", `{"metadata":{"annotations":{"stand-in.kubectl-iris/paused":null}}}`)
	if err := wait.PollUntilContextCancel(e.ctx, 20*time.Millisecond, true, gone); err != nil {
		t.Errorf("the IrisCluster does not go: %v", err)
	}
}

// A sync replaces the annotations of the cluster's Services by those of the template, and
// leaves others alone.
func TestServiceAnnotationsAreReset(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("locked-down") // its template has an annotation, and a label that IKO is assumed to ignore
	const foreign = "sidecar-service"
	_, err := e.core.CoreV1().Services(e.namespace).Create(e.ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: foreign, Labels: map[string]string{"intersystems.com/kind": "IrisCluster", "intersystems.com/name": "locked"}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 81}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"iris-svc", "locked", "locked-webgateway", foreign}
	for _, name := range names {
		e.patchService(name, `{"metadata":{"annotations":{"example.com/pool":"mine","example.com/note":"mine"}}}`)
	}
	annotations := func() []string {
		var lines []string
		for _, name := range names {
			service, err := e.core.CoreV1().Services(e.namespace).Get(e.ctx, name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if service.Labels["team"] != "" {
				t.Errorf("%s has the template's label", name)
			}
			lines = append(lines, fmt.Sprint(name, " ", cmp.Or(service.Annotations["example.com/pool"], "-"), " ", cmp.Or(service.Annotations["example.com/note"], "-")))
		}
		return lines
	}
	want := []string{"iris-svc mine mine", "locked mine mine", "locked-webgateway mine mine", foreign + " mine mine"}
	if diff := gocmp.Diff(want, annotations()); diff != "" {
		t.Errorf("annotations before a sync (-want +got):\n%s", diff)
	}
	e.annotate("locked", standin.AnnotationSync, "1")
	e.become("annotations after a sync", []string{
		"iris-svc mine mine", "locked internal -", "locked-webgateway internal -", foreign + " mine mine",
	}, annotations)
}

// A Service template gives the ports another number, and takes no other field over.
func TestServiceTemplateFields(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	e.patchCluster("simple", `{"spec":{"serviceTemplate":{"spec":{"ports":[{"name":"webserver","port":8080}],"sessionAffinity":"ClientIP","loadBalancerClass":"example.com/lb"}}}}`)
	e.become("ports, affinity and class", []string{"1972 8080 None <nil>"}, func() []string {
		service, err := e.core.CoreV1().Services(e.namespace).Get(e.ctx, "simple", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return []string{fmt.Sprint(service.Spec.Ports[0].Port, " ", service.Spec.Ports[1].Port, " ", service.Spec.SessionAffinity, " ", service.Spec.LoadBalancerClass)}
	})
}

// The phase that a control names goes before all that is true.
func TestPhaseControl(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	e.annotate("simple", standin.AnnotationReason, "no licence")
	e.annotate("simple", standin.AnnotationPhase, "Failed")
	if got := e.statusField("simple", "phase") + ": " + e.statusField("simple", "reason"); got != "Failed: no licence" {
		t.Errorf("status %q", got)
	}
	e.annotate("simple", standin.AnnotationPhase, "")
	e.waitRunning("simple")
	if got := e.statusField("simple", "reason"); got != "" {
		t.Errorf("the reason stays: %q", got)
	}
}

// A shard may have no failover member at all: its primary is in another cluster.
func TestMirrorMap(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.create(strings.ReplaceAll(mirrored, "ANNOTATIONS", standin.AnnotationMirrorMap+": 'drasync,rorasync'"))
	e.waitRunning("pair")
	e.dataPodsAre("pair", "pair-data-0-0 2/2", "pair-data-0-1 2/2")
	e.annotate("pair", standin.AnnotationAsyncLabel, "backup")
	e.dataPodsBecome("pair", "pair-data-0-0 2/2 backup", "pair-data-0-1 2/2 backup")
	config, err := e.core.CoreV1().ConfigMaps(e.namespace).Get(e.ctx, "pair-data-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(config.Data["data.cpf"], `Map="drasync,rorasync"`) {
		t.Errorf("CPF %q", config.Data["data.cpf"])
	}
}
