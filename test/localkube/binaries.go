package localkube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	// binEnv names a folder with ready-made binaries.
	binEnv = "KUBECTL_IRIS_KUBERNETES_BIN"
	// assetsEnv names a folder as setup-envtest makes it: etcd, kube-apiserver
	// and, as a rule, kubectl.
	assetsEnv = "KUBEBUILDER_ASSETS"
	// versionEnv is the version of Kubernetes to build in place of the pinned one.
	versionEnv = "KUBECTL_IRIS_KUBERNETES_VERSION"
	// cacheEnv names the folder that stands in for <user cache folder>/kubectl-iris.
	cacheEnv = "KUBECTL_IRIS_CACHE"
	// kubernetesTools is the folder of the module that pins Kubernetes, below
	// the root of the checkout; nodeTools pins what a node needs besides.
	kubernetesTools = "test/tools/kubernetes"
	nodeTools       = "test/tools/node"
	// kubernetesModule is the module whose version is the version of Kubernetes.
	kubernetesModule = "k8s.io/kubernetes"
)

// Set is a group of binaries that are needed together.
type Set int

const (
	// ControlPlane is etcd, kube-apiserver, kube-controller-manager and kubectl.
	ControlPlane Set = iota
	// Node is ControlPlane and what runs pods: kube-scheduler, kubelet,
	// kube-proxy, containerd with runc and CNI plugins, and the stand-in images.
	Node
)

// tool is a binary and the package that it is built from.
type tool struct {
	name string
	pkg  string
	// module is the one that has the package, and its version.
	module string
	// c says that it is built with cgo.
	c bool
}

// kubernetesTools are the binaries from the module that pins Kubernetes, in the
// order in which they are built.
func (s Set) kubernetesTools() []tool {
	tools := []tool{
		{name: "etcd", pkg: "go.etcd.io/etcd/server/v3", module: kubernetesModule},
		kubernetesTool("kubectl"),
		kubernetesTool("kube-apiserver"),
		kubernetesTool("kube-controller-manager"),
	}
	if s == Node {
		tools = append(tools, kubernetesTool("kube-scheduler"), kubernetesTool("kubelet"), kubernetesTool("kube-proxy"))
	}
	return tools
}

// kubernetesTool is a program of Kubernetes.
func kubernetesTool(name string) tool {
	return tool{name: name, pkg: kubernetesModule + "/cmd/" + name, module: kubernetesModule}
}

// nodeTools are the binaries from the module that pins what else a node needs.
func (s Set) nodeTools() []tool {
	if s != Node {
		return nil
	}
	const (
		containerd = "github.com/containerd/containerd/v2"
		runc       = "github.com/opencontainers/runc"
		plugins    = "github.com/containernetworking/plugins"
	)
	return []tool{
		{name: runcName, pkg: runc, module: runc, c: true}, // first: it may lack a Debian package
		{name: containerdName, pkg: containerd + "/cmd/containerd", module: containerd},
		{name: "containerd-shim-runc-v2", pkg: containerd + "/cmd/containerd-shim-runc-v2", module: containerd},
		{name: ctrName, pkg: containerd + "/cmd/ctr", module: containerd},
		{name: "bridge", pkg: plugins + "/plugins/main/bridge", module: plugins},
		{name: "loopback", pkg: plugins + "/plugins/main/loopback", module: plugins},
		{name: "host-local", pkg: plugins + "/plugins/ipam/host-local", module: plugins},
		{name: "portmap", pkg: plugins + "/plugins/meta/portmap", module: plugins},
	}
}

// Binaries holds the folders with the programs of a local Kubernetes.
type Binaries struct {
	// Dir is the folder of Kubernetes' own programs, an absolute path.
	Dir string
	// Assets is the folder of those programs that are used instead of the ones
	// in Dir; empty if there is none.
	Assets string
	// NodeDir is the folder of containerd, runc and the CNI plugins, and Images
	// the OCI archive with the stand-in images; both are empty without a node.
	NodeDir string
	Images  string
}

