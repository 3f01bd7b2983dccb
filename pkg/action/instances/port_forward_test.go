package instances_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/action/instances"
	"github.com/kubectl-iris/kubectl-iris/pkg/forward"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// node is a reachable cluster with tunnels: each pod answers a connection with its
// uid, and ends it once the client has.
type node struct {
	*reachable
	// pods are what FollowPods shows, one list after the other, and followErr how
	// it ends.
	shown     chan []iris.Pod
	followErr error
	// tunnelErr is the error of opening a tunnel.
	tunnelErr error
}

func newNode() *node { return &node{reachable: mirroredPair(), shown: make(chan []iris.Pod)} }

func (n *node) FollowPods(ctx context.Context, _, _ string, show func([]iris.Pod) error, _ func(error)) error {
	for {
		select {
		case pods := <-n.shown:
			if err := show(pods); err != nil {
				return err
			}
		case <-ctx.Done():
			return n.followErr
		}
	}
}

func (n *node) Tunnel(_ context.Context, _, name string) (httpstream.Connection, error) {
	if n.tunnelErr != nil {
		return nil, n.tunnelErr
	}
	near, far, err := loopback()
	if err != nil {
		return nil, err
	}
	accept := func(s httpstream.Stream, replied <-chan struct{}) error {
		go func() {
			<-replied
			if s.Headers().Get(corev1.StreamType) == corev1.StreamTypeData {
				_, _ = io.WriteString(s, name+"\n")
				_, _ = io.Copy(io.Discard, s)
			}
		}()
		return nil
	}
	if _, err := spdy.NewServerConnection(far, accept); err != nil {
		return nil, err
	}
	return spdy.NewClientConnection(near)
}

// loopback returns the ends of a TCP connection from this process to itself.
func loopback() (near, far net.Conn, err error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = l.Close() }()
	if near, err = net.Dial("tcp4", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	far, err = l.Accept()
	return near, far, err
}

func forwardOptions(t *testing.T, grace time.Duration, addresses ...string) instances.ForwardOptions {
	t.Helper()
	o, err := instances.NewForwardOptions(addresses, grace)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// serve serves a forwarding until the test ends.
func serve(t *testing.T, f *instances.Forwarding) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// connect returns a connection, and the name of the pod that answered; "" if it
// was closed instead, which may happen before it is there.
func connect(t *testing.T, at net.Addr) (net.Conn, string) {
	t.Helper()
	c, err := net.Dial("tcp", at.String())
	if err != nil {
		return nil, ""
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	answer := make([]byte, len("simple-data-0-0\n"))
	if _, err := io.ReadFull(c, answer); err != nil {
		return c, ""
	}
	return c, strings.TrimSpace(string(answer))
}

// A forwarding follows the role to another pod, and to a pod recreated under its
// name, and reports why connections wait or are closed.
func TestPortForwardFollowsTheRole(t *testing.T) {
	n, r := newNode(), &actiontest.Reports{}
	n.says, n.refused = nil, iris.Refusal{Source: iris.FromQlist, Why: "no answer"}
	f, err := instances.PortForward{
		Config: actiontest.ConfigTo(r), Client: n, Request: requestFor(t, "backup"), Options: forwardOptions(t, 100*time.Millisecond, "127.0.0.1"),
		Ports: []reach.Port{{Remote: "superserver"}, {Remote: "80"}},
	}.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := `warning: the role is read from the label of pod "simple-data-0-1", IRIS does not confirm it: iris qlist: no answer
forwarding to pod "simple-data-0-1", backup of IrisCluster "simple" by its label`
	if r.Lines() != want {
		t.Errorf("reported\n%s\nwant\n%s", r.Lines(), want)
	}
	if l := f.Listening; len(l) != 2 || l[0].Number != 1972 || l[0].Remote != "superserver" || l[1].Number != 80 || len(l[0].Addresses()) != 1 {
		t.Fatalf("listens on %+v", l)
	}
	serve(t, f)
	at := f.Listening[0].Addresses()[0]
	open, got := connect(t, at)
	if got != "simple-data-0-1" {
		t.Errorf("answered by %q", got)
	}

	n.shown <- []iris.Pod{dataPod("simple-data-0-0", "backup"), dataPod("simple-data-0-1", "primary")}
	r.Await(t, `backup of IrisCluster "simple" is now pod "simple-data-0-0" by its label; connections to pod "simple-data-0-1" were closed`)
	if _, err := io.ReadAll(open); err == nil || os.IsTimeout(err) {
		t.Errorf("the connection to the old pod was not broken off: %v", err)
	}
	if _, got := connect(t, at); got != "simple-data-0-0" {
		t.Errorf("answered by %q", got)
	}

	recreated := dataPod("simple-data-0-0", "backup")
	recreated.UID = "another"
	n.shown <- []iris.Pod{recreated, dataPod("simple-data-0-1", "primary")}
	r.Await(t, `pod "simple-data-0-0" was recreated; connections to the old pod were closed`)

	for range 2 { // the first is taken in once the second is
		n.shown <- []iris.Pod{dataPod("simple-data-0-1", "primary")}
	}
	for range 2 {
		if _, got := connect(t, at); got != "" {
			t.Errorf("answered by %q although no pod is the backup", got)
		}
	}
	why := `no running pod has the role backup in IrisCluster "simple" in namespace "iko"`
	r.Await(t, why+"; simple-data-0-1: primary; connections wait up to 100ms")
	for range 2 {
		n.shown <- nil
	}
	if _, got := connect(t, at); got != "" {
		t.Errorf("answered by %q although there is no pod", got)
	}
	r.Await(t, "warning: a connection was closed: "+why+": it has no data pod")
	if n := strings.Count(r.Lines(), "a connection was closed"); n != 2 {
		t.Errorf("%d failures were reported, want each once:\n%s", n, r.Lines())
	}
}

// A connection waits for a sidecar that may start again, but not for a port that
// the new pod does not have. If pods cannot be followed, that is a warning.
func TestPortForwardOfWhatIsGone(t *testing.T) {
	n, r := newNode(), &actiontest.Reports{}
	n.followErr = errors.New("new pods cannot be followed")
	n.pods[0].Others = []iris.Container{{Name: "exporter", Ports: []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090}}}}
	f, err := instances.PortForward{
		Config: actiontest.ConfigTo(r), Client: n, Request: requestFor(t, "", "data-0-0"), Options: forwardOptions(t, 5*time.Minute, "127.0.0.1"),
		Ports: []reach.Port{{Remote: "metrics"}, {Remote: reach.NamePortal}},
	}.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx) }()
	crashing := dataPod("simple-data-0-0", "primary")
	crashing.Sidecar = &iris.Container{Name: iris.SidecarContainer, Reason: "CrashLoopBackOff"}
	for range 2 { // the first is taken in once the second is
		n.shown <- []iris.Pod{crashing}
	}
	if _, got := connect(t, f.Listening[0].Addresses()[0]); got != "" {
		t.Errorf("answered by %q", got)
	}
	r.Await(t, `warning: a connection was closed: no container of pod "simple-data-0-0" in namespace "iko" declares a port named "metrics"`)
	answered := make(chan string, 1)
	go func() {
		_, got := connect(t, f.Listening[1].Addresses()[0])
		answered <- got
	}()
	time.Sleep(50 * time.Millisecond)
	n.shown <- []iris.Pod{dataPod("simple-data-0-0", "primary")}
	if got := <-answered; got != "simple-data-0-0" {
		t.Errorf("answered by %q", got)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.Await(t, `warning: new pods cannot be followed: connections go to pod "simple-data-0-0" unless IRIS says that another has the role`)
}

