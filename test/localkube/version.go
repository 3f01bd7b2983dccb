package localkube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// versionModule returns the folder of a tools module for the given version of
// Kubernetes, like the one in test/tools/kubernetes for the pinned version. It
// is created in the cache folder the first time, for which the go command asks
// its module proxy.
func versionModule(ctx context.Context, cache, version string) (_ string, err error) {
	match := regexp.MustCompile(`^v?(1\.[0-9]+\.[0-9]+)$`).FindStringSubmatch(version)
	if match == nil {
		return "", fmt.Errorf("invalid %s %q: must be a version such as 1.34.4", versionEnv, version)
	}
	version = "v" + match[1]
	dir := filepath.Join(cache, "module-kubernetes-"+version)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unfinished, err := os.MkdirTemp(cache, ".module-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(unfinished)) }()
	if err := writeVersionModule(ctx, unfinished, version); err != nil {
		return "", fmt.Errorf("resolving the modules of Kubernetes %s: %w", version, err)
	}
	err = os.Rename(unfinished, dir)
	if _, statErr := os.Stat(dir); statErr == nil {
		err = nil // another process was faster
	}
	return dir, err
}

// writeVersionModule writes go.mod and go.sum into the folder.
func writeVersionModule(ctx context.Context, dir, version string) error {
	out, err := output(goCommand(ctx, dir, "mod", "download", "-json", kubernetesModule+"@"+version))
	if err != nil {
		return err
	}
	var downloaded struct{ GoMod string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		return err
	}
	upstream, err := readGoMod(ctx, downloaded.GoMod)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), goModFor(version, upstream), 0o644); err != nil {
		return err
	}
	_, err = output(goCommand(ctx, dir, "mod", "tidy"))
	return err
}

// goModFor returns the go.mod of a tools module for a version of Kubernetes whose
// own go.mod is given. That one requires the modules of its repository at v0.0.0
// and replaces them by folders, which does not count for those who require it:
// here they are replaced by their published versions.
func goModFor(version string, upstream goMod) []byte {
	staging := "v0." + strings.TrimPrefix(version, "v1.")
	var b bytes.Buffer
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) } // a buffer takes all
	line("module localkube\n\ngo %s\n", upstream.Go)
	for _, setting := range upstream.Godebug {
		line("godebug %s=%s", setting.Key, setting.Value)
	}
	line("require %s %s\n\nreplace (", kubernetesModule, version)
	for _, r := range upstream.Require {
		if r.Version == "v0.0.0" && strings.HasPrefix(r.Path, "k8s.io/") {
			line("\t%s => %s %s", r.Path, r.Path, staging)
		}
	}
	line(")\n\ntool (")
	for _, t := range Node.kubernetesTools() {
		line("\t%s", t.pkg)
	}
	line(")")
	return b.Bytes()
}
