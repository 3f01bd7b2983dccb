//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

const readTimeout = 30 * time.Second

// kubeconfig writes one whose user is given in YAML.
func kubeconfig(t *testing.T, server, user string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, 0o600, fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, insecure-skip-tls-verify: true}}]
users: [{name: u, user: %s}]
contexts: [{name: c, context: {cluster: c, user: u, namespace: iko}}]
current-context: c
`, server, user))
	return path
}

func write(t *testing.T, path string, mode os.FileMode, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// plugin writes a credential plugin, whose directory is its $DIR, and returns
// the user of a kubeconfig that has it.
func plugin(t *testing.T, script string) (user, dir string) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(dir, "login")
	write(t, path, 0o700, "#!/bin/sh\nDIR="+dir+"\n"+script+"\n")
	return fmt.Sprintf("{exec: {apiVersion: client.authentication.k8s.io/v1, command: %s, interactiveMode: IfAvailable}}", path), dir
}

const givesToken = `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t0ken"}}'`

var errNoAnswer = errors.New("no answer here")

// requests notes the deadlines of requests and answers none.
type requests struct {
	mu        sync.Mutex
	deadlines []time.Time
}

func (r *requests) RoundTrip(request *http.Request) (*http.Response, error) {
	deadline, _ := request.Context().Deadline()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadlines = append(r.deadlines, deadline)
	return nil, errNoAnswer
}

func (r *requests) wrap(config *rest.Config) *rest.Config {
	config.Wrap(func(http.RoundTripper) http.RoundTripper { return r })
	return config
}

// first returns the deadline of the first request; zero if it has none.
func (r *requests) first(t *testing.T) time.Time {
	t.Helper()
	if len(r.deadlines) == 0 {
		t.Fatal("there was no request")
	}
	return r.deadlines[0]
}

// The time for the server begins when the user has logged in, in every command.
func TestLoginTakesNoTimeOfTheServer(t *testing.T) {
	for _, command := range []string{
		"status", "status simple", "version", "exposed", "expose-sidecar simple --role=backup", "expose-pod data-0-0",
		"unexpose --all", "relabel simple", "logs simple", "portal simple --role=primary", "port-forward simple --role=primary 8080:portal",
		"session data-0-0", "status --request-timeout=10s",
	} {
		t.Run(command, func(t *testing.T) {
			user, dir := plugin(t, `sleep 0.1; : > "$DIR/logged-in"; `+givesToken)
			var stdout, stderr bytes.Buffer
			var made requests
			env := world(t, "kubectl-iris", &stdout, &stderr)
			env.WrapConfig = made.wrap
			args := append(strings.Fields(command), "--kubeconfig="+kubeconfig(t, "https://127.0.0.1:1", user))
			if code := cli.Run(context.Background(), args, env); code != 1 || !strings.Contains(stderr.String(), errNoAnswer.Error()) {
				t.Fatalf("exit code %d, %s", code, stderr.String())
			}
			loggedIn, err := os.Stat(filepath.Join(dir, "logged-in"))
			if err != nil {
				t.Fatal(err)
			}
			limit := readTimeout
			if strings.Contains(command, "10s") {
				limit = 10 * time.Second
			}
			if got := made.first(t).Sub(loggedIn.ModTime()); got < limit {
				t.Errorf("the deadline is %s after the login, want %s or more", got, limit)
			}
		})
	}
}

func TestRequestTimeout(t *testing.T) {
	for flag, limit := range map[string]time.Duration{
		"": readTimeout, "--request-timeout=": readTimeout,
		"--request-timeout=7": 7 * time.Second, "--request-timeout=7s": 7 * time.Second,
		"--request-timeout=0": 0, "--request-timeout=0s": 0, "--request-timeout=0m": 0,
	} {
		t.Run(flag, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			var made requests
			env := world(t, "kubectl-iris", &stdout, &stderr)
			env.WrapConfig = made.wrap
			began := time.Now()
			args := append([]string{"status", "--kubeconfig=" + kubeconfig(t, "https://127.0.0.1:1", "{token: x}")}, strings.Fields(flag)...)
			cli.Run(context.Background(), args, env)
			deadline := made.first(t)
			if got := deadline.Sub(began); limit == 0 && !deadline.IsZero() || limit > 0 && (got < limit || deadline.After(time.Now().Add(limit))) {
				t.Errorf("deadline %v (after %s), want one after %s", deadline, got, limit)
			}
		})
	}
}

