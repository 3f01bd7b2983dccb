package release_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/release"
)

// repository is a git repository whose commits have given times.
type repository struct {
	*testing.T
	dir  string
	when time.Time
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{T: t, dir: t.TempDir(), when: time.Date(2026, 2, 3, 4, 0, 0, 0, time.UTC)}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repository) git(args ...string) string {
	r.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	date := r.when.In(time.FixedZone("elsewhere", 3600)).Format(time.RFC3339)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com", "GIT_COMMITTER_DATE="+date)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, content string) {
	r.Helper()
	path := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		r.Fatal(err)
	}
}

// commit commits a change of a file a minute after the commit before it.
func (r *repository) commit(name string) release.Source {
	r.Helper()
	r.when = r.when.Add(time.Minute)
	r.write(name, r.when.String())
	r.git("add", "-A")
	r.git("commit", "-q", "-m", name)
	return release.Source{Commit: r.git("rev-parse", "HEAD"), Date: r.when}
}

func (r *repository) source() release.Source {
	r.Helper()
	source, err := release.ReadSource(r.Context(), r.dir)
	if err != nil {
		r.Fatal(err)
	}
	return source
}

// Only changes of what is in the archives make a different release.
func TestSourceIsTheNewestCommitThatMatters(t *testing.T) {
	r := newRepository(t)
	want := r.commit("cmd/kubectl-iris/main.go")
	for _, test := range []struct {
		file    string
		matters bool
	}{
		{"docs/output.md", false},
		{"test/krew/main_test.go", false},
		{"plugins/iris.yaml", false},
		{"krew-manifest.yaml", false},
		{"pkg/cli/cli_test.go", false},
		{"pkg/render/testdata/healthy/view.yaml", false},
		{"Makefile", false},
		{"pkg/cli/cli.go", true},
		{"README.md", true},
		{"LICENSE", true},
		{"go.sum", true},
		{".goreleaser.yaml", true},
		{"release/manifest.go", true},
		{"release/go.mod", true},
		{"test/tools/release/go.mod", true},
	} {
		made := r.commit(test.file)
		if test.matters {
			want = made
		}
		if got := r.source(); got != want {
			t.Errorf("after a change of %s: %+v, want %+v", test.file, got, want)
		}
	}
}

func TestSourceOfNothing(t *testing.T) {
	r := newRepository(t)
	if _, err := release.ReadSource(t.Context(), r.dir); err == nil {
		t.Error("no error without a commit")
	}
	r.commit("docs/output.md")
	if _, err := release.ReadSource(t.Context(), r.dir); err == nil {
		t.Error("no error if nothing can be released")
	}
	if _, err := release.ReadSource(t.Context(), t.TempDir()); err == nil {
		t.Error("no error without a repository")
	}
}

func TestCheckVersion(t *testing.T) {
	for _, version := range []string{"v0.1.0", "v1.2.3", "v1.2.3-rc.1"} {
		if err := release.CheckVersion(version); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
	for _, version := range []string{"", "0.1.0", "v1", "v1.2", "latest", "v1.2.x", "v1.2.3 ", "v01.2.3"} {
		err := release.CheckVersion(version)
		if problem.ExitCode(err) != problem.ExitUsage || problem.HintOf(err) == "" {
			t.Errorf("%q: %v with hint %q", version, err, problem.HintOf(err))
		}
	}
}

func TestCheckClean(t *testing.T) {
	r := newRepository(t)
	r.commit("cmd/kubectl-iris/main.go")
	check := func(what, tag, want string) {
		t.Helper()
		err := release.CheckClean(t.Context(), r.dir, tag)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", what, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || problem.HintOf(err) == ""):
			t.Errorf("%s: %v with hint %q, want %q", what, err, problem.HintOf(err), want)
		}
	}
	check("clean", "v0.1.0", "")
	r.git("tag", "v0.1.0")
	check("tagged here", "v0.1.0", "")
	r.commit("pkg/cli/cli.go")
	check("tagged elsewhere", "v0.1.0", `tag "v0.1.0" already exists on another commit`)
	check("another version", "v0.2.0", "")
	r.write("pkg/cli/cli.go", "changed")
	check("changed", "v0.2.0", `uncommitted changes, the first in "pkg/cli/cli.go"`)
	r.git("add", "-A")
	check("changed and added", "v0.2.0", `the first in "pkg/cli/cli.go"`)
	r.git("reset", "-q", "--hard")
	r.write("note", "new")
	check("a new file", "v0.2.0", `the first in "note"`)
	r.write(".gitignore", "/note\n")
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "ignore")
	check("an ignored file", "v0.2.0", "")
}
