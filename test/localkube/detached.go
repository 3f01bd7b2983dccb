package localkube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// ErrNotUp says that no cluster is up in a folder.
var ErrNotUp = errors.New("no cluster is up")

// Status is what can be seen of the cluster in a folder.
type Status struct {
	// Kubeconfig is the file for a client with all rights.
	Kubeconfig string
	// Server is the API server's URL.
	Server string
	// Version of Kubernetes.
	Version string
}

// Inspect asks the cluster that Start has made in the folder, and Detach has
// let go. The error is ErrNotUp if there is none.
func Inspect(ctx context.Context, dir string) (Status, error) {
	if _, err := holder(dir); err != nil {
		return Status{}, err
	}
	status := Status{Kubeconfig: filepath.Join(dir, adminKubeconfig)}
	config, err := clientcmd.BuildConfigFromFlags("", status.Kubeconfig)
	if errors.Is(err, os.ErrNotExist) {
		return status, fmt.Errorf("the cluster in %q is still starting", dir)
	}
	if err != nil {
		return status, err
	}
	status.Server = config.Host
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return status, err
	}
	if err := readyz(ctx, client); err != nil {
		return status, fmt.Errorf("the cluster in %q is not ready: %w", dir, err)
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return status, err
	}
	status.Version = version.GitVersion
	return status, nil
}

// Shutdown ends the cluster in the folder, and removes the folder. The error is
// ErrNotUp if there is none; what a killed one has left is removed all the same.
func Shutdown(ctx context.Context, dir string) error {
	pid, err := holder(dir)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the supervisor: %w", err)
	}
	lock, err := waitLock(ctx, lockPath(dir), func() {})
	if err != nil {
		return err
	}
	folder{lock: lock}.unlock()
	return nil
}

// holder is the process ID of the supervisor that has the folder. Without one
// it removes what a killed one may have left, and fails with ErrNotUp.
func holder(dir string) (int, error) {
	if _, err := os.Stat(lockPath(dir)); errors.Is(err, os.ErrNotExist) {
		return 0, ErrNotUp
	}
	lock, err := tryLock(lockPath(dir))
	if err == nil {
		left := folder{dir: dir, lock: lock}
		defer left.unlock()
		err = errors.Join(ErrNotUp, left.removeLeft())
	}
	if !errors.Is(err, errLocked) {
		return 0, err
	}
	content, err := os.ReadFile(lockPath(dir))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(string(content))
	if err != nil {
		return 0, fmt.Errorf("reading the process ID in %q: %w", lockPath(dir), err)
	}
	return pid, nil
}
