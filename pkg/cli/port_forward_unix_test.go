//go:build !windows

package cli_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

// asPlugin has this program be the plugin, as cmd/kubectl-iris is: scripts start
// a process.
const asPlugin = "TEST_AS_PLUGIN"

func TestMain(m *testing.M) {
	if os.Getenv(asPlugin) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.System(cli.Build{Version: "v1.2.3"}))
	stop()
	os.Exit(code)
}

// echoes answers a port-forward in plain SPDY: what comes goes back.
func echoes(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		fail(w, http.StatusForbidden, metav1.StatusReasonForbidden, "no WebSocket")
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		return
	}
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, replied <-chan struct{}) error {
		if s.Headers().Get(corev1.StreamType) == corev1.StreamTypeData {
			go func() {
				<-replied
				_, _ = io.Copy(s, s)
			}()
		}
		return nil
	})
	if conn != nil {
		<-conn.CloseChan()
	}
}

// scriptExample returns the lines of a command's example that is for a script.
func scriptExample(t *testing.T, command string) []string {
	t.Helper()
	found, _, err := cli.NewCommand(world(t, "kubectl-iris", nil, nil)).Find([]string{command})
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(found.Example, "# In a script")
	if !ok {
		t.Fatalf("%s has no example for a script", command)
	}
	example, _, _ := strings.Cut(after, "\n\n")
	return strings.Split(example, "\n")[1:]
}

// The example for scripts, as it stands in the help, comes to its end: it has
// the address at once, connections go through, and nothing is left of it.
func TestPortForwardInAScript(t *testing.T) {
	s := &reachServer{
		pods:    []corev1.Pod{simplePod("simple-data-0", "data", running("iris"))},
		forward: echoes,
	}
	kubeconfig := s.start(t)
	lines := scriptExample(t, "port-forward")
	last := len(lines) - 1
	// What a script does with the address goes before the last line: here it waits
	// until the test has tried it.
	script := strings.Join(append(lines[:last:last], `echo "$address"`, "read -r _", lines[last]), "\n")

	bin := t.TempDir()
	kubectl := "#!/bin/sh\nshift\n" + asPlugin + "=1 exec '" + os.Args[0] + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "kubectl"), []byte(kubectl), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"sh", "bash"} {
		t.Run(shell, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, shell, "-ec", script)
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "KUBECONFIG="+kubeconfig)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
			var errs strings.Builder
			cmd.Stderr = &errs
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			address, err := bufio.NewReader(stdout).ReadString('\n')
			if err == nil {
				address = strings.TrimSuffix(address, "\n")
				err = echoed(address)
			}
			_, _ = io.WriteString(stdin, "\n")
			if err := errors.Join(err, cmd.Wait()); err != nil {
				t.Fatalf("%v; address %q, stderr:\n%s", err, address, errs.String())
			}
			if conn, err := net.Dial("tcp", address); err == nil {
				_ = conn.Close()
				t.Errorf("%s still listens", address)
			}
		})
	}
}

// echoed sends bytes to an address and expects them back.
func echoed(address string) error {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "ping"); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 4))
	return err
}
