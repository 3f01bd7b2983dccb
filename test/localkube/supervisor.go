package localkube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	// supervisorEnv is set in the environment of a supervisor only, to its role.
	supervisorEnv = "LOCALKUBE_SUPERVISOR"
	// folderEnv tells the supervisor which folder the cluster has to have; if it
	// is empty, the supervisor makes a temporary one.
	folderEnv = "LOCALKUBE_FOLDER"
	// logsDir is the folder of the programs' logs in the cluster's folder.
	logsDir = "logs"
)

// role is what a supervisor does.
type role string

const (
	// roleHost runs the programs itself.
	roleHost role = "host"
	// roleNode runs them in namespaces of their own, where the next two are.
	roleNode role = "node"
	// roleInit is the first process in the namespaces, and prepares them.
	roleInit role = "init"
	// roleInside runs the programs in the namespaces.
	roleInside role = "inside"
)

// process is a program of a cluster. It runs in the cluster's folder, so its
// arguments name files relative to that.
type process struct {
	// Name is unique in the cluster, and the name of the log.
	Name string
	Path string
	Args []string
	Env  []string // besides the environment of the one who starts the cluster
}

// operation is what a supervisor can be asked for.
type operation string

const (
	opStart  operation = "start"  // start a process
	opKill   operation = "kill"   // kill it and wait for its end
	opState  operation = "state"  // does it run?
	opDetach operation = "detach" // stay when the pipe closes
)

// request is what a supervisor reads from its standard input, as JSON.
type request struct {
	Op      operation
	Process process // only the name, except for opStart
}

// reply is what a supervisor answers on its standard output: first of all an
// unasked one with its folder, then one for each request.
type reply struct {
	Dir   string // the cluster's folder
	PID   int    // of the process, while it runs
	Ended string // how the process ended; empty while it runs
	Error string
}

// supervisor is the side of the process that asked for the cluster.
type supervisor struct {
	dir string // the cluster's folder, absolute
	cmd *exec.Cmd

	mu      sync.Mutex // one request at a time
	pipe    io.WriteCloser
	replies *json.Decoder
}

// startSupervisor starts this program once more, as a supervisor of that role for
// a cluster in the folder, or in a temporary one if dir is empty.
func startSupervisor(dir string, r role) (*supervisor, error) {
	if IsSupervisor() {
		return nil, errors.New("a supervisor was asked for a cluster: main or TestMain has to call IsSupervisor or RunTests first")
	}
	var err error
	if dir != "" {
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	cmd, err := selfCommand(r)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(cmd.Env, folderEnv+"="+dir)
	// A session of its own keeps it out of reach of the terminal's interrupt:
	// it has to outlive this process for as long as it takes to clean up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	replies, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the supervisor: %w", err)
	}

	s := &supervisor{cmd: cmd, pipe: pipe, replies: json.NewDecoder(replies)}
	hello, err := s.receive()
	if err != nil {
		_ = s.end() // it ends by itself after it has said why
		return nil, err
	}
	s.dir = hello.Dir
	return s, nil
}

// selfCommand is this program once more, in that role.
func selfCommand(r role) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.Background(), self)
	cmd.Args = []string{"localkube-" + string(r)}
	cmd.Env = append(os.Environ(), supervisorEnv+"="+string(r))
	return cmd, nil
}

// start starts the process.
func (s *supervisor) start(p process) error {
	_, err := s.call(request{Op: opStart, Process: p})
	return err
}

// kill ends the process of that name, if it runs, and waits until it has ended.
func (s *supervisor) kill(name string) error {
	_, err := s.call(request{Op: opKill, Process: process{Name: name}})
	return err
}

// running fails if the process of that name has ended, with the end of its log.
func (s *supervisor) running(name string) error {
	state, err := s.call(request{Op: opState, Process: process{Name: name}})
	if err != nil || state.Ended == "" {
		return err
	}
	return fmt.Errorf("%s has ended (%s): %s", name, state.Ended, lastLine(filepath.Join(s.dir, logsDir, name+".log")))
}

// finished reports whether the process of that name has ended, and fails if that
// did not go well.
func (s *supervisor) finished(name string) (bool, error) {
	state, err := s.call(request{Op: opState, Process: process{Name: name}})
	if err != nil || state.Ended == "" {
		return false, err
	}
	if state.Ended != "exit status 0" {
		return false, fmt.Errorf("%s has failed (%s): %s", name, state.Ended, lastLine(filepath.Join(s.dir, logsDir, name+".log")))
	}
	return true, nil
}

// detach lets the supervisor live on until it gets SIGTERM.
func (s *supervisor) detach() error {
	if _, err := s.call(request{Op: opDetach}); err != nil {
		return err
	}
	return errors.Join(s.pipe.Close(), s.cmd.Process.Release())
}

// end closes the pipe and waits until the supervisor has cleaned up.
func (s *supervisor) end() error {
	return errors.Join(s.pipe.Close(), s.cmd.Wait())
}

// call sends a request and receives its reply.
func (s *supervisor) call(r request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewEncoder(s.pipe).Encode(r); err != nil {
		return reply{}, fmt.Errorf("asking the supervisor to %s %s: %w", r.Op, r.Process.Name, err)
	}
	return s.receive()
}

// receive reads a reply; an error in it becomes the caller's.
func (s *supervisor) receive() (reply, error) {
	var r reply
	if err := s.replies.Decode(&r); err != nil {
		return reply{}, fmt.Errorf("reading from the supervisor (does main or TestMain call IsSupervisor or RunTests first?): %w", err)
	}
	if r.Error != "" {
		return reply{}, errors.New(r.Error)
	}
	return r, nil
}
