package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action/instances"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/connect"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/stream"
	"github.com/kubectl-iris/kubectl-iris/pkg/tty"
)

type sessionFlags struct {
	targetFlags
	irisNamespace string
}

func newSession(s *factory) *cobra.Command {
	f := &sessionFlags{}
	cmd := &cobra.Command{
		Use:     "session [CLUSTER | POD]",
		GroupID: groupReach,
		Short:   "Open an interactive session with an instance (iris session)",
		Long: help.Text(`
			Run iris session in the container of an instance, with your terminal or,
			if stdin is not a terminal, with the input from there. The exit code is
			the session's.
			` + targetHelp + `

			The role decides at the start only: a session stays in its pod.

			Rights: list pods and irisclusters.intersystems.com, create pods/exec.`),
		Example: help.Examples(`
			# With the primary
			kubectl iris session

			# In namespace %SYS of one pod's instance
			kubectl iris session data-0-1 -U %SYS

			# Run the commands in a file
			kubectl iris session simple -U USER < commands.txt`),
		Args: help.MaxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), s, args)
		},
	}
	cmd.ValidArgsFunction = s.completeFirst(completion.Instances)
	flags := cmd.Flags()
	f.addTo(cmd, s)
	flags.StringVarP(&f.irisNamespace, "iris-namespace", "U", "", "IRIS namespace in which the session begins.")
	return cmd
}

func (f *sessionFlags) run(ctx context.Context, s *factory, args []string) error {
	request, client, err := f.open(ctx, s, args)
	if err != nil {
		return err
	}
	session, err := instances.Session{
		Config: s.actionConfig(), Client: client, Request: request, IRISNamespace: f.irisNamespace,
	}.Prepare(ctx)
	if err != nil {
		return err
	}
	return s.attach(ctx, client, stream.Session{
		Namespace: session.Namespace,
		Pod:       session.Pod,
		Container: session.Container,
		Command:   session.Command,
		In:        s.In,
		Out:       s.Out,
		Err:       s.Err,
	})
}

// attach runs a command with the user's terminal, if there is one, and restores
// the terminal in any case.
func (s *factory) attach(ctx context.Context, client *connect.Client, command stream.Session) error {
	// If the terminal goes away, or on a quit signal, the session ends as it does on
	// an interrupt, so that the terminal is restored.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	in, hasFile := s.In.(*os.File)
	if hasFile && render.IsTerminal(s.In) && render.IsTerminal(s.Out) {
		restore, err := tty.Raw(in)
		if err != nil {
			return problem.New("the terminal cannot be used: %w", err).Hint("use a file or a pipe as stdin")
		}
		defer restore()
		command.Sizes = tty.Sizes(ctx, s.Out.(*os.File))
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	// The session ends if its output cannot be written.
	out := &rememberingWriter{w: command.Out, failed: end}
	command.Out = out
	code, err := client.Run(ctx, command)
	switch {
	case out.Err() != nil:
		return out.Err()
	case ctx.Err() != nil:
		return problem.Status(problem.ExitInterrupted)
	case err != nil:
		return err
	}
	if code != problem.ExitOK {
		return problem.Status(code)
	}
	return nil
}
