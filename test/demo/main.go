// Command demo shows the plugin's main job on a local Kubernetes, with a
// stand-in for the operator: each command and what it prints.
//
//	demo run               start the cluster, show everything, leave the cluster up
//	demo operator-stop     end the stand-in operator: the cluster goes on without one
//	demo operator-start    start it again
//	demo switches          print how to make the stand-ins misbehave
//	demo stop              end the cluster
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

const usage = "usage: demo run|stop|operator-stop|operator-start|switches"

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
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
	case "operator-stop":
		return stopOperator(ctx, dir)
	case "operator-start":
		return restartOperator(ctx, dir)
	case "switches":
		_, err := os.Stdout.WriteString(switches)
		return err
	case "operator":
		return playOperator(ctx, dir, false)
	case "operator-on-node":
		return playOperator(ctx, dir, true)
	default:
		return fmt.Errorf("unknown command %q; %s", args[0], usage)
	}
}
