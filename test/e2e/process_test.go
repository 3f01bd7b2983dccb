//go:build e2e

package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

// asPlugin makes this program the plugin, as cmd/kubectl-iris is: signals,
// terminals and exit codes need a process of their own.
const asPlugin = "E2E_AS_PLUGIN"

func isPlugin() bool { return os.Getenv(asPlugin) != "" }

func runPlugin() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Run(ctx, os.Args[1:], cli.System(cli.Build{Version: "v0.0.0-e2e"}))
}

// command is a command of the plugin in the cluster's namespace, with all rights.
func (c irisCluster) command(args ...string) *exec.Cmd {
	return c.commandAs(cluster.Kubeconfig, args...)
}

// commandAs is a command of somebody with a kubeconfig of their own.
func (c irisCluster) commandAs(kubeconfig string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append(args, "--kubeconfig="+kubeconfig, "--namespace="+c.namespace)...)
	cmd.Env = append(os.Environ(), asPlugin+"=1")
	return cmd
}

// fails runs a command that is to fail, and expects one line of an error, and a
// hint.
func (c irisCluster) fails(cmd *exec.Cmd, code int, message, hint string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code {
		c.t.Errorf("%s: %v, want exit code %d; it says:\n%s", strings.Join(cmd.Args[1:], " "), err, code, errs.String())
	}
	if out.Len() > 0 {
		c.t.Errorf("%s: stdout has %q", strings.Join(cmd.Args[1:], " "), out.String())
	}
	var lines []string
	for line := range strings.Lines(errs.String()) {
		if !strings.HasPrefix(line, "warning: ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "error: ") || !strings.Contains(lines[0], message) ||
		!strings.HasPrefix(lines[1], "hint: ") || !strings.Contains(lines[1], hint) {
		c.t.Errorf("%s: it says\n%s\nwant an error with %q and a hint with %q", strings.Join(cmd.Args[1:], " "), errs.String(), message, hint)
	}
}

// process is a command that goes on.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  chan string // lines of stdout
	mu   sync.Mutex
	errs []string // lines of stderr
	done chan struct{}
	err  error
}

// start starts a command that is killed in the end, if it still runs.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, out: make(chan string, 100_000), done: make(chan struct{})}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(p.out)
		eachLine(stdout, func(line string) { p.out <- line })
	})
	reading.Go(func() {
		eachLine(stderr, func(line string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.errs = append(p.errs, line)
		})
	})
	go func() {
		defer close(p.done)
		reading.Wait()
		p.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s said:\n%s", strings.Join(cmd.Args[1:], " "), strings.Join(p.said(), "\n"))
		}
	})
	return p
}

func eachLine(r io.Reader, take func(string)) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		take(scanner.Text())
	}
}

// said are the lines of stderr so far.
func (p *process) said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.errs...)
}

// line is the next line of stdout.
func (p *process) line() string {
	p.t.Helper()
	select {
	case line, open := <-p.out:
		if !open {
			<-p.done
			p.t.Fatalf("it ended: %v\n%s", p.err, strings.Join(p.said(), "\n"))
		}
		return line
	case <-time.After(deadline):
		p.t.Fatalf("no line on stdout\n%s", strings.Join(p.said(), "\n"))
	}
	return ""
}

// interrupt ends the command as Ctrl-C does, within a second.
func (p *process) interrupt() {
	p.t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(deadline):
		p.t.Fatal("it does not end")
	}
	took := time.Since(begun)
	p.t.Logf("it ended %s after the interrupt", took.Round(time.Millisecond))
	if took > time.Second {
		p.t.Errorf("it took %s to end", took)
	}
	if p.err != nil {
		p.t.Errorf("it ended with %v", p.err)
	}
}

// eventuallySaid waits for a line of stderr that holds a text.
func (p *process) eventuallySaid(text string) {
	p.t.Helper()
	eventually(p.t, "stderr", func(context.Context) error { return p.says(text) })
}

// says is nil where a line of stderr holds a text.
func (p *process) says(text string) error {
	if lines := p.said(); !strings.Contains(strings.Join(lines, "\n"), text) {
		return fmt.Errorf("it says %q, not %q", lines, text)
	}
	return nil
}
