package release

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseChecksums(t *testing.T) {
	got, err := parseChecksums("bb  kubectl-iris_v1.2.3_windows_arm64.zip\ncc  kubectl-iris_v1.2.3.spdx.json\naa  kubectl-iris_v1.2.3_linux_arm.tar.gz\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Archive{
		{OS: "linux", Arch: "arm", Name: "kubectl-iris_v1.2.3_linux_arm.tar.gz", SHA256: "aa"},
		{OS: "windows", Arch: "arm64", Name: "kubectl-iris_v1.2.3_windows_arm64.zip", SHA256: "bb"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, text := range map[string]string{"empty": "", "no archive": "cc  kubectl-iris_v1.2.3.spdx.json\n", "no checksums": "hello\n"} {
		if _, err := parseChecksums(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
