package watch

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
)

// podOfAll has a container of each kind, with all that is read of it.
func podOfAll() *corev1.Pod {
	always := corev1.ContainerRestartPolicyAlways
	running := func(name string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Unix(1, 0)}}}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "simple-data-0", Namespace: "iko", Labels: map[string]string{iris.LabelComponent: iris.ComponentData}},
		Spec: corev1.PodSpec{
			NodeName: "node",
			InitContainers: []corev1.Container{
				{Name: "prepare", Image: "prepare:1"},
				{Name: "webgateway", Image: "webgateway:1", RestartPolicy: &always, Ports: []corev1.ContainerPort{{ContainerPort: 80}}},
				{Name: "exporter", Image: "exporter:1", RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090}}},
			},
			Containers: []corev1.Container{
				{Name: "istio-proxy", Image: "proxy:1", Ports: []corev1.ContainerPort{{ContainerPort: 15090}}},
				{Name: "iris", Image: "iris:1", Ports: []corev1.ContainerPort{{ContainerPort: 1972}}, Env: []corev1.EnvVar{{Name: "A"}}},
			},
		},
		Status: corev1.PodStatus{
			InitContainerStatuses: []corev1.ContainerStatus{running("webgateway"), running("exporter")},
			ContainerStatuses:     []corev1.ContainerStatus{running("istio-proxy"), running("iris")},
		},
	}
}

// A watch shows of a pod what a list shows.
func TestTrimmedPodsAreReadAlike(t *testing.T) {
	want := iris.PodFrom(podOfAll())
	trimmed, err := trimPod(podOfAll())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, iris.PodFrom(trimmed.(*corev1.Pod))); diff != "" {
		t.Errorf("-list +watch:\n%s", diff)
	}
	if want.Sidecar == nil || want.Sidecar.Image != "webgateway:1" || want.IRIS == nil || want.IRIS.Image != "iris:1" || len(want.Others) != 2 {
		t.Errorf("containers: %+v", want.AllContainers())
	}
	if spec := trimmed.(*corev1.Pod).Spec; spec.Containers[1].Env != nil {
		t.Error("a watch keeps more than is read")
	}
}

// Containers that begin before the others and stay have logs as any; those that
// prepare the pod are left out.
func TestLogSources(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	pod := &corev1.Pod{
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "prepares"}, {Name: "stays", RestartPolicy: &always}},
			Containers:     []corev1.Container{{Name: "iris"}},
		},
		Status: corev1.PodStatus{
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "stays", RestartCount: 2, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
		},
	}
	type known struct {
		Container string
		Restarts  int
		Running   bool
	}
	var got []known
	for _, s := range logSources(pod) {
		got = append(got, known{s.Container, s.Restarts, s.Running})
	}
	if diff := cmp.Diff([]known{{"iris", 0, false}, {"stays", 2, true}}, got); diff != "" {
		t.Error(diff)
	}
}

// A list and a watch of log sources have the containers of the cluster's pods, or of one.
func TestLogSourcesOfPods(t *testing.T) {
	server, watcher := newServer(t)
	server.Set("pods", kubetest.Listing(server, func(r *http.Request) (*http.Response, error) {
		var pods []corev1.Pod
		for _, name := range []string{"simple-data-0", "simple-data-1"} {
			pod := kubetest.PodNamed(name, map[string]string{iris.LabelName: "simple"})
			pod.Spec.Containers = []corev1.Container{{Name: "iris"}}
			pods = append(pods, pod)
		}
		return kubetest.JSON(r, http.StatusOK, kubetest.PodList(metav1.ListMeta{ResourceVersion: "1"}, pods...)), nil
	}))
	errEnough := errors.New("enough")
	for pod, want := range map[string]int{"": 2, "simple-data-1": 1, "other": 0} {
		listed, err := watcher.LogSources(t.Context(), "iko", "simple", pod)
		if err != nil || len(listed) != want {
			t.Errorf("%q: listed %+v, %v", pod, listed, err)
		}
		err = watcher.FollowLogSources(t.Context(), "iko", "simple", pod, func(watched []logs.Source) error {
			if len(watched) != want {
				t.Errorf("%q: watched %+v", pod, watched)
			}
			return errEnough
		}, func(err error) { t.Error(err) })
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
	}
	const selector = "intersystems.com/name in (simple)"
	for _, r := range server.Requests("pods") {
		if got := r.URL.Query().Get("labelSelector"); !strings.HasSuffix(got, selector) {
			t.Errorf("selector %q", got)
		}
	}
	server.Set("pods", kubetest.Refuses(http.StatusForbidden, metav1.StatusReasonForbidden, "no"))
	if _, err := watcher.LogSources(t.Context(), "iko", "simple", ""); err == nil {
		t.Error("a refusal is no error")
	}
	if err := watcher.FollowLogSources(t.Context(), "iko", "simple", "", nil, nil); err == nil {
		t.Error("a watch: a refusal is no error")
	}
}
