package release

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseArtifacts(t *testing.T) {
	got, err := parseArtifacts([]byte(`[
		{"name": "kubectl-iris", "path": "bin/kubectl-iris", "goos": "linux", "goarch": "arm", "type": "Binary", "extra": {"Binary": "kubectl-iris"}},
		{"name": "b.zip", "goos": "windows", "goarch": "arm64", "type": "Archive", "extra": {"Checksum": "sha256:bb", "Format": "zip"}},
		{"name": "a.tar.gz", "goos": "linux", "goarch": "arm", "goarm": "6", "type": "Archive", "extra": {"Checksum": "sha256:aa"}},
		{"name": "SHA256SUMS", "type": "Checksum", "extra": {}},
		{"name": "c.spdx.json", "type": "File", "extra": {"Checksum": "sha256:cc"}}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Archive{
		{OS: "linux", Arch: "arm", Name: "a.tar.gz", SHA256: "aa"},
		{OS: "windows", Arch: "arm64", Name: "b.zip", SHA256: "bb"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, text := range map[string]string{
		"empty":       "[]",
		"no archive":  `[{"name": "SHA256SUMS", "type": "Checksum"}]`,
		"no checksum": `[{"name": "a.tar.gz", "type": "Archive"}]`,
		"not JSON":    "hello",
	} {
		if _, err := parseArtifacts([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
