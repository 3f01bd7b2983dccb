// Package cli is the command line: flags, help, completion, and how a result is
// printed. Each verb has a file, which turns flags into the options of a use case
// of package action. What a command touches outside itself comes in through Env,
// so that tests run the real commands.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli/connect"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// Env holds what a command uses outside itself.
type Env struct {
	Build Build
	// Program is the name under which the program was started.
	Program string
	In      io.Reader
	// Out gets the result and nothing else.
	Out io.Writer
	// Err gets progress, warnings, hints and errors.
	Err    io.Writer
	Getenv func(string) string
	Now    func() time.Time
	// WrapConfig, unless it is nil, changes the configuration of the client; tests
	// count requests with it.
	WrapConfig func(*rest.Config) *rest.Config
}

// System returns the environment of the process.
func System(build Build) Env {
	return Env{
		Build:   build,
		Program: os.Args[0],
		In:      os.Stdin,
		Out:     os.Stdout,
		Err:     os.Stderr,
		Getenv:  os.Getenv,
		Now:     time.Now,
	}
}

// Run runs the command that args name and returns the exit code. If a signal ended
// the command, nothing more is printed.
func Run(ctx context.Context, args []string, env Env) int {
	env.Build = env.Build.complete()
	if calledForCompletion(env.Program) {
		args = append([]string{cobra.ShellCompRequestCmd}, args...)
	}
	root := NewCommand(env)
	root.SetArgs(args)
	out := &rememberingWriter{w: env.Out}
	root.SetOut(out)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = out.Err()
	}
	var status problem.Status
	if err != nil && ctx.Err() != nil && !errors.As(err, &status) {
		return problem.ExitInterrupted
	}
	render.Problem(env.Err, problem.Rename(err, flagOf))
	return problem.ExitCode(err)
}

// flagOf returns the flag that a user knows a field of a request by.
func flagOf(field problem.Field) string { return "--" + string(field) }

// NewCommand returns the root of the command tree.
func NewCommand(env Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-iris COMMAND",
		Short: "Inspect and reach InterSystems IRIS instances on Kubernetes",
		Long: help.Text(`
			Inspect and reach InterSystems IRIS instances that the InterSystems
			Kubernetes Operator (IKO) runs: which pod is primary, which is backup,
			what reaches each and what is wrong; and Services, made and removed on
			demand, for a sidecar web gateway or for one pod.`),
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl iris"},
		Args:          help.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		// Of a mistyped command, two letters may be wrong.
		SuggestionsMinimumDistance: 2,
	}
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	s := newFactory(env, root.PersistentFlags())
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		cmd.SetContext(connect.WithoutLog(cmd.Context()))
		return s.Validate()
	}
	root.AddGroup(
		&cobra.Group{ID: groupInspect, Title: "Inspect:"},
		&cobra.Group{ID: groupExpose, Title: "Expose:"},
		&cobra.Group{ID: groupReach, Title: "Reach:"},
		&cobra.Group{ID: groupSetup, Title: "Set up:"},
	)
	root.AddCommand(
		newStatus(s),
		newExposeSidecar(s),
		newExposePod(s),
		newExposed(s),
		newUnexpose(s),
		newRelabel(s),
		newPortal(s),
		newPortForward(s),
		newSession(s),
		newLogs(s),
		newCompletion(s),
		newVersion(s),
	)
	s.completeGlobalFlags(root)
	help.SetUp(root, groupSetup)
	return root
}

const (
	groupInspect = "inspect"
	groupExpose  = "expose"
	groupReach   = "reach"
	groupSetup   = "setup"
)
