package integration_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

const (
	first  = "simple-data-0-0"
	second = "simple-data-0-1"
)

// The values of the metric of a member's mirror status.
const (
	notInitialized = 1
	isPrimary      = 2
	isBackup       = 3
	inTransition   = 5
)

// mirror plays IRIS in the pods, in which nothing runs on a control plane without
// nodes: it answers for their metrics, and passes on everything else.
type mirror struct {
	mu sync.Mutex
	// says holds the mirror status of pods; 0 for one that does not answer.
	says map[string]int
	// onWrite is called with the number of a label that is to be written, from
	// 1, before it is. With an error the request is not answered.
	onWrite func(n int) error
	writes  int
}

var metricsOf = regexp.MustCompile(`/pods/([^/:]+):\d+/proxy` + iris.MetricsPath + `$`)

// before returns the mirror in front of a way to the API server.
func (m *mirror) before(next http.RoundTripper) http.RoundTripper { return mirrored{m, next} }

type mirrored struct {
	*mirror
	next http.RoundTripper
}

func (m mirrored) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch && !r.URL.Query().Has("dryRun") {
		if err := m.written(); err != nil {
			return nil, err
		}
	}
	if pod := metricsOf.FindStringSubmatch(r.URL.Path); pod != nil {
		if status := m.statusOf(pod[1]); status != 0 {
			return metricsPage(r, status), nil
		}
	}
	return m.next.RoundTrip(r)
}

func (m *mirror) written() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if m.onWrite == nil {
		return nil
	}
	return m.onWrite(m.writes)
}

func (m *mirror) statusOf(pod string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.says[pod]
}

// becomes has IRIS in the pods say something else.
func (m *mirror) becomes(says map[string]int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.says = says
}

