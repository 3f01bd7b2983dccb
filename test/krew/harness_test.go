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

// olderVersion is the version to upgrade from.
const olderVersion = "v0.0.9"

// platforms returns the platforms that are released.
func platforms() []string {
	return []string{
		"darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm", "linux/arm64", "linux/ppc64le", "windows/amd64", "windows/arm64",
	}
}

// things holds what tests share; each thing is made when the first test asks for it.
type things struct {
	mu    sync.Mutex
	root  string // folder that is removed in the end
	ready map[string]error
	log   bytes.Buffer
}

var shared = &things{ready: map[string]error{}}

// once makes a thing and returns its path. It ends the test if that failed.
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

// repository returns the root of the checkout that these tests are in.
func repository() (string, error) {
	return filepath.Abs(filepath.Join("..", ".."))
}

// copyCheckout makes a git repository of one commit from the files of the checkout as
// they are now, committed or not.
func copyCheckout(to string) error {
	root, err := repository()
	if err != nil {
		return err
	}
	return errors.Join(
		os.MkdirAll(to, 0o755),
		gitIn(to, "init", "-q", "-b", "main"),
		gitIn(root, "--git-dir="+filepath.Join(to, ".git"), "--work-tree="+root, "add", "-A"),
		gitIn(to, "commit", "-q", "-m", "test"),
		gitIn(to, "reset", "-q", "--hard"))
}

// gitIn runs git with a user's name and without configuration.
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

// committed returns the manifest in the repository.
func committed() (release.Manifest, error) {
	root, err := repository()
	if err != nil {
		return release.Manifest{}, err
	}
	text, err := os.ReadFile(filepath.Join(root, "plugins", release.ManifestFile))
	if err != nil {
		return release.Manifest{}, err
	}
	return release.ParseManifest(text)
}

// checkout returns a copy of the checkout that several tests build from.
func (s *things) checkout(t *testing.T) string {
	t.Helper()
	return s.once(t, "checkout", func() error { return copyCheckout(filepath.Join(s.root, "checkout")) })
}

// current returns the folder of the release that the repository's manifest describes,
// built from the files as they are now.
func (s *things) current(t *testing.T) string {
	t.Helper()
	checkout := s.checkout(t)
	return s.once(t, "current", func() error { return s.build(checkout, "current", release.Options{}) })
}

// older returns the folder of a release for this platform to upgrade from.
func (s *things) older(t *testing.T) string {
	t.Helper()
	checkout := s.checkout(t)
	return s.once(t, "older", func() error {
		return s.build(checkout, "older", release.Options{Version: olderVersion, Targets: []string{runtime.GOOS + "_" + runtime.GOARCH}})
	})
}

// build builds a release with the source, and by default the version, of the
// repository's manifest.
func (s *things) build(checkout, name string, o release.Options) error {
	m, err := committed()
	if err != nil {
		return err
	}
	if o.Version == "" {
		o.Version = m.Version
	}
	o.Source = m.Source
	o.Root, o.Dist, o.Log = checkout, filepath.Join(s.root, name), &s.log
	return release.Build(context.Background(), o)
}

// tool returns the path of a program of the module that pins krew.
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

// manifestOf returns the manifest of a release.
func manifestOf(t *testing.T, dist string) release.Manifest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dist, release.ManifestFile))
	must(t, err)
	m, err := release.ParseManifest(text)
	must(t, err)
	return m
}

// serve serves releases by version, and returns the address.
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

// manifestFor writes a file with the manifest of a release that is served at address.
func manifestFor(t *testing.T, dist, address, file string) {
	t.Helper()
	m := manifestOf(t, dist)
	m.BaseURL = address
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, []byte(m.Render()), 0o644))
}

// user is a user with an own home folder, kubectl, krew and nothing else.
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

// command returns a command that the user runs.
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

// which returns the path of a program on the user's PATH.
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

// run runs a command that must succeed, and returns its stdout.
func (u *user) run(name string, args ...string) string {
	u.Helper()
	out := u.try(name, args...)
	if out.code != 0 {
		u.Fatalf("%s %q ended with %d\n--- stdout\n%s--- stderr\n%s", name, args, out.code, out.stdout, out.stderr)
	}
	return out.stdout
}

// installed returns a user who has installed the plugin with krew, from a server.
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
