package localkube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// IsSupervisor reports whether this process was started as the supervisor of a
// cluster. If so, main has to call [Supervise], and nothing else.
func IsSupervisor() bool {
	return os.Getenv(supervisorEnv) != ""
}

// Supervise runs the programs of one cluster as the process on the other side
// of standard input and output asks, until that closes the pipe or dies, or
// until a signal. Then it kills them, removes the cluster's folder, and returns
// the exit code.
func Supervise() int {
	// A child that is to die with its parent dies with the thread that started it.
	runtime.LockOSThread()
	// Without this a reply to an asker that has died would end this process
	// before it has cleaned up. Children would inherit it if it were ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if err := supervise(role(os.Getenv(supervisorEnv))); err != nil {
		_ = json.NewEncoder(os.Stdout).Encode(reply{Error: err.Error()})
		return 1
	}
	return 0
}

// supervise does what the role says. An error is one of preparing it.
func supervise(r role) error {
	switch r {
	case roleInit:
		return initNamespaces()
	case roleInside:
		serve(children{dir: os.Getenv(folderEnv), byName: map[string]*child{}}, os.Getenv(folderEnv), nil)
		return nil
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	f, err := claimFolder(os.Getenv(folderEnv))
	if err != nil {
		return err
	}
	defer f.remove()
	if r == roleNode {
		inside, err := newNamespaces(f.dir)
		if err != nil {
			return err
		}
		serve(inside, f.dir, signals)
		return nil
	}
	serve(children{dir: f.dir, byName: map[string]*child{}}, f.dir, signals)
	return nil
}

// programs are the running programs of a cluster.
type programs interface {
	// handle does what is asked.
	handle(request) reply
	// end ends all programs, and removes what they have left.
	end()
}

// serve tells where the cluster's folder is, and does what standard input asks,
// until that ends or there is a signal.
func serve(p programs, dir string, signals <-chan os.Signal) {
	defer p.end()
	replies := json.NewEncoder(os.Stdout)
	// The asker may be gone already; then the pipe says so as well.
	_ = replies.Encode(reply{Dir: dir})
	requests := readRequests(os.Stdin)
	for {
		select {
		case <-signals:
			return
		case r, open := <-requests:
			if !open {
				return
			}
			if r.Op == opDetach {
				_ = replies.Encode(reply{})
				requests = nil // never again ready: only a signal ends it now
				continue
			}
			_ = replies.Encode(p.handle(r))
		}
	}
}

// readRequests sends what it reads, and closes the channel when there is no more.
func readRequests(r io.Reader) <-chan request {
	requests := make(chan request)
	go func() {
		defer close(requests)
		decoder := json.NewDecoder(r)
		for {
			var next request
			if decoder.Decode(&next) != nil {
				return
			}
			requests <- next
			if next.Op == opDetach {
				return
			}
		}
	}()
	return requests
}

// children are the processes that the supervisor has started.
type children struct {
	dir    string
	byName map[string]*child
}

// child is one process. Its state may be read once ended is closed.
type child struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// handle implements programs.
func (c children) handle(r request) reply {
	switch r.Op {
	case opStart:
		if err := c.start(r.Process); err != nil {
			return reply{Error: fmt.Sprintf("starting %s: %v", r.Process.Name, err)}
		}
		return reply{}
	case opKill:
		c.kill(r.Process.Name)
		return reply{}
	case opState:
		return c.state(r.Process.Name)
	default:
		return reply{Error: fmt.Sprintf("unknown operation %q", r.Op)}
	}
}

// start starts the process, in the place of an earlier one of that name.
func (c children) start(p process) error {
	c.kill(p.Name)
	log, err := os.OpenFile(filepath.Join(c.dir, logsDir, p.Name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own descriptor

	cmd := exec.CommandContext(context.Background(), p.Path, p.Args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.Stdout = log
	cmd.Stderr = log
	cmd.SysProcAttr = childAttr()
	if err := cmd.Start(); err != nil {
		return err
	}
	started := &child{cmd: cmd, ended: make(chan struct{})}
	c.byName[p.Name] = started
	go func() {
		defer close(started.ended)
		_ = cmd.Wait() // the state tells
	}()
	return nil
}

// kill ends the process of that name, if it runs. There is nothing worth saving,
// and an API server with open watches takes its time over SIGTERM.
func (c children) kill(name string) {
	if running, found := c.byName[name]; found {
		_ = running.cmd.Process.Kill() // fails only if it has ended
		<-running.ended
	}
}

// end implements programs.
func (c children) end() {
	for _, running := range c.byName {
		_ = running.cmd.Process.Kill()
	}
	for _, running := range c.byName {
		<-running.ended
	}
}

// state tells about the process of that name.
func (c children) state(name string) reply {
	known, found := c.byName[name]
	if !found {
		return reply{Error: fmt.Sprintf("%s was never started", name)}
	}
	select {
	case <-known.ended:
		return reply{Ended: known.cmd.ProcessState.String()}
	default:
		return reply{PID: known.cmd.Process.Pid}
	}
}
