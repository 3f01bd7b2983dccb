package standin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

var cluster *localkube.Cluster

// shared is the stand-in that plays for the tests that call setup.
var shared = &sharedStandIn{}

func TestMain(m *testing.M) {
	options := localkube.Options{CRDs: [][]byte{standin.CRD()}}
	os.Exit(localkube.RunTests(runner{m}, options, func(c *localkube.Cluster) { cluster = c }))
}

// runner ends the stand-in after the tests.
type runner struct{ m *testing.M }

func (r runner) Run() int {
	code := r.m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "the stand-in:", err)
		return 1
	}
	return code
}

// sharedStandIn is a stand-in that can be started and stopped.
type sharedStandIn struct {
	mu  sync.Mutex
	end func() error
}

// start has it run, if it does not yet.
func (s *sharedStandIn) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.end = standin.Start(cluster.Config, standin.Options{})
	}
}

// stop ends it, if it runs, and returns what Run returned.
func (s *sharedStandIn) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		return nil
	}
	ended := make(chan error, 1)
	go func(end func() error) { ended <- end() }(s.end)
	s.end = nil
	select {
	case err := <-ended:
		return err
	case <-time.After(15 * time.Second):
		return errors.New("goes on after its context has ended")
	}
}

// env is a namespace of a test.
type env struct {
	*testing.T
	ctx       context.Context
	namespace string
	core      kubernetes.Interface
	dynamic   dynamic.Interface
}

func setup(t *testing.T) *env {
	t.Helper()
	shared.start()
	return newEnv(t)
}

func newEnv(t *testing.T) *env {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	namespace, err := cluster.NewNamespace(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &env{
		T: t, ctx: ctx, namespace: namespace,
		core: kubernetes.NewForConfigOrDie(cluster.Config), dynamic: dynamic.NewForConfigOrDie(cluster.Config),
	}
}

// apply makes the IrisClusters of a scenario and waits until they run.
func (e *env) apply(scenario string) []string {
	e.Helper()
	document, err := os.ReadFile(filepath.Join("testdata", scenario, "cluster.yaml"))
	if err != nil {
		e.Fatal(err)
	}
	names, err := standin.Apply(e.ctx, e.dynamic, e.namespace, document)
	if err != nil {
		e.Fatal(err)
	}
	for _, name := range names {
		e.waitRunning(name)
	}
	return names
}

func (e *env) waitRunning(name string) {
	e.Helper()
	if err := standin.WaitRunning(e.ctx, e.dynamic, e.namespace, name); err != nil {
		e.Fatal(err)
	}
}

func (e *env) annotate(name, key, value string) {
	e.Helper()
	if err := standin.Annotate(e.ctx, e.dynamic, e.namespace, name, key, value); err != nil {
		e.Fatal(err)
	}
}

func (e *env) patchPod(name, patch string) {
	e.Helper()
	if _, err := e.core.CoreV1().Pods(e.namespace).Patch(e.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		e.Fatal(err)
	}
}

func (e *env) deletePod(name string) {
	e.Helper()
	if err := e.core.CoreV1().Pods(e.namespace).Delete(e.ctx, name, metav1.DeleteOptions{}); err != nil {
		e.Fatal(err)
	}
}

func (e *env) deleteCluster(name string) {
	e.Helper()
	if err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).Delete(e.ctx, name, metav1.DeleteOptions{}); err != nil {
		e.Fatal(err)
	}
}

// pods are the pods that a label selector selects, in short: "name ready/containers role".
func (e *env) pods(selector string) []string {
	e.Helper()
	list, err := e.core.CoreV1().Pods(e.namespace).List(e.ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		e.Fatal(err)
	}
	var lines []string
	for _, pod := range list.Items {
		ready := 0
		for _, status := range pod.Status.ContainerStatuses {
			if status.Ready {
				ready++
			}
		}
		line := fmt.Sprintf("%s %d/%d", pod.Name, ready, len(pod.Spec.Containers))
		if role, ok := pod.Labels["intersystems.com/mirrorRole"]; ok {
			line += " " + role
		}
		if pod.DeletionTimestamp != nil {
			line += " terminating"
		}
		lines = append(lines, line)
	}
	return lines
}

