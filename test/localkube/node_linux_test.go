package localkube

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSupportedNamesThePackage(t *testing.T) {
	if os.Geteuid() != 0 {
		if err := Supported(); err == nil || err.Error() != "a node needs root" {
			t.Errorf("error %v", err)
		}
		return
	}
	t.Setenv("PATH", t.TempDir())
	const want = `a node needs the program "nft": apt-get install nftables`
	if err := Supported(); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestParseCgroupMounts(t *testing.T) {
	t.Parallel()
	const table = `proc /proc proc rw,relatime 0 0
tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
nonsense
`
	want := []cgroupMount{{path: "/sys/fs/cgroup/cpu"}, {path: "/sys/fs/cgroup/unified", unified: true}}
	if diff := cmp.Diff(want, parseCgroupMounts(table), cmp.AllowUnexported(cgroupMount{})); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

func TestRemoveCgroup(t *testing.T) {
	t.Parallel()
	// Folders without files behave as cgroups do.
	dir := t.TempDir()
	group := filepath.Join(dir, "localkube")
	if err := os.MkdirAll(filepath.Join(group, "kubepods", "besteffort", "pod"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(group, "kubepods", "burstable"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := removeCgroup(group); err != nil {
		t.Error(err)
	}
	assertEmpty(t, dir)
	if err := removeCgroup(group); err != nil {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestDelegate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"cgroup.controllers": "cpu memory\n", "cgroup.subtree_control": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := delegate(dir); err != nil {
		t.Fatal(err)
	}
	// A file, unlike a cgroup, keeps only the last one.
	if got, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control")); err != nil || string(got) != "+memory" {
		t.Errorf("%q, %v", got, err)
	}
}
