//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// noticed is how soon a forwarded port has to lead to a new holder of the role.
const noticed = time.Second

// The portal of the backup is the new backup's, soon after IRIS, or where IRIS
// may not be asked the label, says who that is.
func TestPortalFollowsTheRole(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		// prepare is what is done before, and gives the kubeconfig.
		prepare func(irisCluster) string
		// fail makes the members change their roles.
		fail func(irisCluster)
		// visible tells whether the new role of the pod can be seen.
		visible func(context.Context, irisCluster, string) bool
		words   string
	}{
		{
			name:    "the primary's pod is deleted",
			prepare: func(irisCluster) string { return cluster.Kubeconfig },
			fail:    func(c irisCluster) { c.deletePod(first) },
			visible: saysBackup,
			// The label may be there before the member is.
		},
		{
			name: "the labels are frozen",
			prepare: func(c irisCluster) string {
				c.annotate(standin.AnnotationLabels, "frozen")
				return cluster.Kubeconfig
			},
			fail:    func(c irisCluster) { c.iris(first, "iris", "restart", "IRIS") },
			visible: saysBackup,
			words:   " as IRIS says",
		},
		{
			name: "exec is forbidden",
			prepare: func(c irisCluster) string {
				return c.reacher("forwards", map[string]string{"pods": "get,list,watch", "irisclusters.intersystems.com": "get,list", "pods/portforward": "create"})
			},
			fail:    func(c irisCluster) { c.iris(first, "iris", "restart", "IRIS") },
			visible: labelledBackup,
			words:   " by its label",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, article)
			kubeconfig := test.prepare(c)
			p := start(t, c.commandAs(kubeconfig, "portal", "--role", "backup", "--no-open"))
			url := p.line()
			address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/csp/sys/UtilHome.csp")
			if got, err := getPortal(t.Context(), address); err != nil || got != (portal{Pod: second, Instance: "IRIS", Role: backup}) {
				t.Fatalf("%s shows %+v, %v", url, got, err)
			}
			// A keep-alive connection has to go, too, and does not keep the role.
			open, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = open.Close() }()
			if _, err := io.WriteString(open, "GET /csp/bin/mirror_status.cxw HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if _, err := open.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}

			seen := make(chan time.Time, 1)
			ctx, stop := context.WithTimeout(t.Context(), deadline)
			defer stop()
			test.fail(c)
			go func() {
				for ctx.Err() == nil && !test.visible(ctx, c, first) {
					time.Sleep(10 * time.Millisecond)
				}
				seen <- time.Now()
			}()
			var shown time.Time
			eventually(t, url, func(ctx context.Context) error {
				got, err := getPortal(ctx, address)
				if err != nil {
					return err
				}
				if got.Pod != first {
					return fmt.Errorf("%+v", got)
				}
				shown = time.Now()
				return nil
			})
			took := shown.Sub(<-seen)
			t.Logf("the portal is the new backup's %s after that could be seen", took.Round(time.Millisecond))
			if took > noticed {
				t.Errorf("it took %s", took)
			}
			p.eventuallySaid(fmt.Sprintf("backup of IrisCluster %q is now pod %q%s", c.name, first, test.words))
			_ = open.SetReadDeadline(time.Now().Add(deadline))
			if _, err := io.Copy(io.Discard, open); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the open connection: %v, want it broken", err)
			}
			p.interrupt()
			expectRefused(t, address)
		})
	}
}

// saysBackup asks the pod's stand-in for ISCAgent, faster than exec is.
func saysBackup(ctx context.Context, c irisCluster, pod string) bool {
	found, err := core.CoreV1().Pods(c.namespace).Get(ctx, pod, metav1.GetOptions{})
	if err != nil || found.Status.PodIP == "" {
		return false
	}
	body, err := get(ctx, "http://"+net.JoinHostPort(found.Status.PodIP, "2188")+"/member")
	var report struct {
		Up     bool
		Status string
	}
	return err == nil && json.Unmarshal([]byte(body), &report) == nil && report.Up && report.Status == "Backup"
}

