package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// relabelFlags are what the command line says of a relabel.
type relabelFlags struct {
	yes, force bool
	dryRun     string
}

func newRelabel(s *session) *cobra.Command {
	f := &relabelFlags{}
	cmd := &cobra.Command{
		Use:     "relabel [CLUSTER]",
		GroupID: groupExpose,
		Short:   "Set the role labels of data pods to what IRIS says",
		Long: text(`
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
			irisclusters.intersystems.com where it is there to be read.`),
		Example: examples(`
			# See what would change
			kubectl iris relabel simple --dry-run=client

			# Change it without being asked
			kubectl iris relabel simple --yes

			# Though a member on a lost node does not answer and counts as ready
			kubectl iris relabel simple --force`),
		Args: maxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkClusterNames(args); err != nil {
				return err
			}
			if err := oneOf("dry-run", f.dryRun, dryRunNone, dryRunClient, dryRunServer); err != nil {
				return err
			}
			client, err := s.client(cmd.Context())
			if err != nil {
				return err
			}
			r := relabelRun{
				exposeRun: &exposeRun{session: s, client: client, warned: map[string]bool{}},
				args:      args, options: relabel.Options{Force: f.force}, dryRun: f.dryRun, ask: !f.yes && f.dryRun == dryRunNone,
			}
			return r.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.yes, "yes", "y", false, "Change the labels without asking.")
	flags.BoolVar(&f.force, "force", false, "Set the labels though a failover member whose pod is ready does not say what it is, if IRIS says Primary in one other member. If the silent one still is a primary, its clients lose it.")
	flags.StringVar(&f.dryRun, "dry-run", dryRunNone, "none, client (say what would change) or server (have the server check it, and change nothing).")
	flags.Lookup("dry-run").NoOptDefVal = dryRunClient
	return cmd
}

// relabelRun is a relabel with everything decided. It reads a cluster as
// expose-sidecar does, and is the relabel.Target.
type relabelRun struct {
	*exposeRun
	args    []string
	options relabel.Options
	dryRun  string
	ask     bool
}

// servicesTimeout bounds the read of Services, which are shown and no more.
const servicesTimeout = 5 * time.Second

func (r relabelRun) run(ctx context.Context) error {
	plan, err := r.Plan(ctx)
	if err != nil {
		return err
	}
	for _, warning := range plan.Warnings {
		r.warn(warning)
	}
	if len(plan.Changes) == 0 {
		if len(plan.Refused) == 0 {
			err = r.print(nothingToChange)
		}
		return errors.Join(append(plan.Errors(), err)...)
	}
	r.preview(ctx, plan)
	if r.dryRun != dryRunNone {
		return errors.Join(append([]error{r.tryOut(ctx, plan)}, plan.Errors()...)...)
	}
	begun, err := r.carryOut(ctx, plan)
	err = errors.Join(append([]error{err}, plan.Errors()...)...)
	if begun && err != nil && ctx.Err() != nil {
		// What an interrupted command returns is not printed.
		render.Problem(r.Err, err)
		return problem.Status(problem.ExitError)
	}
	return err
}

// preview shows which Services will select other pods.
func (r relabelRun) preview(ctx context.Context, plan relabel.Plan) {
	services, err := r.services(ctx)
	lines := plan.Effects(services)
	switch {
	case err != nil:
		lines = []string{err.Error()}
	case len(lines) == 0:
		lines = []string{"no Service selects other pods because of this"}
	}
	for _, line := range lines {
		r.note("note: %s", line)
	}
}

func (r relabelRun) services(ctx context.Context) ([]corev1.Service, error) {
	ctx, cancel := context.WithTimeout(ctx, servicesTimeout)
	defer cancel()
	namespace, err := r.namespace()
	if err != nil {
		return nil, err
	}
	return r.client.Services(ctx, namespace)
}

// tryOut says what would be done, which the server checks if it is asked to.
func (r relabelRun) tryOut(ctx context.Context, plan relabel.Plan) (err error) {
	note := " (dry run)"
	if r.dryRun == dryRunServer {
		note = " (server dry run)"
		if plan, err = relabel.Check(ctx, r, plan); err != nil {
			return err
		}
	}
	return r.report(plan.Changes, note)
}