// A credential plugin that fails is named, and the server, which was not
// asked, is not.
func TestCredentialPluginFails(t *testing.T) {
	fails, _ := plugin(t, "echo log in at https://sso.example.org; exit 3")
	prints, _ := plugin(t, "echo Password:")
	// client-go prints the hint of one plugin ten times an hour.
	missing := fmt.Sprintf("{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, args: [%q], interactiveMode: Never, installHint: get it from the shop}}", t.TempDir())
	terminal := "{exec: {apiVersion: client.authentication.k8s.io/v1, command: asks, interactiveMode: Always}}"
	for name, test := range map[string]struct {
		user string
		says []string
	}{
		"fails":       {fails, []string{"/login failed with exit code 3"}},
		"prints":      {prints, []string{"/login: "}},
		"missing":     {missing, []string{"executable no-such-plugin not found", "install"}},
		"no terminal": {terminal, []string{"exec: asks: ", "standard input is not a terminal"}},
	} {
		for _, command := range []string{"status", "version", "exposed"} {
			t.Run(name+" "+command, func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				var made requests
				env := world(t, "kubectl-iris", &stdout, &stderr)
				env.WrapConfig = made.wrap
				code := cli.Run(context.Background(), []string{command, "--kubeconfig=" + kubeconfig(t, "https://127.0.0.1:1", test.user)}, env)
				said := stderr.String()
				if code != 1 || !strings.HasPrefix(said, "error: getting credentials: exec: ") || !strings.Contains(said, "\nhint: ") || strings.Count(said, "\n") != 2 {
					t.Errorf("exit code %d: %s", code, said)
				}
				for _, part := range test.says {
					if !strings.Contains(said, part) {
						t.Errorf("%q is not in %s", part, said)
					}
				}
				if strings.Contains(said, "127.0.0.1") || len(made.deadlines) > 0 {
					t.Errorf("the server was asked or blamed: %s", said)
				}
			})
		}
	}
}

// Nothing that a URL or a token keeps secret is printed, whatever fails and
// however much is logged.
func TestNoSecretIsPrinted(t *testing.T) {
	var mu sync.Mutex
	var authorized []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		mu.Lock()
		defer mu.Unlock()
		authorized = append(authorized, user+" "+password+" "+r.Header.Get("Authorization"))
		http.Error(w, "no", http.StatusInternalServerError)
	}))
	defer server.Close()
	const password = "s3cret"
	host := strings.TrimPrefix(server.URL, "https://")
	login, _ := plugin(t, givesToken)
	for name, test := range map[string]struct {
		server, user string
		flags        []string
		// sent is what the server gets for credentials.
		sent string
	}{
		"answers":           {"https://jane:" + password + "@" + host, "{}", nil, "jane " + password},
		"replaces a token":  {"https://jane:" + password + "@" + host, "{token: t0ken}", nil, "jane " + password},
		"replaces a plugin": {"https://jane:" + password + "@" + host, login, nil, "jane " + password},
		"no scheme":         {"jane:" + password + "@" + refuses, "{}", nil, ""},
		"refuses":           {"https://jane:" + password + "@" + refuses, "{}", nil, ""},
		"is unknown":        {"https://jane:" + password + "@no-such-host.invalid", "{}", nil, ""},
		"cannot be parsed":  {"https://jane:" + password + "/1@" + host, "{}", nil, ""},
		"has a bad path":    {"jane:" + password + "@" + host + "/%zz", "{}", nil, ""},
		"by flag":           {"https://127.0.0.1:1", "{}", []string{"--server=https://jane:" + password + "/1@" + host}, ""},
		"a token":           {server.URL, "{token: t0ken}", nil, "Bearer t0ken"},
		"a token of a flag": {server.URL, "{}", []string{"--token=t0ken"}, "Bearer t0ken"},
		"a plugin":          {server.URL, login, nil, "Bearer t0ken"},
		"a proxy":           {server.URL, "{}", []string{"--proxy-url=http://jane:" + password + "@" + refuses}, ""},
		"a bad proxy":       {server.URL, "{}", []string{"--proxy-url=http://jane:" + password + "/1@127.0.0.1:1"}, ""},
		"no kind of proxy":  {server.URL, "{}", []string{"--proxy-url=ftp://jane:" + password + "@127.0.0.1:1"}, ""},
		"a proxy of none":   {server.URL, "{}", []string{"--proxy-url=jane:" + password + "@127.0.0.1:1"}, ""},
	} {
		for _, verbosity := range []string{"-v=0", "-v=6", "-v=7", "-v=8", "-v=9", "-v=10"} {
			t.Run(name+" "+verbosity, func(t *testing.T) {
				mu.Lock()
				authorized = nil
				mu.Unlock()
				var stdout, stderr bytes.Buffer
				logged := log(t)
				command := []string{"status"}
				if verbosity == "-v=9" || verbosity == "-v=10" {
					// client-go times the parts of a request then, without a lock if the
					// request is canceled: a command that sends one request at a time
					// cancels none.
					command = []string{"unexpose", "--all"}
				}
				args := append(command, verbosity, "--kubeconfig="+kubeconfig(t, test.server, test.user))
				args = append(args, test.flags...)
				if code := cli.Run(context.Background(), args, world(t, "kubectl-iris", &stdout, &stderr)); code == 0 {
					t.Fatal("exit code 0")
				}
				said := stdout.String() + stderr.String() + logged()
				for _, secret := range []string{password, "t0ken", "amFuZTpz"} {
					if strings.Contains(said, secret) {
						t.Errorf("%q is in\n%s", secret, said)
					}
				}
				if !strings.HasPrefix(stderr.String(), "error: ") || verbosity == "-v=10" && test.sent != "" && !strings.Contains(said, "curl") {
					t.Errorf("said: %s", said)
				}
				mu.Lock()
				defer mu.Unlock()
				if test.sent != "" && (len(authorized) == 0 || !strings.Contains(authorized[0], test.sent)) {
					t.Errorf("the server got %q, want %q", authorized, test.sent)
				}
			})
		}
	}
}

