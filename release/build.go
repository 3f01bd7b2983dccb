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
)

// Options say what to build.
type Options struct {
	// Root is the checkout.
	Root string
	// Version is the release, with its leading v.
	Version string
	// Source is linked into the binaries; see ReadSource.
	Source Source
	// Toolchain is the version of Go to build with, as in go1.26.8; "" means
	// the one that is there.
	Toolchain string
	// Targets are those of .goreleaser.yaml to build; none means all. What is in
	// an archive is the same either way: its licences are of all platforms.
	Targets []string
	// BaseURL is where the archives will be found, without the version and
	// the archive's name; "" means DownloadURL.
	BaseURL string
	// Dist is the folder for the result; what is in it goes.
	Dist string
	// Log gets the output of the programs that are run.
	Log io.Writer
}

// Files of a release besides the archives.
const (
	Checksums    = "SHA256SUMS"
	ManifestFile = "iris.yaml"
	// ManifestCopy is the same for krew install --manifest. The validator of
	// krew wants the name of the plugin, which ManifestFile has.
	ManifestCopy = "krew-manifest.yaml"
)

// Build makes the release.
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
	for _, step := range []func(context.Context) error{b.extras, b.archives, b.collect, b.manifests} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// scratch is a folder of the checkout that git ignores. goreleaser packs only
// what is below the checkout.
const scratch = "bin"

// build is a release on its way.
type build struct {
	Options
	// work is a folder in scratch that goes in the end.
	work string
}

func (b build) extrasDir() string { return filepath.Join(b.work, "extras") }
func (b build) distDir() string   { return filepath.Join(b.work, "dist") }

// extras makes what goes into the archives besides what is in the checkout,
// and the SPDX document.
func (b build) extras(ctx context.Context) error {
	man := filepath.Join(b.extrasDir(), "man")
	if err := os.MkdirAll(man, 0o755); err != nil {
		return err
	}
	date := b.Source.Date.Format(time.RFC3339)
	if err := b.run(ctx, b.Root, "go", "run", "./release/reference", "-man", man, "-version", b.Version, "-date", date); err != nil {
		return err
	}
	config, err := b.config()
	if err != nil {
		return err
	}
	return b.run(ctx, filepath.Join(b.Root, "test", "tools", "release"), "go", "run", "./sbom",
		"-root", b.Root, "-package", "./cmd/kubectl-iris", "-targets", strings.Join(config.targets(), ","),
		"-version", b.Version, "-date", date,
		"-licenses", filepath.Join(b.extrasDir(), "LICENSES.txt"),
		"-spdx", filepath.Join(b.extrasDir(), fmt.Sprintf("kubectl-iris_%s.spdx.json", b.Version)))
}

// archives runs goreleaser.
func (b build) archives(ctx context.Context) error {
	config, err := b.config()
	if err != nil {
		return err
	}
	if len(b.Targets) > 0 {
		config.setTargets(b.Targets)
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

// config is .goreleaser.yaml.
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
		return nil, errors.New(".goreleaser.yaml: the first of builds has no targets")
	}
	return c, nil
}

// config is goreleaser's configuration.
type config map[string]any

func (c config) builds() map[string]any {
	if builds, ok := c["builds"].([]any); ok && len(builds) > 0 {
		build, _ := builds[0].(map[string]any)
		return build
	}
	return nil
}

func (c config) targets() []string {
	listed, _ := c.builds()["targets"].([]any)
	targets := make([]string, 0, len(listed))
	for _, target := range listed {
		targets = append(targets, fmt.Sprint(target))
	}
	return targets
}

func (c config) setTargets(targets []string) {
	var listed []any
	for _, target := range targets {
		listed = append(listed, target)
	}
	c.builds()["targets"] = listed
}

// collect puts what is released into the folder that was asked for, and leaves
// goreleaser's notes behind, which are not the same each time.
func (b build) collect(context.Context) error {
	if err := os.RemoveAll(b.Dist); err != nil {
		return err
	}
	if err := os.MkdirAll(b.Dist, 0o755); err != nil {
		return err
	}
	var files []string
	for _, pattern := range []string{"dist/*.tar.gz", "dist/*.zip", "dist/" + Checksums, "extras/*.spdx.json"} {
		found, err := filepath.Glob(filepath.Join(b.work, filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	for _, file := range files {
		if err := copyFile(filepath.Join(b.Dist, filepath.Base(file)), file); err != nil {
			return err
		}
	}
	return nil
}

// manifests writes both manifests.
func (b build) manifests(ctx context.Context) error {
	checksums, err := os.ReadFile(filepath.Join(b.Dist, Checksums))
	if err != nil {
		return err
	}
	toolchain, err := b.toolchain(ctx)
	if err != nil {
		return err
	}
	manifest := Manifest{Version: b.Version, Source: b.Source, Go: toolchain, BaseURL: b.BaseURL}
	if manifest.Archives, err = parseChecksums(string(checksums)); err != nil {
		return err
	}
	text := []byte(manifest.Render())
	return errors.Join(
		os.WriteFile(filepath.Join(b.Dist, ManifestFile), text, 0o644),
		os.WriteFile(filepath.Join(b.Dist, ManifestCopy), text, 0o644))
}

func (b build) toolchain(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	cmd.Dir, cmd.Env = b.Root, b.env()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env GOVERSION: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// run runs a program; its output is for the log.
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

// env is the environment of the programs: this one's without what changes the
// result.
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

func copyFile(to, from string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
