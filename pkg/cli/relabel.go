package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

func newRelabel(f *factory) *cobra.Command {
	var yes bool
	var options relabel.Options
	var dryRun action.DryRun
	cmd := &cobra.Command{
		Use:     "relabel [CLUSTER]",
		GroupID: groupExpose,
		Short:   "Set the role labels of data pods to what IRIS says",
		Long: help.Text(`
			Set the label intersystems.com/mirrorRole of a cluster's data pods to
			what IRIS in each says: primary or backup; it is taken from members that
			are neither. The Services that follow a role, the cluster's own among
			them, then reach the member that has it. Use it if the labels do not
			follow a failover.

			The plan and the Services that will select other pods are shown, and the
			plan is asked for. Nothing changes in a shard while two members say
			Primary, or while a failover member gives no conclusive answer: it does
			not answer, is in transition, or accepts no sign-ons yet. The metrics of
			IRIS suffice; the page mirror_status.cxw suffices for the primary only,
			since it says nothing of a backup.
			There is one exception: if IRIS says Primary in one member and the silent
			one's pod is not ready or is being deleted, its stale label is taken off.
			If that pod is ready, --force does the same; should it still be a
			primary, its clients lose it, and both members may be written to.

			The label primary is taken from a pod only to be given to another at
			once. Once the first label is written, the plan is finished: an
			interrupt, a closed terminal or a closed pipe does not leave it half
			done. If it cannot be finished, as when the server is gone, the command
			says how each pod is labelled and what completes it. A pod that changes
			meanwhile keeps its label unless IRIS still says the same. The exit code
			is 1 if anything was refused or left. The operator may set the labels
			again.

			Rights: list and patch pods; to ask IRIS create pods/exec, or get
			pods/proxy; list services to show what changes; get
			irisclusters.intersystems.com (optional).`),
		Example: help.Examples(`
			# See what would change
			kubectl iris relabel simple --dry-run=client

			# Change it without being asked
			kubectl iris relabel simple --yes

			# Though a member on a lost node does not answer and counts as ready
			kubectl iris relabel simple --force`),
		Args: help.MaxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := clusterArg(args)
			if err != nil {
				return err
			}
			namespace, client, err := f.namespaceAndClient(cmd.Context())
			if err != nil {
				return err
			}
			signals := make(chan os.Signal, 1)
			defer signal.Stop(signals)
			run := action.Relabel{
				Config: f.actionConfig(), Client: client, Namespace: namespace, Name: name,
				Options: options, DryRun: dryRun, Confirm: f.confirmRelabel,
				// A terminal that goes away or a pipe that is closed does not decide whether
				// a shard is left without a primary.
				Shield: func() { signal.Notify(signals, terminalSignals()...) },
			}
			if yes {
				run.Confirm = nil
			}
			result, err := run.Run(cmd.Context())
			return f.printRelabeling(cmd.Context(), result, dryRun, err)
		},
	}
	cmd.ValidArgsFunction = f.completeFirst(completion.Clusters)
	flags := cmd.Flags()
	flags.BoolVarP(&yes, "yes", "y", false, "Change the labels without asking.")
	flags.BoolVar(&options.Force, "force", false, "Set the labels though a failover member whose pod is ready does not say what it is, if IRIS says Primary in one other member. If the silent one still is a primary, its clients lose it.")
	flag.DryRun(cmd, &dryRun, "none, client (say what would change) or server (have the server check it, and change nothing).")
	return cmd
}

// confirmRelabel shows a plan and asks whether its labels are to be set.
func (f *factory) confirmRelabel(ctx context.Context, plan relabel.Plan) (bool, error) {
	if !render.IsTerminal(f.In) {
		return false, problem.Usage("%s is required because stdin is not a terminal", problem.Field("yes")).
			Hint("--yes changes the labels without asking, --dry-run shows what would change")
	}
	for _, err := range plan.Errors() {
		f.Warn(err.Error())
	}
	for _, change := range plan.Changes {
		f.Note(change.String())
	}
	return f.yes(ctx, "Set these labels? [y/N] ")
}

// yes asks a question; anything but y and yes is a no. An interrupt ends it.
func (f *factory) yes(ctx context.Context, question string) (bool, error) {
	_, _ = fmt.Fprint(f.Err, question)
	answered := make(chan string, 1)
	go func() {
		// The end of the input is a no like any other.
		line, _ := bufio.NewReader(f.In).ReadString('\n')
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answered:
		return answer == "y" || answer == "yes", nil
	case <-ctx.Done():
		_, _ = fmt.Fprintln(f.Err)
		return false, ctx.Err()
	}
}

// printRelabeling prints what came of a relabel, and returns the error that the
// exit code comes from.
func (f *factory) printRelabeling(ctx context.Context, result action.Relabeling, dryRun action.DryRun, err error) error {
	var lines strings.Builder
	if result.InEffect {
		lines.WriteString("nothing to change: the labels are as IRIS says\n")
	}
	for _, change := range result.Changes {
		done, was := "labeled "+change.To, "was "+change.From
		if change.To == "" {
			done = "unlabeled"
		}
		if change.From == "" {
			was = "had no role label"
		}
		fmt.Fprintf(&lines, "pod/%s %s: %s (%s)%s\n", change.Pod.Name, done, change.Why, was, dryRunNote(dryRun))
	}
	if _, failed := fmt.Fprint(f.Out, lines.String()); failed != nil {
		err = errors.Join(err, failed)
	}
	if !result.Begun {
		return err
	}
	if ctx.Err() != nil {
		f.Note("note: the interrupt came after the first label was written, so the plan was carried on")
	}
	f.Note("note: the operator may set these labels again; kubectl iris status shows when they differ from what IRIS says")
	if err != nil && ctx.Err() != nil {
		// What an interrupted command returns is not printed.
		render.Problem(f.Err, problem.Rename(err, flagOf))
		return problem.Status(problem.ExitError)
	}
	return err
}