func labelledBackup(ctx context.Context, c irisCluster, pod string) bool {
	found, err := core.CoreV1().Pods(c.namespace).Get(ctx, pod, metav1.GetOptions{})
	return err == nil && found.Labels[mirrorRole] == "backup"
}

func expectRefused(t *testing.T, address string) {
	t.Helper()
	if conn, err := net.DialTimeout("tcp", address, requestTimeout); err == nil {
		_ = conn.Close()
		t.Errorf("%s still listens", address)
	}
}

// reacher is somebody with these verbs on these resources in the namespace.
func (c irisCluster) reacher(name string, rights map[string]string) string {
	c.t.Helper()
	full := c.namespace + "-" + name
	user, err := cluster.NewUser(full, nil, time.Time{})
	if err != nil {
		c.t.Fatal(err)
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for resource, verbs := range rights {
		resource, group, _ := strings.Cut(resource, ".")
		role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: strings.Split(verbs, ",")})
	}
	rbac := core.RbacV1()
	if _, err := rbac.Roles(c.namespace).Create(c.t.Context(), role, metav1.CreateOptions{}); err != nil {
		c.t.Fatal(err)
	}
	if _, err := rbac.RoleBindings(c.namespace).Create(c.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: full}},
	}, metav1.CreateOptions{}); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, "the rights of "+full, func(ctx context.Context) error {
		_, err := c.tryKubectl("--kubeconfig="+user.Kubeconfig, "get", "pods")
		return err
	})
	return user.Kubeconfig
}

// Fifty connections at once carry a gigabyte without a wrong byte, beside
// kubectl's port-forward in the same run.
func TestThroughputBesideKubectl(t *testing.T) {
	c := newCluster(t, article)
	ours := start(t, c.command("port-forward", "data-0-0", "80"))
	oursAt, _, _ := strings.Cut(ours.line(), " ")
	theirsAt := c.kubectlPortForward(first, 80)

	compare := func(what string, connections, size, rounds int, one func(string, int) error) (ours, theirs time.Duration) {
		t.Helper()
		var took [2]time.Duration
		for range rounds {
			for i, address := range []string{oursAt, theirsAt} {
				took[i] += carry(t, address, connections, size, one)
			}
		}
		bytes := float64(rounds) * float64(connections) * float64(size)
		speed := func(d time.Duration) float64 { return bytes / (1 << 20) / d.Seconds() }
		t.Logf("%s: %.0f MiB/s, kubectl port-forward %.0f MiB/s, ratio %.2f", what, speed(took[0]), speed(took[1]), took[1].Seconds()/took[0].Seconds())
		return took[0], took[1]
	}
	took, theirs := compare("1 GiB down, 50 connections", 50, 1<<30/50/4, 4, download)
	if took > theirs*3/2 {
		t.Errorf("slower than kubectl: %s for what takes it %s", took, theirs)
	}
	compare("512 MiB up, 50 connections", 50, 1<<29/50/2, 2, upload)
	compare("256 MiB down, one connection", 1, 1<<27, 2, download)
	compare("256 MiB up, one connection", 1, 1<<27, 2, upload)

	var each [2]time.Duration
	const requests = 50
	for range requests {
		for i, address := range []string{oursAt, theirsAt} {
			each[i] += carry(t, address, 1, 1, download)
		}
	}
	t.Logf("a small request: %s, kubectl port-forward %s, ratio %.2f", (each[0] / requests).Round(10*time.Microsecond),
		(each[1] / requests).Round(10*time.Microsecond), each[1].Seconds()/each[0].Seconds())
}

// kubectlPortForward is the address of kubectl's own port-forward.
func (c irisCluster) kubectlPortForward(pod string, port int) string {
	c.t.Helper()
	p := start(c.t, exec.Command(cluster.Binaries.Kubectl(), "--kubeconfig="+cluster.Kubeconfig, "--namespace="+c.namespace,
		"port-forward", "--address=127.0.0.1", "pod/"+pod, ":"+strconv.Itoa(port)))
	match := regexp.MustCompile(`^Forwarding from (\S+) ->`).FindStringSubmatch(p.line())
	if match == nil {
		c.t.Fatal("kubectl says something else")
	}
	return match[1]
}

