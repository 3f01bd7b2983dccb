package release_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/release"
)

func manifest() release.Manifest {
	return release.Manifest{
		Version: "v1.2.3",
		Source:  release.Source{Commit: "0123456789abcdef0123456789abcdef01234567", Date: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)},
		Go:      "go1.26.8",
		Archives: []release.Archive{
			{OS: "linux", Arch: "ppc64le", Name: "kubectl-iris_v1.2.3_linux_ppc64le.tar.gz", SHA256: strings.Repeat("0a", 32)},
			{OS: "windows", Arch: "amd64", Name: "kubectl-iris_v1.2.3_windows_amd64.zip", SHA256: strings.Repeat("1b", 32)},
		},
	}
}

// A manifest is read back as it was written, even if its commit is all digits.
func TestManifestThereAndBack(t *testing.T) {
	local := manifest()
	local.BaseURL = "http://127.0.0.1:1234"
	digits := manifest()
	digits.Source.Commit = strings.Repeat("1234567890", 4)
	for name, want := range map[string]release.Manifest{"released": manifest(), "local": local, "digits": digits} {
		got, err := release.ParseManifest([]byte(want.Render()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestManifestNamesThePrograms(t *testing.T) {
	text := manifest().Render()
	for _, want := range []string{
		"      uri: https://github.com/kubectl-iris/kubectl-iris/releases/download/v1.2.3/kubectl-iris_v1.2.3_linux_ppc64le.tar.gz\n",
		"      bin: kubectl-iris\n",
		"      bin: kubectl-iris.exe\n",
		"  version: v1.2.3\n",
		"      kubectl iris completion kubectl --install\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestParseManifestOfSomethingElse(t *testing.T) {
	for name, text := range map[string]string{
		"no YAML":        "}",
		"no annotations": "spec: {version: v1.2.3}",
		"no date":        `metadata: {annotations: {kubectl-iris/date: yesterday}}`,
	} {
		if _, err := release.ParseManifest([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
