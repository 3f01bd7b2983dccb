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

// Whatever is wrong with a command is said in one line, with the next step in
// another and the right exit code, and nothing in the cluster changes.
func TestBadInput(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.applyDocument(strings.ReplaceAll(otherMirror, "NAME", "other"))
	e.makePlainPod("web")
	e.run("expose-sidecar", "simple", "--role=primary").exits(0)
	before := e.versions()
	long := strings.Repeat("a", 64)
	const status, sidecar, pod = "status", "expose-sidecar", "expose-pod"
	for _, test := range []struct {
		args []string
		code int
		says []string
	}{
		// Names
		{[]string{status, "nope"}, 1, []string{`IrisCluster "nope" not found in namespace`, `"other"`, `"simple"`}},
		{[]string{status, "nope", "neither"}, 1, []string{`"neither", "nope"`, `"simple"`}},
		{[]string{sidecar, "nope", "--role=backup"}, 1, []string{`IrisCluster "nope" not found in namespace`, `"other"`, `"simple"`}},
		{[]string{status, "a b"}, 2, []string{`"a b"`}},
		{[]string{status, "UPPER"}, 2, []string{`"UPPER"`}},
		{[]string{status, "simple,other"}, 2, []string{`"simple,other"`}},
		{[]string{status, strings.Repeat("a", 254)}, 2, []string{"name"}},
		{[]string{status, strings.Repeat("a", 70)}, 2, []string{strings.Repeat("a", 70)}},
		{[]string{sidecar, "a b", "--role=backup"}, 2, []string{`"a b"`}},
		{[]string{sidecar, strings.Repeat("a", 70), "--role=backup"}, 2, []string{strings.Repeat("a", 70)}},
		{[]string{sidecar, "", "--role=backup"}, 2, []string{`""`}},
		{[]string{sidecar, "simple", "other"}, 2, []string{"at most 1 argument"}},
		{[]string{pod, "nope"}, 1, []string{`"nope"`, "simple-data-0-0"}},
		{[]string{pod, "web"}, 1, []string{`pod "web"`, "not one of an IrisCluster"}},
		{[]string{pod, "a b"}, 1, []string{`"a b"`}},
		{[]string{pod, "--all", "--cluster=a b"}, 2, []string{`"a b"`}},
		{[]string{"unexpose", "nope"}, 1, []string{`"nope"`, "simple-sidecar-primary"}},
		{[]string{"unexpose", "a b"}, 1, []string{`"a b"`}},
		{[]string{status, "-n", "no-such-namespace-here", "simple"}, 1, []string{`"simple" not found in namespace "no-such-namespace-here"`}},
		// The Service's name
		{[]string{sidecar, "simple", "--role=backup", "--name=" + long}, 2, []string{"--name"}},
		{[]string{sidecar, "simple", "--role=backup", "--name=Upper"}, 2, []string{"--name", `"Upper"`}},
		{[]string{sidecar, "simple", "--role=backup", "--name=1st"}, 2, []string{"--name", `"1st"`}},
		{[]string{sidecar, "simple", "--role=backup", "--name=simple"}, 2, []string{"--name", `"simple"`, "IKO"}},
		{[]string{sidecar, "simple", "--role=backup", "--name=simple-webgateway"}, 2, []string{"--name", "IKO"}},
		{[]string{sidecar, "simple", "--role=backup", "--name=iris-svc"}, 2, []string{"--name", "IKO"}},
		{[]string{pod, "simple-data-0-1", "--name=simple"}, 2, []string{"--name", "IKO"}},
		// Ports
		{[]string{sidecar, "simple", "--role=backup", "--port=0"}, 2, []string{"--port", "0", "between 1 and 65535"}},
		{[]string{sidecar, "simple", "--role=backup", "--port=65536"}, 2, []string{"--port", "65536"}},
		{[]string{sidecar, "simple", "--role=backup", "--port=81:65536"}, 2, []string{"--port", "65536"}},
		{[]string{sidecar, "simple", "--role=backup", "--port=-1"}, 2, []string{"--port", "-1"}},
		{[]string{sidecar, "simple", "--role=backup", "--port=81", "--port=81:8080"}, 2, []string{"--port", "81/TCP is given twice"}},
		{[]string{sidecar, "simple", "--role=backup", "--port=a=81", "--port=a=82"}, 2, []string{"--port", `"a"`}},
		{[]string{sidecar, "simple", "--role=backup", "--port=81:80:80"}, 2, []string{"--port", "the form is"}},
		{[]string{sidecar, "simple", "--role=backup", "--port="}, 2, []string{"--port", "the form is"}},
		{[]string{sidecar, "simple", "--role=backup", "--port=81/ICMP"}, 2, []string{"--port", `"ICMP"`}},
		{[]string{sidecar, "simple", "--role=backup", "--port=UP=81"}, 2, []string{"--port", `"UP"`}},
		{[]string{sidecar, "simple", "--role=backup", "--type=NodePort", "--node-port=1"}, 1, []string{"nodePort"}},
		{[]string{sidecar, "simple", "--role=backup", "--type=NodePort", "--node-port=70000"}, 2, []string{"--node-port"}},
		{[]string{sidecar, "simple", "--role=backup", "--type=ClusterIP", "--node-port=30000"}, 2, []string{"--node-port", "ClusterIP"}},
		// What is exposed
		{[]string{sidecar, "simple"}, 2, []string{"--role", "primary, backup"}},
		{[]string{sidecar, "simple", "--role=async"}, 2, []string{"--role", `"async"`, "primary, backup"}},
		{[]string{sidecar, "simple", "--role=backup", "--shard=7"}, 2, []string{"--shard", `"7"`, "0"}},
		{[]string{sidecar, "simple", "--role=backup", "--component=arbiter"}, 2, []string{"--component", `"arbiter"`, "data, compute"}},
		{[]string{sidecar, "simple", "--role=backup", "--component=compute"}, 2, []string{"--role", "compute"}},
		{[]string{sidecar, "simple", "--component=compute"}, 1, []string{"compute"}},
		{[]string{pod}, 2, []string{"a pod name or --all is required"}},
		{[]string{pod, "simple-data-0-0", "--all"}, 2, []string{"--all"}},
		{[]string{pod, "simple-data-0-0", "simple-data-0-1", "--name=x"}, 2, []string{"--name"}},
		{[]string{pod, "simple-data-0-0", "--component=data"}, 2, []string{"--component", "--all"}},
		{[]string{pod, "simple-data-0-0", "--role=backup"}, 2, []string{"--role"}},
		{[]string{"unexpose"}, 2, []string{"a Service, a pod, a cluster with --role, or --all is required"}},
		{[]string{"unexpose", "--all", "x"}, 2, []string{"--all"}},
		{[]string{"unexpose", "--role=backup", "simple", "other"}, 2, []string{"one cluster"}},
		// Selector
		{[]string{sidecar, "simple", "--role=backup", "--selector=x"}, 2, []string{"--selector", `"x"`}},
		{[]string{sidecar, "simple", "--role=backup", "--selector=a b=c"}, 2, []string{"--selector", `"a b"`}},
		{[]string{sidecar, "simple", "--role=backup", "--selector=nope-"}, 2, []string{"--selector", "nope-"}},
		{[]string{sidecar, "simple", "--role=backup", "--selector=intersystems.com/name-"}, 2, []string{"--selector", "other-data-0-1"}},
		{[]string{pod, "simple-data-0-0", "--selector=intersystems.com/name=other"}, 2, []string{"--selector"}},
		// Other flags
		{[]string{sidecar, "simple", "--role=backup", "--type=ExternalName"}, 2, []string{"--type", "ClusterIP, NodePort, LoadBalancer"}},
		{[]string{sidecar, "simple", "--role=backup", "--session-affinity=Maybe"}, 2, []string{"--session-affinity"}},
		{[]string{sidecar, "simple", "--role=backup", "--external-traffic-policy=Near"}, 2, []string{"--external-traffic-policy"}},
		{[]string{sidecar, "simple", "--role=backup", "--ip-family-policy=None"}, 2, []string{"--ip-family-policy"}},
		{[]string{sidecar, "simple", "--role=backup", "--load-balancer-source-ranges=10.0.0.0/33"}, 2, []string{"--load-balancer-source-ranges", "10.0.0.0/33"}},
		{[]string{sidecar, "simple", "--role=backup", "--load-balancer-class=a b"}, 2, []string{"--load-balancer-class"}},
		{[]string{sidecar, "simple", "--role=backup", "--label=x"}, 2, []string{"--label", "KEY=VALUE"}},
		{[]string{sidecar, "simple", "--role=backup", "--label=app.kubernetes.io/managed-by=me"}, 2, []string{"--label"}},
		{[]string{sidecar, "simple", "--role=backup", "--annotation=a b=c"}, 2, []string{"--annotation"}},
		{[]string{sidecar, "simple", "--role=backup", "--dry-run=maybe"}, 2, []string{"--dry-run", "none, client, server"}},
		{[]string{sidecar, "simple", "--role=backup", "--wait", "--dry-run=server"}, 2, []string{"--wait"}},
		{[]string{sidecar, "simple", "--role=backup", "--wait", "--timeout=0s"}, 2, []string{"--timeout"}},
		{[]string{sidecar, "simple", "--role=backup", "--wait", "--timeout=soon"}, 2, []string{"--timeout"}},
		{[]string{"unexpose", "--all", "--wait", "--dry-run=client"}, 2, []string{"--wait"}},
		{[]string{"unexpose", "--all", "-o", "yaml"}, 2, []string{"output", "name"}},
		{[]string{status, "-o", "table"}, 2, []string{"table", "json", "wide"}},
		{[]string{status, "-o", "jsonpath={.items["}, 2, []string{"--output"}},
		{[]string{"exposed", "-o", "table"}, 2, []string{"table", "json", "url"}},
		{[]string{sidecar, "simple", "--role=backup", "-o", "table"}, 2, []string{"table", "yaml"}},
		{[]string{status, "-l", "a in b"}, 2, []string{"--selector", "a in b"}},
		{[]string{status, "-A", "simple"}, 2, []string{"--all-namespaces"}},
		{[]string{status, "-l", "a=b", "simple"}, 2, []string{"--selector"}},
		{[]string{status, "--color=pink"}, 2, []string{"color", "pink"}},
		{[]string{status, "--nope"}, 2, []string{"--nope", "status --help"}},
		{[]string{"exposed", "x"}, 2, []string{"exposed"}},
		{[]string{"nope"}, 2, []string{`unknown command "nope"`}},
		{[]string{"statsu"}, 2, []string{`unknown command "statsu"`, "status"}},
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
