// Command localkube runs a local Kubernetes that outlives it, for the demo.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
)

func main() {
	if localkube.IsSupervisor() {
		os.Exit(localkube.Supervise())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