func TestPortForwardFailsAtFirst(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	inUse := uint16(taken.Addr().(*net.TCPAddr).Port)
	_, err = net.Listen("tcp", taken.Addr().String())
	var why syscall.Errno
	if !errors.As(err, &why) {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change        func(*node)
		ports         []reach.Port
		message, hint string
	}{
		"no such port": {nil, []reach.Port{{Remote: "nope"}}, `no container of pod "simple-data-0-0" in namespace "iko" declares a port named "nope"`, "there are portal, superserver; or give a number"},
		"port in use": {
			nil,
			[]reach.Port{{Remote: "80"}, {Local: inUse, Remote: "80"}},
			"cannot listen on " + taken.Addr().String() + ": " + why.Error(), "another program listens there; take another local port, or 0 for a free one",
		},
		"no tunnel": {func(n *node) { n.tunnelErr = problem.New("cannot create pods/portforward").Hint("ask") }, []reach.Port{{Remote: "80"}}, "cannot create pods/portforward", "ask"},
		"no pod":    {func(n *node) { n.pods, n.clusters = nil, nil }, []reach.Port{{Remote: "80"}}, `no IrisCluster found in namespace "iko"`, "choose another namespace with namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			n, r := newNode(), &actiontest.Reports{}
			if test.change != nil {
				test.change(n)
			}
			_, err := instances.PortForward{
				Config: actiontest.ConfigTo(r), Client: n, Request: requestFor(t, ""), Options: forwardOptions(t, time.Second, "127.0.0.1"), Ports: test.ports,
			}.Open(t.Context())
			checkError(t, err, test.message, test.hint)
			if r.Lines() != "" {
				t.Errorf("reported %s", r.Lines())
			}
		})
	}
}

func TestForwardOptions(t *testing.T) {
	for name, test := range map[string]struct {
		addresses     []string
		grace         time.Duration
		message, hint string
	}{
		"as by default": {[]string{forward.Localhost}, 30 * time.Second, "", ""},
		"no grace":      {[]string{"::1", "127.0.0.1"}, 0, "", ""},
		"a name":        {[]string{"127.0.0.1", "example.com"}, 0, `invalid address "example.com": not an IP address`, "use IP addresses, or localhost"},
		"no address":    {nil, 0, "address is required", "use IP addresses, or localhost"},
		"negative":      {[]string{"::1"}, -time.Second, `invalid grace "-1s": must not be negative`, "for example 30s; 0 refuses connections at once"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := instances.NewForwardOptions(test.addresses, test.grace)
			checkError(t, err, test.message, test.hint)
			if err != nil && problem.ExitCode(err) != problem.ExitUsage {
				t.Errorf("exit code %d", problem.ExitCode(err))
			}
		})
	}
}
