package cli_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/gorilla/websocket"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

// smallServer is an API server with the mirrored IrisCluster "simple" in
// namespace "iko", a Service for each of its roles, and IRIS's answers by
// mirror_status.cxw. It knows no writes, and its watches bring nothing.
type smallServer struct {
	// forbidden are the resources that may not be read.
	forbidden map[string]bool
	// warning is sent with every answer, if it is not empty.
	warning string
	// execs says that commands run in containers; otherwise there is no exec.
	execs bool
}

type object = map[string]any

func (s smallServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.warning != "" {
		w.Header().Set("Warning", `299 - "`+s.warning+`"`)
	}
	pod, page, isPage := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/iko/pods/"), "/")
	resource := path.Base(r.URL.Path)
	switch {
	case r.URL.Path == "/version":
		reply(w, http.StatusOK, object{"gitVersion": "v1.37.0", "platform": "linux/amd64"})
	case isPage && page == "exec" && s.execs:
		answerExec(w, r, pod)
	case r.Method != http.MethodGet:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "no writes")
	case s.forbidden[resource]:
		refuse(w, http.StatusForbidden, "Forbidden", resource+" is forbidden")
	case r.URL.Query().Get("watch") != "":
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case isPage && strings.HasPrefix(page, "proxy/"):
		if strings.HasPrefix(pod, "simple-data-0-0") {
			_, _ = io.WriteString(w, "SUCCESS")
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "FAILED")
	case isPage && page == "log":
		_, _ = io.WriteString(w, "2026-03-01T10:00:00.000000000Z started\n")
	default:
		for kind, items := range lists() {
			if strings.EqualFold(kind+"s", resource) {
				version := map[string]string{"IrisCluster": "intersystems.com/v1alpha1", "EndpointSlice": "discovery.k8s.io/v1"}[kind]
				reply(w, http.StatusOK, object{"kind": kind + "List", "apiVersion": cmp.Or(version, "v1"), "metadata": object{"resourceVersion": "10"}, "items": items})
				return
			}
			for _, item := range items {
				if item["metadata"].(object)["name"] == resource {
					reply(w, http.StatusOK, item)
					return
				}
			}
		}
		refuse(w, http.StatusNotFound, "NotFound", resource+" not found")
	}
}

// answerExec answers "iris qlist": IRIS has moved the roles, and the labels have not
// followed. Any other command is a session that greets.
func answerExec(w http.ResponseWriter, r *http.Request, pod string) {
	upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	output := "welcome\n"
	if slices.Contains(r.URL.Query()["command"], "qlist") {
		role := map[string]string{"simple-data-0-0": "Backup", "simple-data-0-1": "Primary"}[pod]
		output = "IRIS^/usr/irissys^2023.3^running, since now^iris.cpf^1972^52773^62972^ok^IRIS^Failover^" + role + "^/d\n"
	}
	const stdout, status = 1, 3
	_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{stdout}, output...))
	_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{status}, `{"kind": "Status", "apiVersion": "v1", "status": "Success"}`...))
	_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	// The client closes the connection when it has read all.
	_, _, _ = conn.ReadMessage()
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, code int, reason, message string) {
	reply(w, code, object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code})
}

// lists are the objects of the server, by kind.
func lists() map[string][]object {
	return map[string][]object{
		"IrisCluster": {{
			"apiVersion": "intersystems.com/v1alpha1", "kind": "IrisCluster",
			"metadata": object{"name": "simple", "namespace": "iko", "uid": "c1", "resourceVersion": "3"},
			"spec":     object{"topology": object{"data": object{"mirrored": true, "webgateway": object{"type": "apache"}}}},
		}},
		"Pod":           {dataPod("simple-data-0-0", "primary"), dataPod("simple-data-0-1", "backup")},
		"Service":       {madeService("primary"), madeService("backup")},
		"EndpointSlice": {},
		"Event":         {},
	}
}

