//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// terminal is a pseudo-terminal in which a command runs.
type terminal struct {
	t        *testing.T
	keyboard *os.File
	screen   *os.File
	before   term.State
	done     chan error

	mu    sync.Mutex
	shown bytes.Buffer
}

// inTerminal runs a command in a terminal of 100 columns and 30 rows.
func inTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	keyboard, screen, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, keyboard: keyboard, screen: screen, done: make(chan error, 1)}
	x.resize(100, 30)
	before, err := term.GetState(int(screen.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	x.before = *before
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := keyboard.Read(buffer)
			x.mu.Lock()
			x.shown.Write(buffer[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() { x.done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = screen.Close()
		_ = keyboard.Close()
		if t.Failed() {
			t.Logf("on the terminal:\n%s", x.text())
		}
	})
	return x
}

func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.shown.String()
}

func (x *terminal) resize(columns, rows uint16) {
	x.t.Helper()
	if err := pty.Setsize(x.keyboard, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		x.t.Fatal(err)
	}
}

func (x *terminal) keys(keys string) {
	x.t.Helper()
	if _, err := io.WriteString(x.keyboard, keys); err != nil {
		x.t.Fatal(err)
	}
}

// shows waits for a text that was not there before mark.
func (x *terminal) shows(mark int, text string) {
	x.t.Helper()
	eventually(x.t, "terminal", func(context.Context) error {
		if !strings.Contains(x.text()[mark:], text) {
			return fmt.Errorf("it does not show %q", text)
		}
		return nil
	})
}

// typeAndSee types keys, and waits for what they bring.
func (x *terminal) typeAndSee(keys, text string) {
	x.t.Helper()
	mark := len(x.text())
	x.keys(keys)
	x.shows(mark, text)
}

// ends waits for the end, with an exit code, and for the terminal to be as it
// was.
func (x *terminal) ends(code int) {
	x.t.Helper()
	var err error
	select {
	case err = <-x.done:
	case <-time.After(deadline):
		x.t.Fatal("the session does not end")
	}
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if code < 0 && got == 0 || code >= 0 && got != code {
		x.t.Errorf("exit code %d, want %d", got, code)
	}
	after, err := term.GetState(int(x.screen.Fd()))
	if err != nil {
		x.t.Fatal(err)
	}
	if *after != x.before {
		x.t.Errorf("the terminal is %+v, and was %+v", *after, x.before)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)

	t.Run("echo, size, interrupt, end of input", func(t *testing.T) {
		x := inTerminal(t, c.command("session", "-U", "%SYS"))
		x.shows(0, `session with instance IRIS in pod "simple-data-0-0", primary of IrisCluster "simple" as IRIS says`)
		x.shows(0, "%SYS>")
		x.typeAndSee("hello\r", "stand-in: hello")
		x.typeAndSee("size\r", "30 100")
		x.resize(77, 22)
		eventually(t, "the new size", func(context.Context) error {
			mark := len(x.text())
			x.keys("size\r")
			time.Sleep(200 * time.Millisecond)
			if !strings.Contains(x.text()[mark:], "22 77") {
				return errors.New("not yet")
			}
			return nil
		})
		x.typeAndSee("\x03", "<INTERRUPT>")
		x.typeAndSee("again\r", "stand-in: again")
		x.keys("\x04")
		x.ends(0)
	})
	t.Run("exit code", func(t *testing.T) {
		x := inTerminal(t, c.command("session", "data-0-0"))
		x.shows(0, "USER>")
		x.keys("do $system.Process.Terminate(,42)\r")
		x.ends(42)
	})
	t.Run("a backup is warned of", func(t *testing.T) {
		x := inTerminal(t, c.command("session", "--role", "backup"))
		x.shows(0, `warning: pod "simple-data-0-1" is a backup`)
		x.shows(0, "USER>")
		x.keys("halt\r")
		x.ends(0)
	})
	t.Run("no terminal", func(t *testing.T) {
		cmd := c.command("session", "data-0-0", "-U", "USER")
		cmd.Stdin = strings.NewReader("one\ntwo\nsize\n")
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), "stand-in: one\n") || !strings.Contains(string(out), "stand-in: two\n") || !strings.Contains(string(out), "no terminal") {
			t.Errorf("%v:\n%s", err, out)
		}
		cmd = c.command("session", "data-0-0")
		cmd.Stdin = strings.NewReader("do $system.Process.Terminate(,7)\n")
		var exit *exec.ExitError
		if out, err := cmd.Output(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
			t.Errorf("%v:\n%s", err, out)
		}
	})
	t.Run("a signal from outside", func(t *testing.T) {
		cmd := c.command("session", "data-0-0")
		x := inTerminal(t, cmd)
		x.shows(0, "USER>")
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		x.ends(-1)
	})
	t.Run("the pod is deleted", func(t *testing.T) {
		x := inTerminal(t, c.command("session", "data-0-1"))
		x.shows(0, "USER>")
		now := int64(0)
		if err := core.CoreV1().Pods(c.namespace).Delete(t.Context(), second, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Fatal(err)
		}
		x.ends(-1)
	})
}
