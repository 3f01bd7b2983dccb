package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
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

// userAgent is what the API server's audit log shows.
func (b Build) userAgent() string {
	return fmt.Sprintf("kubectl-iris/%s (%s/%s) %s", b.Version, runtime.GOOS, runtime.GOARCH, b.Commit)
}
