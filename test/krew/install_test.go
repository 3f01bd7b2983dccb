//go:build krew

package krew_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/dynamic"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/release"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// irisCluster creates the mirrored cluster of a stand-in's scenario in an own namespace.
func irisCluster(t *testing.T, scenario string) (namespace string, names []string) {
	t.Helper()
	namespace, err := cluster.NewNamespace(t.Context())
	must(t, err)
	document, err := os.ReadFile(filepath.Join("..", "standin", "testdata", scenario, "cluster.yaml"))
	must(t, err)
	client, err := dynamic.NewForConfig(cluster.Config)
	must(t, err)
	names, err = standin.Apply(t.Context(), client, namespace, document)
	must(t, err)
	for _, name := range names {
		must(t, standin.WaitRunning(t.Context(), client, namespace, name))
	}
	return namespace, names
}

// The repository is a krew index: a user adds it, installs, uses and uninstalls.
func TestRepositoryIsAnIndex(t *testing.T) {
	dist := shared.current(t)
	version := manifestOf(t, dist).Version
	index := filepath.Join(t.TempDir(), "kubectl-iris")
	must(t, copyCheckout(index))
	manifestFor(t, dist, serve(t, dist), filepath.Join(index, "plugins", release.ManifestFile))
	must(t, commitAll(index))
	u := newUser(t)

	u.run("kubectl", "krew", "index", "add", "iris", index)
	search := u.try("kubectl", "krew", "search", "iris")
	row := regexp.MustCompile(`(?m)^iris/iris +Inspect and expose .* +no$`)
	if search.code != 0 || !row.MatchString(search.stdout) || search.stderr != "" {
		t.Errorf("search: %+v", search)
	}
	install := u.try("kubectl", "krew", "install", "iris/iris")
	if install.code != 0 || !strings.Contains(install.stderr, "Installed plugin: iris") {
		t.Fatalf("install: %+v", install)
	}
	if !strings.Contains(install.stderr, "kubectl iris completion kubectl --install") {
		t.Errorf("install does not name the command for completion:\n%s", install.stderr)
	}

	var built view.Version
	must(t, json.Unmarshal([]byte(u.run("kubectl", "iris", "version", "--client", "-o", "json")), &built))
	var libraries []string
	for _, library := range built.Client.Libraries {
		libraries = append(libraries, library.Module)
	}
	if want := []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/cli-runtime", "k8s.io/client-go"}; !slices.Equal(libraries, want) {
		t.Errorf("libraries: %q, want %q", libraries, want)
	}
	if built.Client.Version != version || built.Client.Commit != manifestOf(t, dist).Source.Commit || built.Server != nil {
		t.Errorf("version --client: %+v", built)
	}
	if text := u.run("kubectl", "iris", "version"); !regexp.MustCompile(`(?m)^Server +v1\.`).MatchString(text) {
		t.Errorf("version does not print the server's:\n%s", text)
	}
	namespace, _ := irisCluster(t, "undeclared-ports")
	if text := u.run("kubectl", "iris", "status", "bare", "-n", namespace); !strings.Contains(text, "bare-data-0-1") {
		t.Errorf("status does not show the pods:\n%s", text)
	}

	u.run("kubectl", "krew", "uninstall", "iris")
	if out := u.try("kubectl", "iris", "version", "--client"); out.code == 0 {
		t.Error("the plugin is there after uninstall")
	}
	left, err := os.ReadDir(u.krewBin())
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left in %s: %v", u.krewBin(), left)
	}
}

// krew's own validator installs every platform of the manifest.
func TestValidator(t *testing.T) {
	dist := shared.current(t)
	validator := shared.tool(t, "validate-krew-manifest")
	manifest := filepath.Join(t.TempDir(), "iris.yaml")
	manifestFor(t, dist, serve(t, dist), manifest)
	u := newUser(t)
	out := u.try(validator, "-manifest", manifest)
	if want := "all 8 spec.platforms installed fine"; out.code != 0 || !strings.Contains(out.stderr, want) {
		t.Errorf("it does not say %q: code %d\n%s", want, out.code, out.stderr)
	}
}

func TestValidatorTakesTheCommittedManifest(t *testing.T) {
	root, err := repository()
	must(t, err)
	u := newUser(t)
	out := u.try(shared.tool(t, "validate-krew-manifest"), "-skip-install", "-manifest", filepath.Join(root, "plugins", release.ManifestFile))
	if out.code != 0 || !strings.Contains(out.stderr, "structural validation OK") {
		t.Errorf("code %d\n%s", out.code, out.stderr)
	}
}

