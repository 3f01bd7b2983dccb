// Command release builds a release of a checkout.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/release"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	render.Problem(os.Stderr, err)
	os.Exit(problem.ExitCode(err))
}

func run(ctx context.Context, args []string, log io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(log)
	version := flags.String("version", "", "version of the release, for example v0.1.0")
	root := flags.String("root", ".", "the checkout")
	dist := flags.String("dist", "dist", "folder for the result, below the checkout")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil || flags.NArg() > 0 {
		return problem.Usage("invalid arguments %q", args).Hint("release -help lists the flags")
	}
	folder, err := filepath.Abs(*root)
	if err != nil {
		return err
	}
	if err := release.CheckVersion(*version); err != nil {
		return err
	}
	if err := release.CheckClean(ctx, folder, *version); err != nil {
		return err
	}
	source, err := release.ReadSource(ctx, folder)
	if err != nil {
		return err
	}
	return release.Build(ctx, release.Options{
		Root:    folder,
		Version: *version,
		Source:  source,
		Dist:    filepath.Join(folder, *dist),
		Log:     log,
	})
}
