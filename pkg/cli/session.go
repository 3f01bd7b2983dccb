package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
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
		Long: text(`
			Run iris session in the container of an instance, with your terminal; or,
			where stdin is no terminal, with what comes from there. The exit code is
			the session's.
			` + targetHelp + `

			The role decides at the start only: a session stays in its pod.

			Rights: list pods and irisclusters.intersystems.com, create pods/exec.`),
		Example: examples(`
			# With the primary
			kubectl iris session

			# In namespace %SYS of one pod's instance
			kubectl iris session data-0-1 -U %SYS

			# Run what a file says
			kubectl iris session simple -U USER < commands.txt`),
		Args: maxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), s, strings.Join(args, ""))
		},
	}
	cmd.ValidArgsFunction = s.completeFirst(completeTargets)
	flags := cmd.Flags()
	f.addTo(cmd, s)
	flags.StringVarP(&f.irisNamespace, "iris-namespace", "U", "", "Namespace of IRIS in which the session begins.")
	return cmd
}

func (f *sessionFlags) run(ctx context.Context, s *factory, name string) error {
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	target, err := s.find(ctx, client, f.targetFlags, name)
	if err != nil {
		return err
	}
	if component := target.pod.Component(); target.pod.IRIS == nil || component != iris.ComponentData && component != iris.ComponentCompute {
		return problem.New("pod %q in namespace %q runs no IRIS instance", target.pod.Name, target.Namespace).
			Hint("kubectl iris status %s -n %s shows those that do", target.Cluster.Name, target.Namespace)
	}
	instance, err := s.instance(ctx, client, target)
	if err != nil {
		return err
	}
	s.note("session with instance %s in %s", instance, target.who())
	command := []string{"iris", "session", instance}
	if f.irisNamespace != "" {
		command = append(command, "-U", f.irisNamespace)
	}
	return s.attach(ctx, client, stream.Session{
		Namespace: target.Namespace,
		Pod:       target.pod.Name,
		Container: target.pod.IRIS.Name,
		Command:   command,
		In:        s.In,
		Out:       s.Out,
		Err:       s.Err,
	})
}

// defaultInstance is what an instance in a container is called unless somebody
// named it otherwise.
const defaultInstance = "IRIS"

// instance is the name of the instance in a pod, as IRIS itself says it. A
// backup is warned of.
func (s *factory) instance(ctx context.Context, client *connection, target found) (string, error) {
	pod := target.pod.Pod
	answer, asked := target.answers[pod.UID]
	if !asked {
		asking, cancel := s.bounded(ctx)
		defer cancel()
		answer = client.AskInstance(asking, pod)
	}
	for _, refusal := range answer.Refused {
		if refusal.Source == iris.FromQlist && refusal.Resource != "" {
			return "", problem.New("cannot run a session in pod %q (namespace %q): %s", pod.Name, pod.Namespace, refusal.Why).
				Hint("ask for the right to create pods/exec in namespace %q; kubectl auth can-i create pods --subresource=exec -n %s reports whether you have it", pod.Namespace, pod.Namespace)
		}
	}
	if answer.Role() == iris.MirrorBackup || pod.MirrorRole() == iris.MirrorBackup && !answer.Contradicts(iris.MirrorBackup) {
		s.warn(fmt.Sprintf("pod %q is a backup: running application code there is not supported by InterSystems (GHA_mirror_set), and writes to mirrored databases fail", pod.Name))
	}
	switch {
	case answer.Instance == nil:
		s.warn(fmt.Sprintf("the instance's name is not known, %s is assumed: %s", defaultInstance, answer.Why()))
		return defaultInstance, nil
	case answer.Instance.Condition != iris.Running:
		s.warn(fmt.Sprintf("instance %s in pod %q is %s", answer.Instance.Name, pod.Name, answer.Instance.Status))
	}
	return answer.Instance.Name, nil
}

// attach runs a command with the user's terminal, where there is one. The
// terminal is given back as it was, whatever happens.
func (s *factory) attach(ctx context.Context, client *connection, command stream.Session) error {
	// A terminal that goes away, and a wish to see a dump, end the session like
	// an interrupt does.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	in, hasFile := s.In.(*os.File)
	if hasFile && render.IsTerminal(s.In) && render.IsTerminal(s.Out) {
		restore, err := tty.Raw(in)
		if err != nil {
			return problem.New("the terminal cannot be used: %w", err).Hint("give the input from a file or a pipe")
		}
		defer restore()
		command.Sizes = tty.Sizes(ctx, s.Out.(*os.File))
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	// An output that cannot be written ends the session.
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
