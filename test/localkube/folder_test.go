package localkube

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestClaimFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "cluster")
	f, err := claimFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claimFolder(dir); err == nil || err.Error() != `a cluster is already up in "`+dir+`"` {
		t.Errorf("a second claim: %v", err)
	}
	if pid, err := holder(dir); err != nil || pid != os.Getpid() {
		t.Errorf("the holder is %d, %v; want this process", pid, err)
	}
	f.remove()
	assertEmpty(t, filepath.Dir(dir))
	if _, err := holder(dir); !errors.Is(err, ErrNotUp) {
		t.Errorf("the holder after the end: %v", err)
	}
	assertEmpty(t, filepath.Dir(dir))
}

func TestFolderOfKilledSupervisor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		act  func(dir string) error
		want error
	}{
		{"is taken over by the next", func(dir string) error {
			f, err := claimFolder(dir)
			if err != nil {
				return err
			}
			f.remove()
			return nil
		}, nil},
		{"is removed by who looks for it", func(dir string) error {
			_, err := Inspect(t.Context(), dir)
			return err
		}, ErrNotUp},
		{"is removed by who wants it gone", func(dir string) error {
			return Shutdown(t.Context(), dir)
		}, ErrNotUp},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "cluster")
			f, err := claimFolder(dir)
			if err != nil {
				t.Fatal(err)
			}
			// As when a process dies: the lock is free, all files are still there.
			if err := f.lock.Close(); err != nil {
				t.Fatal(err)
			}
			if err := test.act(dir); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			assertEmpty(t, filepath.Dir(dir))
		})
	}
}

// The process that waits for a lock may get it on a file that its holder has
// removed meanwhile, while a third one has made and locked the next.
func TestLockOnRemovedFileIsNotCurrent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	for _, remade := range []bool{false, true} {
		lock, err := tryLock(path)
		if err != nil {
			t.Fatal(err)
		}
		if !isCurrent(lock) {
			t.Error("not current though nothing has happened")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if remade {
			next, err := tryLock(path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = next.Close() }()
		}
		if isCurrent(lock) {
			t.Errorf("current though the file was removed (and made again: %t)", remade)
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
