package localkube

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// writePrograms writes empty programs into the folder, which it creates if need
// be, and returns the folder.
func writePrograms(t *testing.T, dir string, names ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadyMadeNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	dir := writePrograms(t, t.TempDir(), "etcd", "kubectl", "kube-apiserver")
	_, err := readyMade(Binaries{}, dir, ControlPlane.kubernetesTools(), ControlPlane)
	if want := `KUBECTL_IRIS_KUBERNETES_BIN="` + dir + `" has no program "kube-controller-manager"`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestEnvironmentNamesFolders(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(cacheEnv, dir)
	if got, err := CacheDir(); err != nil || got != dir {
		t.Errorf("cache %q, %v; want %q", got, err, dir)
	}
	t.Setenv(assetsEnv, "")
	t.Setenv(versionEnv, "")
	bin := writePrograms(t, t.TempDir(), "etcd", "kubectl", "kube-apiserver", "kube-controller-manager")
	t.Setenv(binEnv, bin)
	if got, err := Ensure(t.Context(), io.Discard, ControlPlane); err != nil || got != (Binaries{Dir: bin}) {
		t.Errorf("binaries %v, %v; want those in %q", got, err, bin)
	}
	assertEmpty(t, dir)
}

// As with envtest, whose own variable this is: a folder of setup-envtest has no
// kube-controller-manager.
func TestAssetsComeFirst(t *testing.T) {
	tests := []struct {
		name          string
		assets, bin   []string // programs that are there
		version, want string   // an error
	}{
		{name: "all of setup-envtest", assets: []string{"etcd", "kube-apiserver", "kubectl"}, bin: []string{"etcd", "kube-controller-manager"}},
		{name: "no kubectl", assets: []string{"etcd", "kube-apiserver"}, bin: []string{"kubectl", "kube-controller-manager"}},
		{
			name: "the rest is nowhere", assets: []string{"etcd", "kube-apiserver", "kubectl"},
			want: `KUBECTL_IRIS_KUBERNETES_BIN="BIN" has no program "kube-controller-manager"`,
		},
		{
			name: "another folder", assets: []string{"kubectl"}, bin: []string{"etcd", "kube-apiserver", "kube-controller-manager"},
			want: `KUBEBUILDER_ASSETS="ASSETS" has no program "etcd"` + "\n" + `KUBEBUILDER_ASSETS="ASSETS" has no program "kube-apiserver"`,
		},
		{
			name: "and a version", version: "1.34.4",
			want: "KUBECTL_IRIS_KUBERNETES_VERSION cannot be used together with KUBECTL_IRIS_KUBERNETES_BIN or KUBEBUILDER_ASSETS",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assets, bin := writePrograms(t, t.TempDir(), test.assets...), writePrograms(t, t.TempDir(), test.bin...)
			t.Setenv(assetsEnv, assets)
			t.Setenv(binEnv, bin)
			t.Setenv(versionEnv, test.version)
			got, err := Ensure(t.Context(), io.Discard, ControlPlane)
			if test.want != "" {
				want := strings.NewReplacer(`"ASSETS"`, strconv.Quote(assets), `"BIN"`, strconv.Quote(bin)).Replace(test.want)
				if err == nil || err.Error() != want {
					t.Errorf("error %v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"etcd", "kube-apiserver", "kubectl", "kube-controller-manager"} {
				want := filepath.Join(bin, name)
				if slices.Contains(test.assets, name) {
					want = filepath.Join(assets, name)
				}
				if path := got.Path(name); path != want {
					t.Errorf("%s is %q, want %q", name, path, want)
				}
			}
		})
	}
}

func TestLinkerFlags(t *testing.T) {
	t.Parallel()
	const want = "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 -X k8s.io/client-go/pkg/version.gitVersion=v1.37.2" +
		" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37"
	if got := linkerFlags("v1.37.2"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// smallModule is a tools module with one program that can be built, and one
// that cannot.
func smallModule(t *testing.T) build {
	t.Helper()
	dir := t.TempDir()
	for path, content := range map[string]string{
		"go.mod":        "module example.com/tools\n\ngo 1.26\n\nrequire k8s.io/kubernetes v1.2.3\n",
		"good/main.go":  "package main\n\nfunc main() { println(\"good\") }\n",
		"wrong/main.go": "package main\n\nfunc main() { undefined() }\n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return build{module: dir, versions: map[string]string{kubernetesModule: "v1.2.3"}, dir: t.TempDir()}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	b := smallModule(t)
	if got, err := requiredVersion(t.Context(), b.module, kubernetesModule); err != nil || got != "v1.2.3" {
		t.Errorf("version %q, %v; want %q", got, err, "v1.2.3")
	}

	if err := b.tool(t.Context(), tool{name: "good", pkg: "./good", module: kubernetesModule}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(b.dir, "good")).CombinedOutput()
	if err != nil || string(out) != "good\n" {
		t.Errorf("the program says %q, %v", out, err)
	}

	err = b.tool(t.Context(), tool{name: "wrong", pkg: "./wrong", module: kubernetesModule})
	if err == nil || !strings.HasPrefix(err.Error(), "building wrong v1.2.3: ") || !strings.HasSuffix(err.Error(), "undefined: undefined") {
		t.Errorf("error %v does not say what is wrong", err)
	}
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the folder holds %v, want only the good one", entries)
	}
}

func TestEnsureWaitsForAnotherBuild(t *testing.T) {
	t.Parallel()
	b := smallModule(t)
	lock, err := tryLock(filepath.Join(b.dir, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	// The other one finishes once this one has said that it waits.
	progress := writerFunc(func(line []byte) {
		if !bytes.Contains(line, []byte("waiting for another process")) {
			t.Errorf("progress %q", line)
		}
		for _, other := range ControlPlane.kubernetesTools() {
			if err := os.WriteFile(filepath.Join(b.dir, other.name), []byte("#!/bin/sh\n"), 0o700); err != nil {
				t.Error(err)
			}
		}
		if err := lock.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := b.ensure(t.Context(), progress, ControlPlane.kubernetesTools()); err != nil {
		t.Error(err)
	}
}

func TestWaitLockEndsWithItsContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := waitLock(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// writerFunc is called for each write.
type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func TestCheckCNamesThePackages(t *testing.T) {
	const hint = ": apt-get install gcc libc6-dev libseccomp-dev pkg-config"
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	program := func(name, script string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		name, script string // a program that is added
		want         string
	}{
		{"other", "", `no program "gcc" on this machine` + hint},
		{"gcc", "exit 1", `no program "pkg-config" on this machine` + hint},
		{"pkg-config", "exit 1", "no libseccomp on this machine" + hint},
		{"pkg-config", "exit 0", "no C library to compile with on this machine" + hint},
		{"gcc", "exit 0", ""},
	}
	for _, step := range steps {
		program(step.name, step.script)
		var got string
		if err := checkC(t.Context()); err != nil {
			got = err.Error()
		}
		if got != step.want {
			t.Errorf("after %s (%s): %q, want %q", step.name, step.script, got, step.want)
		}
	}
}

func TestNodeBuildsNameTheirVersions(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	for module, tools := range map[string][]tool{kubernetesTools: Node.kubernetesTools(), nodeTools: Node.nodeTools()} {
		b, err := newBuild(t.Context(), filepath.Join(root, module), "cache", tools)
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range tools {
			if version := b.versions[tool.module]; version == "" || !strings.Contains(b.dir, version) {
				t.Errorf("%s %q is built in %q", tool.name, version, b.dir)
			}
		}
	}
}
