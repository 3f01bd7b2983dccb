//go:build krew

package krew_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
	"github.com/kubectl-iris/kubectl-iris/release"
)

const (
	maxArchive = 15_000_000 // bytes
	maxBinary  = 46_000_000 // bytes
	maxModules = 80
)

// filesIn returns the checksums of a folder's files by name.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	sums := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		must(t, err)
		sum := sha256.Sum256(content)
		sums[entry.Name()] = hex.EncodeToString(sum[:])
	}
	return sums
}

func TestReleaseHasAllFiles(t *testing.T) {
	dist := shared.current(t)
	version := manifestOf(t, dist).Version
	want := []string{"SHA256SUMS", "iris.yaml", "krew-manifest.yaml", "kubectl-iris_" + version + ".spdx.json"}
	for _, platform := range platforms() {
		want = append(want, archiveName(version, platform))
	}
	slices.Sort(want)
	sums := filesIn(t, dist)
	var got []string
	for name := range sums {
		got = append(got, name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if sums["iris.yaml"] != sums["krew-manifest.yaml"] {
		t.Error("the manifests differ")
	}

	listed := map[string]string{}
	text, err := os.ReadFile(filepath.Join(dist, release.Checksums))
	must(t, err)
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = sum
	}
	for name := range sums {
		if strings.HasSuffix(name, ".yaml") || name == release.Checksums {
			delete(sums, name) // made from the checksums
		}
	}
	if diff := cmp.Diff(sums, listed); diff != "" {
		t.Errorf("%s (-files +listed):\n%s", release.Checksums, diff)
	}
	for _, archive := range manifestOf(t, dist).Archives {
		if sums[archive.Name] != archive.SHA256 {
			t.Errorf("the manifest's checksum of %s is not that of the file", archive.Name)
		}
	}
}

func archiveName(version, platform string) string {
	name := "kubectl-iris_" + version + "_" + strings.ReplaceAll(platform, "/", "_")
	if strings.HasPrefix(platform, "windows/") {
		return name + ".zip"
	}
	return name + ".tar.gz"
}

func TestReleaseIsReproducible(t *testing.T) {
	first := shared.current(t)
	again := shared.once(t, "again", func() error {
		elsewhere := filepath.Join(shared.root, "a", "checkout", "elsewhere")
		return errors.Join(copyCheckout(elsewhere), shared.build(elsewhere, "again", release.Options{}))
	})
	if diff := cmp.Diff(filesIn(t, first), filesIn(t, again)); diff != "" {
		t.Errorf("two builds in two folders differ (-first +second):\n%s", diff)
	}
	here := release.Options{Targets: []string{runtime.GOOS + "_" + runtime.GOARCH}}
	checkout := shared.checkout(t)
	alone := shared.once(t, "alone", func() error { return shared.build(checkout, "alone", here) })
	archive := archiveName(manifestOf(t, first).Version, runtime.GOOS+"/"+runtime.GOARCH)
	if filesIn(t, alone)[archive] != filesIn(t, first)[archive] {
		t.Errorf("%s differs if it is built alone", archive)
	}
}

// packed is a file in an archive.
type packed struct {
	mode    os.FileMode
	content []byte
}

// unpack returns the files of an archive. It fails the test for what krew refuses:
// links, and paths out of the folder.
func unpack(t *testing.T, name string) map[string]packed {
	t.Helper()
	files := map[string]packed{}
	add := func(name string, mode os.FileMode, content io.Reader) {
		if !mode.IsRegular() || path.Clean(name) != name || path.IsAbs(name) || strings.HasPrefix(name, "..") {
			t.Errorf("%q (%v) is not a regular file below the folder", name, mode)
		}
		var b bytes.Buffer
		_, err := io.Copy(&b, content)
		must(t, err)
		files[name] = packed{mode.Perm(), b.Bytes()}
	}
	if strings.HasSuffix(name, ".zip") {
		archive, err := zip.OpenReader(name)
		must(t, err)
		defer func() { must(t, archive.Close()) }()
		for _, file := range archive.File {
			content, err := file.Open()
			must(t, err)
			add(file.Name, file.Mode(), content)
		}
		return files
	}
	file, err := os.Open(name)
	must(t, err)
	defer func() { must(t, file.Close()) }()
	unzipped, err := gzip.NewReader(file)
	must(t, err)
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		must(t, err)
		add(header.Name, header.FileInfo().Mode(), archive)
	}
}

