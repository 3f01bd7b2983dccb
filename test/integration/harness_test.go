// Package integration_test runs the real commands against a real API server
// and the stand-in operator. There is one control plane for all tests; each
// has a namespace of its own.
package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/test/localkube"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

const (
	// testTimeout bounds a test, deadline what it waits for.
	testTimeout = 3 * time.Minute
	deadline    = 30 * time.Second
	// poll is how often a test looks again.
	poll = 25 * time.Millisecond
)

var cluster *localkube.Cluster

// operator is the stand-in that plays for all tests.
var operator = &sharedStandIn{}

func TestMain(m *testing.M) {
	// Tests wait more than they compute. The flag of the command line goes before.
	if err := flag.Set("test.parallel", "8"); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	options := localkube.Options{CRDs: [][]byte{standin.CRD()}}
	os.Exit(localkube.RunTests(runner{m}, options, func(c *localkube.Cluster) { cluster = c }))
}

// runner ends the stand-in after the tests.
type runner struct{ m *testing.M }

func (r runner) Run() int {
	code := r.m.Run()
	if err := operator.stop(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "the stand-in operator:", err)
		return 1
	}
	return code
}

// sharedStandIn is a stand-in that can be started and stopped.
type sharedStandIn struct {
	mu     sync.Mutex
	cancel context.CancelFunc
	ended  chan error
}

func (s *sharedStandIn) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.ended = cancel, make(chan error, 1)
	go func() { s.ended <- standin.Run(ctx, cluster.Config, standin.Options{}) }()
}

func (s *sharedStandIn) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	s.cancel = nil
	select {
	case err := <-s.ended:
		return err
	case <-time.After(deadline):
		return errors.New("goes on after its context has ended")
	}
}

// env is a namespace of a test, and who runs commands in it.
type env struct {
	*testing.T
	ctx context.Context
	// background outlives the test, for its cleanup.
	background context.Context
	namespace  string
	core       kubernetes.Interface
	dynamic    dynamic.Interface

	kubeconfig string
	wrap       func(http.RoundTripper) http.RoundTripper
	// agent is the version in the commands' user agent, to find their requests by.
	agent string
}

// setup makes a namespace in which the stand-in operator is at work.
func setup(t *testing.T) *env {
	t.Helper()
	operator.start()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	namespace, err := cluster.NewNamespace(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &env{
		T: t, ctx: ctx, background: context.WithoutCancel(ctx), namespace: namespace, kubeconfig: cluster.Kubeconfig, agent: "v0.0.0-" + namespace,
		core: kubernetes.NewForConfigOrDie(cluster.Config), dynamic: dynamic.NewForConfigOrDie(cluster.Config),
	}
}

// in is the env for a subtest.
func (e *env) in(t *testing.T) *env {
	with := *e
	with.T = t
	return &with
}

// article sets up a namespace with the article's IrisCluster, simple.
func article(t *testing.T) *env {
	t.Helper()
	e := setup(t)
	e.apply("article")
	return e
}

// --- Commands

// result is how a command ended.
type result struct {
	t      *testing.T
	args   []string
	code   int
	stdout string
	stderr string
}

// run runs kubectl iris with the arguments, in the test's namespace unless they
// say otherwise.
func (e *env) run(args ...string) result {
	e.Helper()
	var stdout, stderr bytes.Buffer
	code := e.runInto(&stdout, &stderr, args...)
	return result{e.T, args, code, stdout.String(), stderr.String()}
}

// runInto is run with other places for the output; it returns the exit code.
func (e *env) runInto(stdout, stderr interface{ Write([]byte) (int, error) }, args ...string) int {
	return cli.Run(e.ctx, e.commandLine(args), e.world(stdout, stderr))
}

func (e *env) commandLine(args []string) []string {
	global := []string{"--kubeconfig=" + e.kubeconfig}
	named := slices.ContainsFunc(args, func(arg string) bool {
		return arg == "-A" || arg == "-n" || strings.HasPrefix(arg, "--namespace")
	})
	if !named {
		global = append(global, "--namespace="+e.namespace)
	}
	asks := slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--ask-iris") })
	if len(args) > 0 && args[0] == "status" && !asks {
		global = append(global, "--ask-iris=never") // there is no node: IRIS could not answer
	}
	return append(slices.Clone(args), global...)
}

func (e *env) world(stdout, stderr interface{ Write([]byte) (int, error) }) cli.Env {
	world := cli.Env{
		Build: cli.Build{Version: e.agent},
		In:    strings.NewReader(""), Out: stdout, Err: stderr,
		Getenv: func(string) string { return "" },
		Now:    time.Now,
	}
	if e.wrap != nil {
		world.WrapConfig = func(config *rest.Config) *rest.Config {
			config.Wrap(e.wrap)
			return config
		}
	}
	return world
}

// as is the env of another user.
func (e *env) as(kubeconfig string) *env {
	with := *e
	with.kubeconfig = kubeconfig
	return &with
}

// through has the commands' requests pass wrap.
func (e *env) through(wrap func(http.RoundTripper) http.RoundTripper) *env {
	with := *e
	with.wrap = wrap
	return &with
}

// exits ends the test where the command ended with another code.
func (r result) exits(code int) result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("%q ended with %d, want %d\n--- stdout\n%s--- stderr\n%s", r.args, r.code, code, r.stdout, r.stderr)
	}
	return r
}