// carry carries so many bytes on each of so many connections at once.
func carry(t *testing.T, address string, connections, size int, one func(address string, size int) error) time.Duration {
	t.Helper()
	begun := time.Now()
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			if err := one(address, size); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

// client makes a connection of its own for each request.
func client() *http.Client { return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} }

func download(address string, size int) error {
	response, err := client().Get(fmt.Sprintf("http://%s/stand-in/bytes?size=%d", address, size))
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, response.Body)
	if err != nil || n != int64(size) {
		return fmt.Errorf("got %d bytes of %d: %w", n, size, err)
	}
	if got, want := hex.EncodeToString(sum.Sum(nil)), response.Trailer.Get("Stand-In-Sha256"); got != want {
		return fmt.Errorf("checksum %s, want %s", got, want)
	}
	return nil
}

func upload(address string, size int) error {
	body := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(body)
	response, err := client().Post("http://"+address+"/stand-in/sum", "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(body); strings.TrimSpace(string(got)) != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("checksum %s, want %x", got, sum)
	}
	return nil
}

// The API server is killed, and comes again: what is new works, by itself.
func TestForwardOutlivesTheAPIServer(t *testing.T) {
	c := newCluster(t, article)
	p := start(t, c.command("port-forward", "--role", "primary", "superserver", "portal"))
	var at []string
	for range 4 { // two ports, two addresses each
		address, _, _ := strings.Cut(p.line(), " ")
		at = append(at, address)
	}
	expectEcho(t, at[0], first)
	expectEcho(t, at[1], first)

	if err := cluster.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*deadline)
	defer cancel()
	// What asks while there is no server gets its answer when there is one.
	waiting := make(chan error, 1)
	go func() { waiting <- echo(at[0], first) }()
	if err := cluster.StartAPIServer(ctx); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := <-waiting; err != nil {
		t.Errorf("the connection of before: %v", err)
	}
	expectEcho(t, at[0], first)
	t.Logf("it worked again %s after the server was ready", time.Since(begun).Round(time.Millisecond))

	// It still follows.
	c.annotate(standin.AnnotationPrimary, second)
	eventually(t, "the superserver of the new primary", func(context.Context) error { return echo(at[0], second) })
	p.interrupt()
	for _, address := range at {
		expectRefused(t, address)
	}
}

// echo sends a line to the superserver, ends its own side and reads what comes.
func echo(address, pod string) error {
	conn, err := net.DialTimeout("tcp", address, requestTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		return err
	}
	want := "stand-in superserver of IRIS in " + pod + "\nhello\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		return fmt.Errorf("got %q, %w, want %q", got, err, want)
	}
	return nil
}

func expectEcho(t *testing.T, address, pod string) {
	t.Helper()
	if err := echo(address, pod); err != nil {
		t.Error(err)
	}
}

// With a pod, the port leads to it again when it has come back.
func TestForwardOutlivesThePod(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	p := start(t, c.command("port-forward", "data-0-1", "0:1972", "--address=127.0.0.1"))
	address, _, _ := strings.Cut(p.line(), " ")
	expectEcho(t, address, second)
	before := c.pod(second).UID
	c.deletePod(second)
	eventually(t, "another pod of that name", func(ctx context.Context) error {
		if pod, err := core.CoreV1().Pods(c.namespace).Get(ctx, second, metav1.GetOptions{}); err != nil || pod.UID == before {
			return errors.New("not yet")
		}
		return nil
	})
	eventually(t, "its superserver", func(context.Context) error { return echo(address, second) })
	p.eventuallySaid(fmt.Sprintf("pod %q was recreated", second))
	p.interrupt()
	expectRefused(t, address)
}