func TestArchives(t *testing.T) {
	dist := shared.current(t)
	version := manifestOf(t, dist).Version
	document := spdxPackages(t, filepath.Join(dist, "kubectl-iris_"+version+".spdx.json"))
	used := map[string]bool{"kubectl-iris": true, "stdlib": true}
	for _, platform := range platforms() {
		t.Run(platform, func(t *testing.T) {
			name := filepath.Join(dist, archiveName(version, platform))
			info, err := os.Stat(name)
			must(t, err)
			files := unpack(t, name)
			binary := "kubectl-iris"
			if strings.HasPrefix(platform, "windows/") {
				binary += ".exe"
			}
			var modules []string
			build, err := buildinfo.Read(bytes.NewReader(files[binary].content))
			must(t, err)
			for _, module := range build.Deps {
				modules = append(modules, module.Path+" "+module.Version)
				used[module.Path] = true
				if document[module.Path] != module.Version {
					t.Errorf("the SPDX document has %s at %q, the binary at %q", module.Path, document[module.Path], module.Version)
				}
			}
			t.Logf("archive %.2f MB, binary %.2f MB, %d modules", float64(info.Size())/1e6, float64(len(files[binary].content))/1e6, len(modules))
			if info.Size() > maxArchive {
				t.Errorf("the archive has %d bytes, at most %d are allowed", info.Size(), maxArchive)
			}
			if len(files[binary].content) > maxBinary {
				t.Errorf("the binary has %d bytes, at most %d are allowed", len(files[binary].content), maxBinary)
			}
			if len(modules) > maxModules {
				t.Errorf("the binary has %d modules, at most %d are allowed:\n%s", len(modules), maxModules, strings.Join(modules, "\n"))
			}
			checkBuild(t, build, platform)

			want := map[string]os.FileMode{binary: 0o755, "LICENSE": 0o644, "README.md": 0o644, "LICENSES.txt": 0o644}
			for _, page := range manPages() {
				want["man/"+page] = 0o644
			}
			got := map[string]os.FileMode{}
			for name, file := range files {
				got[name] = file.mode
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			licences := string(files["LICENSES.txt"].content)
			for _, module := range modules {
				if line := regexp.MustCompile(`(?m)^` + strings.Replace(regexp.QuoteMeta(module), " ", ` +`, 1) + ` +\S`); !line.MatchString(licences) {
					t.Errorf("LICENSES.txt does not list %s", module)
				}
			}
		})
	}
	for module := range document {
		if !used[module] {
			t.Errorf("the SPDX document lists %s, and no binary has it", module)
		}
	}
}

// checkBuild checks how a binary was built.
func checkBuild(t *testing.T, build *buildinfo.BuildInfo, platform string) {
	t.Helper()
	goos, goarch, _ := strings.Cut(platform, "/")
	want := map[string]string{"GOOS": goos, "GOARCH": goarch, "CGO_ENABLED": "0", "-trimpath": "true"}
	got := map[string]string{}
	for _, setting := range build.Settings {
		if _, ok := want[setting.Key]; ok {
			got[setting.Key] = setting.Value
		}
		if strings.HasPrefix(setting.Key, "vcs") {
			t.Errorf("the binary was stamped with %s", setting.Key)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("build settings (-want +got):\n%s", diff)
	}
}

// manPages returns the names of the pages that the commands must have.
func manPages() []string {
	pages := []string{"kubectl-iris.1"}
	root := cli.NewCommand(cli.Env{Getenv: func(string) string { return "" }})
	for _, cmd := range root.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		pages = append(pages, "kubectl-iris-"+cmd.Name()+".1")
		for _, sub := range cmd.Commands() {
			pages = append(pages, "kubectl-iris-"+cmd.Name()+"-"+sub.Name()+".1")
		}
	}
	return pages
}

// spdxPackages returns the versions of an SPDX document's packages by name.
func spdxPackages(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	var document struct {
		SPDXVersion string `json:"spdxVersion"`
		Packages    []struct {
			Name    string `json:"name"`
			Version string `json:"versionInfo"`
			License string `json:"licenseDeclared"`
		} `json:"packages"`
	}
	must(t, json.Unmarshal(text, &document))
	if document.SPDXVersion != "SPDX-2.3" {
		t.Errorf("spdxVersion is %q", document.SPDXVersion)
	}
	packages := map[string]string{}
	for _, p := range document.Packages {
		packages[p.Name] = p.Version
		if p.License == "" || p.License == "NOASSERTION" {
			t.Errorf("%s has no licence", p.Name)
		}
	}
	return packages
}

// The manifests in the repository match a build. They describe the newest release or
// the next one; sources may have changed since.
func TestCommittedManifests(t *testing.T) {
	root, err := repository()
	must(t, err)
	text, err := os.ReadFile(filepath.Join(root, "plugins", release.ManifestFile))
	must(t, err)
	twin, err := os.ReadFile(filepath.Join(root, release.ManifestCopy))
	must(t, err)
	if !bytes.Equal(text, twin) {
		t.Errorf("plugins/%s and %s differ: run make manifests", release.ManifestFile, release.ManifestCopy)
	}
	manifest, err := release.ParseManifest(text)
	must(t, err)
	if diff := cmp.Diff(manifest.Render(), string(text)); diff != "" {
		t.Errorf("the manifests were not made by release/manifest.go as it is now: run make manifests (-now +committed):\n%s", diff)
	}
	var got []string
	for _, archive := range manifest.Archives {
		got = append(got, archive.OS+"/"+archive.Arch)
	}
	if diff := cmp.Diff(platforms(), got); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
	entries, err := os.ReadDir(filepath.Join(root, "plugins"))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("plugins/ is a krew index and must contain %s only: %v", release.ManifestFile, entries)
	}

	// They match the files as they are now, or those of the commit that they name.
	if diff := cmp.Diff(manifest, manifestOf(t, shared.current(t))); diff == "" {
		return
	}
	sum, err := rebuild(t, root, manifest)
	if err != nil {
		t.Fatalf("the manifests match neither these files nor commit %s: run make manifests\n%v", manifest.Source.Commit, err)
	}
	here := slices.IndexFunc(manifest.Archives, isHere)
	if want := manifest.Archives[here].SHA256; sum != want {
		t.Errorf("commit %s gives %s the checksum\n%s, the manifests say\n%s: run make manifests", manifest.Source.Commit, manifest.Archives[here].Name, sum, want)
	}
}

