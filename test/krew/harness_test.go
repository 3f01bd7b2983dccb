//go:build krew

package krew_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/release"
)

const (
	// nextVersion is prepared where the repository has no manifest yet.
	nextVersion = "v0.1.0"
	// olderVersion is one to upgrade from.
	olderVersion = "v0.0.9"
)

// platforms are those that are released.
func platforms() []string {
	return []string{
		"darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm", "linux/arm64", "linux/ppc64le", "windows/amd64", "windows/arm64",
	}
}

// things are what tests share, made when the first one asks.
type things struct {
	mu    sync.Mutex
	root  string // folder that goes in the end
	ready map[string]error
	log   bytes.Buffer
}

var shared = &things{ready: map[string]error{}}

// once makes something that tests share, and ends the test if it fails.
func (s *things) once(t *testing.T, name string, build func() error) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == "" {
		root, err := os.MkdirTemp("", "kubectl-iris-krew-")
		must(t, err)
		s.root = root
	}
	if _, done := s.ready[name]; !done {
		began := time.Now()
		s.log.Reset()
		s.ready[name] = build()
		t.Logf("%s: %s", name, time.Since(began).Round(time.Second))
	}
	if err := s.ready[name]; err != nil {
		t.Fatalf("%s: %v\n%s", name, err, s.log.String())
	}
	return filepath.Join(s.root, filepath.FromSlash(name))
}

func (s *things) remove() error {
	if s.root == "" {
		return nil
	}
	return os.RemoveAll(s.root)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// repository is the checkout that these tests stand in.
func repository() (string, error) {
	return filepath.Abs(filepath.Join("..", ".."))
}

// copyCheckout makes a git repository of one commit from the files of the
// checkout as they are now, committed or not.
func copyCheckout(to string) error {
	root, err := repository()
	if err != nil {
		return err
	}
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed yet
		}
		if err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return errors.Join(gitIn(to, "init", "-q", "-b", "main"), commitAll(to))
}

// gitIn runs git for a person with a name and no configuration.
func gitIn(dir string, args ...string) error {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), gitIdentity()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func gitIdentity() []string {
	return []string{
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com",
		"GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com",
	}
}

func commitAll(dir string) error {
	return errors.Join(gitIn(dir, "add", "-A"), gitIn(dir, "commit", "-q", "-m", "test"))
}

// committed is the manifest in the repository; ok is false where there is none.
func committed() (m release.Manifest, ok bool, err error) {
	root, err := repository()
	if err != nil {
		return m, false, err
	}
	text, err := os.ReadFile(filepath.Join(root, "plugins", release.ManifestFile))
	if errors.Is(err, os.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	m, err = release.ParseManifest(text)
	return m, true, err
}

// wanted is what the repository's manifest describes, or what is next.
func wanted(checkout string) (string, release.Source, error) {
	if m, ok, err := committed(); ok || err != nil {
		return m.Version, m.Source, err
	}
	source, err := release.ReadSource(context.Background(), checkout)
	return nextVersion, source, err
}

// checkout is a copy of the checkout, built from in several tests.
func (s *things) checkout(t *testing.T) string {
	t.Helper()
	return s.once(t, "checkout", func() error { return copyCheckout(filepath.Join(s.root, "checkout")) })
}

// current is the folder of the release that the repository's manifest
// describes, built from the files as they are now.
func (s *things) current(t *testing.T) string {
	t.Helper()
	checkout := s.checkout(t)
	return s.once(t, "current", func() error { return s.build(checkout, "current", release.Options{}) })
}

// older is the folder of a release for this platform to upgrade from.
func (s *things) older(t *testing.T) string {
	t.Helper()
	checkout := s.checkout(t)
	return s.once(t, "older", func() error {
		return s.build(checkout, "older", release.Options{Version: olderVersion, Targets: []string{runtime.GOOS + "_" + runtime.GOARCH}})
	})
}

func (s *things) build(checkout, name string, o release.Options) error {
	version, source, err := wanted(checkout)
	if err != nil {
		return err
	}
	if o.Version == "" {
		o.Version = version
	}
	if o.Source == (release.Source{}) {
		o.Source = source
	}
	o.Root, o.Dist, o.Log = checkout, filepath.Join(s.root, name), &s.log
	return release.Build(context.Background(), o)
}

// tool is a program of the module that pins krew.
func (s *things) tool(t *testing.T, name string) string {
	t.Helper()
	return s.once(t, name, func() error {
		root, err := repository()
		if err != nil {
			return err
		}
		build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(s.root, name), "sigs.k8s.io/krew/cmd/"+name)
		build.Dir = filepath.Join(root, "test", "tools", "krew")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		build.Stdout, build.Stderr = &s.log, &s.log
		return build.Run()
	})
}

