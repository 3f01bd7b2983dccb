package localkube

import (
	"context"
	"os"
	"syscall"
	"testing"
)

func TestProcessesDieWithTheSupervisor(t *testing.T) {
	t.Parallel()
	cmd, left := startVictim(t, victimSleeper)
	if err := syscall.Kill(left.Supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process ends", func(context.Context) (bool, error) { return !alive(left.PIDs[0]), nil })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if err := os.RemoveAll(left.Dir); err != nil {
		t.Fatal(err)
	}
}
