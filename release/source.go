package release

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Source says what a release is built from.
type Source struct {
	// Commit is the newest git commit that changed any of the Inputs.
	Commit string
	// Date is that commit's time.
	Date time.Time
}

// Inputs are the files that decide what is in the archives, as git pathspecs.
func Inputs() []string {
	return []string{
		"cmd", "pkg", "release", "test/tools/release", "go.mod", "go.sum", "LICENSE", "README.md", ".goreleaser.yaml",
		":(exclude)*_test.go", ":(exclude)*/testdata/*",
	}
}

// ReadSource finds out what the checkout at root is built from.
func ReadSource(ctx context.Context, root string) (Source, error) {
	out, err := git(ctx, root, append([]string{"log", "-1", "--format=%H %ct", "HEAD", "--"}, Inputs()...)...)
	if err != nil {
		return Source{}, err
	}
	commit, seconds, ok := strings.Cut(out, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if !ok || err != nil {
		return Source{}, problem.New("no commit in %q has anything to release", root)
	}
	return Source{Commit: commit, Date: time.Unix(unix, 0).UTC()}, nil
}

// CheckVersion refuses what krew does not take for a version: a semantic
// version with a leading v.
func CheckVersion(given string) error {
	hint := "it is the git tag, as in VERSION=v0.1.0"
	if given == "" {
		return problem.Usage("no version was given").Hint("%s", hint)
	}
	if parsed, err := version.ParseSemantic(given); err != nil || "v"+parsed.String() != given {
		return problem.Usage("%q is not a version", given).Hint("%s", hint)
	}
	return nil
}

// CheckClean refuses a checkout that differs from its newest commit, and a
// version whose tag is on another commit: nobody could build the same again.
func CheckClean(ctx context.Context, root, tag string) error {
	changes, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changes != "" {
		lines := strings.Split(changes, "\n")
		return problem.New("the checkout has %d uncommitted changes, the first in %q", len(lines), strings.TrimSpace(lines[0][2:])).
			Hint("a release is built from a commit: commit or remove them; git status shows them")
	}
	tags, err := git(ctx, root, "tag", "--list", tag)
	if err != nil || tags == "" {
		return err
	}
	here, err := git(ctx, root, "tag", "--list", "--points-at", "HEAD", tag)
	if err == nil && here == "" {
		err = problem.New("tag %q is on another commit", tag).Hint("git checkout %s builds that release again; a new one takes a new version", tag)
	}
	return err
}

// git is what a git command prints, without white space at the end.
func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		message, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, message)
	}
	return strings.TrimRight(string(out), "\n"), nil
}
