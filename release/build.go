package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/release/sbom"
)

// Options says what to build.
type Options struct {
	// Root is the checkout.
	Root string
	// Version is the release, with its leading v.
	Version string
	// Source is linked into the binaries; see ReadSource.
	Source Source
	// Toolchain is the version of Go to build with, for example go1.26.8. If it is
	// empty, the installed one is used.
	Toolchain string
	// Targets are the targets of .goreleaser.yaml to build. If there are none, all
	// are built. The files of an archive are the same either way: its licences are
	// those of all platforms.
	Targets []string
	// Dist is the folder for the result. What was in it is removed.
	Dist string
	// Log gets the output of the programs that are run.
	Log io.Writer
}

// Files of a release besides the archives.
const (
	Checksums    = "SHA256SUMS"
	ManifestFile = "iris.yaml"
	// ManifestCopy is the same for krew install --manifest. krew's validator wants
	// the plugin's name, which ManifestFile has.
	ManifestCopy = "krew-manifest.yaml"
)

// Build builds the release. It returns a usage error if the version is invalid.
func Build(ctx context.Context, o Options) (err error) {
	if err := CheckVersion(o.Version); err != nil {
		return err
	}
	b := build{Options: o}
	if err := os.MkdirAll(filepath.Join(o.Root, scratch), 0o755); err != nil {
		return err
	}
	if b.work, err = os.MkdirTemp(filepath.Join(o.Root, scratch), "release-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	if b.Toolchain, err = b.goVersion(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{b.extras, b.archives, b.collect} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// scratch is a folder of the checkout that git ignores. goreleaser packs only
// what is below the checkout.
const scratch = "bin"

// build is a release that is being built.
type build struct {
	Options
	// work is a folder in scratch that is removed in the end.
	work string
}

func (b build) extrasDir() string { return filepath.Join(b.work, "extras") }
func (b build) distDir() string   { return filepath.Join(b.work, "dist") }
func (b build) spdxFile() string {
	return filepath.Join(b.extrasDir(), fmt.Sprintf("kubectl-iris_%s.spdx.json", b.Version))
}

// extras writes what goes into the archives besides files of the checkout, and the
// SPDX document.
func (b build) extras(ctx context.Context) error {
	man := filepath.Join(b.extrasDir(), "man")
	if err := os.MkdirAll(man, 0o755); err != nil {
		return err
	}
	err := b.run(ctx, filepath.Join(b.Root, "release"), "go", "run", "./reference",
		"-man", man, "-version", b.Version, "-date", b.Source.Date.Format(time.RFC3339))
	if err != nil {
		return err
	}
	config, err := b.config()
	if err != nil {
		return err
	}
	list, err := sbom.New(ctx, sbom.Options{
		Root: b.Root, Package: "./cmd/kubectl-iris", Targets: config.targets(),
		Version: b.Version, Date: b.Source.Date, Toolchain: b.Toolchain, Env: b.env(),
	})
	if err != nil {
		return err
	}
	spdx, err := list.SPDX()
	return errors.Join(err,
		os.WriteFile(filepath.Join(b.extrasDir(), "LICENSES.txt"), list.Licenses(), 0o644),
		os.WriteFile(b.spdxFile(), spdx, 0o644))
}

// archives runs goreleaser.
func (b build) archives(ctx context.Context) error {
	config, err := b.config()
	if err != nil {
		return err
	}
	if len(b.Targets) > 0 {
		config.build()["targets"] = b.Targets
	}
	config["dist"] = b.distDir()
	text, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	file := filepath.Join(b.work, "goreleaser.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	return b.run(ctx, b.Root, "go", "run", "-modfile=test/tools/release/go.mod", "github.com/goreleaser/goreleaser/v2",
		"release", "--snapshot", "--config", file)
}

// config returns .goreleaser.yaml.
func (b build) config() (config, error) {
	text, err := os.ReadFile(filepath.Join(b.Root, ".goreleaser.yaml"))
	if err != nil {
		return nil, err
	}
	var c config
	if err := yaml.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf(".goreleaser.yaml: %w", err)
	}
	if len(c.targets()) == 0 {
		return nil, errors.New(".goreleaser.yaml: builds[0].targets is required")
	}
	return c, nil
}

// config holds goreleaser's configuration.
type config map[string]any

// build returns the first of the builds, or nil.
func (c config) build() map[string]any {
	if builds, ok := c["builds"].([]any); ok && len(builds) > 0 {
		first, _ := builds[0].(map[string]any)
		return first
	}
	return nil
}

func (c config) targets() []string {
	listed, _ := c.build()["targets"].([]any)
	targets := make([]string, 0, len(listed))
	for _, target := range listed {
		targets = append(targets, fmt.Sprint(target))
	}
	return targets
}

// collect copies the archives, the checksums and the SPDX document to Dist, and
// writes the manifests there. The rest of goreleaser's output is left behind: it
// differs from build to build.
func (b build) collect(context.Context) error {
	listed, err := os.ReadFile(filepath.Join(b.distDir(), "artifacts.json"))
	if err != nil {
		return err
	}
	manifest := Manifest{Version: b.Version, Source: b.Source, Go: b.Toolchain}
	if manifest.Archives, err = parseArtifacts(listed); err != nil {
		return err
	}
	files := []string{filepath.Join(b.distDir(), Checksums), b.spdxFile()}
	for _, archive := range manifest.Archives {
		files = append(files, filepath.Join(b.distDir(), archive.Name))
	}
	if err := errors.Join(os.RemoveAll(b.Dist), os.MkdirAll(b.Dist, 0o755)); err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(b.Dist, filepath.Base(file)), content, 0o644); err != nil {
			return err
		}
	}
	text := []byte(manifest.Render())
	return errors.Join(
		os.WriteFile(filepath.Join(b.Dist, ManifestFile), text, 0o644),
		os.WriteFile(filepath.Join(b.Dist, ManifestCopy), text, 0o644))
}

// goVersion returns the version of Go that builds the release.
func (b build) goVersion(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	cmd.Dir, cmd.Env = b.Root, b.env()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env GOVERSION: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// run runs a program in dir, and writes its output to the log.
func (b build) run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, b.env()
	cmd.Stdout, cmd.Stderr = b.Log, b.Log
	// An interrupt lets the go command end its children.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// env returns the environment of the programs that are run: this one's, without
// what would change the result.
func (b build) env() []string {
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{
			"GOFLAGS", "GOOS", "GOARCH", "GOAMD64", "GOARM", "GOARM64", "GOPPC64", "GOEXPERIMENT", "GOFIPS140", "GODEBUG",
		}, name)
	})
	if b.Toolchain != "" {
		env = append(env, "GOTOOLCHAIN="+b.Toolchain)
	}
	return append(env,
		"CGO_ENABLED=0",
		"GOFLAGS=-trimpath",
		"GOWORK=off",
		"VERSION="+b.Version,
		"EXTRAS="+path.Join(scratch, filepath.Base(b.work), "extras"),
		"SOURCE_COMMIT="+b.Source.Commit,
		"SOURCE_DATE="+b.Source.Date.Format(time.RFC3339),
		"SOURCE_DATE_EPOCH="+strconv.FormatInt(b.Source.Date.Unix(), 10),
	)
}