// prints compares stdout.
func (r result) prints(lines ...string) result {
	r.t.Helper()
	if diff := cmp.Diff(joined(lines), r.stdout); diff != "" {
		r.t.Errorf("%q: stdout (-want +got):\n%s\nstderr:\n%s", r.args, diff, r.stderr)
	}
	return r
}

// warns compares stderr, but for notes: those are about what IRIS says, which
// says nothing here.
func (r result) warns(lines ...string) result {
	r.t.Helper()
	if diff := cmp.Diff(joined(lines), withoutNotes(r.stderr)); diff != "" {
		r.t.Errorf("%q: stderr (-want +got):\n%s", r.args, diff)
	}
	return r
}

func withoutNotes(stderr string) string {
	var kept strings.Builder
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "note: ") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// fails checks that the command said what is wrong in one line and the next
// step in another, and printed no result. The line has to hold every part.
func (r result) fails(code int, parts ...string) result {
	r.t.Helper()
	r.exits(code)
	if r.stdout != "" {
		r.t.Errorf("%q failed, and printed:\n%s", r.args, r.stdout)
	}
	return r.blames(parts...)
}

// blames is fails without a look at the exit code and stdout.
func (r result) blames(parts ...string) result {
	r.t.Helper()
	lines := strings.Split(strings.TrimSuffix(withoutNotes(r.stderr), "\n"), "\n")
	var errs, hints []string
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "error: "):
			errs = append(errs, line)
		case strings.HasPrefix(line, "hint: "):
			hints = append(hints, line)
		case !strings.HasPrefix(line, "warning: "):
			r.t.Errorf("%q: stderr has a line that is neither error, hint nor warning: %q", r.args, line)
		}
	}
	if len(errs) != 1 || len(hints) != 1 {
		r.t.Fatalf("%q: want one error and one hint on stderr:\n%s", r.args, r.stderr)
	}
	said := errs[0] + "\n" + hints[0]
	for _, part := range parts {
		if !strings.Contains(said, part) {
			r.t.Errorf("%q: %q is not in\n%s", r.args, part, said)
		}
	}
	return r
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// rows are stdout's lines with their columns, the spaces between apart.
func (r result) rows() [][]string { return rowsOf(r.stdout) }

func rowsOf(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		rows = append(rows, strings.Fields(line))
	}
	return rows
}

// decoded reads stdout as JSON.
func decoded[T any](r result) T {
	r.t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		r.t.Fatalf("%q: stdout is no JSON: %v\n%s\nstderr:\n%s", r.args, err, r.stdout, r.stderr)
	}
	return v
}

// status is the view of one cluster.
func (e *env) status(name string) view.ClusterStatus {
	e.Helper()
	return decoded[view.ClusterStatus](e.run("status", name, "-o", "json"))
}

// becomes waits until get gives want.
func becomes[T any](e *env, what string, want T, get func() T) {
	e.Helper()
	var got T
	err := wait.PollUntilContextTimeout(e.ctx, poll, deadline, true, func(context.Context) (bool, error) {
		got = get()
		return cmp.Equal(want, got), nil
	})
	if err != nil {
		e.Fatalf("%s (-want +got):\n%s", what, cmp.Diff(want, got))
	}
}

