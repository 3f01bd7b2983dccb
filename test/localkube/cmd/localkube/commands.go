package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
)

const usage = `A local Kubernetes that outlives this command: a control plane, and with --node
a real node that runs pods.

Usage: localkube COMMAND [flags]

  build          make the binaries that are missing
  up             start the cluster; prints what the shell needs to use it
  down           stop the cluster and remove its folder
  status         say whether the cluster is up
  env            print what the shell needs to use the cluster and its kubectl
  kubectl-path   print where kubectl is

Flags:
  --dir DIR      folder of the cluster (up, down, status, env); by default one in
                 the cache folder
  --crds DIR     folder with CustomResourceDefinitions (up)
  --node         with a node (up), or what that needs (build): Linux and root,
                 one per machine
`

// errUsage says that the command line is wrong; its text has been written.
var errUsage = errors.New("wrong usage")

// command is what the command line asks for.
type command struct {
	dir            string // of the cluster
	crds           string // folder; may be empty
	node           bool
	stdout, stderr io.Writer
}

// run runs the command line and returns the exit code: 0 when done, 1 when it
// failed or the cluster is not up, 2 when the command line is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdout, stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	default:
		_, _ = fmt.Fprintln(stderr, "error:", err)
		return 1
	}
}

// dispatch reads the command line and calls the command.
func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("localkube", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = fmt.Fprint(stderr, usage) }
	c := command{stdout: stdout, stderr: stderr}
	flags.StringVar(&c.dir, "dir", "", "")
	flags.StringVar(&c.crds, "crds", "", "")
	flags.BoolVar(&c.node, "node", false, "")
	if len(args) == 0 {
		flags.Usage()
		return errUsage
	}
	name, rest := args[0], args[1:]
	if strings.HasPrefix(name, "-") { // as in: localkube --help
		name, rest = "", args
	}
	if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return errUsage
	}
	run, known := c.commands()[name]
	if !known || flags.NArg() > 0 {
		flags.Usage()
		return errUsage
	}
	if c.dir == "" {
		cache, err := localkube.CacheDir()
		if err != nil {
			return err
		}
		c.dir = filepath.Join(cache, "cluster")
	}
	var err error
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	return run(c, ctx)
}

// commands are the commands by name.
func (command) commands() map[string]func(command, context.Context) error {
	return map[string]func(command, context.Context) error{
		"build":        command.build,
		"up":           command.up,
		"down":         command.down,
		"status":       command.status,
		"env":          command.env,
		"kubectl-path": command.kubectlPath,
	}
}

// build builds what is missing.
func (c command) build(ctx context.Context) error {
	set := localkube.ControlPlane
	if c.node {
		set = localkube.Node
	}
	_, err := localkube.Ensure(ctx, c.stderr, set)
	return err
}

// up starts a cluster and leaves it.
func (c command) up(ctx context.Context) error {
	opts := localkube.Options{Dir: c.dir, Node: c.node, Progress: c.stderr}
	if c.crds != "" {
		var err error
		if opts.CRDs, err = localkube.ReadCRDs(c.crds); err != nil {
			return err
		}
	}
	cluster, err := localkube.Start(ctx, opts)
	if err != nil {
		return err
	}
	if err := cluster.Detach(); err != nil {
		return err
	}
	return c.print("export KUBECONFIG=%s\n", quote(cluster.Kubeconfig))
}

// down ends the cluster. To end none is no error.
func (c command) down(ctx context.Context) error {
	err := localkube.Shutdown(ctx, c.dir)
	if errors.Is(err, localkube.ErrNotUp) {
		return c.print("not up\n")
	}
	if err != nil {
		return err
	}
	return c.print("stopped\n")
}

// status says whether the cluster is up.
func (c command) status(ctx context.Context) error {
	status, err := localkube.Inspect(ctx, c.dir)
	if err != nil {
		return err
	}
	return c.print("up: Kubernetes %s at %s\nKUBECONFIG=%s\n", status.Version, status.Server, quote(status.Kubeconfig))
}

// env prints lines for a shell.
func (c command) env(ctx context.Context) error {
	status, err := localkube.Inspect(ctx, c.dir)
	if err != nil {
		return err
	}
	binaries, err := localkube.Ensure(ctx, c.stderr, localkube.ControlPlane)
	if err != nil {
		return err
	}
	return c.print("export KUBECONFIG=%s\nexport PATH=%s:\"$PATH\"\n", quote(status.Kubeconfig), quote(filepath.Dir(binaries.Kubectl())))
}

// kubectlPath prints where kubectl is, after building it if need be.
func (c command) kubectlPath(ctx context.Context) error {
	binaries, err := localkube.Ensure(ctx, c.stderr, localkube.ControlPlane)
	if err != nil {
		return err
	}
	return c.print("%s\n", binaries.Kubectl())
}

// print writes the result.
func (c command) print(format string, args ...any) error {
	_, err := fmt.Fprintf(c.stdout, format, args...)
	return err
}

// quote makes one word of a POSIX shell of the text.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