func metricsPage(r *http.Request, status int) *http.Response {
	body := fmt.Sprintf("iris_mirror_status %d\niris_mirror_member_type 3\n", status)
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"text/plain"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

// failedOver sets up the article's cluster after a failover that the labels did
// not follow.
func failedOver(t *testing.T) (*env, *mirror) {
	t.Helper()
	e := article(t)
	e.settle()
	e.freezeLabels("simple")
	e.labelRole(first, "primary")
	e.labelRole(second, "backup")
	m := &mirror{says: map[string]int{first: isBackup, second: isPrimary}}
	return e.through(m.before), m
}

// roles returns the role labels of both members.
func (e *env) roles() map[string]string {
	e.Helper()
	roles := map[string]string{}
	for _, name := range []string{first, second} {
		pod, err := e.core.CoreV1().Pods(e.namespace).Get(e.ctx, name, metav1.GetOptions{})
		e.must(err)
		roles[name] = pod.Labels[iris.LabelMirrorRole]
	}
	return roles
}

func (e *env) hasRoles(firstRole, secondRole string) {
	e.Helper()
	if diff := cmp.Diff(map[string]string{first: firstRole, second: secondRole}, e.roles()); diff != "" {
		e.Errorf("role labels (-want +got):\n%s", diff)
	}
}

// interruptible returns the env with a context of its own.
func (e *env) interruptible() (*env, context.CancelFunc) {
	with := *e
	ctx, stop := context.WithCancel(e.ctx)
	with.ctx = ctx
	return &with, stop
}

// Without conclusive answers no label is touched.
func TestRelabelRefuses(t *testing.T) {
	t.Parallel()
	e, m := failedOver(t)
	before := e.versions()
	for name, test := range map[string]struct {
		says  map[string]int
		parts []string
	}{
		"neither answers":             {nil, []string{`IRIS in pod "` + first + `" gave no conclusive answer: no label of IrisCluster "simple"`}},
		"the ready one is silent":     {map[string]int{second: isPrimary}, []string{`IRIS in pod "` + first + `" gave no conclusive answer`, "--force"}},
		"one is in transition":        {map[string]int{first: isBackup, second: inTransition}, []string{`IRIS in pod "` + second + `" is in transition: no label`, "it says Failover/Transition"}},
		"one is not initialized":      {map[string]int{first: isBackup, second: notInitialized}, []string{`IRIS in pod "` + second + `" gave no conclusive answer`}},
		"both say that they are it":   {map[string]int{first: isPrimary, second: isPrimary}, []string{"IRIS says Primary in pod"}},
		"neither is, one labelled so": {map[string]int{first: isBackup, second: isBackup}, []string{`pod "` + first + `" keeps the label primary`}},
	} {
		t.Run(name, func(t *testing.T) {
			m.becomes(test.says)
			e.in(t).run("relabel", "simple", "--yes").fails(1, test.parts...)
		})
	}
	e.unchanged(before)
}

func TestRelabel(t *testing.T) {
	t.Parallel()
	e, m := failedOver(t)
	e.run("expose-sidecar", "simple", "--role=backup").exits(0)
	changes := []string{
		"pod/" + first + " labeled backup: IRIS says Failover/Backup (was primary)",
		"pod/" + second + " labeled primary: IRIS says Failover/Primary (was backup)",
	}
	preview := []string{
		`note: service "simple" selects: ` + first + " -> " + second,
		`note: service "simple-sidecar-backup" selects: ` + second + " -> " + first,
	}
	before := e.versions()
	tried := e.run("relabel", "simple", "--dry-run=client").exits(0).prints(changes[0]+" (dry run)", changes[1]+" (dry run)")
	e.run("relabel", "simple", "--dry-run=server").exits(0).prints(changes[0]+" (server dry run)", changes[1]+" (server dry run)")
	e.run("relabel", "simple").fails(2, "--yes is required because stdin is not a terminal")
	e.unchanged(before)

	done := e.run("relabel", "simple", "--yes").exits(0).prints(changes...)
	e.hasRoles("backup", "primary")
	for _, r := range []result{tried, done} {
		for _, line := range preview {
			if !strings.Contains(r.stderr, line+"\n") {
				t.Errorf("%q: %q is not in\n%s", r.args, line, r.stderr)
			}
		}
	}
	e.run("relabel", "simple", "--yes").exits(0).prints("nothing to change: the labels are as IRIS says")

	// Who may not read Services changes labels all the same.
	m.becomes(map[string]int{first: isPrimary, second: isBackup})
	user := e.user("relabeler", rights{"get irisclusters.intersystems.com", "list,patch pods", "get pods/proxy"})
	r := user.run("relabel", "simple", "--yes").exits(0)
	if want := "note: cannot list services in namespace \"" + e.namespace + "\": forbidden, so Services are not shown\n"; !strings.Contains(r.stderr, want) {
		t.Errorf("%q is not in\n%s", want, r.stderr)
	}
	e.hasRoles("primary", "backup")
}

// The pod of a lost node cannot end, and keeps its label until it is taken off.
func TestRelabelLostNode(t *testing.T) {
	t.Parallel()
	e, m := failedOver(t)
	e.labelRole(second, "primary")
	m.becomes(map[string]int{second: isPrimary})
	e.patchPod(first, `{"metadata":{"finalizers":["example.com/lost-node"]}}`)
	t.Cleanup(func() {
		e.ctx = e.background
		e.patchPod(first, `{"metadata":{"finalizers":null}}`)
	})
	e.deletePod(first)
	e.run("relabel", "simple", "--yes").exits(0).prints(
		"pod/" + first + ` unlabeled: IRIS in pod "` + second + `" says Failover/Primary; this pod does not answer and is being deleted (was primary)`)
	e.hasRoles("", "primary")
}

// A silent member whose pod is ready loses its label only if that is forced.
func TestRelabelForce(t *testing.T) {
	t.Parallel()
	e, m := failedOver(t)
	m.becomes(map[string]int{second: isPrimary})
	e.run("relabel", "simple", "--yes").fails(1, "gave no conclusive answer")
	e.hasRoles("primary", "backup")
	r := e.run("relabel", "simple", "--yes", "--force").exits(0)
	if risk := `warning: pod "` + first + `" is ready and IRIS in it does not say what it is: if it still is a primary`; !strings.Contains(r.stderr, risk) {
		t.Errorf("%q is not in\n%s", risk, r.stderr)
	}
	e.hasRoles("", "primary")
}

// An interrupt between the two writes does not leave the mirror without a
// labelled primary.
func TestRelabelInterrupted(t *testing.T) {
	t.Parallel()
	e, m := failedOver(t)
	run, stop := e.interruptible()
	m.onWrite = func(n int) error {
		if n == 2 {
			stop()
		}
		return nil
	}
	r := run.run("relabel", "simple", "--yes").exits(0)
	if !strings.Contains(r.stderr, "the interrupt came after the first label was written") || len(r.rows()) != 2 {
		t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
	}
	e.hasRoles("backup", "primary")

	// Before the first one it leaves everything as it is.
	run, stop = e.interruptible()
	m.becomes(map[string]int{first: isPrimary, second: isBackup})
	stop()
	run.run("relabel", "simple", "--yes").exits(130)
	e.hasRoles("backup", "primary")
}

// A pod that changes between reading and writing is read again, and the plan
// goes on; also between the two writes.
func TestRelabelConflict(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprintf("before write %d", n), func(t *testing.T) {
			t.Parallel()
			e, m := failedOver(t)
			m.onWrite = func(write int) error {
				if write == n {
					e.patchPod([]string{first, second}[n-1], `{"metadata":{"annotations":{"example.com/touched":"yes"}}}`)
				}
				return nil
			}
			e.run("relabel", "simple", "--yes").exits(0)
			e.hasRoles("backup", "primary")
		})
	}
	t.Run("another writer undoes a change", func(t *testing.T) {
		t.Parallel()
		e, m := failedOver(t)
		m.onWrite = func(write int) error {
			if write == 2 {
				e.patchPod(first, `{"metadata":{"labels":{"intersystems.com/mirrorRole":"primary"}}}`)
			}
			return nil
		}
		e.run("relabel", "simple", "--yes").exits(0)
		e.hasRoles("backup", "primary")
	})
}

