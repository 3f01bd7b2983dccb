package release

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Source is what a release is built from.
type Source struct {
	// Commit is the newest git commit that changed any of the Inputs.
	Commit string
	// Date is that commit's time.
	Date time.Time
}

// Inputs returns the files that decide what is in the archives, as git pathspecs.
func Inputs() []string {
	return []string{
		"cmd", "pkg", "release", "test/tools/release", "go.mod", "go.sum", "LICENSE", "README.md", ".goreleaser.yaml",
		":(exclude)*_test.go", ":(exclude)*/testdata/*",
	}
}

// ReadSource returns what the checkout at root is built from. It returns an error if
// no commit has any of the Inputs.
func ReadSource(ctx context.Context, root string) (Source, error) {
	out, err := git(ctx, root, append([]string{"log", "-1", "--format=%H %ct", "HEAD", "--"}, Inputs()...)...)
	if err != nil {
		return Source{}, err
	}
	commit, seconds, ok := strings.Cut(out, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if !ok || err != nil {
		return Source{}, problem.New("no commit found in %q that changes the files of a release", root)
	}
	return Source{Commit: commit, Date: time.Unix(unix, 0).UTC()}, nil
}

// CheckVersion returns a usage error unless the version is one that krew takes: a
// semantic version with a leading v.
func CheckVersion(given string) error {
	const hint = "make release VERSION=v0.1.0"
	if given == "" {
		return problem.Usage("a version is required").Hint(hint)
	}
	if parsed, err := version.ParseSemantic(given); err != nil || "v"+parsed.String() != given {
		return problem.Usage("invalid version %q: must be a semantic version with a leading v", given).Hint(hint)
	}
	return nil
}

// CheckClean returns an error if the checkout differs from HEAD, or if the tag exists
// on another commit: the release could not be built again.
func CheckClean(ctx context.Context, root, tag string) error {
	changes, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changes != "" {
		first, _, _ := strings.Cut(changes, "\n")
		return problem.New("the checkout has uncommitted changes, the first in %q", strings.TrimSpace(first[2:])).
			Hint("git status lists them; a release is built from a commit")
	}
	tags, err := git(ctx, root, "tag", "--list", tag)
	if err != nil || tags == "" {
		return err
	}
	here, err := git(ctx, root, "tag", "--list", "--points-at", "HEAD", tag)
	if err == nil && here == "" {
		err = problem.New("tag %q already exists on another commit", tag).Hint("git checkout %s, to build that release again", tag)
	}
	return err
}

// git returns the output of a git command, without white space at the end.
func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		message, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
		err = fmt.Errorf("git %s: %w: %s", args[0], err, message)
	}
	return strings.TrimRight(string(out), "\n"), err
}