func dataPod(name, role string) object {
	running := func(container string) object {
		return object{"name": container, "ready": true, "state": object{"running": object{"startedAt": "2026-03-01T10:00:00Z"}}}
	}
	return object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": object{"name": name, "namespace": "iko", "uid": name, "resourceVersion": "5", "labels": object{
			"intersystems.com/kind": "IrisCluster", "intersystems.com/name": "simple", "intersystems.com/component": "data",
			"intersystems.com/role": "iris", "intersystems.com/shard": "0", "intersystems.com/mirrorRole": role,
			"statefulset.kubernetes.io/pod-name": name,
		}},
		"spec": object{"containers": []object{{"name": "iris"}, {"name": "webgateway", "ports": []object{{"containerPort": 80}}}}},
		"status": object{
			"phase": "Running", "podIP": "10.0.0.1", "conditions": []object{{"type": "Ready", "status": "True"}},
			"containerStatuses": []object{running("iris"), running("webgateway")},
		},
	}
}

func madeService(role string) object {
	return object{
		"apiVersion": "v1", "kind": "Service",
		"metadata": object{"name": "simple-sidecar-" + role, "namespace": "iko", "uid": role, "resourceVersion": "6", "labels": object{
			"app.kubernetes.io/managed-by": "kubectl-iris", "kubectl-iris/cluster": "simple", "kubectl-iris/target": "sidecar",
			"kubectl-iris/component": "data", "kubectl-iris/role": role,
		}},
		"spec": object{
			"type": "LoadBalancer", "clusterIP": "10.96.0.1",
			"ports":    []object{{"name": "http", "port": 81, "targetPort": 80, "protocol": "TCP"}},
			"selector": object{"intersystems.com/name": "simple", "intersystems.com/kind": "IrisCluster", "intersystems.com/mirrorRole": role},
		},
		"status": object{"loadBalancer": object{"ingress": []object{{"ip": "192.0.2.30"}}}},
	}
}

// runAt runs a command against a server.
func runAt(ctx context.Context, t *testing.T, server smallServer, stdout, stderr io.Writer, env map[string]string, args ...string) int {
	t.Helper()
	at := httptest.NewServer(server)
	defer at.Close()
	defer at.CloseClientConnections()
	return cli.Run(ctx, append(args, "--kubeconfig", kubeconfigFor(t, at.URL)), cli.Env{
		Program: "kubectl-iris",
		In:      strings.NewReader(""), Out: stdout, Err: stderr,
		Getenv: func(key string) string { return env[key] },
		Now:    time.Now,
	})
}

func kubeconfigFor(t *testing.T, server string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	content := `{apiVersion: v1, kind: Config, current-context: a,
clusters: [{name: a, cluster: {server: "` + server + `"}}],
contexts: [{name: a, context: {cluster: a, user: a, namespace: iko}}],
users: [{name: a, user: {}}]}`
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// fullDisk is a stdout that cannot be written to.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// A result that could not be written is an error, whatever the verb and the
// format. Each command is run twice: it has to succeed where stdout works.
func TestResultThatCannotBeWritten(t *testing.T) {
	for _, line := range []string{
		"status", "status -o wide", "status simple", "status simple -o name", "status -o name", "status -o json", "status -o yaml",
		"status -o jsonpath={.items[*].metadata.name}", "status -o go-template={{.kind}}",
		"exposed", "exposed -o wide", "exposed -o url", "exposed -o name", "exposed -o yaml",
		"expose-sidecar simple --role backup --dry-run=client", "expose-sidecar simple --role backup --dry-run=client -o yaml",
		"expose-sidecar simple --role backup --dry-run=client -o name",
		"expose-pod data-0-1 --dry-run=client", "expose-pod data-0-1 --dry-run=client -o name",
		"unexpose --all --dry-run=client", "unexpose --all --dry-run=client -o name",
		"portal simple --role backup --via-service --no-open",
		"logs simple", "logs data-0-1 --timestamps",
		"relabel simple --dry-run",
		"session data-0-1",
		"version", "version --client", "version --client -o yaml",
		"completion bash", "completion zsh", "completion fish", "completion powershell", "completion kubectl",
		"--help", "help", "help status", "status --help", "",
		"__complete status si",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var out, errs, failed shared
			args := strings.Fields(line)
			server := smallServer{execs: strings.HasPrefix(line, "relabel") || strings.HasPrefix(line, "session")}
			code := runAt(t.Context(), t, server, &out, &errs, nil, args...)
			if degraded := strings.HasPrefix(line, "status") && code == 3; code != 0 && !degraded || out.String() == "" {
				t.Fatalf("with a stdout that works: exit code %d, %q, %q", code, out.String(), errs.String())
			}
			code = runAt(t.Context(), t, server, fullDisk{}, &failed, nil, args...)
			if code != 1 || !strings.Contains(failed.String(), "error: no space left on device\n") {
				t.Errorf("exit code %d, %q", code, failed.String())
			}
		})
	}
}

