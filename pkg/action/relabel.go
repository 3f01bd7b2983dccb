package action

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
)

// servicesTimeout bounds the read of Services for a preview, without which the
// labels can be set all the same.
const servicesTimeout = 5 * time.Second

// A RelabelCluster is what Relabel needs of the Kubernetes cluster.
type RelabelCluster interface {
	ClusterReader
	Asker
	Services(ctx context.Context, namespace string) ([]corev1.Service, error)
	// SetRole sets the role label of a pod that is still as it was read.
	SetRole(ctx context.Context, pod iris.Pod, role string, dryRun bool) error
}

// Relabel sets the role labels of a cluster's data pods to what IRIS says.
type Relabel struct {
	Config
	Client    RelabelCluster
	Namespace string
	// Name is the cluster's; empty for the namespace's only one.
	Name string
	relabel.Options
	DryRun DryRun
	// Confirm is asked before labels are set; nil if they are set without asking.
	Confirm func(context.Context, relabel.Plan) (bool, error)
	// Shield is called before the first label is written, to keep signals from ending
	// the process.
	Shield func()
}

// A Relabeling is what came of a Relabel.
type Relabeling struct {
	// Begun reports whether a label was written, or may have been.
	Begun bool
	// Changes are those that were made or, of a dry run, would be.
	Changes []relabel.Change
	// InEffect reports whether all labels were as IRIS says already.
	InEffect bool
}

// Run plans the labels, reports which Services will select other pods, and sets
// the labels. Changes that were made are returned with any error.
func (r Relabel) Run(ctx context.Context) (Relabeling, error) {
	plan, err := r.Plan(ctx)
	if err != nil {
		return Relabeling{}, err
	}
	for _, warning := range plan.Warnings {
		r.Warn(warning)
	}
	refused := errors.Join(plan.Errors()...)
	if len(plan.Changes) == 0 {
		return Relabeling{InEffect: refused == nil}, refused
	}
	r.preview(ctx, plan)
	switch r.DryRun {
	case DryRunClient:
		return Relabeling{Changes: plan.Changes}, refused
	case DryRunServer:
		checked, err := relabel.Check(ctx, r, plan)
		if err != nil {
			return Relabeling{}, errors.Join(err, refused)
		}
		return Relabeling{Changes: checked.Changes}, refused
	}
	made, err := r.set(ctx, plan)
	return made, errors.Join(err, refused)
}

// preview reports which Services will select other pods.
func (r Relabel) preview(ctx context.Context, plan relabel.Plan) {
	reading, cancel := context.WithTimeout(ctx, servicesTimeout)
	defer cancel()
	services, err := r.Client.Services(reading, r.Namespace)
	lines := plan.Effects(services)
	switch {
	case err != nil:
		lines = []string{err.Error()}
	case len(lines) == 0:
		lines = []string{"no Service selects other pods because of this"}
	}
	for _, line := range lines {
		r.Note("note: " + line)
	}
}

// set has the plan confirmed and sets its labels.
func (r Relabel) set(ctx context.Context, plan relabel.Plan) (made Relabeling, err error) {
	if r.Confirm != nil {
		if plan, err = r.confirmed(ctx, plan); err != nil {
			return made, err
		}
	}
	r.Shield()
	outcome := relabel.Apply(ctx, r, plan)
	return Relabeling{
		Begun:    outcome.Begun,
		Changes:  outcome.Made,
		InEffect: !outcome.Begun && outcome.Err == nil,
	}, outcome.Err
}

// confirmed has the plan confirmed. Since a person may take any time for that, the
// labels are planned again: the plan has to be the same.
func (r Relabel) confirmed(ctx context.Context, plan relabel.Plan) (relabel.Plan, error) {
	agreed, err := r.Confirm(ctx, plan)
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

// Plan reads the cluster, asks IRIS, and plans the labels.
func (r Relabel) Plan(ctx context.Context) (relabel.Plan, error) {
	reading, cancel := r.WithTimeout(ctx)
	defer cancel()
	facts, err := ReadFacts(reading, r.Client, r.Namespace, r.Name, false)
	if err != nil {
		return relabel.Plan{}, err
	}
	return relabel.New(cluster.New(cluster.Facts{
		Resource: facts.Cluster,
		Read:     facts.ClusterRead,
		Pods:     facts.Pods,
		Answers:  AskIn(ctx, r.Client, facts, facts.Pods),
	}), r.Options)
}

// SetRole sets the role label of a pod.
func (r Relabel) SetRole(ctx context.Context, pod iris.Pod, role string, dryRun bool) error {
	writing, cancel := r.WithTimeout(ctx)
	defer cancel()
	return r.Client.SetRole(writing, pod, role, dryRun)
}
