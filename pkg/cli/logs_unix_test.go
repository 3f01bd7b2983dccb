//go:build !windows

package cli_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/creack/pty"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

// Lines of logs that would control a terminal do not reach one.
func TestLogsOnATerminal(t *testing.T) {
	s := &reachServer{
		pods: []corev1.Pod{simplePod("simple-data-0-0", "data", running("iris"))},
		logs: map[string]http.HandlerFunc{
			"simple-data-0-0 iris": says("2026-01-01T00:00:01Z \x1b[2J\x1b]0;title\x07\r[simple-data-0-1 iris] forged"),
		},
	}
	keyboard, screen, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = keyboard.Close() }()
	defer func() { _ = screen.Close() }()
	var errs bytes.Buffer
	world := world(t, "kubectl-iris", nil, &errs)
	world.Out = screen
	if code := cli.Run(t.Context(), []string{"logs", "--color=never", "--kubeconfig", s.start(t)}, world); code != 0 {
		t.Fatalf("exit code %d, %q", code, errs.String())
	}
	const want = "[simple-data-0-0 iris] ?[2J?]0;title??[simple-data-0-1 iris] forged\r\n"
	got := make([]byte, 4096)
	n, err := keyboard.Read(got)
	if err != nil || string(got[:n]) != want {
		t.Errorf("the terminal got %q, error %v, want %q", got[:n], err, want)
	}
}
