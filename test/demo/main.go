// Command demo shows the plugin's main job on a local Kubernetes, with a
// stand-in for the operator: each command and what it prints.
//
//	demo run     start the cluster, show everything, leave the cluster up
//	demo stop    end the cluster
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
)

func main() {
	if localkube.IsSupervisor() {
		os.Exit(localkube.Supervise())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: demo run|stop")
	}
	cache, err := localkube.CacheDir()
	if err != nil {
		return err
	}
	dir := filepath.Join(cache, "demo")
	switch args[0] {
	case "run":
		return run(ctx, dir)
	case "stop":
		return stop(ctx, dir)
	case "operator":
		return playOperator(ctx, dir, false)
	case "operator-on-node":
		return playOperator(ctx, dir, true)
	default:
		return fmt.Errorf("unknown command %q; usage: demo run|stop", args[0])
	}
}