// A new connection waits while nobody holds the role, and no longer than it may.
func TestForwardWaitsForARole(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	patient := start(t, c.command("port-forward", "--role", "backup", "superserver", "--grace=1m"))
	hasty := start(t, c.command("port-forward", "--role", "backup", "superserver", "--grace=1s"))
	patientAt, _, _ := strings.Cut(patient.line(), " ")
	hastyAt, _, _ := strings.Cut(hasty.line(), " ")
	c.iris(second, "iris", "stop", "IRIS", "quietly")
	eventually(t, "the backup has gone", func(context.Context) error { return goneFor(c, second) })

	// What IRIS said last counts for half a second.
	eventually(t, "nobody holds the role", func(context.Context) error {
		if err := echo(hastyAt, second); err == nil {
			t.Error("with a short grace the connection was made")
		}
		return hasty.says("a connection was closed: no running pod has the role backup")
	})
	served := make(chan error, 1)
	go func() { served <- echo(patientAt, second) }()
	patient.eventuallySaid(`no running pod has the role backup`)
	c.iris(second, "iris", "start", "IRIS")
	if err := <-served; err != nil {
		t.Errorf("with a long grace: %v", err)
	}
}

// goneFor is nil once nobody says or is labelled that the pod is the backup.
func goneFor(c irisCluster, pod string) error {
	if saysBackup(c.t.Context(), c, pod) || c.member(pod) == backup {
		return errors.New("it is the backup")
	}
	return nil
}

// An exposed Service with an address serves instead.
func TestPortalViaService(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	if out, err := c.command("expose-sidecar", "--role", "backup", "--type", "LoadBalancer", "--wait").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := c.command("portal", "--role", "backup", "--no-open", "--via-service", "--path", "/csp/sys/UtilHome.csp?x=1").Output()
	url := strings.TrimSpace(string(out))
	if err != nil || !strings.HasSuffix(url, "/csp/sys/UtilHome.csp?x=1") {
		t.Fatalf("it printed %q, %v", out, err)
	}
	body, err := get(t.Context(), url)
	if err != nil || !strings.Contains(body, second) {
		t.Errorf("%s: %v\n%s", url, err, body)
	}
	// A node port is one at the pod's node.
	out, err = c.command("expose-pod", "data-0-1", "--type", "NodePort", "--wait", "-o", "url").Output()
	if err != nil {
		t.Fatal(err)
	}
	onNode := strings.TrimSpace(string(out))
	eventually(t, "the page at the node port", func(ctx context.Context) error { // kube-proxy takes its time
		body, err := get(ctx, onNode)
		if err == nil && !strings.Contains(body, second) {
			err = fmt.Errorf("%s says\n%s", onNode, body)
		}
		return err
	})
	if out, err := c.command("portal", "data-0-1", "--no-open", "--via-service").Output(); err != nil || strings.TrimSpace(string(out)) != onNode {
		t.Errorf("it printed %q, want %q: %v", out, onNode, err)
	}
	// There is none for the primary: it is forwarded.
	p := start(t, c.command("portal", "--no-open", "--via-service"))
	if body, err := get(t.Context(), p.line()); err != nil || !strings.Contains(body, first) {
		t.Errorf("%v\n%s", err, body)
	}
	p.interrupt()
}

// The logs go on through a failover, and no number of a counter is missing.
func TestLogsLoseNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	p := start(t, c.command("logs", "-f", "-c", irisContainer))
	counted := map[string]int{} // the last number of each pod
	line := regexp.MustCompile(`^\[(\S+) (\S+)\] count (\d+)$`)
	instances := map[string]int{}
	readUntil := func(done func() bool) {
		t.Helper()
		for begun := time.Now(); !done(); {
			text := p.line()
			match := line.FindStringSubmatch(text)
			if match == nil {
				continue
			}
			n, err := strconv.Atoi(match[3])
			if err != nil {
				t.Fatal(err)
			}
			switch pod := match[1]; {
			case n == 1:
				instances[pod]++
			case n != counted[pod]+1:
				t.Errorf("pod %s: %d comes after %d", pod, n, counted[pod])
			}
			counted[match[1]] = n
			if time.Since(begun) > 2*deadline {
				t.Fatalf("at %v of instances %v", counted, instances)
			}
		}
	}
	readUntil(func() bool { return counted[first] > 10 && counted[second] > 10 })
	c.deletePod(first)
	c.eventuallyMember(second, primary)
	readUntil(func() bool { return instances[first] == 2 && counted[first] > 10 })
	// Now a container is restarted.
	if out, err := c.tryKubectl("exec", first, "-c", irisContainer, "--", "stand-in", "crash"); err != nil {
		t.Logf("the command has ended with the container: %s %v", out, err)
	}
	readUntil(func() bool { return instances[first] == 3 && counted[first] > 10 })
	p.interrupt()

	out, err := c.command("logs", "data-0-0", "-c", irisContainer, "--previous", "--tail", "2", "--timestamps").Output()
	stamped := regexp.MustCompile(`^\[simple-data-0-0 stand-in-iris\] \d{4}-\d\d-\d\dT\S+Z count \d+$`)
	if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); err != nil || len(lines) != 2 || !stamped.MatchString(lines[1]) {
		t.Errorf("%v:\n%s", err, out)
	}
}

