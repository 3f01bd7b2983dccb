package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// What cannot be released is refused before anything is built.
func TestRefusals(t *testing.T) {
	dirty := t.TempDir()
	if out, err := exec.Command("git", "init", "-q", dirty).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dirty, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no version":        {[]string{"-root", dirty}, problem.ExitUsage, "a version is required"},
		"no leading v":      {[]string{"-root", dirty, "-version", "1.2.3"}, problem.ExitUsage, `invalid version "1.2.3"`},
		"uncommitted files": {[]string{"-root", dirty, "-version", "v1.2.3"}, problem.ExitError, "uncommitted changes"},
		"no repository":     {[]string{"-root", t.TempDir(), "-version", "v1.2.3"}, problem.ExitError, "not a git repository"},
		"wrong flag":        {[]string{"-fast"}, problem.ExitUsage, "invalid arguments"},
		"an argument":       {[]string{"-version", "v1.2.3", "now"}, problem.ExitUsage, "invalid arguments"},
	} {
		err := run(t.Context(), test.args, io.Discard)
		if problem.ExitCode(err) != test.code || err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: exit code %d, %v; want %d, %q", name, problem.ExitCode(err), err, test.code, test.says)
		}
	}
	if err := run(t.Context(), []string{"-h"}, io.Discard); err != nil {
		t.Errorf("-h: %v", err)
	}
}
