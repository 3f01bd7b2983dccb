package localkube

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// victimEnv makes this test binary start something and wait for its end.
const victimEnv = "LOCALKUBE_TEST_VICTIM"

// What a victim starts.
const (
	victimCluster = "cluster"
	victimNode    = "node" // a cluster with a node
	victimSleeper = "sleeper"
	victimPanic   = "panic" // a sleeper, and it does not wait
)

// traces are what a victim must not leave.
type traces struct {
	Dir        string
	Supervisor int
	PIDs       []int
}

// beVictim runs in a process of its own. It starts what is asked, tells what
// there is, and waits to be killed.
func beVictim(what string) int {
	if err := victim(what); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if what == victimPanic {
		panic("as a test would")
	}
	select {}
}

// victim starts what is asked and tells what there is.
func victim(what string) error {
	var s *supervisor
	var names []string
	if what == victimCluster || what == victimNode {
		c, err := Start(context.Background(), Options{Node: what == victimNode})
		if err != nil {
			return err
		}
		s, names = c.supervisor, []string{etcdName, apiServerName, controllerManagerName}
	} else {
		var err error
		if s, err = startSupervisor("", roleHost); err != nil {
			return err
		}
		if err := s.start(process{Name: "sleeper", Path: "/bin/sleep", Args: []string{"1000"}}); err != nil {
			return err
		}
		names = []string{"sleeper"}
	}
	found := traces{Dir: s.dir, Supervisor: s.cmd.Process.Pid}
	if what == victimNode {
		names = nil // its processes have other numbers inside
	}
	for _, name := range names {
		state, err := s.call(request{Op: opState, Process: process{Name: name}})
		if err != nil {
			return err
		}
		found.PIDs = append(found.PIDs, state.PID)
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func TestNothingIsLeftAfterACrash(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		victim string
		signal syscall.Signal // 0: none, it crashes by itself
	}{
		{"cluster, SIGKILL", victimCluster, syscall.SIGKILL},
		{"process, SIGKILL", victimSleeper, syscall.SIGKILL},
		{"process, SIGINT to the process group", victimSleeper, syscall.SIGINT},
		{"process, panic", victimPanic, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd, left := startVictim(t, test.victim)
			if test.signal != 0 {
				if err := syscall.Kill(-cmd.Process.Pid, test.signal); err != nil {
					t.Fatal(err)
				}
			}
			if err := cmd.Wait(); err == nil {
				t.Error("it ended well")
			}
			eventually(t, "the folder is removed", func(context.Context) (bool, error) {
				_, err := os.Stat(left.Dir)
				return errors.Is(err, os.ErrNotExist), nil
			})
			// They ended before the folder went.
			for _, pid := range left.PIDs {
				if alive(pid) {
					t.Errorf("process %d is left", pid)
				}
			}
		})
	}
}

// startVictim starts this test binary as a victim, in a process group of its
// own, and returns when it has told what there is.
func startVictim(t *testing.T, what string) (*exec.Cmd, traces) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), victimEnv+"="+what)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // fails if it has ended, as it should
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var found traces
	if err := json.Unmarshal(line, &found); err != nil {
		t.Fatal(err)
	}
	for _, pid := range found.PIDs {
		if !alive(pid) {
			t.Fatalf("process %d does not run", pid)
		}
	}
	return cmd, found
}

// alive reports whether there is a process with that ID, other than one that
// has ended and waits for its parent to notice.
func alive(pid int) bool {
	if pid <= 0 || syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true // no /proc here
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}
