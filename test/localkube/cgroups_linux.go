package localkube

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// cgroupMount is where a hierarchy of cgroups is mounted.
type cgroupMount struct {
	path    string
	unified bool // cgroup v2
}

// cgroupMounts lists the hierarchies; there are several with cgroup v1.
func cgroupMounts() ([]cgroupMount, error) {
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	mounts := parseCgroupMounts(string(table))
	if len(mounts) == 0 {
		return nil, errors.New("a node needs cgroups, and none are mounted on this machine")
	}
	return mounts, nil
}

// parseCgroupMounts finds the hierarchies in a table of mounts.
func parseCgroupMounts(table string) []cgroupMount {
	var mounts []cgroupMount
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 3 || (fields[2] != "cgroup" && fields[2] != "cgroup2") {
			continue
		}
		mounts = append(mounts, cgroupMount{path: fields[1], unified: fields[2] == "cgroup2"})
	}
	return mounts
}

// makeCgroups makes the node's cgroup in each hierarchy that a kubelet uses: in
// all of v1, or else in v2. It may be there from a supervisor that was killed; the
// kubelet removes what is left in it.
func makeCgroups() error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	hybrid := slices.ContainsFunc(mounts, func(m cgroupMount) bool { return !m.unified })
	for _, m := range mounts {
		if m.unified && hybrid {
			continue
		}
		if m.unified {
			if err := delegate(m.path); err != nil {
				return err
			}
		}
		path := filepath.Join(m.path, cgroupName)
		if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("making the cgroup %q: %w", path, err)
		}
		if m.unified {
			if err := delegate(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// delegate lets the groups below a cgroup of v2 have all its controllers.
func delegate(path string) error {
	controllers, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(controllers)) {
		if err := os.WriteFile(filepath.Join(path, "cgroup.subtree_control"), []byte("+"+name), 0); err != nil {
			return fmt.Errorf("passing the controller %q on in the cgroup %q: %w", name, path, err)
		}
	}
	return nil
}

// removeCgroups removes the node's cgroups. A cgroup is busy until the kernel is
// done with the processes that have ended in it.
func removeCgroups() error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		path := filepath.Join(m.path, cgroupName)
		err := removeCgroup(path)
		for deadline := time.Now().Add(leftoverTimeout); errors.Is(err, syscall.EBUSY) && time.Now().Before(deadline); {
			time.Sleep(poll)
			err = removeCgroup(path)
		}
		if err != nil {
			return fmt.Errorf("removing the cgroup %q: %w", path, err)
		}
	}
	return nil
}

// removeCgroup removes a cgroup and those below it, the deepest first; the files
// in them go by themselves. It is no error if there is none.
func removeCgroup(path string) error {
	var groups []string
	err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return ignoreNotExist(err)
	})
	for _, group := range slices.Backward(groups) {
		err = errors.Join(err, ignoreNotExist(syscall.Rmdir(group)))
	}
	return err
}

// ignoreNotExist is the error, or nil if that says that something is gone.
func ignoreNotExist(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