// lockedBuffer is a buffer for concurrent use.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// log catches what client-go logs, until the test ends.
func log(t *testing.T) func() string {
	t.Helper()
	var logged lockedBuffer // connections that are no longer wanted still log
	state := klog.CaptureState()
	klog.LogToStderr(false)
	klog.SetOutput(&logged)
	t.Cleanup(func() {
		klog.SetOutput(os.Stderr)
		klog.LogToStderr(true)
		state.Restore()
	})
	return func() string {
		klog.Flush()
		return logged.String()
	}
}

// While TAB asks, the terminal belongs to whoever pressed it, and it is given
// back soon, though the plugin may never end.
func TestCompletionLeavesTheTerminalAlone(t *testing.T) {
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = terminal
	t.Cleanup(func() {
		os.Stdin = stdin
		_ = terminal.Close()
		_ = master.Close()
	})
	for name, script := range map[string]string{
		"that ends":       givesToken,
		"that never ends": `while [ -e "$DIR/login" ]; do sleep 0.05; done`, // until the test's directory is removed
	} {
		t.Run(name, func(t *testing.T) {
			user, dir := plugin(t, `[ -t 0 ] && : > "$DIR/has-terminal"; echo "$KUBERNETES_EXEC_INFO" > "$DIR/info"; `+script)
			began := time.Now()
			code, stdout, _ := run(t, "kubectl-iris", "__complete", "status", "--kubeconfig="+kubeconfig(t, "https://127.0.0.1:1", user), "")
			if took := time.Since(began); code != 0 || stdout != ":4\n" || took > 2*time.Second+readTimeout/3 {
				t.Errorf("after %s: exit code %d, %q", took, code, stdout)
			}
			info, err := os.ReadFile(filepath.Join(dir, "info"))
			if err != nil || !strings.Contains(string(info), `"interactive":false`) {
				t.Errorf("the plugin was told %q: %v", info, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "has-terminal")); err == nil {
				t.Error("the plugin had the terminal as its stdin")
			}
		})
	}
}

// The contexts of all files of KUBECONFIG can be chosen, a file that is missing
// is skipped, and a Kubernetes cluster without IKO is no error.
func TestSeveralKubeconfigs(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/version":
			_, _ = w.Write([]byte(`{"gitVersion":"v1.33.0"}`))
		case strings.HasSuffix(r.URL.Path, "/endpointslices"):
			_, _ = w.Write([]byte(`{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSliceList"}`))
		case strings.HasSuffix(r.URL.Path, "/pods"):
			_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"PodList"}`))
		case strings.HasSuffix(r.URL.Path, "/services"):
			_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"ServiceList"}`))
		case strings.HasSuffix(r.URL.Path, "/events"):
			_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"EventList"}`))
		default:
			_, _ = w.Write([]byte(`{"apiVersion":"intersystems.com/v1alpha1","kind":"IrisClusterList","items":[]}`))
		}
	}))
	defer server.Close()
	home, work := kubeconfig(t, "https://127.0.0.1:1", "{token: home}"), filepath.Join(t.TempDir(), "work")
	content, err := os.ReadFile(kubeconfig(t, server.URL, "{token: work}"))
	if err != nil {
		t.Fatal(err)
	}
	replaced := strings.NewReplacer("name: c,", "name: work,", "cluster: c,", "cluster: work,", "name: u,", "name: work,", "user: u,", "user: work,").Replace(string(content))
	write(t, work, 0o600, replaced)
	files := strings.Join([]string{home, work, filepath.Join(t.TempDir(), "missing")}, string(filepath.ListSeparator))
	for args, want := range map[string]string{
		"version --context work":       "v1.33.0",
		"status --context work":        "",
		"__complete status --context ": "c\nwork\n:4\n",
	} {
		var stdout, stderr bytes.Buffer
		env := world(t, "kubectl-iris", &stdout, &stderr)
		t.Setenv("KUBECONFIG", files)
		if code := cli.Run(context.Background(), strings.Split(args, " "), env); code != 0 || !strings.Contains(stdout.String(), want) || strings.Contains(stderr.String(), "error") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout.String(), stderr.String())
		}
	}
}
