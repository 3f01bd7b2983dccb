package integration_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
)

// A command that fails says why in one line, with the next step in another and the
// right exit code, and nothing in the cluster changes. The golden tests of pkg/cli
// have what needs no real server.
func TestBadInput(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.applyDocument(strings.ReplaceAll(otherMirror, "NAME", "other"))
	e.makePlainPod("web")
	e.run("expose-sidecar", "simple", "--role=primary").exits(0)
	before := e.versions()
	for _, test := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"status", "nope"}, 1, []string{`IrisCluster "nope" not found in namespace`, `"other"`, `"simple"`}},
		{[]string{"status", "-n", "no-such-namespace-here", "simple"}, 1, []string{`"simple" not found in namespace "no-such-namespace-here"`}},
		{[]string{"expose-sidecar", "nope", "--role=backup"}, 1, []string{`IrisCluster "nope" not found in namespace`, `"other"`, `"simple"`}},
		{[]string{"expose-sidecar", "simple", "--role=backup", "--selector=intersystems.com/name-"}, 2, []string{"--selector", "other-data-0-1"}},
		{[]string{"expose-sidecar", "simple", "--role=backup", "--type=NodePort", "--node-port=1"}, 1, []string{"nodePort"}},
		{[]string{"expose-pod", "web"}, 1, []string{`pod "web"`, "not one of an IrisCluster"}},
		{[]string{"unexpose", "nope"}, 1, []string{`"nope"`, "simple-sidecar-primary"}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			e.in(t).run(test.args...).fails(test.code, test.says...)
		})
	}
	// Subtests run in parallel, and end before what follows a group of them.
	t.Cleanup(func() { e.afterwards().unchanged(before) })
}

// afterwards is the env for a cleanup, when the test's own context has ended.
func (e *env) afterwards() *env {
	with := *e
	with.ctx = e.background
	return &with
}

// makePlainPod makes a pod that has nothing to do with IRIS.
func (e *env) makePlainPod(name string) {
	e.Helper()
	_, err := e.core.CoreV1().Pods(e.namespace).Create(e.ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		// Nobody looks after pods of this scheduler, so it stays as it is.
		Spec: corev1.PodSpec{SchedulerName: "nobody", Containers: []corev1.Container{{Name: "main", Image: "none"}}},
	}, metav1.CreateOptions{})
	e.must(err)
}

// every command that talks to the server.
func everyCommand() [][]string {
	return [][]string{
		{"status"},
		{"status", "simple"},
		{"status", "-A"},
		{"status", "-w"},
		{"status", "simple", "-w"},
		{"expose-sidecar", "simple", "--role=backup"},
		{"expose-sidecar", "--role=backup"},
		{"expose-pod", "simple-data-0-0"},
		{"expose-pod", "--all"},
		{"exposed"},
		{"unexpose", "simple-sidecar-backup"},
		{"unexpose", "--all"},
	}
}

// A server that cannot be reached, or does not accept the credentials.
func TestNoServer(t *testing.T) {
	t.Parallel()
	e := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	refusing := listener.Addr().String()
	e.must(listener.Close())

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	t.Cleanup(func() { _ = silent.Close() })

	expired, err := cluster.NewUser(e.namespace+"-expired", nil, time.Now().Add(-time.Hour))
	e.must(err)
	nobody := e.user("nobody", nil)
	for name, test := range map[string]struct {
		env   *env
		flags []string
		says  []string
	}{
		"refused":   {e, []string{"--server=https://" + refusing}, []string{"cannot reach the API server at https://" + refusing, "connection refused"}},
		"no host":   {e, []string{"--server=https://no-such-host.invalid"}, []string{"no-such-host.invalid"}},
		"silent":    {e, []string{"--server=https://" + silent.Addr().String(), "--request-timeout=1s"}, []string{"no answer from https://" + silent.Addr().String()}},
		"expired":   {e.as(expired.Kubeconfig), nil, []string{"does not accept your credentials", "log in again"}},
		"forbidden": {nobody, nil, []string{"forbidden", "ask for the right"}},
	} {
		for _, args := range everyCommand() {
			t.Run(name+" "+strings.Join(args, " "), func(t *testing.T) {
				t.Parallel()
				test.env.in(t).run(append(args, test.flags...)...).fails(1, test.says...)
			})
		}
	}
}

// A kubeconfig that is of no use.
func TestBadKubeconfig(t *testing.T) {
	t.Parallel()
	e := setup(t)
	missing := filepath.Join(t.TempDir(), "missing")
	broken := filepath.Join(t.TempDir(), "broken")
	e.must(os.WriteFile(broken, []byte("clusters: {"), 0o600))
	noContext := filepath.Join(t.TempDir(), "no-context")
	e.must(localkube.WriteKubeconfig(noContext, cluster.Config, ""))
	for name, test := range map[string]struct {
		kubeconfig string
		flags      []string
		says       []string
	}{
		"missing":    {missing, nil, []string{"kubeconfig"}},
		"broken":     {broken, nil, []string{"kubeconfig"}},
		"no context": {noContext, []string{"--context=nope"}, []string{"nope", "--context"}},
	} {
		for _, args := range everyCommand() {
			t.Run(name+" "+strings.Join(args, " "), func(t *testing.T) {
				t.Parallel()
				e.in(t).as(test.kubeconfig).run(append(args, test.flags...)...).fails(1, test.says...)
			})
		}
	}
}