// What cannot be done is said in one line, with the next step.
func TestReachRefusals(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	sees := map[string]string{"pods": "get,list,watch", "irisclusters.intersystems.com": "get,list"}
	reader := c.reacher("reader", sees)
	c.fails(c.commandAs(reader, "port-forward", "data-0-0", "80"), 1,
		`cannot create pods/portforward "simple-data-0-0" in namespace "`+c.namespace+`": forbidden`, "ask for the right to create pods/portforward")
	c.fails(c.commandAs(reader, "portal", "--role", "backup", "--no-open"), 1, "cannot create pods/portforward", "ask for the right to create pods/portforward")
	c.fails(c.commandAs(reader, "session"), 1, "pods/exec", "ask for the right to create pods/exec")
	c.fails(c.commandAs(reader, "logs", "data-0-0"), 1, "cannot get pods/log", "ask for the right to get pods/log")
	c.fails(c.commandAs(reader, "logs", "-f"), 1, "cannot get pods/log", "ask for the right to get pods/log")

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	c.fails(c.command("port-forward", "data-0-0", port+":80"), 1,
		"cannot listen on 127.0.0.1:"+port+": address already in use", "take another local port")
	c.fails(c.command("portal", "--local-port", port), 1, "cannot listen on", "take another local port")

	c.fails(c.command("port-forward", "data-0-7", "80"), 1, `neither an IrisCluster nor a pod of one is named "data-0-7"`, "there are simple")
	c.fails(c.command("port-forward", "--role", "bakcup", "80"), 2, `no pod of IrisCluster "simple"`, "backup")
	c.fails(c.command("port-forward", "data-0-0", "no-such-port"), 1, `declares a port named "no-such-port"`, "superserver")
	c.fails(c.command("port-forward", "simple"), 2, "at least one port is required", "superserver")
	c.fails(c.command("port-forward", "data-0-0", "80", "--address", "example.com"), 2, "not an IP address", "localhost")
	c.fails(c.command("logs", "data-0-0", "--previous"), 1, "no previous container found", "--previous")
	c.fails(c.command("logs", "-c", "no-such-container"), 1, `has a container "no-such-container"`, irisContainer)
	c.fails(c.command("session", "arbiter-0"), 1, "", "")

	c.iris(second, "iris", "stop", "IRIS", "quietly")
	eventually(t, "nobody is the backup", func(context.Context) error { return goneFor(c, second) })
	c.fails(c.command("portal", "--role", "backup", "--no-open"), 1, "no running pod has the role backup", "whatever its role, name it")

	// A second cluster makes what was the only one ambiguous.
	if _, err := standin.Apply(t.Context(), dynamicClient, c.namespace, []byte(anotherCluster)); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"portal"}, {"session"}, {"logs"}, {"port-forward", "80"}} {
		c.fails(c.command(command...), 2, `has several IrisClusters: other, simple`, "name one of them")
	}
}

// anotherCluster has no pods worth speaking of.
const anotherCluster = `
apiVersion: intersystems.com/v1alpha1
kind: IrisCluster
metadata: {name: other}
spec:
  licenseKeySecret: {name: iris-key-secret}
  topology: {data: {image: localhost/stand-in-iris:1}}
`