// --- The cluster

// apply makes the IrisClusters of a scenario of the stand-in's and waits until
// they run.
func (e *env) apply(scenario string) []string {
	e.Helper()
	document, err := os.ReadFile(filepath.Join("..", "standin", "testdata", scenario, "cluster.yaml"))
	e.must(err)
	return e.applyDocument(string(document))
}

func (e *env) applyDocument(document string) []string {
	e.Helper()
	names, err := standin.Apply(e.ctx, e.dynamic, e.namespace, []byte(document))
	e.must(err)
	for _, name := range names {
		e.must(standin.WaitRunning(e.ctx, e.dynamic, e.namespace, name))
	}
	return names
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) annotate(name, key, value string) {
	e.Helper()
	e.must(standin.Annotate(e.ctx, e.dynamic, e.namespace, name, key, value))
}

// freezeLabels leaves role labels to the test.
func (e *env) freezeLabels(name string) {
	e.Helper()
	e.annotate(name, standin.AnnotationPaused, "true")
}

func (e *env) patchPod(name, patch string) {
	e.Helper()
	_, err := e.core.CoreV1().Pods(e.namespace).Patch(e.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	e.must(err)
}

// labelRole sets the role label of a pod of a frozen cluster; "" takes it away.
// The stand-in may learn last that it is frozen, and put the label right once
// more.
func (e *env) labelRole(pod, role string) {
	e.Helper()
	value := "null"
	if role != "" {
		value = fmt.Sprintf("%q", role)
	}
	becomes(e, "role label of "+pod, role, func() string {
		before, err := e.core.CoreV1().Pods(e.namespace).Get(e.ctx, pod, metav1.GetOptions{})
		e.must(err)
		label, labelled := before.Labels["intersystems.com/mirrorRole"]
		if label != role || labelled != (role != "") {
			e.patchPod(pod, `{"metadata":{"labels":{"intersystems.com/mirrorRole":`+value+`}}}`)
			return "being set"
		}
		return label
	})
}

func (e *env) setReady(pod string, ready bool) {
	e.Helper()
	e.patchPod(pod, fmt.Sprintf(`{"metadata":{"annotations":{%q:"%t"}}}`, standin.AnnotationReady, ready))
}

func (e *env) deletePod(name string) {
	e.Helper()
	e.must(e.core.CoreV1().Pods(e.namespace).Delete(e.ctx, name, metav1.DeleteOptions{}))
}

// patchCluster merges a patch into an IrisCluster.
func (e *env) patchCluster(name, patch string) {
	e.Helper()
	_, err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).Patch(e.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	e.must(err)
}

func (e *env) labelCluster(name, key, value string) {
	e.Helper()
	e.patchCluster(name, fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, key, value))
}

func (e *env) deleteCluster(name string) {
	e.Helper()
	e.must(e.dynamic.Resource(standin.Resource).Namespace(e.namespace).Delete(e.ctx, name, metav1.DeleteOptions{}))
}

// failOver has the pods of the article's cluster swap roles.
func (e *env) failOver(to string) {
	e.Helper()
	e.annotate("simple", standin.AnnotationPrimary, to)
	becomes(e, "the primary", to, func() string {
		pods, err := e.core.CoreV1().Pods(e.namespace).List(e.ctx, metav1.ListOptions{LabelSelector: "intersystems.com/mirrorRole=primary"})
		e.must(err)
		var names []string
		for _, pod := range pods.Items {
			names = append(names, pod.Name)
		}
		return strings.Join(names, ",")
	})
}

// service reads a Service; nil where there is none.
func (e *env) service(name string) *corev1.Service {
	e.Helper()
	service, err := e.core.CoreV1().Services(e.namespace).Get(e.ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	e.must(err)
	return service
}

// makeService makes a Service as another client would.
func (e *env) makeService(service *corev1.Service) *corev1.Service {
	e.Helper()
	made, err := e.core.CoreV1().Services(e.namespace).Create(e.ctx, service, metav1.CreateOptions{FieldManager: "another-client"})
	e.must(err)
	return made
}

func (e *env) patchService(name, patch string, subresources ...string) {
	e.Helper()
	_, err := e.core.CoreV1().Services(e.namespace).Patch(e.ctx, name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: "another-client"}, subresources...)
	e.must(err)
}

