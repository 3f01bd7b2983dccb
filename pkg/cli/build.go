package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Build says what was built. Empty fields are filled from what the Go tool
// recorded in the binary.
type Build struct {
	// Version is the release with its leading v, or what git describe said.
	Version string
	// Commit is the git commit.
	Commit string
	// Date is the commit's time in RFC 3339, UTC.
	Date string
}

// complete fills what the linker did not set.
func (b Build) complete() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	recorded := map[string]string{}
	for _, setting := range info.Settings {
		recorded[setting.Key] = setting.Value
	}
	return Build{
		Version: cmp.Or(b.Version, info.Main.Version, "(devel)"),
		Commit:  cmp.Or(b.Commit, recorded["vcs.revision"], "unknown"),
		Date:    cmp.Or(b.Date, recorded["vcs.time"], "unknown"),
	}
}

// userAgent returns what the API server's audit log shows.
func (b Build) userAgent() string {
	return fmt.Sprintf("kubectl-iris/%s (%s/%s) %s", b.Version, runtime.GOOS, runtime.GOARCH, b.Commit)
}

// view returns what version prints of the plugin.
func (b Build) view() view.ClientVersion {
	return view.ClientVersion{
		Version:   b.Version,
		Commit:    b.Commit,
		Date:      b.Date,
		Go:        runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
		Libraries: libraries(),
	}
}

// libraries returns the Kubernetes modules that decide how the plugin speaks to a
// server.
func libraries() []view.Library {
	found := []view.Library{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return found
	}
	wanted := []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/cli-runtime", "k8s.io/client-go"}
	for _, module := range info.Deps {
		if slices.Contains(wanted, module.Path) {
			found = append(found, view.Library{Module: module.Path, Version: module.Version})
		}
	}
	return found
}
