package localkube

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gofrs/flock"
)

// folder is the folder of a cluster, which the supervisor makes and removes.
type folder struct {
	dir string
	// lock is nil for a temporary folder. For one that others know, it is held
	// while the cluster is up, and the file holds the supervisor's process ID.
	lock *flock.Flock
}

// lockPath is the file that is locked while a cluster has the folder. It is
// beside the folder, because the folder goes before the lock.
func lockPath(dir string) string {
	return filepath.Clean(dir) + ".lock"
}

// claimFolder makes the folder of a cluster: a temporary one, or dir, which must
// not exist, or be empty, or be left from a supervisor that was killed.
func claimFolder(dir string) (folder, error) {
	f, err := makeFolder(dir)
	if err != nil {
		return folder{}, err
	}
	if err := os.Mkdir(filepath.Join(f.dir, logsDir), 0o700); err != nil {
		f.remove()
		return folder{}, err
	}
	return f, nil
}

// makeFolder makes the folder, empty.
func makeFolder(dir string) (folder, error) {
	if dir == "" {
		dir, err := os.MkdirTemp("", "localkube-")
		return folder{dir: dir}, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return folder{}, err
	}
	lock, err := tryLock(lockPath(dir))
	if errors.Is(err, errLocked) {
		return folder{}, fmt.Errorf("a cluster is already up in %q", dir)
	}
	if err != nil {
		return folder{}, err
	}
	f := folder{dir: dir, lock: lock}
	if err := f.claim(); err != nil {
		f.unlock()
		return folder{}, err
	}
	return f, nil
}

// claim makes the folder, and writes into the lock whose it is.
func (f folder) claim() error {
	if err := f.removeLeft(); err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("the folder %q is not empty", f.dir)
	}
	return os.WriteFile(f.lock.Path(), []byte(strconv.Itoa(os.Getpid())), 0o600)
}

// removeLeft removes the folder if it is left from a supervisor that was killed:
// then the lock, which is free, still says whose it is.
func (f folder) removeLeft() error {
	info, err := f.lock.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	return os.RemoveAll(f.dir)
}

// remove removes the folder, and then lets others have its name. Nobody is left
// who could be told of an error.
func (f folder) remove() {
	_ = os.RemoveAll(f.dir)
	f.unlock()
}

// unlock removes the lock, while it is held, and lets it go.
func (f folder) unlock() {
	if f.lock != nil {
		_ = os.Remove(f.lock.Path())
		_ = f.lock.Close()
	}
}