// giveAddress plays the load-balancer controller.
func (e *env) giveAddress(name, ip string) {
	e.Helper()
	e.patchService(name, fmt.Sprintf(`{"status":{"loadBalancer":{"ingress":[{"ip":%q}]}}}`, ip), "status")
}

// giveAddresses gives every load balancer of the namespace an address.
func (e *env) giveAddresses() {
	e.Helper()
	services, err := e.core.CoreV1().Services(e.namespace).List(e.ctx, metav1.ListOptions{})
	e.must(err)
	for i, service := range services.Items {
		if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
			e.giveAddress(service.Name, fmt.Sprintf("192.0.2.%d", i+1))
		}
	}
}

// warn makes a Warning event about a Service.
func (e *env) warn(service *corev1.Service, at time.Time, reason, message string) {
	e.Helper()
	now := metav1.NewTime(at)
	_, err := e.core.CoreV1().Events(e.namespace).Create(e.ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: service.Name + ".", Namespace: e.namespace},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "v1", Kind: "Service", Namespace: e.namespace, Name: service.Name, UID: service.UID,
		},
		Type: corev1.EventTypeWarning, Reason: reason, Message: message, FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}, metav1.CreateOptions{})
	e.must(err)
}

// reached are the pods with a ready endpoint in a Service's EndpointSlices.
func (e *env) reached(service string) []string {
	e.Helper()
	found, err := e.core.DiscoveryV1().EndpointSlices(e.namespace).List(e.ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + service})
	e.must(err)
	pods := []string{}
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

func (e *env) serviceReaches(service string, want ...string) {
	e.Helper()
	if want == nil {
		want = []string{}
	}
	becomes(e, "pods that service "+service+" reaches", want, func() []string { return e.reached(service) })
}

// settle waits until every Service of the namespace reaches all the pods that
// it is to reach.
func (e *env) settle() {
	e.Helper()
	services, err := e.core.CoreV1().Services(e.namespace).List(e.ctx, metav1.ListOptions{})
	e.must(err)
	for _, service := range services.Items {
		if len(service.Spec.Selector) == 0 {
			continue
		}
		want := e.selected(service.Spec.Selector, service.Spec.PublishNotReadyAddresses)
		becomes(e, "endpoints of service "+service.Name, want, func() []string { return e.reached(service.Name) })
	}
}

// selected are the pods that a selector matches, if they are ready.
func (e *env) selected(selector map[string]string, orNotReady bool) []string {
	e.Helper()
	pods, err := e.core.CoreV1().Pods(e.namespace).List(e.ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: selector})})
	e.must(err)
	names := []string{}
	for _, pod := range pods.Items {
		if orNotReady || slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			names = append(names, pod.Name)
		}
	}
	slices.Sort(names)
	return names
}

// versions are the resourceVersions of the namespace's Services, pods and, where
// they are served, IrisClusters: what commands could change.
func (e *env) versions() map[string]string {
	e.Helper()
	versions := map[string]string{}
	services, err := e.core.CoreV1().Services(e.namespace).List(e.ctx, metav1.ListOptions{})
	e.must(err)
	for _, service := range services.Items {
		versions["service/"+service.Name] = service.ResourceVersion
	}
	pods, err := e.core.CoreV1().Pods(e.namespace).List(e.ctx, metav1.ListOptions{})
	e.must(err)
	for _, pod := range pods.Items {
		versions["pod/"+pod.Name] = pod.ResourceVersion
	}
	clusters, err := e.dynamic.Resource(standin.Resource).Namespace(e.namespace).List(e.ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return versions
	}
	e.must(err)
	for _, c := range clusters.Items {
		versions["iriscluster/"+c.GetName()] = c.GetResourceVersion()
	}
	return versions
}

// unchanged fails the test where something changed since versions were taken.
func (e *env) unchanged(before map[string]string) {
	e.Helper()
	if diff := cmp.Diff(before, e.versions()); diff != "" {
		e.Errorf("the cluster has changed (-before +after):\n%s", diff)
	}
}
