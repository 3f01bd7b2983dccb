package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
)

func TestMain(m *testing.M) {
	if localkube.IsSupervisor() {
		os.Exit(localkube.Supervise())
	}
	os.Exit(m.Run())
}

// localkubeCommand runs the command line.
func localkubeCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestUpToDown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's up")
	flag := "--dir=" + dir
	code, export, stderr := localkubeCommand(t, "up", flag, "--crds=../../testdata")
	if code != 0 {
		t.Fatalf("up: exit code %d: %s", code, stderr)
	}
	// If the test fails, the cluster has to go all the same.
	t.Cleanup(func() {
		if err := localkube.Shutdown(context.Background(), dir); err == nil {
			t.Error("the cluster was still up")
		}
	})

	// What it prints is for a shell, where it stands for a real cluster.
	_, kubectl, _ := localkubeCommand(t, "kubectl-path")
	out, err := exec.Command("sh", "-c", export+strings.TrimSpace(kubectl)+" get crd -o name").CombinedOutput()
	if want := "customresourcedefinition.apiextensions.k8s.io/widgets.localkube.example.com\n"; err != nil || string(out) != want {
		t.Errorf("kubectl says %q, %v; want %q", out, err, want)
	}
	code, env, stderr := localkubeCommand(t, "env", flag)
	out, err = exec.Command("sh", "-c", env+"kubectl get namespace default -o name").CombinedOutput()
	if code != 0 || err != nil || string(out) != "namespace/default\n" {
		t.Errorf("env: exit code %d, kubectl says %q, %v; %s", code, out, err, stderr)
	}
	if code, stdout, stderr := localkubeCommand(t, "status", flag); code != 0 || !strings.HasPrefix(stdout, "up: Kubernetes v1.") {
		t.Errorf("status: exit code %d, %q, %q", code, stdout, stderr)
	}
	code, _, stderr = localkubeCommand(t, "up", flag)
	if want := "error: a cluster is already up in \"" + dir + "\"\n"; code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("a second up: exit code %d, %q; want %q", code, stderr, want)
	}

	if code, stdout, stderr := localkubeCommand(t, "down", flag); code != 0 || stdout != "stopped\n" {
		t.Errorf("down: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, _ := localkubeCommand(t, "down", flag); code != 0 || stdout != "not up\n" {
		t.Errorf("a second down: exit code %d, %q", code, stdout)
	}
	if code, _, stderr := localkubeCommand(t, "status", flag); code != 1 || stderr != "error: no cluster is up\n" {
		t.Errorf("status after down: exit code %d, %q", code, stderr)
	}
	for _, path := range []string{dir, dir + ".lock"} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

func TestUsage(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
	}{
		{"nothing", nil, 2},
		{"help", []string{"--help"}, 0},
		{"help for a command", []string{"up", "-h"}, 0},
		{"unknown command", []string{"sideways"}, 2},
		{"unknown flag", []string{"up", "--fast"}, 2},
		{"flag without a command", []string{"--dir=x"}, 2},
		{"too much", []string{"status", "now"}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := localkubeCommand(t, test.args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if stdout != "" || !strings.Contains(stderr, "Usage: localkube COMMAND") {
				t.Errorf("stdout %q, stderr %q; want the usage on stderr", stdout, stderr)
			}
		})
	}
}
