package localkube

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// cluster is what TestMain starts for all tests of this package.
var cluster *Cluster

func TestMain(m *testing.M) {
	if what := os.Getenv(victimEnv); what != "" && !IsSupervisor() {
		os.Exit(beVictim(what))
	}
	crds, err := ReadCRDs("testdata")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(RunTests(m, Options{CRDs: crds}, func(c *Cluster) { cluster = c }))
}

// newClient is a client of the test's own, known by its user agent.
func newClient(t *testing.T, config *rest.Config) (kubernetes.Interface, string) {
	t.Helper()
	config = rest.CopyConfig(config)
	config.UserAgent = strings.ReplaceAll(t.Name(), "/", "-")
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client, config.UserAgent
}

// newNamespace is a namespace of the test's own.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespace, err := cluster.NewNamespace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return namespace
}

// eventually waits until check says that it is done.
func eventually(t *testing.T, what string, check func(context.Context) (bool, error)) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 45*time.Second, true, check); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func TestVersionIsTheOneInGoMod(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, cluster.Config)
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(assetsEnv)+os.Getenv(binEnv) != "" {
		t.Skip("the programs are ready-made, of whatever version")
	}
	want, err := requiredVersion(t.Context(), filepath.Join("..", "..", kubernetesTools), kubernetesModule)
	if err != nil {
		t.Fatal(err)
	}
	if asked := os.Getenv(versionEnv); asked != "" {
		want = "v" + strings.TrimPrefix(asked, "v")
	}
	if version.GitVersion != want {
		t.Errorf("the API server says %s, want %s", version.GitVersion, want)
	}
}

func TestCustomResourceKeepsNestedFieldsAndOwns(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, cluster.Config)
	dyn, err := dynamic.NewForConfig(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	namespace := newNamespace(t)
	widgets := dyn.Resource(schema.GroupVersionResource{
		Group: "localkube.example.com", Version: "v1", Resource: "widgets",
	}).Namespace(namespace)

	spec := map[string]any{"topology": map[string]any{"data": map[string]any{"mirrored": true, "shards": int64(2)}}}
	_, err = widgets.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "localkube.example.com/v1", "kind": "Widget",
		"metadata": map[string]any{"name": "w"}, "spec": spec,
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	widget, err := widgets.Get(t.Context(), "w", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec, widget.Object["spec"]); diff != "" {
		t.Errorf("spec (-sent +kept):\n%s", diff)
	}

	owned := service("owned")
	owned.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "localkube.example.com/v1", Kind: "Widget", Name: "w", UID: widget.GetUID(),
	}}
	for _, s := range []*corev1.Service{owned, service("free")} {
		if _, err := client.CoreV1().Services(namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := widgets.Delete(t.Context(), "w", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the owned Service is collected", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Services(namespace).Get(ctx, "owned", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	if _, err := client.CoreV1().Services(namespace).Get(t.Context(), "free", metav1.GetOptions{}); err != nil {
		t.Errorf("a Service without an owner: %v", err)
	}
}

// service selects app=web and targets the port named "web".
func service(name string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web"},
			Ports:    []corev1.ServicePort{{Port: 81, TargetPort: intstr.FromString("web")}},
		},
	}
}

func TestEndpointSliceHasReadyPodOfStatefulSet(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, cluster.Config)
	namespace := newNamespace(t)
	ctx := t.Context()

	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-of-" + namespace}}
	if _, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Services(namespace).Create(ctx, service("web"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.AppsV1().StatefulSets(namespace).Create(ctx, statefulSet(node.Name), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var pod *corev1.Pod
	eventually(t, "the StatefulSet makes its pod", func(ctx context.Context) (bool, error) {
		var err error
		pod, err = client.CoreV1().Pods(namespace).Get(ctx, "web-0", metav1.GetOptions{})
		return err == nil, nil
	})
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: "10.244.0.7", PodIPs: []corev1.PodIP{{IP: "10.244.0.7"}},
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionTrue},
			{Type: corev1.ContainersReady, Status: corev1.ConditionTrue},
		},
	}
	if _, err := client.CoreV1().Pods(namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}

	type endpoint struct {
		Address string
		Ready   bool
		Port    int32
	}
	want := []endpoint{{"10.244.0.7", true, 8080}}
	var got []endpoint
	eventually(t, "the EndpointSlice reaches the pod", func(ctx context.Context) (bool, error) {
		slices, err := client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{
			LabelSelector: discoveryv1.LabelServiceName + "=web",
		})
		if err != nil {
			return false, err
		}
		got = nil
		for _, slice := range slices.Items {
			for _, e := range slice.Endpoints {
				got = append(got, endpoint{e.Addresses[0], *e.Conditions.Ready, *slice.Ports[0].Port})
			}
		}
		return cmp.Equal(want, got), nil
	})
}

