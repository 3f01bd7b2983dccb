package connect_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli/connect"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// kubeconfigOf writes a kubeconfig with one context, in namespace iko.
func kubeconfigOf(t *testing.T, cluster, user string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c,
clusters: [{name: c, cluster: %s}], users: [{name: u, user: %s}],
contexts: [{name: c, context: {cluster: c, user: u, namespace: iko}}]}`, cluster, user)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// flagsOf returns the flags as a command line sets them.
func flagsOf(t *testing.T, args ...string) *connect.Flags {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	f := connect.NewFlags(set, "test/1", func(string) {}, nil)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f
}

// What is wrong with the flags of the connection is a usage error; what is
// wrong with the kubeconfig is none.
func TestErrors(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	const server = "{server: 'https://127.0.0.1:1'}"
	file := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := kubeconfigOf(t, server, "{token: x}")
	impersonates := kubeconfigOf(t, server, "{token: x, as: jane}")
	noUser := kubeconfigOf(t, server, "{as-groups: [g]}")
	proxied := kubeconfigOf(t, "{server: 'https://127.0.0.1:1', proxy-url: 'ftp://jane:s3cret@proxy'}", "{token: x}")
	for _, test := range []struct {
		kubeconfig string
		flags      []string
		code       int
		message    string
		hint       string
	}{
		{good, nil, 0, "", ""},
		{good, []string{"--request-timeout=1m"}, 0, "", ""},
		{good, []string{"--request-timeout=0"}, 0, "", ""},
		{good, []string{"--request-timeout=abc"}, 2, `invalid --request-timeout "abc": must be seconds or a duration`, "30s"},
		{good, []string{"--request-timeout=-1s"}, 2, `invalid --request-timeout "-1s"`, "30s"},
		{good, []string{"--request-timeout=-1"}, 2, `invalid --request-timeout "-1"`, "30s"},
		{good, []string{"--as=jane", "--as-group=g"}, 0, "", ""},
		{good, []string{"--as=jane", "--as-user-extra=k=v"}, 0, "", ""},
		{good, []string{"--as=jane", "--as-user-extra=k"}, 2, `invalid --as-user-extra "k": must be KEY=VALUE`, "scopes=view"},
		{good, []string{"--as=jane", "--as-user-extra==v"}, 2, `invalid --as-user-extra "=v": must be KEY=VALUE`, "scopes=view"},
		{good, []string{"--as-group=g"}, 2, "invalid --as-group: ", "--as-group, --as-uid and --as-user-extra require --as"},
		{good, []string{"--as-uid=1"}, 2, "invalid --as-uid: ", "require --as"},
		{good, []string{"--as-user-extra=k=v"}, 2, "invalid --as-user-extra: ", "require --as"},
		{impersonates, []string{"--as-group=g"}, 0, "", ""},
		{"", []string{"--as-group=g", "--server=https://127.0.0.1:1"}, 2, "invalid --as-group, --server: ", "require --as"},
		{good, []string{"--client-certificate=" + file}, 2, "invalid --client-certificate: ", "kubectl iris options describes these flags"},
		{good, []string{"--certificate-authority=/no/such/file"}, 2, "invalid --certificate-authority: ", "describes these flags"},
		{good, []string{"--proxy-url=ftp://jane:s3cret@proxy"}, 2, "invalid --proxy-url: ", "describes these flags"},
		{good, []string{"--server=https://bad host"}, 2, "invalid --server: ", "describes these flags"},
		{good, []string{"--as=jane", "--server=https://bad host"}, 2, "invalid --as, --server: ", "describes these flags"},
		{good, []string{"--context=nope"}, 1, "the kubeconfig cannot be used: ", "--context chooses another context"},
		{good, []string{"--user=nope"}, 1, "the kubeconfig cannot be used: ", "kubectl config view shows it"},
		{noUser, nil, 1, "the kubeconfig cannot be used: ", "kubectl config view shows it"},
		{noUser, []string{"--token=y"}, 1, "the kubeconfig cannot be used: ", "kubectl config view shows it"},
		{proxied, nil, 1, "the kubeconfig cannot be used: ", "kubectl config view shows it"},
		{file + ".none", nil, 1, "the kubeconfig cannot be used: ", "kubectl config view shows it"},
		{kubeconfigOf(t, "{}", "{}"), nil, 0, "", ""},
		{"", nil, 0, "", ""}, // kubectl's default, localhost:8080
	} {
		args := test.flags
		if test.kubeconfig != "" {
			args = append(args, "--kubeconfig="+test.kubeconfig)
		}
		f := flagsOf(t, args...)
		err := f.Validate()
		if err == nil {
			_, err = f.Client(t.Context())
		}
		if _, without := f.ClientWithoutTerminal(t.Context()); err == nil && without != nil {
			t.Errorf("%q: without a terminal: %v", args, without)
		}
		if test.code == 0 && err == nil {
			continue
		}
		if err == nil || problem.ExitCode(err) != test.code || !strings.HasPrefix(err.Error(), test.message) || !strings.Contains(problem.HintOf(err), test.hint) {
			t.Errorf("%q: %v, exit code %d, hint %q", args, err, problem.ExitCode(err), problem.HintOf(err))
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: a password is printed: %v", args, err)
		}
	}
}

func TestNamespace(t *testing.T) {
	path := kubeconfigOf(t, "{server: 'https://127.0.0.1:1'}", "{token: x}")
	for want, args := range map[string][]string{"iko": nil, "other": {"--namespace=other"}} {
		if got, err := flagsOf(t, append(args, "--kubeconfig="+path)...).Namespace(); err != nil || got != want {
			t.Errorf("%q: %q, %v", args, got, err)
		}
	}
	if _, err := flagsOf(t, "--kubeconfig="+path+".none").Namespace(); err == nil || problem.HintOf(err) == "" {
		t.Errorf("a kubeconfig that is missing: %v", err)
	}
}

// A command's reads are bounded, unless --request-timeout bounds each request.
func TestWithTimeout(t *testing.T) {
	for _, test := range []struct {
		args    []string
		bounded bool
	}{{nil, true}, {[]string{"--request-timeout="}, true}, {[]string{"--request-timeout=1s"}, false}, {[]string{"--request-timeout=0"}, false}} {
		ctx, cancel := flagsOf(t, test.args...).WithTimeout(t.Context())
		deadline, bounded := ctx.Deadline()
		if left := time.Until(deadline); bounded != test.bounded || bounded && (left < 20*time.Second || left > 30*time.Second) {
			t.Errorf("%q: bounded %v, %v left", test.args, bounded, left)
		}
		if cancel(); ctx.Err() == nil {
			t.Errorf("%q: it cannot be canceled", test.args)
		}
	}
}

// The server's warnings are passed on once each, whichever client gets them.
func TestWarnings(t *testing.T) {
	var agents []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agents = append(agents, r.UserAgent())
		for _, warning := range []string{`299 - "old API"`, `299 - "old API"`, `299 - "no quota"`, `299 - ""`, `199 - "a proxy"`} {
			w.Header().Add("Warning", warning)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind": "ServiceList", "apiVersion": "v1", "items": []}`))
	}))
	defer server.Close()
	var got []string
	wrapped := 0
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	f := connect.NewFlags(set, "test/1", func(line string) { got = append(got, line) }, func(c *rest.Config) *rest.Config {
		wrapped++
		return c
	})
	if err := set.Parse([]string{"--kubeconfig=" + kubeconfigOf(t, "{server: '"+server.URL+"'}", "{token: x}")}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		client, err := f.Client(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Services(t.Context(), "iko"); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, []string{"old API", "no quota"}) || wrapped != 2 || !slices.Equal(agents, []string{"test/1", "test/1"}) {
		t.Errorf("warnings %q, wrapped %d times, agents %q", got, wrapped, agents)
	}
}

// The client library logs nothing, unless -v asks for it.
func TestWithoutLog(t *testing.T) {
	var out bytes.Buffer
	klog.LogToStderr(false)
	klog.SetOutput(&out)
	t.Cleanup(func() { klog.LogToStderr(true) })
	for _, verbosity := range []string{"--v=0", "--v=1"} {
		flagsOf(t, verbosity)
		klog.FromContext(connect.WithoutLog(context.Background())).Info("said at " + verbosity)
	}
	flagsOf(t, "--v=0")
	klog.Flush()
	if got := out.String(); strings.Contains(got, "--v=0") || !strings.Contains(got, "--v=1") {
		t.Errorf("logged: %q", got)
	}
}