// If the server goes away in between, the command says how things are and what
// completes them.
func TestRelabelServerGone(t *testing.T) {
	t.Parallel()
	e, m := failedOver(t)
	m.onWrite = func(n int) error {
		if n > 1 {
			return errors.New("connection refused")
		}
		return nil
	}
	r := e.run("relabel", "simple", "--yes").exits(1)
	r.blames("1 of 2 labels of IrisCluster \"simple\"", `pod "`+first+`" is labelled backup, pod "`+second+`"`, "kubectl iris relabel simple -n "+e.namespace+" --yes")
	r.prints("pod/" + first + " labeled backup: IRIS says Failover/Backup (was primary)")
	m.onWrite = nil
	e.run("relabel", "simple", "--yes").exits(0)
	e.hasRoles("backup", "primary")
}

// A result that cannot be written is reported, once the labels are set.
func TestRelabelFullDisk(t *testing.T) {
	t.Parallel()
	e, _ := failedOver(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	e.must(err)
	defer func() { _ = full.Close() }()
	var stderr strings.Builder
	code := e.runInto(full, &stderr, "relabel", "simple", "--yes")
	if code != 1 || !strings.Contains(stderr.String(), "no space left on device") {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
	e.hasRoles("backup", "primary")
}

// program is the real program, as it is started from a shell.
type program struct {
	*env
	path, kubeconfig string
}

// built builds the program, and has its requests pass the mirror.
func (e *env) built(m *mirror) program {
	e.Helper()
	p := program{e, filepath.Join(e.TempDir(), "kubectl-iris"), filepath.Join(e.TempDir(), "kubeconfig")}
	build := exec.CommandContext(e.ctx, "go", "build", "-C", "../..", "-o", p.path, "./cmd/kubectl-iris")
	if output, err := build.CombinedOutput(); err != nil {
		e.Fatalf("%v\n%s", err, output)
	}
	transport, err := rest.TransportFor(cluster.Config)
	e.must(err)
	server, err := url.Parse(cluster.Config.Host)
	e.must(err)
	front := httptest.NewServer(&httputil.ReverseProxy{Transport: m.before(transport), Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(server) }})
	e.Cleanup(front.Close)
	config := clientcmdapi.NewConfig()
	config.Clusters["front"] = &clientcmdapi.Cluster{Server: front.URL}
	config.Contexts["front"] = &clientcmdapi.Context{Cluster: "front", Namespace: e.namespace}
	config.CurrentContext = "front"
	e.must(clientcmd.WriteToFile(*config, p.kubeconfig))
	return p
}

func (p program) command(name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(p.ctx, name, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+p.kubeconfig, "PLUGIN="+p.path)
	return command
}

// A reader that has seen enough does not end the program between two writes.
func TestRelabelIntoHead(t *testing.T) {
	t.Parallel()
	e, m := failedOver(t)
	p := e.built(m)
	for _, test := range []struct {
		script        string
		says          map[string]int
		first, second string
	}{
		{`"$PLUGIN" relabel simple --yes | head -1`, map[string]int{first: isBackup, second: isPrimary}, "backup", "primary"},
		{`"$PLUGIN" relabel simple --yes | true`, map[string]int{first: isPrimary, second: isBackup}, "primary", "backup"},
		{`"$PLUGIN" relabel simple --yes >&- 2>&-`, map[string]int{first: isBackup, second: isPrimary}, "backup", "primary"},
	} {
		m.becomes(test.says)
		output, _ := p.command("sh", "-c", test.script).CombinedOutput()
		t.Logf("%s\n%s", test.script, output)
		e.hasRoles(test.first, test.second)
	}

	// stdout breaks while the labels are written: that is an error, afterwards.
	m.becomes(map[string]int{first: isPrimary, second: isBackup})
	reader, writer, err := os.Pipe()
	e.must(err)
	e.must(reader.Close())
	command := p.command(p.path, "relabel", "simple", "--yes")
	var stderr strings.Builder
	command.Stdout, command.Stderr = writer, &stderr
	var exit *exec.ExitError
	if err := command.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(stderr.String(), "broken pipe") {
		t.Errorf("%v\n%s", err, stderr.String())
	}
	e.hasRoles("primary", "backup")
}

// Neither an impatient person nor a terminal that goes away ends the program
// between two writes.
func TestRelabelSignals(t *testing.T) {
	t.Parallel()
	e, m := failedOver(t)
	p := e.built(m)
	command := p.command(p.path, "relabel", "simple", "--yes")
	stdout, err := command.StdoutPipe()
	e.must(err)
	m.onWrite = func(n int) error {
		if n != 2 {
			return nil
		}
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGHUP, syscall.SIGQUIT} {
			if err := command.Process.Signal(signal); err != nil {
				return err
			}
		}
		return nil
	}
	start := time.Now()
	e.must(command.Start())
	var lines []string
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	e.must(command.Wait())
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	if len(lines) != 2 || !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "pod/"+second+" labeled primary") }) {
		t.Errorf("stdout %q", lines)
	}
	e.hasRoles("backup", "primary")
}