// statefulSet has one pod, labelled app=web, bound to the node.
func statefulSet(node string) *appsv1.StatefulSet {
	labels := map[string]string{"app": "web"}
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.StatefulSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{
					Name: "web", Image: "web", Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}},
				}}},
			},
		},
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	admin, _ := newClient(t, cluster.Config)
	namespace := newNamespace(t)
	ctx := t.Context()
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "pods"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}},
	}
	if _, err := admin.RbacV1().Roles(namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "pods"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "pods"},
		Subjects: []rbacv1.Subject{
			{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "team:jane"},
			{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "readers"},
		},
	}
	if _, err := admin.RbacV1().RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name     string
		user     string
		groups   []string
		notAfter time.Time
		pods     metav1.StatusReason // of listing pods; empty if it works
		services metav1.StatusReason
	}{
		{name: "by name", user: "team:jane", services: metav1.StatusReasonForbidden},
		{name: "by group", user: "john", groups: []string{"readers"}, services: metav1.StatusReasonForbidden},
		{name: "stranger", user: "eve", pods: metav1.StatusReasonForbidden, services: metav1.StatusReasonForbidden},
		{
			name: "expired", user: "team:jane", notAfter: time.Now().Add(-time.Minute),
			pods: metav1.StatusReasonUnauthorized, services: metav1.StatusReasonUnauthorized,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			user, err := cluster.NewUser(test.user, test.groups, test.notAfter)
			if err != nil {
				t.Fatal(err)
			}
			fromFile, err := clientcmd.BuildConfigFromFlags("", user.Kubeconfig)
			if err != nil {
				t.Fatal(err)
			}
			for _, config := range []*rest.Config{user.Config, fromFile} {
				client, _ := newClient(t, config)
				_, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
				if got := apierrors.ReasonForError(err); got != test.pods {
					t.Errorf("listing pods: reason %q, want %q", got, test.pods)
				}
				_, err = client.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{})
				if got := apierrors.ReasonForError(err); got != test.services {
					t.Errorf("listing services: reason %q, want %q", got, test.services)
				}
			}
		})
	}
}

func TestAuditRequestsCountsExactly(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	user, err := cluster.NewUser("auditor", []string{"system:masters"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	client, agent := newClient(t, user.Config)
	ctx := t.Context()
	for i := range 20 {
		if _, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{Limit: 5}); err != nil {
			t.Fatal(err)
		}
		requests, err := cluster.AuditRequests(ByUserAgent(agent))
		if err != nil {
			t.Fatal(err)
		}
		if len(requests) != i+1 {
			t.Fatalf("after %d requests the log has %d", i+1, len(requests))
		}
	}
	_, err = client.CoreV1().Services(namespace).Get(ctx, "none", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Fatalf("getting a Service that is not there: %v", err)
	}

	var last AuditRequest
	eventually(t, "the last request has its code", func(context.Context) (bool, error) {
		requests, err := cluster.AuditRequests(ByUser("auditor"))
		if err != nil {
			return false, err
		}
		last = requests[len(requests)-1]
		return last.Code != 0, nil
	})
	if last.Received.IsZero() {
		t.Error("no time")
	}
	last.Received = time.Time{}
	want := AuditRequest{
		Verb: "get", URI: "/api/v1/namespaces/" + namespace + "/services/none", User: "auditor", UserAgent: agent,
		Resource: "services", Namespace: namespace, Name: "none", Code: 404,
	}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

// Not parallel: it takes the API server away from the other tests.
func TestRestartAPIServerKeepsObjects(t *testing.T) {
	client, _ := newClient(t, cluster.Config)
	namespace := newNamespace(t)
	if err := cluster.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Discovery().ServerVersion(); err == nil {
		t.Error("the API server answers though it was stopped")
	}
	if err := cluster.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{}); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

// Start relies on these words to try another port.
func TestSecondAPIServerSaysThatThePortIsTaken(t *testing.T) {
	t.Parallel()
	second := apiServerProcess(cluster.Binaries, cluster.address, cluster.port)
	second.Name = "second-apiserver"
	if err := cluster.supervisor.start(second); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second API server ends", func(context.Context) (bool, error) {
		err := cluster.supervisor.running(second.Name)
		if err != nil && !strings.Contains(err.Error(), portTaken) {
			t.Errorf("it says %q, want %q", err, portTaken)
		}
		return err != nil, nil
	})
}

func TestStartSaysWhatFailedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	bin, dir := t.TempDir(), filepath.Join(t.TempDir(), "cluster")
	script := "#!/bin/sh\necho starting\necho no space left\nexit 3\n"
	if err := os.WriteFile(filepath.Join(bin, etcdName), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Binaries: Binaries{Dir: bin}, Dir: dir})
	if err == nil {
		t.Fatal("it started")
	}
	const want = "starting Kubernetes: etcd has ended (exit status 3): no space left"
	if err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	assertEmpty(t, filepath.Dir(dir))
}

func TestStartRefusesFolderInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Binaries: cluster.Binaries, Dir: dir})
	if want := fmt.Sprintf("the folder %q is not empty", dir); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "precious")); err != nil {
		t.Error(err)
	}
}

// assertEmpty fails if there is something in the folder.
func assertEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left", filepath.Join(dir, e.Name()))
	}
}
