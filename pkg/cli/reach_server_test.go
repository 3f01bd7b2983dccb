package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// reachServer plays an API server with the pods of IrisCluster simple in
// namespace iko, for commands that reach them.
type reachServer struct {
	pods []corev1.Pod
	// mirrored: the IrisCluster says that its data node is mirrored.
	mirrored bool
	// logs answers for a log, by pod and container; one that is not there is that
	// of a container that waits to be started.
	logs map[string]http.HandlerFunc
	// forward answers for a port-forward.
	forward http.HandlerFunc
}

// start starts the server and returns a kubeconfig for it.
func (s *reachServer) start(t *testing.T) string { return s.startHandler(t, s) }

// startHandler starts a server with a handler that may pass requests on to s.
func (s *reachServer) startHandler(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := `{"apiVersion":"v1","kind":"Config","current-context":"test",
		"clusters":[{"name":"test","cluster":{"server":"` + server.URL + `"}}],
		"contexts":[{"name":"test","context":{"cluster":"test","user":"test","namespace":"iko"}}],
		"users":[{"name":"test","user":{}}]}`
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

func (s *reachServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	meta := metav1.ListMeta{ResourceVersion: "1"}
	switch last := path[len(path)-1]; {
	case r.URL.Query().Get("watch") != "":
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case last == "pods":
		answer(w, http.StatusOK, corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, ListMeta: meta, Items: s.pods})
	case last == "irisclusters":
		answer(w, http.StatusOK, map[string]any{
			"kind": "IrisClusterList", "apiVersion": "intersystems.com/v1alpha1", "metadata": meta,
			"items": []any{map[string]any{
				"apiVersion": "intersystems.com/v1alpha1", "kind": "IrisCluster", "metadata": map[string]any{"name": "simple", "namespace": "iko"},
				"spec": map[string]any{"topology": map[string]any{"data": map[string]any{"image": "iris:1", "mirrored": s.mirrored}}},
			}},
		})
	case last == "log":
		s.serveLog(w, r, path[len(path)-2], r.URL.Query().Get("container"))
	case last == "portforward" && s.forward != nil:
		s.forward(w, r)
	default:
		fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, r.URL.Path+" not found")
	}
}

// serveLog answers as a kubelet does.
func (s *reachServer) serveLog(w http.ResponseWriter, r *http.Request, pod, container string) {
	name := pod + " " + container
	if r.URL.Query().Get("previous") == "true" {
		name += " previous"
	}
	switch log := s.logs[name]; {
	case log != nil:
		log(w, r)
	case strings.HasSuffix(name, " previous"):
		fail(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, `previous terminated container "`+container+`" in pod "`+pod+`" not found`)
	default:
		fail(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, `container "`+container+`" in pod "`+pod+`" is waiting to start: CreateContainerConfigError`)
	}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	answer(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Reason: reason, Code: int32(code), Message: message,
	})
}

// says answers with a log.
func says(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range lines {
			_, _ = w.Write([]byte(line + "\n"))
		}
	}
}

// simplePod returns a pod of the cluster with these containers.
func simplePod(name, component string, states ...corev1.ContainerStatus) corev1.Pod {
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "iko", UID: types.UID(name), ResourceVersion: "1",
			Labels: map[string]string{
				"intersystems.com/kind": "IrisCluster", "intersystems.com/name": "simple",
				"intersystems.com/component": component, "intersystems.com/role": "iris",
			},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: states},
	}
	for _, state := range states {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: state.Name})
	}
	return pod
}

func running(container string) corev1.ContainerStatus {
	started := metav1.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return corev1.ContainerStatus{Name: container, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}}
}

func waiting(container, reason string, restarts int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: container, RestartCount: restarts,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}},
	}
}