func isHere(a release.Archive) bool { return a.OS == runtime.GOOS && a.Arch == runtime.GOARCH }

// rebuild builds the archive for this platform from the commit and with the toolchain
// that a manifest names, and returns its checksum.
func rebuild(t *testing.T, root string, manifest release.Manifest) (string, error) {
	t.Helper()
	checkout := filepath.Join(t.TempDir(), "checkout")
	if err := gitIn(root, "clone", "-q", "--no-checkout", root, checkout); err != nil {
		return "", err
	}
	if err := gitIn(checkout, "checkout", "-q", manifest.Source.Commit); err != nil {
		return "", err
	}
	source, err := release.ReadSource(t.Context(), checkout)
	if err != nil {
		return "", err
	}
	if source != manifest.Source {
		return "", fmt.Errorf("that commit's source is %+v", source)
	}
	var log bytes.Buffer
	dist := filepath.Join(t.TempDir(), "dist")
	err = release.Build(context.Background(), release.Options{
		Root: checkout, Version: manifest.Version, Source: source, Toolchain: manifest.Go,
		Targets: []string{runtime.GOOS + "_" + runtime.GOARCH}, Dist: dist, Log: &log,
	})
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, log.String())
	}
	return filesIn(t, dist)[archiveName(manifest.Version, runtime.GOOS+"/"+runtime.GOARCH)], nil
}