// Path returns the path of one of Kubernetes' own programs.
func (b Binaries) Path(name string) string {
	if b.Assets != "" && hasProgram(b.Assets, name) {
		return filepath.Join(b.Assets, name)
	}
	return filepath.Join(b.Dir, name)
}

// Kubectl returns the path of kubectl.
func (b Binaries) Kubectl() string {
	return b.Path("kubectl")
}

// Ensure finds the binaries of the set and builds those that are missing. The
// first time that takes minutes; progress says what is being built.
//
// Programs are looked for in the folder that the environment variable
// KUBEBUILDER_ASSETS names, which must have etcd and kube-apiserver. The others
// are taken from the folder that KUBECTL_IRIS_KUBERNETES_BIN names, in which
// nothing is ever built. If that is not set, they are in folders of
// <user cache folder>/kubectl-iris with the versions in their names. The variable
// KUBECTL_IRIS_CACHE replaces <user cache folder>/kubectl-iris, and
// KUBECTL_IRIS_KUBERNETES_VERSION the version of Kubernetes that is built.
// Building needs the go command, and a working directory inside the checkout.
// Processes that call Ensure at the same time wait for each other.
func Ensure(ctx context.Context, progress io.Writer, set Set) (Binaries, error) {
	if os.Getenv(versionEnv) != "" && os.Getenv(binEnv)+os.Getenv(assetsEnv) != "" {
		return Binaries{}, fmt.Errorf("%s cannot be used together with %s or %s", versionEnv, binEnv, assetsEnv)
	}
	assets, tools, err := takeAssets(os.Getenv(assetsEnv), set.kubernetesTools())
	if err != nil {
		return Binaries{}, err
	}
	b := Binaries{Assets: assets}
	if dir := os.Getenv(binEnv); dir != "" {
		return readyMade(b, dir, tools, set)
	}
	root, err := moduleRoot()
	if err != nil {
		return Binaries{}, err
	}
	cache, err := CacheDir()
	if err != nil {
		return Binaries{}, err
	}
	module := filepath.Join(root, filepath.FromSlash(kubernetesTools))
	if version := os.Getenv(versionEnv); version != "" {
		if module, err = versionModule(ctx, cache, version); err != nil {
			return Binaries{}, err
		}
	}
	b.Dir, err = ensureTools(ctx, progress, module, cache, tools)
	if err != nil || set != Node {
		return b, err
	}
	b.NodeDir, err = ensureTools(ctx, progress, filepath.Join(root, filepath.FromSlash(nodeTools)), cache, set.nodeTools())
	if err != nil {
		return Binaries{}, err
	}
	b.Images, err = ensureImages(ctx, progress, root, cache)
	return b, err
}

// takeAssets returns the absolute path of the folder that KUBEBUILDER_ASSETS
// names, and the tools that it does not have. If dir is empty these are all of
// them.
func takeAssets(dir string, tools []tool) (assets string, rest []tool, err error) {
	if dir == "" {
		return "", tools, nil
	}
	assets, err = filepath.Abs(dir)
	if err != nil {
		return "", nil, err
	}
	for _, name := range []string{etcdName, apiServerName} {
		if !hasProgram(assets, name) {
			err = errors.Join(err, fmt.Errorf("%s=%q has no program %q", assetsEnv, dir, name))
		}
	}
	return assets, missing(assets, tools), err
}

// ensureTools builds what is missing of the tools that a module pins, and
// returns their folder.
func ensureTools(ctx context.Context, progress io.Writer, module, cache string, tools []tool) (string, error) {
	b, err := newBuild(ctx, module, cache, tools)
	if err != nil {
		return "", err
	}
	return b.dir, b.ensure(ctx, progress, tools)
}