// carryOut has the plan agreed to and makes its changes; begun reports whether a
// label may have been written. From the first change to the last nothing is
// printed, and no signal ends the process: what becomes of the terminal or of a
// pipe does not decide whether a shard is without a primary.
func (r relabelRun) carryOut(ctx context.Context, plan relabel.Plan) (begun bool, err error) {
	if r.ask {
		if plan, err = r.agree(ctx, plan); err != nil {
			return false, err
		}
	}
	shield := make(chan os.Signal, 1)
	signal.Notify(shield, terminalSignals()...)
	defer signal.Stop(shield)
	outcome := relabel.Apply(ctx, r, plan)
	switch {
	case !outcome.Begun && outcome.Err == nil:
		return false, r.print(nothingToChange)
	case !outcome.Begun:
		return false, outcome.Err
	}
	err = errors.Join(outcome.Err, r.report(outcome.Made, ""))
	if ctx.Err() != nil {
		r.note("note: the interrupt came after the first label was written, so the plan was not left there")
	}
	r.note("note: the operator may set these labels again; kubectl iris status shows when they differ from what IRIS says")
	return true, err
}

// Plan reads the cluster, asks IRIS, and works out the labels.
func (r relabelRun) Plan(ctx context.Context) (relabel.Plan, error) {
	facts, err := r.sidecarFacts(ctx, r.args)
	if err != nil {
		return relabel.Plan{}, err
	}
	var clusters []iris.Cluster
	if facts.ClusterRead {
		clusters = append(clusters, facts.Cluster)
	}
	return relabel.New(cluster.New(cluster.Facts{
		Resource: facts.Cluster,
		Read:     facts.ClusterRead,
		Pods:     facts.Pods,
		Answers:  cluster.AnswersOf(r.client.Ask(ctx, clusters, facts.Pods)),
	}), r.options)
}

// SetRole sets the role label of a pod.
func (r relabelRun) SetRole(ctx context.Context, pod iris.Pod, role string, dryRun bool) error {
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	return r.client.SetRole(ctx, pod, role, dryRun)
}

// agree shows the plan and has it agreed to. Since that may take a person any
// time, the labels are planned again: the plan has to be the same.
func (r relabelRun) agree(ctx context.Context, plan relabel.Plan) (relabel.Plan, error) {
	if !render.IsTerminal(r.In) {
		return plan, problem.Usage("relabel asks before it changes labels, and stdin is no terminal").
			Hint("--yes changes them without asking, --dry-run shows what would change")
	}
	for _, err := range plan.Errors() {
		r.warn(err.Error())
	}
	for _, change := range plan.Changes {
		r.note("%s", change)
	}
	agreed, err := r.yes(ctx, "Set these labels? [y/N] ")
	if err != nil {
		return plan, err
	}
	if !agreed {
		return plan, problem.New("nothing was changed")
	}
	again, err := r.Plan(ctx)
	if err == nil && !again.Equals(plan) {
		err = relabel.Differs()
	}
	return again, err
}

// yes asks a question; anything but y and yes is a no. An interrupt ends it.
func (r relabelRun) yes(ctx context.Context, question string) (bool, error) {
	_, _ = fmt.Fprint(r.Err, question)
	answered := make(chan string, 1)
	go func() {
		// The end of the input is a no like any other.
		line, _ := bufio.NewReader(r.In).ReadString('\n')
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answered:
		return answer == "y" || answer == "yes", nil
	case <-ctx.Done():
		_, _ = fmt.Fprintln(r.Err)
		return false, ctx.Err()
	}
}

// report prints the changes that were made.
func (r relabelRun) report(changes []relabel.Change, note string) error {
	var lines strings.Builder
	for _, change := range changes {
		done, was := "labeled "+change.To, "was "+change.From
		if change.To == "" {
			done = "unlabeled"
		}
		if change.From == "" {
			was = "had no role label"
		}
		fmt.Fprintf(&lines, "pod/%s %s: %s (%s)%s\n", change.Pod.Name, done, change.Why, was, note)
	}
	return r.print(lines.String())
}

const nothingToChange = "nothing to change: the labels are as IRIS says\n"

func (r relabelRun) print(text string) error {
	_, err := fmt.Fprint(r.Out, text)
	return err
}