// A watch ends when what it shows cannot be written.
func TestWatchThatCannotBeWritten(t *testing.T) {
	for _, line := range []string{"status -w", "status simple -w", "status simple -w -o name", "status -w -o json"} {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		var errs bytes.Buffer
		code := runAt(ctx, t, smallServer{}, fullDisk{}, &errs, nil, strings.Fields(line)...)
		if stop(); code != 1 || !strings.Contains(errs.String(), "error: no space left on device\n") {
			t.Errorf("%s: exit code %d, %q", line, code, errs.String())
		}
	}
}

// A read that failed is a warning on stderr, in the list and in the detail, once
// or watched; stdout has the result alone.
func TestUnreadGoesToStderr(t *testing.T) {
	server := smallServer{forbidden: map[string]bool{"services": true}}
	for _, line := range []string{"status", "status simple"} {
		var out, errs bytes.Buffer
		runAt(t.Context(), t, server, &out, &errs, nil, strings.Fields(line+" --ask-iris=never")...)
		if strings.Contains(out.String(), "warning:") || strings.Count(errs.String(), "warning: cannot list services") != 1 {
			t.Errorf("%s: stdout %q, stderr %q", line, out.String(), errs.String())
		}
	}
	for _, line := range []string{"status -w", "status simple -w"} {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		var out shared
		errs := shared{seen: func(text string) {
			if strings.Contains(text, "warning: cannot watch services") {
				stop()
			}
		}}
		runAt(ctx, t, server, &out, &errs, nil, strings.Fields(line+" --ask-iris=never")...)
		if stop(); strings.Contains(out.String(), "warning:") || strings.Count(errs.String(), "warning: cannot watch services") != 1 {
			t.Errorf("%s: stdout %q, stderr %q", line, out.String(), errs.String())
		}
	}
}

// The API server's own warnings are printed once each, without what cannot be
// seen.
func TestWarningsOfTheAPIServer(t *testing.T) {
	var out, errs bytes.Buffer
	code := runAt(t.Context(), t, smallServer{warning: "old\u202e API\u200b"}, &out, &errs, nil, "exposed")
	if want := "warning: old? API?\n"; code != 0 || errs.String() != want {
		t.Errorf("exit code %d, stderr %q, want %q", code, errs.String(), want)
	}
}

// A terminal that knows no control sequences gets lines, any other a screen.
func TestWatchOnADumbTerminal(t *testing.T) {
	for term, drawn := range map[string]bool{"dumb": false, "xterm": true} {
		for _, line := range []string{"status -w", "status simple -w"} {
			keyboard, terminal, err := pty.Open()
			if errors.Is(err, pty.ErrUnsupported) {
				t.Skip("this system has no pseudo-terminals")
			}
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			shown := shared{seen: func(text string) {
				if strings.Contains(text, "simple") {
					stop()
				}
			}}
			copied := make(chan struct{})
			go func() {
				defer close(copied)
				_, _ = io.Copy(&shown, keyboard)
			}()
			var errs shared
			runAt(ctx, t, smallServer{}, terminal, &errs, map[string]string{"TERM": term}, strings.Fields(line+" --ask-iris=never")...)
			stop()
			terminal.Close()
			<-copied
			keyboard.Close()
			if got := strings.Contains(shown.String(), "\x1b"); got != drawn || !strings.Contains(shown.String(), "simple") {
				t.Errorf("TERM=%s, %s: control sequences %v, want %v: %q, %q", term, line, got, drawn, shown.String(), errs.String())
			}
		}
	}
}

// shared is a buffer that may be written and read at the same time.
type shared struct {
	// seen, if it is set, is called with all that was written so far.
	seen func(text string)

	mu     sync.Mutex
	buffer bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.buffer.Write(p)
	if s.seen != nil {
		s.seen(s.buffer.String())
	}
	return n, err
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buffer.String()
}