// CacheDir is the folder for what outlives a run: the built binaries and the
// demo's cluster.
func CacheDir() (string, error) {
	if dir := os.Getenv(cacheEnv); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder (%s can name one): %w", cacheEnv, err)
	}
	return filepath.Join(dir, "kubectl-iris"), nil
}

// readyMade adds to b what a folder that the user named has: the tools of
// Kubernetes, and with a node what else that needs.
func readyMade(b Binaries, dir string, tools []tool, set Set) (Binaries, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Binaries{}, err
	}
	for _, t := range missing(dir, append(slices.Clone(tools), set.nodeTools()...)) {
		err = errors.Join(err, fmt.Errorf("%s=%q has no program %q", binEnv, dir, t.name))
	}
	b.Dir = dir
	if set == Node {
		b.NodeDir, b.Images = dir, filepath.Join(dir, imagesName)
		if _, statErr := os.Stat(b.Images); statErr != nil {
			err = errors.Join(err, fmt.Errorf("%s=%q has no %q", binEnv, dir, imagesName))
		}
	}
	return b, err
}

// missing returns the tools that the folder does not have.
func missing(dir string, tools []tool) []tool {
	return slices.DeleteFunc(slices.Clone(tools), func(t tool) bool { return hasProgram(dir, t.name) })
}

// hasProgram reports whether the folder has a program of that name.
func hasProgram(dir, name string) bool {
	_, err := exec.LookPath(filepath.Join(dir, name))
	return err == nil
}

// moduleRoot finds the root of the checkout, upwards from the working directory.
// Binaries are built with -trimpath, so they do not know where their source is.
func moduleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(kubernetesTools), "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no folder from %q upwards holds %s: run this inside the checkout, or set %s", start, kubernetesTools, binEnv)
		}
	}
}

// build makes binaries from a tools module.
type build struct {
	module   string            // folder of the tools module
	versions map[string]string // of the modules that have the tools, like "v1.37.2"
	dir      string            // folder for the binaries
}

// newBuild reads the tools module. The folder's name has all versions in it.
func newBuild(ctx context.Context, module, cache string, tools []tool) (build, error) {
	b := build{module: module, versions: map[string]string{}}
	var names []string
	for _, t := range tools {
		if b.versions[t.module] != "" {
			continue
		}
		version, err := requiredVersion(ctx, module, t.module)
		if err != nil {
			return build{}, err
		}
		b.versions[t.module] = version
		path := strings.TrimSuffix(t.module, "/"+semverMajor(version))
		names = append(names, filepath.Base(path)+"-"+version)
	}
	b.dir = filepath.Join(cache, strings.Join(append(names, runtime.GOOS, runtime.GOARCH), "-"))
	return b, nil
}

// semverMajor is the first part of a version: "v2" of "v2.4.2".
func semverMajor(version string) string {
	major, _, _ := strings.Cut(version, ".")
	return major
}

