package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

// podServer is an API server that knows pods and no IrisCluster.
type podServer struct {
	pods []corev1.Pod

	mu       sync.Mutex
	requests []string
}

func (s *podServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	pods := slices.DeleteFunc(slices.Clone(s.pods), func(p corev1.Pod) bool { return !selector.Matches(labels.Set(p.Labels)) })
	list := map[string]any{"apiVersion": "v1", "kind": "PodList", "metadata": metav1.ListMeta{ResourceVersion: "1"}, "items": pods}
	switch {
	case r.URL.Path == "/version":
		list = map[string]any{"gitVersion": "v1.30.0", "platform": "linux/amd64"}
	case strings.HasSuffix(r.URL.Path, "/irisclusters"):
		list["apiVersion"], list["kind"], list["items"] = "intersystems.com/v1alpha1", "IrisClusterList", []any{}
	case !strings.HasSuffix(r.URL.Path, "/pods"):
		w.WriteHeader(http.StatusNotFound)
	}
	_ = json.NewEncoder(w).Encode(list)
}

// kubeconfigOf is a kubeconfig for a server.
func kubeconfigOf(t *testing.T, url string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: c, context: {cluster: c, namespace: iko}}], current-context: c}`, url)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// podWithSidecar is a data pod whose IRIS runs and whose sidecar is in a state.
func podWithSidecar(name string, sidecar corev1.ContainerState) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: name, UID: "uid", Labels: map[string]string{
			"intersystems.com/component": "data", "intersystems.com/kind": "IrisCluster", "intersystems.com/name": "simple", "intersystems.com/role": "iris",
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "iriscluster"}, {Name: "webgateway"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
			{Name: "iriscluster", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}},
			{Name: "webgateway", State: sidecar},
		}},
	}
}

// A sidecar that does not run serves no portal: the command says so, and leads
// to IRIS itself rather than opening a browser on a dead port.
func TestPortalOfASidecarThatCrashes(t *testing.T) {
	server := &podServer{pods: []corev1.Pod{podWithSidecar("simple-data-0-0", corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"},
	})}}
	listening := httptest.NewServer(server)
	defer listening.Close()
	for _, args := range [][]string{{"portal", "data-0-0"}, {"portal", "data-0-0", "--via-service"}, {"port-forward", "data-0-0", "0:portal"}} {
		var out, errs bytes.Buffer
		opened := false
		world := world(t, "kubectl-iris", &out, &errs)
		world.Getenv = func(name string) string {
			opened = opened || name == "BROWSER"
			return ""
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		code := cli.Run(ctx, append(args, "--kubeconfig", kubeconfigOf(t, listening.URL)), world)
		cancel()
		want := "error: the sidecar of pod \"simple-data-0-0\" in namespace \"iko\" is not running: CrashLoopBackOff\n" +
			"hint: kubectl iris port-forward data-0-0 8080:52773 -n iko reaches the web port of IRIS itself\n"
		if code != 1 || out.String() != "" || !strings.HasSuffix(errs.String(), want) || opened {
			t.Errorf("%q: exit code %d, browser opened %t, stdout %q, stderr %q", args, code, opened, out.String(), errs.String())
		}
	}
	for _, request := range server.requests {
		if strings.HasSuffix(request, "/portforward") || strings.HasSuffix(request, "/services") {
			t.Errorf("asked for %s", request)
		}
	}
}

// The images are those of IRIS, the web gateway and the operator, whatever else
// runs beside them.
func TestImagesBesideAMeshProxy(t *testing.T) {
	proxy := corev1.Container{Name: "istio-proxy", Image: "proxy:1"}
	always := corev1.ContainerRestartPolicyAlways
	data := podWithSidecar("simple-data-0", corev1.ContainerState{})
	data.Spec.Containers = []corev1.Container{proxy, {Name: "iriscluster", Image: "iris:1"}}
	data.Spec.InitContainers = []corev1.Container{{Name: "webgateway", Image: "webgateway:1", RestartPolicy: &always}}
	operator := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "operator", Labels: map[string]string{"app": "iris-operator"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{proxy, {Name: "operator", Image: "operator:1"}}},
	}
	listening := httptest.NewServer(&podServer{pods: []corev1.Pod{data, operator}})
	defer listening.Close()
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), []string{"version", "-o", "json", "--kubeconfig", kubeconfigOf(t, listening.URL)}, world(t, "kubectl-iris", &out, &errs))
	var got struct {
		Server struct{ Operators, IRIS, WebGateways []struct{ Image string } }
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v, stdout %q, stderr %q", code, err, out.String(), errs.String())
	}
	if words := fmt.Sprint(got.Server); words != "{[{operator:1}] [{iris:1}] [{webgateway:1}]}" {
		t.Errorf("images %s", words)
	}
}

// Containers and ports by name are those of all containers that run.
func TestCompletionOffersAllContainers(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	data := podWithSidecar("simple-data-0", corev1.ContainerState{})
	data.Spec.Containers = append(data.Spec.Containers, corev1.Container{Name: "tail"})
	data.Spec.InitContainers = []corev1.Container{
		{Name: "prepare"},
		{Name: "exporter", RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090}}},
	}
	listening := httptest.NewServer(&podServer{pods: []corev1.Pod{data}})
	defer listening.Close()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"logs", "--container", ""}, "exporter iriscluster tail webgateway"},
		{[]string{"port-forward", "simple", "9090:m"}, "9090:metrics"},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"__complete", "--kubeconfig", kubeconfigOf(t, listening.URL)}, test.args...)
		cli.Run(t.Context(), args, world(t, "kubectl-iris", &out, &errs))
		var offered []string
		for line := range strings.Lines(out.String()) {
			if value, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); value != "" && !strings.HasPrefix(value, ":") {
				offered = append(offered, value)
			}
		}
		slices.Sort(offered)
		if got := strings.Join(offered, " "); got != test.want {
			t.Errorf("%q offers %q, want %q; stderr %q", test.args, got, test.want, errs.String())
		}
	}
}
