package cli

import (
	"errors"
	"net"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// A connection waits for a sidecar that may start again, but not for a port that
// no container has.
func TestWhatConnectionsWaitFor(t *testing.T) {
	pod := iris.Pod{Name: "simple-data-0", Sidecar: &iris.Container{Name: iris.SidecarContainer}}
	for _, test := range []struct {
		remote string
		final  bool
	}{
		{remote: reach.NamePortal, final: false},
		{remote: "nope", final: true},
	} {
		_, err := reach.Port{Remote: test.remote}.In(pod, iris.Cluster{})
		if err == nil {
			t.Fatalf("%s is there", test.remote)
		}
		if got := errors.As(unreachable(err), new(noPort)); got != test.final {
			t.Errorf("%s: final %t, want %t", test.remote, got, test.final)
		}
	}
}

// address is a listener at an address.
type address struct {
	net.Listener
	at *net.TCPAddr
}

func (a address) Addr() net.Addr { return a.at }

func TestPortalURL(t *testing.T) {
	for at, want := range map[string]string{
		"127.0.0.1:8080": "https://127.0.0.1:8080/p",
		"[::1]:8080":     "https://[::1]:8080/p",
		"0.0.0.0:8080":   "https://localhost:8080/p",
		"[::]:8080":      "https://localhost:8080/p",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		if got := portalURL(listening{number: 80, listeners: []net.Listener{address{at: tcp}}}, "https", "/p"); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