// manifestOf reads a manifest of a release.
func manifestOf(t *testing.T, dist string) release.Manifest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dist, release.ManifestFile))
	must(t, err)
	m, err := release.ParseManifest(text)
	must(t, err)
	return m
}

// serve offers releases by version, and gives the address.
func serve(t *testing.T, dists ...string) string {
	t.Helper()
	mux := http.NewServeMux()
	for _, dist := range dists {
		prefix := "/" + manifestOf(t, dist).Version + "/"
		mux.Handle(prefix, http.StripPrefix(prefix, http.FileServer(http.Dir(dist))))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// manifestFor writes the manifest of a release that is served at an address
// into a file.
func manifestFor(t *testing.T, dist, address, file string) {
	t.Helper()
	m := manifestOf(t, dist)
	m.BaseURL = address
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, []byte(m.Render()), 0o644))
}

// user is somebody with a home of their own, kubectl, krew and nothing else.
type user struct {
	*testing.T
	home string
	env  map[string]string
}

func newUser(t *testing.T) *user {
	t.Helper()
	u := &user{T: t, home: t.TempDir()}
	bin := filepath.Join(u.home, "bin")
	must(t, os.Mkdir(bin, 0o755))
	must(t, os.Symlink(cluster.Binaries.Kubectl(), filepath.Join(bin, "kubectl")))
	must(t, os.Symlink(shared.tool(t, "krew"), filepath.Join(bin, "kubectl-krew")))
	git, err := exec.LookPath("git")
	must(t, err)
	u.env = map[string]string{
		"HOME":                  u.home,
		"KREW_ROOT":             filepath.Join(u.home, "krew"),
		"KREW_NO_UPGRADE_CHECK": "1",
		"KUBECONFIG":            cluster.Kubeconfig,
		"PATH": strings.Join([]string{
			bin, filepath.Join(u.home, "krew", "bin"), filepath.Dir(git), "/usr/bin", "/bin",
		}, string(os.PathListSeparator)),
	}
	return u
}

func (u *user) krewBin() string { return filepath.Join(u.env["KREW_ROOT"], "bin") }

// command is a command of the user's.
func (u *user) command(name string, args ...string) *exec.Cmd {
	u.Helper()
	path := name
	if !filepath.IsAbs(name) {
		path = u.which(name)
	}
	ctx, cancel := context.WithTimeout(u.Context(), 2*time.Minute)
	u.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = u.home
	cmd.Env = gitIdentity()
	for key, value := range u.env {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	return cmd
}

// which finds a program on the user's PATH.
func (u *user) which(name string) string {
	u.Helper()
	for _, dir := range filepath.SplitList(u.env["PATH"]) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	u.Fatalf("%s is not on the PATH", name)
	return ""
}

// output is how a command ended.
type output struct {
	code           int
	stdout, stderr string
}

// try runs a command, however it ends.
func (u *user) try(name string, args ...string) output {
	u.Helper()
	return u.finish(u.command(name, args...))
}

func (u *user) finish(cmd *exec.Cmd) output {
	u.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		u.Fatalf("%q: %v", cmd.Args, err)
	}
	return output{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// run runs a command that has to succeed, and gives its stdout.
func (u *user) run(name string, args ...string) string {
	u.Helper()
	out := u.try(name, args...)
	if out.code != 0 {
		u.Fatalf("%s %q ended with %d\n--- stdout\n%s--- stderr\n%s", name, args, out.code, out.stdout, out.stderr)
	}
	return out.stdout
}

// installed gives the user the plugin through krew, from a release on a server.
func installed(t *testing.T) *user {
	t.Helper()
	dist := shared.current(t)
	u := newUser(t)
	u.install(dist)
	return u
}

func (u *user) install(dist string) {
	u.Helper()
	manifest := filepath.Join(u.home, "krew-manifest.yaml")
	manifestFor(u.T, dist, serve(u.T, dist), manifest)
	u.run("kubectl", "krew", "install", "--manifest="+manifest)
}
