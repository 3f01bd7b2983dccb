package cli

import (
	"context"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// checkVerify refuses --verify where there is nothing to verify.
func checkVerify(verify bool, role string) error {
	if verify && role == "" {
		return problem.Usage("--verify goes with --role only").Hint("without a role there is nothing that IRIS could contradict")
	}
	return nil
}

// readPods reads a cluster's pods as they are now.
type readPods func() ([]iris.Pod, error)

// confirmation says what there is to say of the role of a Service that is
// there. now is nil where the pods are those that were planned with.
type confirmation func(ctx context.Context, now readPods) error

// roleAsker returns what says, once the Service is there, which pods it reaches
// and whether IRIS confirms the role. With verify IRIS is asked at once, in all
// members, and a role that it contradicts is refused.
func (r *exposeRun) roleAsker(ctx context.Context, role string, verify bool, facts expose.Facts, plan expose.Plan) (confirmation, error) {
	switch {
	case role == "":
		return nil, nil
	case !verify:
		return func(ctx context.Context, now readPods) error { return r.askAfterwards(ctx, facts, plan, now) }, nil
	}
	check := r.checkRole(ctx, facts, plan, facts.Pods, true)
	if err := check.Contradiction(); err != nil {
		return nil, err
	}
	if line := check.Unverified(); line != "" {
		r.warnOnce(line)
	}
	return func(context.Context, readPods) error { r.tell(check); return nil }, nil
}

// confirmRole says what there is to say of the role, unless nothing was
// changed.
func (r *exposeRun) confirmRole(ctx context.Context, now readPods) error {
	if r.confirm == nil || r.apply.DryRun {
		return nil
	}
	return r.confirm(ctx, now)
}

// askAfterwards asks IRIS in the pods that a Service leads to.
func (r *exposeRun) askAfterwards(ctx context.Context, facts expose.Facts, plan expose.Plan, now readPods) error {
	pods := facts.Pods
	if now != nil {
		var err error
		if pods, err = now(); err != nil {
			return err
		}
	}
	r.tell(r.checkRole(ctx, facts, plan, pods, false))
	return nil
}

// checkRole asks IRIS about a plan: in the pods that its Service leads to, or
// in all data pods.
func (r *exposeRun) checkRole(ctx context.Context, facts expose.Facts, plan expose.Plan, pods []iris.Pod, all bool) expose.RoleCheck {
	var clusters []iris.Cluster
	if facts.ClusterRead {
		clusters = append(clusters, facts.Cluster)
	}
	facts.Pods = pods
	facts.Answers = cluster.AnswersOf(r.client.Ask(ctx, clusters, expose.AskOf(plan, pods, all)))
	return expose.CheckRole(plan, facts)
}

// tell says which pods a Service reaches and what IRIS says of their role.
func (r *exposeRun) tell(check expose.RoleCheck) {
	for _, line := range check.Notes() {
		r.note("note: %s", line)
	}
	r.warnOnce(check.Warnings()...)
}
