// Command kubectl-iris is a kubectl plugin for InterSystems IRIS on Kubernetes.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

// Set by the linker (see the Makefile); what the Go tool knows is used where
// they are not.
var version, commit, date string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	// Until the command runs, only the packages' init left garbage. To collect it
	// would take a tenth of the time that --help and completion take.
	percent := debug.SetGCPercent(400)
	time.AfterFunc(time.Second, func() { debug.SetGCPercent(percent) })
	code := cli.Run(ctx, os.Args[1:], cli.System(cli.Build{Version: version, Commit: commit, Date: date}))
	stop()
	os.Exit(code)
}
