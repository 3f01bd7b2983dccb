package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// staleMirror plays an API server with a mirror that has failed over, while its
// labels have not: simple-data-0-1 is the primary.
type staleMirror struct {
	*reachServer
	// noClusters and noExec: the right is missing.
	noClusters, noExec bool
	// async: the only member is an async one.
	async bool
	// noMetrics: there are none, and mirror_status.cxw has to do.
	noMetrics bool

	mu sync.Mutex
	// asked are the requests for a pod's logs, tunnels and sessions: its name.
	reached []string
	// done ends the command once it has reached a pod.
	done context.CancelFunc
}

func newStaleMirror() *staleMirror {
	s := &staleMirror{reachServer: &reachServer{mirrored: true}}
	for i, role := range []string{"primary", "backup"} {
		pod := simplePod(fmt.Sprintf("simple-data-0-%d", i), "data", running("iris"), running("webgateway"))
		pod.Labels[iris.LabelMirrorRole], pod.Labels[iris.LabelShard] = role, "0"
		pod.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "webserver", ContainerPort: 52773}}
		s.pods = append(s.pods, pod)
	}
	return s
}

func (s *staleMirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(r.URL.Path, "/")
	pod := ""
	if i := slices.Index(path, "pods"); i >= 0 && i+1 < len(path) {
		pod, _, _ = strings.Cut(path[i+1], ":")
	}
	isPrimary := pod == "simple-data-0-1"
	switch last := path[len(path)-1]; {
	case last == "irisclusters" && s.noClusters:
		fail(w, http.StatusForbidden, metav1.StatusReasonForbidden, "irisclusters is forbidden")
	case last == "exec" && slices.Contains(r.URL.Query()["command"], "session"):
		s.reach(w, pod)
	case last == "exec" && s.noExec:
		fail(w, http.StatusForbidden, metav1.StatusReasonForbidden, "pods/exec is forbidden")
	case last == "exec":
		s.qlist(w, r, isPrimary)
	case last == "portforward":
		s.reach(w, pod)
	case last == "log":
		s.reach(w, pod)
	case strings.HasSuffix(r.URL.Path, iris.MetricsPath) && !s.noMetrics:
		status := map[bool]int{true: 2, false: 3}[isPrimary]
		_, _ = fmt.Fprintf(w, "iris_mirror_member_type 3\niris_mirror_status %d\n", status)
	case strings.HasSuffix(r.URL.Path, iris.MirrorStatusPath) && isPrimary:
		_, _ = fmt.Fprint(w, iris.MirrorStatusPrimary)
	case strings.HasSuffix(r.URL.Path, iris.MirrorStatusPath):
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprint(w, iris.MirrorStatusNotPrimary)
	default:
		s.reachServer.ServeHTTP(w, r)
	}
}

// reach notes that a command reached a pod, and ends it.
func (s *staleMirror) reach(w http.ResponseWriter, pod string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached = append(s.reached, pod)
	fail(w, http.StatusForbidden, metav1.StatusReasonForbidden, "the test ends here")
	s.done()
}

// qlist answers for exec as the container does.
func (s *staleMirror) qlist(w http.ResponseWriter, r *http.Request, isPrimary bool) {
	upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	place := "Failover^Backup"
	switch {
	case s.async:
		place = "Disaster Recovery^Connected"
	case isPrimary:
		place = "Failover^Primary"
	}
	line := "IRIS^/usr/irissys^2024.1^running, since now^iris.cpf^1972^52773^0^ok^IRIS^" + place + "^/d\n"
	_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{1}, line...))
	_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{3}, `{"metadata":{},"status":"Success"}`...))
	_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}

// run runs a command until it reaches a pod, or ends by itself, and returns the
// pod that it reached or, if none, what it printed.
func (s *staleMirror) run(t *testing.T, args ...string) (reached, stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	env := world(t, "kubectl-iris", &out, &errs)
	t.Setenv("KUBECONFIG", s.startHandler(t, s))
	s.mu.Lock()
	s.reached, s.done = nil, cancel
	s.mu.Unlock()
	code = cli.Run(ctx, args, env)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.reached) > 0 {
		reached = s.reached[0]
	}
	return reached, out.String(), errs.String(), code
}

// A user to whom a right is missing gets the same pod from every command as one
// who has all of them, if metrics or mirror_status.cxw can tell.
func TestEveryCommandFindsThePrimary(t *testing.T) {
	const want = "simple-data-0-1"
	for rights, missing := range map[string]struct{ clusters, exec bool }{
		"all rights":                        {},
		"without irisclusters":              {clusters: true},
		"without pods/exec":                 {exec: true},
		"without irisclusters or pods/exec": {true, true},
	} {
		for _, source := range []string{"metrics", "mirror_status.cxw"} {
			for command, args := range map[string][]string{
				"status":       {"status", "simple", "-o", "jsonpath={.shards[0].primaries}"},
				"portal":       {"portal", "simple", "--no-open", "--address", "127.0.0.1"},
				"port-forward": {"port-forward", "simple", "0:1972", "--address", "127.0.0.1"},
				"logs":         {"logs", "simple", "--role", "primary", "-c", "iris", "-f"},
				"session":      {"session", "simple"},
			} {
				t.Run(strings.Join([]string{command, rights, source}, ", "), func(t *testing.T) {
					s := newStaleMirror()
					s.noClusters, s.noExec, s.noMetrics = missing.clusters, missing.exec, source != "metrics"
					reached, stdout, stderr, _ := s.run(t, args...)
					switch {
					case command == "status":
						reached = strings.Trim(stdout, `[]"`)
					case command == "session" && missing.exec:
						// There is no session without exec; the error names the pod.
						if strings.Contains(stderr, fmt.Sprintf("in pod %q", want)) {
							reached = want
						}
					}
					if reached != want {
						t.Errorf("reached %q\nstdout: %s\nstderr: %s", reached, stdout, stderr)
					}
				})
			}
		}
	}
}

// The name of a cluster that holds nothing but an async member means that
// member, and its commands say so.
func TestOnlyAsyncMember(t *testing.T) {
	for command, args := range map[string][]string{
		"portal":       {"portal", "simple", "--no-open", "--address", "127.0.0.1"},
		"port-forward": {"port-forward", "simple", "0:superserver", "--address", "127.0.0.1"},
		"session":      {"session", "simple"},
	} {
		t.Run(command, func(t *testing.T) {
			s := newStaleMirror()
			s.async, s.pods = true, s.pods[:1]
			delete(s.pods[0].Labels, iris.LabelMirrorRole)
			s.pods[0].Spec.Containers[0].Ports = append(s.pods[0].Spec.Containers[0].Ports, corev1.ContainerPort{Name: "superserver", ContainerPort: 1972})
			reached, _, stderr, _ := s.run(t, args...)
			const note = `no failover member of IrisCluster "simple" is here, its primary is elsewhere; pod "simple-data-0-0" is used, its only async member`
			if reached != "simple-data-0-0" || !strings.Contains(stderr, note) {
				t.Errorf("reached %q\nstderr: %s", reached, stderr)
			}
		})
	}
}
