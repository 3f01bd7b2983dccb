package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// relabelFlags are what the command line says of a relabel.
type relabelFlags struct {
	yes    bool
	dryRun string
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
			them, then lead to its holder. Use it where the labels do not follow a
			failover.

			The plan is shown and asked for. It is refused where two members say
			Primary, or where a failover member does not answer; the page
			mirror_status.cxw does not suffice, since it tells nothing of a backup.
			A pod that changes meanwhile keeps its label. The operator may set the
			labels again.

			Rights: list and patch pods, create pods/exec; get
			irisclusters.intersystems.com where it is there to be read.`),
		Example: examples(`
			# See what would change
			kubectl iris relabel simple --dry-run=client

			# Change it without being asked
			kubectl iris relabel simple --yes`),
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
			r := relabelRun{exposeRun: &exposeRun{session: s, client: client}, dryRun: f.dryRun, ask: !f.yes && f.dryRun == dryRunNone}
			return r.run(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.yes, "yes", "y", false, "Change the labels without asking.")
	flags.StringVar(&f.dryRun, "dry-run", dryRunNone, "none, client (say what would change) or server (have the server check it, and change nothing).")
	flags.Lookup("dry-run").NoOptDefVal = dryRunClient
	return cmd
}

// relabelRun is a relabel with everything decided. It reads a cluster as
// expose-sidecar does.
type relabelRun struct {
	*exposeRun
	dryRun string
	ask    bool
}

func (r relabelRun) run(ctx context.Context, args []string) error {
	plan, err := r.plan(ctx, args)
	if err != nil {
		return err
	}
	r.warn(plan.Warnings...)
	if len(plan.Changes) == 0 {
		_, err := fmt.Fprintln(r.Out, "nothing to change: the labels are as IRIS says")
		return err
	}
	if r.ask {
		if plan, err = r.agree(ctx, args, plan); err != nil {
			return err
		}
	}
	if err := r.carryOut(ctx, args, plan); err != nil {
		return err
	}
	if r.dryRun == dryRunNone {
		r.note("note: the operator may set these labels again; kubectl iris status shows when they differ from what IRIS says")
	}
	return nil
}

// maxPlans bounds how often the labels are planned anew since a pod changed.
const maxPlans = 4

// carryOut makes the changes of a plan. Where a pod has changed since it was
// read, the plan is made anew, and goes on if it holds nothing that is new.
func (r relabelRun) carryOut(ctx context.Context, args []string, plan relabel.Plan) error {
	agreed := texts(plan)
	for n := 1; ; n++ {
		err := r.changeAll(ctx, plan)
		if !apierrors.IsConflict(err) || n == maxPlans {
			return err
		}
		if plan, err = r.plan(ctx, args); err != nil {
			return err
		}
		for _, change := range texts(plan) {
			if !slices.Contains(agreed, change) {
				return saysOtherwise()
			}
		}
	}
}

func (r relabelRun) changeAll(ctx context.Context, plan relabel.Plan) error {
	for _, change := range plan.Changes {
		if err := r.change(ctx, change); err != nil {
			return err
		}
	}
	return nil
}

func saysOtherwise() error {
	return problem.New("IRIS says something else than a moment ago: the remaining labels are left alone").Hint("run the command again")
}

// plan reads the cluster, asks IRIS, and works out the labels.
func (r relabelRun) plan(ctx context.Context, args []string) (relabel.Plan, error) {
	facts, err := r.sidecarFacts(ctx, args)
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
	}))
}

// agree shows the plan and has it agreed to. Since that may take a person any
// time, the plan is made anew: it has to be the same.
func (r relabelRun) agree(ctx context.Context, args []string, plan relabel.Plan) (relabel.Plan, error) {
	if !render.IsTerminal(r.In) {
		return plan, problem.Usage("relabel asks before it changes labels, and stdin is no terminal").
			Hint("--yes changes them without asking, --dry-run shows what would change")
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
	again, err := r.plan(ctx, args)
	if err == nil && !slices.Equal(texts(again), texts(plan)) {
		err = saysOtherwise()
	}
	return again, err
}

func texts(plan relabel.Plan) []string {
	var lines []string
	for _, change := range plan.Changes {
		lines = append(lines, change.String())
	}
	return lines
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

func (r relabelRun) change(ctx context.Context, change relabel.Change) error {
	note := ""
	switch r.dryRun {
	case dryRunClient:
		note = " (dry run)"
	case dryRunServer:
		note = " (server dry run)"
	}
	if r.dryRun != dryRunClient {
		writing, cancel := r.bounded(ctx)
		defer cancel()
		if err := r.client.SetRole(writing, change.Pod, change.To, r.dryRun == dryRunServer); err != nil {
			return err
		}
	}
	done := fmt.Sprintf("pod/%s labeled %s", change.Pod.Name, change.To)
	if change.To == "" {
		done = fmt.Sprintf("pod/%s unlabeled", change.Pod.Name)
	}
	was := "had no role label"
	if change.From != "" {
		was = "was " + change.From
	}
	_, err := fmt.Fprintf(r.Out, "%s: IRIS says %s (%s)%s\n", done, change.Says, was, note)
	return err
}
