package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// The stand-in operator of the demo outlives the command that started it. It
// holds a lock on its pid file for as long as it lives, so that a pid which the
// system has given to another process meanwhile is never mistaken for it.

func pidFile(dir string) string { return dir + ".operator" }

// startOperator starts the stand-in operator as a process of its own.
func startOperator(dir string, withNode bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "operator.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has it open, too
	mode := "operator"
	if withNode {
		mode = "operator-on-node"
	}
	operator := exec.CommandContext(context.Background(), self, mode) // it outlives this command
	operator.Stdout, operator.Stderr = log, log
	operator.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := operator.Start(); err != nil {
		return err
	}
	return operator.Process.Release()
}

// restartOperator starts the stand-in operator of a cluster that is up, unless it runs.
func restartOperator(ctx context.Context, dir string) error {
	if _, err := localkube.Inspect(ctx, dir); err != nil {
		return err
	}
	if err := stopOperator(ctx, dir); err != nil {
		return err
	}
	return startOperator(dir, localkube.Supported() == nil)
}

// playOperator is that process. It ends when the cluster's folder is gone, too.
func playOperator(ctx context.Context, dir string, withNode bool) error {
	lock := flock.New(pidFile(dir))
	if held, err := lock.TryLock(); err != nil || !held {
		return fmt.Errorf("another stand-in operator runs: %w", err)
	}
	defer func() { _ = os.Remove(pidFile(dir)) }() // the lock is what counts
	if err := os.WriteFile(pidFile(dir), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return err
	}
	status, err := localkube.Inspect(ctx, dir)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", status.Kubeconfig)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
				return
			}
			time.Sleep(time.Second)
		}
	}()
	return standin.Run(ctx, config, standin.Options{
		RealNode:     withNode,
		LoadBalancer: netip.MustParsePrefix(localkube.LoadBalancerCIDR),
		Log:          slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
}

// stopOperator ends the stand-in operator, if it runs, and waits for its end.
func stopOperator(ctx context.Context, dir string) error {
	path := pidFile(dir)
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	lock := flock.New(path)
	if free, err := lock.TryLock(); err != nil || free {
		return errors.Join(err, os.Remove(path))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return fmt.Errorf("the stand-in operator (pid %d) does not end: %w", pid, err)
	}
	return lock.Unlock()
}