// ensure builds what is missing, unless another process does.
func (b build) ensure(ctx context.Context, progress io.Writer, tools []tool) error {
	if len(missing(b.dir, tools)) == 0 {
		return nil
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	lock, err := waitLock(ctx, filepath.Join(b.dir, ".lock"), func() {
		_, _ = fmt.Fprintln(progress, "localkube: waiting for another process that builds Kubernetes")
	})
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // nothing was written

	tools = missing(b.dir, tools)
	for i, t := range tools {
		done := announce(progress, fmt.Sprintf("building %s %s (%d of %d)", t.name, b.versions[t.module], i+1, len(tools)))
		err := b.tool(ctx, t)
		done(err)
		if err != nil {
			return err
		}
	}
	return nil
}

// tool builds one binary. It appears under its name only when it is complete.
func (b build) tool(ctx context.Context, t tool) error {
	unfinished := filepath.Join(b.dir, "."+t.name+".unfinished")
	defer func() { _ = os.Remove(unfinished) }() // there only after a failure

	args := []string{"build", "-trimpath", "-ldflags", linkerFlags(b.versions[kubernetesModule]), "-o", unfinished}
	if t.c {
		if err := checkC(ctx); err != nil {
			return fmt.Errorf("building %s: %w", t.name, err)
		}
		args = append(args, "-tags", "seccomp")
	}
	cmd := goCommand(ctx, b.module, append(args, t.pkg)...)
	if t.c {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	if _, err := output(cmd); err != nil {
		return fmt.Errorf("building %s %s: %w", t.name, b.versions[t.module], err)
	}
	return os.Rename(unfinished, filepath.Join(b.dir, t.name))
}

// cPackages are the Debian packages with what runc, being partly in C, is built
// with. It does without libseccomp on no account: a kubelet asks for a seccomp
// profile for each pod's sandbox, and a runc without it refuses.
const cPackages = "gcc libc6-dev libseccomp-dev pkg-config"

// checkC says which packages to install where C cannot be compiled.
func checkC(ctx context.Context) error {
	hint := "apt-get install " + cPackages
	for _, program := range []string{"gcc", "pkg-config"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("no program %q on this machine: %s", program, hint)
		}
	}
	if _, err := output(exec.CommandContext(ctx, "pkg-config", "--exists", "libseccomp")); err != nil {
		return fmt.Errorf("no libseccomp on this machine: %s", hint)
	}
	// libseccomp-dev does not need libc6-dev.
	cmd := exec.CommandContext(ctx, "gcc", "-E", "-include", "stdlib.h", "-x", "c", os.DevNull)
	if _, err := output(cmd); err != nil {
		return fmt.Errorf("no C library to compile with on this machine: %s", hint)
	}
	return nil
}

// linkerFlags strips the binary and gives it its version of Kubernetes if it has
// one, without which an API server calls itself v0.0.0-master and clients warn
// about the skew.
func linkerFlags(version string) string {
	if version == "" {
		return "-s -w"
	}
	major, minor, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	return strings.Join([]string{
		"-s", "-w",
		"-X", "k8s.io/component-base/version.gitVersion=" + version,
		"-X", "k8s.io/client-go/pkg/version.gitVersion=" + version,
		"-X", "k8s.io/component-base/version.gitMajor=" + major,
		"-X", "k8s.io/component-base/version.gitMinor=" + minor,
	}, " ")
}

// goMod is what is used of a go.mod, as go mod edit -json prints it.
type goMod struct {
	Go      string
	Godebug []struct{ Key, Value string }
	Require []struct{ Path, Version string }
}

// readGoMod reads a go.mod.
func readGoMod(ctx context.Context, path string) (goMod, error) {
	out, err := output(goCommand(ctx, filepath.Dir(path), "mod", "edit", "-json", filepath.Base(path)))
	if err != nil {
		return goMod{}, fmt.Errorf("reading %q: %w", path, err)
	}
	var mod goMod
	if err := json.Unmarshal(out, &mod); err != nil {
		return goMod{}, fmt.Errorf("reading %q: %w", path, err)
	}
	return mod, nil
}

// requiredVersion returns the version at which the module in the folder requires
// another one.
func requiredVersion(ctx context.Context, module, required string) (string, error) {
	mod, err := readGoMod(ctx, filepath.Join(module, "go.mod"))
	if err != nil {
		return "", err
	}
	for _, r := range mod.Require {
		if r.Path == required {
			return r.Version, nil
		}
	}
	return "", fmt.Errorf("the go.mod in %q does not require %s", module, required)
}

// goCommand is the go command, run in the folder of a module, for this
// platform. An end of ctx interrupts it, so that it ends its compilers too.
func goCommand(ctx context.Context, module string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// output runs the command; its error holds the last line of what the command
// said.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	return nil, fmt.Errorf("%s %s: %w: %s", filepath.Base(cmd.Args[0]), cmd.Args[1], err, lines[len(lines)-1])
}