// reached are the pods that a Service leads to.
func (e *env) reached(service string) []string {
	e.Helper()
	found, err := e.core.DiscoveryV1().EndpointSlices(e.namespace).List(e.ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + service})
	if err != nil {
		e.Fatal(err)
	}
	var pods []string
	for _, slice := range found.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && *endpoint.Conditions.Ready {
				pods = append(pods, endpoint.TargetRef.Name)
			}
		}
	}
	slices.Sort(pods)
	return pods
}

// become waits until get gives want.
func (e *env) become(what string, want []string, get func() []string) {
	e.Helper()
	var got []string
	err := wait.PollUntilContextTimeout(e.ctx, 40*time.Millisecond, 45*time.Second, true, func(context.Context) (bool, error) {
		got = get()
		return slices.Equal(want, got), nil
	})
	if err != nil {
		e.Fatalf("%s (-want +got):\n%s", what, cmp.Diff(want, got))
	}
}

func (e *env) dataPodsBecome(name string, want ...string) {
	e.Helper()
	e.become("data pods of "+name, want, func() []string {
		return e.pods("intersystems.com/component=data,intersystems.com/name=" + name)
	})
}

// dataPodsAre is dataPodsBecome without a wait.
func (e *env) dataPodsAre(name string, want ...string) {
	e.Helper()
	if diff := cmp.Diff(want, e.pods("intersystems.com/component=data,intersystems.com/name="+name)); diff != "" {
		e.Fatalf("data pods of %s (-want +got):\n%s", name, diff)
	}
}

func (e *env) serviceReaches(service string, want ...string) {
	e.Helper()
	e.become("pods that Service "+service+" reaches", want, func() []string { return e.reached(service) })
}

// Every scenario is accepted by the CRD and comes up.
func TestScenariosComeUp(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"article":          {"simple-arbiter-0 1/1", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2 backup", "simple-webgateway-0 1/1"},
		"article-part2":    {"simple-data-0 1/1", "simple-webgateway-0 1/1"},
		"istio-mirrored":   {"iris-arbiter-0 1/1", "iris-data-0-0 2/2 primary", "iris-data-0-1 2/2 backup", "iris-webgateway-0 1/1"},
		"istio-unmirrored": {"iris-data-0 2/2", "iris-webgateway-0 1/1"},
		"standalone":       {"iris-data-0 1/1"},
		"all-fields": {
			"sample-arbiter-0 1/1", "sample-compute-0 1/1", "sample-compute-1 1/1",
			"sample-data-0-0 1/1 primary", "sample-data-0-1 1/1 backup", "sample-data-1-0 1/1 primary", "sample-data-1-1 1/1 backup",
			"sample-webgateway-0 1/1", "sample-webgateway-1 1/1",
		},
		"compute-sidecars": {
			"iris-vs2021-arbiter-0 1/1", "iris-vs2021-compute-0 2/2", "iris-vs2021-compute-1 2/2",
			"iris-vs2021-data-0-0 2/2 primary", "iris-vs2021-data-0-1 2/2 backup", "iris-vs2021-webgateway-0 1/1",
		},
		"webinar": {
			"webinar-arbiter-0 1/1", "webinar-compute-0 1/1", "webinar-compute-1 1/1",
			"webinar-data-0-0 1/1 primary", "webinar-data-0-1 1/1 backup", "webinar-webgateway-0 1/1", "webinar-webgateway-1 1/1",
		},
		"dr-async":         {"remote-arbiter-0 1/1", "remote-data-0-0 2/2 primary", "remote-data-0-1 2/2 backup", "remote-data-0-2 2/2", "remote-data-0-3 2/2"},
		"sharded":          {"shards-data-0 1/1", "shards-data-1 1/1", "shards-data-2 1/1"},
		"locked-down":      {"locked-data-0 2/2", "locked-webgateway-0 1/1"},
		"undeclared-ports": {"bare-data-0-0 2/2 primary", "bare-data-0-1 2/2 backup"},
		"look-alikes": {
			"a-data-0-0 1/1 primary", "a-data-0-1 1/1 backup", "a-data-0-data-0-0 1/1 primary", "a-data-0-data-0-1 1/1 backup",
			"a-data-data-0-0 1/1 primary", "a-data-data-0-1 1/1 backup",
		},
	}
	folders, err := filepath.Glob("testdata/*/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) != len(want) {
		t.Errorf("%d scenarios in testdata, %d are known: %v", len(folders), len(want), slices.Sorted(maps.Keys(want)))
	}
	for scenario, pods := range want {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.apply(scenario)
			if diff := cmp.Diff(pods, e.pods("")); diff != "" {
				t.Errorf("pods of a running cluster (-want +got):\n%s", diff)
			}
		})
	}
}

