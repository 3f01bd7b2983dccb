package localkube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// errLocked says that another process holds the lock.
var errLocked = errors.New("locked by another process")

// lockPoll is how often a lock that another process holds is tried.
const lockPoll = 100 * time.Millisecond

// tryLock takes the lock on the file at path, which it makes if need be, or
// fails with errLocked. The system lets the lock go when the process dies.
func tryLock(path string) (*flock.Flock, error) {
	for {
		lock := flock.New(path)
		locked, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if !locked {
			return nil, errors.Join(errLocked, lock.Close())
		}
		// The holder before us may have removed the file; then our lock is on a
		// file that nobody else will ever find.
		if isCurrent(lock) {
			return lock, nil
		}
		if err := lock.Close(); err != nil {
			return nil, err
		}
	}
}

// waitLock takes the lock on the file at path as soon as it is free. It calls
// waiting once if it has to wait.
func waitLock(ctx context.Context, path string, waiting func()) (*flock.Flock, error) {
	for first := true; ; first = false {
		lock, err := tryLock(path)
		if !errors.Is(err, errLocked) {
			return lock, err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the lock %q: %w", path, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

// isCurrent reports whether the locked file is the one that its path names.
func isCurrent(lock *flock.Flock) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(locked, named)
}