// Reviewers of krew's central index ask for this; no program of krew checks it.
func TestWordsOfTheManifest(t *testing.T) {
	text := manifestOf(t, shared.current(t)).Render()
	short := regexp.MustCompile(`(?m)^  shortDescription: (.*)$`).FindStringSubmatch(text)
	if len(short) != 2 || len(short[1]) > 50 || strings.Contains(strings.ToLower(short[1]), "plugin") {
		t.Errorf("shortDescription %q: at most 50 characters, and not the word plugin", short)
	}
	for line := range strings.Lines(text) {
		if len(strings.TrimRight(line, "\n")) > 80 && !strings.HasPrefix(strings.TrimSpace(line), "uri:") && !strings.HasPrefix(strings.TrimSpace(line), "sha256:") {
			t.Errorf("a line of more than 80 characters: %s", line)
		}
	}
}

// krew installs every archive as it does on the archive's platform.
func TestInstallFromArchive(t *testing.T) {
	dist := shared.current(t)
	version := manifestOf(t, dist).Version
	for _, platform := range platforms() {
		t.Run(platform, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(platform, "/")
			u := newUser(t)
			u.env["KREW_OS"], u.env["KREW_ARCH"] = goos, goarch
			u.run("kubectl", "krew", "install",
				"--manifest="+filepath.Join(dist, release.ManifestCopy),
				"--archive="+filepath.Join(dist, archiveName(version, platform)))
			binary := "kubectl-iris"
			if goos == "windows" {
				binary += ".exe"
			}
			// krew links the program, and keeps what else is in the archive.
			link := filepath.Join(u.krewBin(), binary)
			target, err := filepath.EvalSymlinks(link)
			must(t, err)
			store := filepath.Join(u.env["KREW_ROOT"], "store", "iris", version)
			if want, err := filepath.EvalSymlinks(filepath.Join(store, binary)); err != nil || target != want {
				t.Errorf("%s links to %s, want %s: %v", link, target, want, err)
			}
			for _, file := range []string{"LICENSE", "LICENSES.txt", "README.md", "man/kubectl-iris.1"} {
				if _, err := os.Stat(filepath.Join(store, file)); err != nil {
					t.Error(err)
				}
			}
			if goos == runtime.GOOS && goarch == runtime.GOARCH {
				u.run("kubectl", "iris", "version", "--client")
			}
		})
	}
}

func TestInstallRefusesAnotherArchive(t *testing.T) {
	dist := shared.current(t)
	version := manifestOf(t, dist).Version
	archive := filepath.Join(t.TempDir(), "changed.tar.gz")
	content, err := os.ReadFile(filepath.Join(dist, archiveName(version, "linux/amd64")))
	must(t, err)
	content[len(content)-1]++
	must(t, os.WriteFile(archive, content, 0o600))
	u := newUser(t)
	u.env["KREW_OS"], u.env["KREW_ARCH"] = "linux", "amd64"
	out := u.try("kubectl", "krew", "install", "--manifest="+filepath.Join(dist, release.ManifestCopy), "--archive="+archive)
	if out.code == 0 || !strings.Contains(out.stderr, "checksum does not match") {
		t.Errorf("krew accepted a changed archive: %+v", out)
	}
}

func TestUpgrade(t *testing.T) {
	older, current := shared.older(t), shared.current(t)
	address := serve(t, older, current)
	index := filepath.Join(t.TempDir(), "index")
	manifest := filepath.Join(index, "plugins", release.ManifestFile)
	manifestFor(t, older, address, manifest)
	must(t, gitIn(filepath.Dir(filepath.Dir(manifest)), "init", "-q", "-b", "main"))
	must(t, commitAll(index))
	u := newUser(t)
	u.run("kubectl", "krew", "index", "add", "iris", index)
	u.run("kubectl", "krew", "install", "iris/iris")
	u.run("kubectl", "iris", "completion", "kubectl", "--install")
	versions := []string{u.version()}

	manifestFor(t, current, address, manifest)
	must(t, commitAll(index))
	u.run("kubectl", "krew", "upgrade", "iris")
	versions = append(versions, u.version())
	if want := []string{olderVersion, manifestOf(t, current).Version}; !slices.Equal(versions, want) {
		t.Errorf("versions before and after the upgrade: %q, want %q", versions, want)
	}
	if got := u.complete("sta"); !slices.Equal(got, []string{"status"}) {
		t.Errorf("completion after the upgrade: %q", got)
	}
}

// version returns the version of the plugin that kubectl runs.
func (u *user) version() string {
	u.Helper()
	var v view.Version
	must(u.T, json.Unmarshal([]byte(u.run("kubectl", "iris", "version", "--client", "-o", "json")), &v))
	return v.Client.Version
}