// Pods have addresses of their own, and Services lead where they should.
func TestServicesReachPods(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("all-fields")
	e.serviceReaches("sample", "sample-data-0-0")
	e.serviceReaches("sample-webgateway", "sample-webgateway-0", "sample-webgateway-1")
	e.serviceReaches("iris-svc", "sample-arbiter-0", "sample-compute-0", "sample-compute-1", "sample-data-0-0", "sample-data-0-1",
		"sample-data-1-0", "sample-data-1-1", "sample-webgateway-0", "sample-webgateway-1")

	all, err := e.core.CoreV1().Pods("").List(e.ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owners := map[string]string{}
	for _, pod := range all.Items {
		ip := pod.Status.PodIP
		if ip == "" {
			continue
		}
		if other := owners[ip]; other != "" {
			t.Errorf("%s and %s/%s share the address %s", other, pod.Namespace, pod.Name, ip)
		}
		owners[ip] = pod.Namespace + "/" + pod.Name
	}
}

// kubectl shows the columns of IKO 3.6.6.
func TestColumns(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("all-fields")
	e.apply("article")
	kubectl := exec.CommandContext(e.ctx, cluster.Binaries.Kubectl(), "--kubeconfig", cluster.Kubeconfig, "-n", e.namespace, "get", "iriscluster")
	output, err := kubectl.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	var got []string
	for line := range strings.Lines(string(output)) {
		words := strings.Fields(line)
		got = append(got, strings.Join(words[:len(words)-1], " ")) // all but the age
	}
	want := []string{"NAME SHARDS MIRRORED STATUS", "sample 2 true Running", "simple true Running"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

// A pending pod has no role label: it comes when IRIS is up.
func TestRolesAreLabelledAtRunTime(t *testing.T) {
	t.Parallel()
	e := setup(t)
	document := strings.ReplaceAll(mirrored, "ANNOTATIONS", standin.AnnotationPending+": 'pair-data-0-0,pair-data-0-1'")
	if _, err := standin.Apply(e.ctx, e.dynamic, e.namespace, []byte(document)); err != nil {
		t.Fatal(err)
	}
	e.dataPodsBecome("pair", "pair-data-0-0 0/2", "pair-data-0-1 0/2")
	e.annotate("pair", standin.AnnotationPending, "pair-data-0-0")
	e.dataPodsBecome("pair", "pair-data-0-0 0/2", "pair-data-0-1 2/2") // waits for the first primary
	e.annotate("pair", standin.AnnotationPending, "")
	e.dataPodsBecome("pair", "pair-data-0-0 2/2 primary", "pair-data-0-1 2/2 backup")
}

// mirrored is a mirrored IrisCluster named pair.
const mirrored = `
apiVersion: intersystems.com/v1alpha1
kind: IrisCluster
metadata:
  name: pair
  annotations: {ANNOTATIONS}
spec: {topology: {data: {image: "iris:1", mirrored: true, webgateway: {image: "gateway:1"}}}}
`

func TestFailover(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	e.serviceReaches("simple", "simple-data-0-0")

	e.deletePod("simple-data-0-0")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 backup", "simple-data-0-1 2/2 primary")
	e.serviceReaches("simple", "simple-data-0-1")
	e.waitRunning("simple")

	e.deletePod("simple-data-0-1")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2 backup")
	e.serviceReaches("simple", "simple-data-0-0")
}

// What tests wait for most must be quick.
func TestFailoverIsQuick(t *testing.T) {
	e := setup(t) // not parallel: nothing else shall load the control plane
	e.apply("article")
	began := time.Now()
	e.deletePod("simple-data-0-0")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 backup", "simple-data-0-1 2/2 primary")
	took := time.Since(began)
	t.Logf("failover with the old primary's return: %v", took)
	if took > 10*time.Second {
		t.Errorf("a failover took %v", took)
	}
}

func TestPlannedSwitch(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	before := e.uids()
	e.annotate("simple", standin.AnnotationPrimary, "simple-data-0-1")
	e.dataPodsAre("simple", "simple-data-0-0 2/2 backup", "simple-data-0-1 2/2 primary")
	e.annotate("simple", standin.AnnotationPrimary, "simple-data-0-0")
	e.dataPodsAre("simple", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2 backup")
	if diff := cmp.Diff(before, e.uids()); diff != "" {
		t.Errorf("a planned switch replaced pods (-before +after):\n%s", diff)
	}
}

// uids are the uids of all pods by name.
func (e *env) uids() map[string]types.UID {
	e.Helper()
	list, err := e.core.CoreV1().Pods(e.namespace).List(e.ctx, metav1.ListOptions{})
	if err != nil {
		e.Fatal(err)
	}
	uids := map[string]types.UID{}
	for _, pod := range list.Items {
		uids[pod.Name] = pod.UID
	}
	return uids
}

// Frozen labels lie after a failover, stay as a test sets them, and are put right when thawed.
func TestFrozenLabels(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	e.annotate("simple", standin.AnnotationLabels, "frozen")
	e.deletePod("simple-data-0-0")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2", "simple-data-0-1 2/2 backup")
	e.serviceReaches("simple")

	e.patchPod("simple-data-0-0", `{"metadata":{"labels":{"intersystems.com/mirrorRole":"primary"}}}`)
	e.serviceReaches("simple", "simple-data-0-0") // the lie
	e.deletePod("simple-webgateway-0")            // makes the stand-in look at the cluster again
	e.become("web gateway", []string{"simple-webgateway-0 1/1"}, func() []string { return e.pods("intersystems.com/component=webgateway") })
	e.waitRunning("simple")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2 backup")

	e.annotate("simple", standin.AnnotationLabels, "follow")
	e.dataPodsAre("simple", "simple-data-0-0 2/2 backup", "simple-data-0-1 2/2 primary")
	e.serviceReaches("simple", "simple-data-0-1")
}

// A label that is taken away comes back, unless labels are frozen.
func TestLabelTakenAway(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	const take = `{"metadata":{"labels":{"intersystems.com/mirrorRole":null}}}`
	e.patchPod("simple-data-0-1", take)
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2 backup")
	e.annotate("simple", standin.AnnotationLabels, "frozen")
	e.deletePod("simple-data-0-1")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2")
}

// Labels lag behind by the delay, and catch up when it is taken away.
func TestLabelDelay(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	e.annotate("simple", standin.AnnotationLabelDelay, "1h")
	e.deletePod("simple-data-0-0")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2", "simple-data-0-1 2/2 backup")
	e.waitRunning("simple")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2", "simple-data-0-1 2/2 backup")
	e.annotate("simple", standin.AnnotationLabelDelay, "100ms")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 backup", "simple-data-0-1 2/2 primary")
}

func TestUnreadyPrimary(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	e.patchPod("simple-data-0-0", `{"metadata":{"annotations":{"stand-in.kubectl-iris/ready":"false"}}}`)
	e.dataPodsBecome("simple", "simple-data-0-0 0/2", "simple-data-0-1 2/2 primary")
	e.serviceReaches("simple", "simple-data-0-1")
	if got := e.phase("simple"); got != "Running" {
		t.Errorf("the phase of a cluster that ran becomes %q", got)
	}
	ctx, cancel := context.WithTimeout(e.ctx, 300*time.Millisecond)
	defer cancel()
	if err := standin.WaitRunning(ctx, e.dynamic, e.namespace, "simple"); !wait.Interrupted(err) {
		t.Errorf("wait for a cluster with a pod that is not ready: got error %v, want that the time is over", err)
	}
	e.patchPod("simple-data-0-0", `{"metadata":{"annotations":{"stand-in.kubectl-iris/ready":null}}}`)
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 backup", "simple-data-0-1 2/2 primary")
	e.waitRunning("simple")
}

func (e *env) phase(name string) string {
	e.Helper()
	object, err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).Get(e.ctx, name, metav1.GetOptions{})
	if err != nil {
		e.Fatal(err)
	}
	status, _ := object.Object["status"].(map[string]any)
	phase, _ := status["phase"].(string)
	return phase
}

// DR async members have no label, or the one they are told to have, and never take over.
func TestAsyncMembers(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	e.annotate("simple", standin.AnnotationAsync, "1")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2 backup", "simple-data-0-2 2/2")
	e.annotate("simple", standin.AnnotationAsyncLabel, "backup")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2 backup", "simple-data-0-2 2/2 backup")
	for _, pod := range []string{"simple-data-0-0", "simple-data-0-1"} {
		e.patchPod(pod, `{"metadata":{"annotations":{"stand-in.kubectl-iris/ready":"false"}}}`)
	}
	e.dataPodsBecome("simple", "simple-data-0-0 0/2", "simple-data-0-1 0/2", "simple-data-0-2 2/2 backup")
	e.serviceReaches("simple")
	e.annotate("simple", standin.AnnotationAsync, "0")
	e.dataPodsBecome("simple", "simple-data-0-0 0/2", "simple-data-0-1 0/2")
}

// A failover in one shard leaves the other alone.
func TestShardsFailOverAlone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("all-fields")
	e.deletePod("sample-data-1-0")
	e.dataPodsBecome("sample", "sample-data-0-0 1/1 primary", "sample-data-0-1 1/1 backup", "sample-data-1-0 1/1 backup", "sample-data-1-1 1/1 primary")
	e.serviceReaches("sample", "sample-data-0-0")
	e.annotate("sample", standin.AnnotationPrimary, "sample-data-0-1,sample-data-1-0")
	e.dataPodsBecome("sample", "sample-data-0-0 1/1 backup", "sample-data-0-1 1/1 primary", "sample-data-1-0 1/1 primary", "sample-data-1-1 1/1 backup")
	e.serviceReaches("sample", "sample-data-0-1")
}

// Clusters of one namespace do not mix, whatever their names.
func TestLookAlikesDoNotMix(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("look-alikes")
	e.deletePod("a-data-0-0")
	e.dataPodsBecome("a", "a-data-0-0 1/1 backup", "a-data-0-1 1/1 primary")
	e.dataPodsBecome("a-data", "a-data-data-0-0 1/1 primary", "a-data-data-0-1 1/1 backup")
	e.dataPodsBecome("a-data-0", "a-data-0-data-0-0 1/1 primary", "a-data-0-data-0-1 1/1 backup")
	e.serviceReaches("a", "a-data-0-1")
	e.serviceReaches("a-data", "a-data-data-0-0")
	e.serviceReaches("a-data-0", "a-data-0-data-0-0")

	e.deleteCluster("a")
	e.dataPodsBecome("a")
	e.dataPodsBecome("a-data", "a-data-data-0-0 1/1 primary", "a-data-data-0-1 1/1 backup")
	e.dataPodsBecome("a-data-0", "a-data-0-data-0-0 1/1 primary", "a-data-0-data-0-1 1/1 backup")
}

// An IrisCluster takes with it what was made for it, but for iris-svc, and nothing else.
func TestDeletion(t *testing.T) {
	t.Parallel()
	e := setup(t)
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "sidecar-service", Labels: map[string]string{"intersystems.com/kind": "IrisCluster", "intersystems.com/name": "simple"}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 81}}, Selector: map[string]string{"intersystems.com/name": "simple"}},
	}
	foreign, err := e.core.CoreV1().Services(e.namespace).Create(e.ctx, foreign, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := e.inventory()
	e.apply("article")
	e.become("objects of a running cluster", slices.Sorted(slices.Values(append(before,
		"ConfigMap simple-data-0", "Pod simple-arbiter-0", "Pod simple-data-0-0", "Pod simple-data-0-1", "Pod simple-webgateway-0",
		"Role simple-mirror-labeler", "RoleBinding simple-mirror-labeler", "Service iris-svc", "Service simple", "Service simple-webgateway",
		"ServiceAccount simple-mirror-labeler", "StatefulSet simple-arbiter", "StatefulSet simple-data-0", "StatefulSet simple-webgateway"))), e.inventory)
	e.deleteCluster("simple")
	e.become("objects after deletion", slices.Sorted(slices.Values(append(before, "Service iris-svc"))), e.inventory)

	after, err := e.core.CoreV1().Services(e.namespace).Get(e.ctx, "sidecar-service", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if after.ResourceVersion != foreign.ResourceVersion {
		t.Errorf("a foreign Service was changed: %v", after.ManagedFields)
	}
}

// inventory are the objects in the namespace that a cluster might consist of.
func (e *env) inventory() []string {
	e.Helper()
	var names []string
	for _, kind := range []struct{ kind, group, resource string }{
		{"ConfigMap", "", "configmaps"},
		{"Pod", "", "pods"},
		{"Service", "", "services"},
		{"ServiceAccount", "", "serviceaccounts"},
		{"Role", "rbac.authorization.k8s.io", "roles"},
		{"RoleBinding", "rbac.authorization.k8s.io", "rolebindings"},
		{"StatefulSet", "apps", "statefulsets"},
		{"PersistentVolumeClaim", "", "persistentvolumeclaims"},
	} {
		resource := schema.GroupVersionResource{Group: kind.group, Version: "v1", Resource: kind.resource}
		list, err := e.dynamic.Resource(resource).Namespace(e.namespace).List(e.ctx, metav1.ListOptions{})
		if err != nil {
			e.Fatal(err)
		}
		for _, object := range list.Items {
			names = append(names, kind.kind+" "+object.GetName())
		}
	}
	return slices.Sorted(slices.Values(names))
}

// A cluster of the same name right after another comes up, with pods of its own.
func TestRecreation(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	before := e.uids()
	e.deleteCluster("simple")
	e.apply("article")
	e.become("pods of the new cluster", []string{"2/2 backup", "2/2 primary"}, func() []string {
		var states []string
		for _, pod := range e.pods("intersystems.com/component=data") {
			name, state, _ := strings.Cut(pod, " ")
			if uid, ok := before[name]; ok && e.uids()[name] == uid {
				state += " of the old cluster"
			}
			states = append(states, state)
		}
		return slices.Sorted(slices.Values(states)) // who is first decides when the old pods are gone
	})
	e.waitRunning("simple")
}

// What someone deletes of a cluster is made again.
func TestDeletedObjectsAreMadeAgain(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("article")
	if err := e.core.CoreV1().Services(e.namespace).Delete(e.ctx, "simple", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := e.core.AppsV1().StatefulSets(e.namespace).Delete(e.ctx, "simple-data-0", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.become("the set and the Service", []string{"simple-data-0", "simple"}, func() []string {
		var names []string
		if set, err := e.core.AppsV1().StatefulSets(e.namespace).Get(e.ctx, "simple-data-0", metav1.GetOptions{}); err == nil && set.Status.ReadyReplicas == 2 {
			names = append(names, set.Name)
		}
		if service, err := e.core.CoreV1().Services(e.namespace).Get(e.ctx, "simple", metav1.GetOptions{}); err == nil {
			names = append(names, service.Name)
		}
		return names
	})
}

// A change of the document reaches the objects.
func TestServiceTemplateChange(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.apply("all-fields")
	patch := `{"spec":{"serviceTemplate":{"spec":{"type":"ClusterIP","externalTrafficPolicy":null}}}}`
	if _, err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).Patch(e.ctx, "sample", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	e.become("type of the Service", []string{"ClusterIP"}, func() []string {
		service, err := e.core.CoreV1().Services(e.namespace).Get(e.ctx, "sample", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return []string{string(service.Spec.Type) + string(service.Spec.ExternalTrafficPolicy)}
	})
}

// A misspelt annotation is told to who waits, and a paused cluster stays as it is.
func TestControlsOfTheCluster(t *testing.T) {
	t.Parallel()
	e := setup(t)
	wrong := strings.ReplaceAll(mirrored, "ANNOTATIONS", "stand-in.kubectl-iris/lables: frozen")
	if _, err := standin.Apply(e.ctx, e.dynamic, e.namespace, []byte(wrong)); err != nil {
		t.Fatal(err)
	}
	if err := standin.WaitRunning(e.ctx, e.dynamic, e.namespace, "pair"); err == nil || !strings.Contains(err.Error(), "lables") {
		t.Errorf("wait for a cluster with a misspelt annotation: got error %v", err)
	}
	paused := strings.ReplaceAll(strings.ReplaceAll(mirrored, "pair", "paused"), "ANNOTATIONS", "stand-in.kubectl-iris/paused: 'true'")
	if _, err := standin.Apply(e.ctx, e.dynamic, e.namespace, []byte(paused)); err != nil {
		t.Fatal(err)
	}
	e.apply("article")
	if got := e.pods("intersystems.com/name=paused"); len(got) != 0 {
		t.Errorf("a paused cluster has pods %v", got)
	}
}

// The stand-in plays on after the API server was away.
func TestSurvivesAPIServerRestart(t *testing.T) {
	e := setup(t)
	e.apply("article")
	if err := cluster.RestartAPIServer(e.ctx); err != nil {
		t.Fatal(err)
	}
	e.deletePod("simple-data-0-0")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 backup", "simple-data-0-1 2/2 primary")
	e.serviceReaches("simple", "simple-data-0-1")
	e.deletePod("simple-data-0-1")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2 backup")
}

// The stand-in ends with its context, and leaves no goroutine behind.
func TestStops(t *testing.T) {
	e := setup(t)
	e.apply("article")
	if err := shared.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if left := goroutines("test/standin.(*"); len(left) > 0 {
		t.Errorf("still running:\n%s", strings.Join(left, "\n\n"))
	}
	// The queues' own goroutines notice a moment later.
	e.become("goroutines", nil, func() []string { return goroutines("test/standin.(*", "client-go/tools/cache", "util/workqueue") })
}

// A new stand-in goes on where the last one ended.
func TestGoesOnAfterItsRestart(t *testing.T) {
	e := setup(t)
	e.apply("article")
	e.deletePod("simple-data-0-0")
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 backup", "simple-data-0-1 2/2 primary")
	if err := shared.stop(); err != nil {
		t.Fatal(err)
	}
	before := e.uids()
	e.deletePod("simple-data-0-1") // stays terminating: nobody plays the kubelet
	shared.start()
	e.dataPodsBecome("simple", "simple-data-0-0 2/2 primary", "simple-data-0-1 2/2 backup")
	if after := e.uids(); after["simple-data-0-0"] != before["simple-data-0-0"] {
		t.Error("the restart replaced a pod that nobody had deleted")
	}
}

// goroutines are the stacks of those that run any of this code.
func goroutines(code ...string) []string {
	var stacks strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&stacks, 2); err != nil {
		return []string{err.Error()}
	}
	var found []string
	for stack := range strings.SplitSeq(stacks.String(), "\n\n") {
		if slices.ContainsFunc(code, func(c string) bool { return strings.Contains(stack, c) }) {
			found = append(found, stack)
		}
	}
	return found
}

// Annotate returns when the stand-in knows, and not before.
func TestAnnotateWaits(t *testing.T) {
	e := setup(t)
	e.apply("article")
	if err := shared.stop(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(e.ctx, 500*time.Millisecond)
	defer cancel()
	err := standin.Annotate(ctx, e.dynamic, e.namespace, "simple", standin.AnnotationLabels, "frozen")
	if !wait.Interrupted(err) {
		t.Errorf("annotate while no stand-in runs: got error %v, want that the time is over", err)
	}
	shared.start()
	e.annotate("simple", standin.AnnotationLabels, "follow")
}

// A population is there at once, and a running stand-in leaves it alone.
func TestPopulate(t *testing.T) {
	t.Parallel()
	e := setup(t)
	other := e.namespace + "-other"
	err := standin.Populate(e.ctx, cluster.Config, standin.Population{Namespaces: []string{e.namespace, other}, Clusters: 3, ForeignPods: 3})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"cluster-0000-arbiter-0 1/1", "cluster-0000-compute-0 1/1", "cluster-0000-compute-1 1/1",
		"cluster-0000-data-0-0 2/2 primary", "cluster-0000-data-0-1 2/2 backup", "cluster-0000-webgateway-0 1/1",
		"cluster-0002-arbiter-0 1/1", "cluster-0002-compute-0 1/1", "cluster-0002-compute-1 1/1",
		"cluster-0002-data-0-0 2/2 primary", "cluster-0002-data-0-1 2/2 backup", "cluster-0002-webgateway-0 1/1",
		"foreign-00001 1/1",
	}
	if diff := cmp.Diff(want, e.pods("")); diff != "" {
		t.Errorf("pods (-want +got):\n%s", diff)
	}
	e.waitRunning("cluster-0000")
	e.serviceReaches("cluster-0002", "cluster-0002-data-0-0")
	if sets, err := e.core.AppsV1().StatefulSets(e.namespace).List(e.ctx, metav1.ListOptions{}); err != nil || len(sets.Items) != 0 {
		t.Errorf("the stand-in made StatefulSets: %v, %v", sets.Items, err)
	}
	err = standin.Populate(e.ctx, cluster.Config, standin.Population{Namespaces: []string{e.namespace}, Clusters: 1})
	if !apierrors.IsAlreadyExists(errors.Unwrap(err)) && !apierrors.IsAlreadyExists(err) {
		t.Errorf("the same population again: got error %v, want that it is there", err)
	}
}
