package services

import (
	"context"
	"fmt"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// An ExposeSidecarCluster is what ExposeSidecar needs of the Kubernetes cluster.
type ExposeSidecarCluster interface {
	ServiceWriter
	action.Asker
}

// ExposeSidecar creates or changes a Service for the sidecars of a cluster.
type ExposeSidecar struct {
	Expose
	Client ExposeSidecarCluster
	// Name is the cluster's; empty for the namespace's only one.
	Name    string
	Request expose.SidecarRequest
	// Verify has IRIS asked before the Service is applied, which is refused if IRIS
	// contradicts the role; otherwise IRIS is asked afterwards, if there is a role.
	Verify bool
}

// Validate returns a usage error if Verify has no role to verify.
func (s ExposeSidecar) Validate() error {
	if s.Verify && s.Request.Role() == "" {
		return problem.Usage("%s requires %s", problem.Field("verify"), problem.Field("role")).
			Hint("%s compares the role label with IRIS's answer", problem.Field("verify"))
	}
	return nil
}

// Run exposes the sidecars.
func (s ExposeSidecar) Run(ctx context.Context) error {
	reading, cancel := s.WithTimeout(ctx)
	defer cancel()
	facts, err := action.ReadFacts(reading, s.Client, s.Namespace, s.Name, s.Request.NeedsForeign())
	if err != nil {
		return err
	}
	plan, err := expose.Sidecar(s.Request, facts)
	if err != nil {
		return err
	}
	x := newExposer(s.Expose, s.Client)
	s.Config = x.Config
	switch {
	case s.Verify:
		check := s.check(ctx, plan, facts, true)
		if err := contradicted(check, plan); err != nil {
			return err
		}
		if line := check.Unverified(); line != "" {
			s.Warn(line)
		}
		x.role = func(context.Context, func() ([]iris.Pod, error)) error {
			s.report(check, plan)
			return nil
		}
	case s.Request.Role() != "":
		x.role = func(ctx context.Context, pods func() ([]iris.Pod, error)) (err error) {
			if facts.Pods, err = pods(); err != nil {
				return err
			}
			s.report(s.check(ctx, plan, facts, false), plan)
			return nil
		}
	}
	return x.run(ctx, []job{{plan, facts.Pods}})
}

// check asks IRIS about the role of a plan: in the pods that its Service selects or,
// if all, in all data pods of the shard.
func (s ExposeSidecar) check(ctx context.Context, plan expose.Plan, facts expose.Facts, all bool) expose.RoleCheck {
	facts.Answers = action.AskIn(ctx, s.Client, facts, expose.PodsToAsk(plan, facts.Pods, all))
	return expose.NewRoleCheck(plan, facts)
}

// contradicted returns the error of a Service that would select a pod which does not have
// the role; nil if IRIS contradicts no label.
func contradicted(check expose.RoleCheck, plan expose.Plan) error {
	contradictions := check.Contradictions()
	if len(contradictions) == 0 {
		return nil
	}
	name, namespace, target := plan.Service.Name, plan.Service.Namespace, plan.Target
	instead := fmt.Sprintf("kubectl iris expose-pod POD -n %s exposes one pod", namespace)
	if pod := check.Has(); pod != "" {
		instead = fmt.Sprintf("kubectl iris expose-pod %s -n %s exposes the %s", pod, namespace, target.Role)
	}
	return problem.New("service %q in namespace %q was not applied: it would select %s", name, namespace, contradictions[0]).
		Hint("%s, whatever the labels say; kubectl iris relabel %s -n %s sets the labels as IRIS says", instead, target.Cluster, namespace)
}

// report reports which pods a Service reaches and what IRIS says about their role.
func (s ExposeSidecar) report(check expose.RoleCheck, plan expose.Plan) {
	for _, line := range check.Notes() {
		s.Note("note: " + line)
	}
	for _, line := range check.Contradictions() {
		s.Warnf("service %q selects %s: kubectl iris relabel %s -n %s sets the labels as IRIS says",
			plan.Service.Name, line, plan.Target.Cluster, plan.Service.Namespace)
	}
}
