// Package services has the use cases of Services: to expose sidecars and pods, to list
// what is exposed, and to remove it.
package services

import (
	"context"
	"errors"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/wait"
)

// A ServiceWriter is what exposing needs of the Kubernetes cluster to carry out a
// plan.
type ServiceWriter interface {
	action.ClusterReader
	// Service returns a Service; nil if there is none.
	Service(ctx context.Context, namespace, name string) (*corev1.Service, error)
	// Apply applies a Service over the live one that was read.
	Apply(ctx context.Context, manifest *unstructured.Unstructured, live *corev1.Service, options kube.ApplyOptions) (kube.Applied, error)
	ServiceWaiter
}

// A ServiceWaiter waits until a Service serves.
type ServiceWaiter interface {
	WaitExposed(ctx context.Context, service *corev1.Service, options wait.Options) (*corev1.Service, error)
}

// ExposeOptions say how planned Services are carried out.
type ExposeOptions struct {
	DryRun action.DryRun
	// Manifest asks a client dry run for the manifests alone: the live Services are
	// not read.
	Manifest bool
	// Diff has the server check the changes, and compares; nothing is changed.
	Diff bool
	// Adopt takes over Services that this tool did not create, and ForceConflicts
	// the fields that others have set.
	Adopt, ForceConflicts bool
	// Wait waits until each Service serves, Timeout at most.
	Wait    bool
	Timeout time.Duration
	// Addresses asks for the addresses at which the Services are reached.
	Addresses bool
}

// Validate returns a usage error if the options contradict each other.
func (o ExposeOptions) Validate() error {
	switch {
	case o.Diff && o.DryRun == action.DryRunClient:
		return problem.Usage("%s cannot be used with %s=client: the server is asked for the difference", problem.Field("diff"), problem.Field("dry-run")).
			Hint("omit %s", problem.Field("dry-run"))
	case o.Wait && o.Diff:
		return problem.Usage("%s cannot be used with %s: nothing is changed", problem.Field("wait"), problem.Field("diff")).Hint("omit one of them")
	}
	return validateWait(o.Wait, o.DryRun)
}

// validateWait returns a usage error for a wait for what a dry run does not do.
func validateWait(wait bool, dryRun action.DryRun) error {
	if wait && dryRun != action.DryRunNone {
		return problem.Usage("%s cannot be used with %s: nothing is changed", problem.Field("wait"), problem.Field("dry-run")).Hint("omit one of them")
	}
	return nil
}

// A Stage is how far exposing a Service has come.
type Stage int

const (
	// Planned means that the Service is the planned one; a live one was not read.
	Planned Stage = iota
	// Compared means that the difference that applying the plan would make is known.
	Compared
	// Applied means that the outcome is known. After a dry run nothing has changed.
	Applied
	// Ready means that the Service is as the server has it, after the wait if any.
	Ready
)

// An Exposure is a Service at one stage of being exposed.
type Exposure struct {
	Stage   Stage
	Service *corev1.Service
	// NodeIPs are the addresses of the nodes at which a node port is reached.
	NodeIPs []string
	// Outcome is set if the stage is Applied.
	Outcome kube.Outcome
	// Difference is set if the stage is Compared: a unified diff, empty if nothing
	// changes.
	Difference string
}

// Expose is what ExposeSidecar and ExposePods have in common.
type Expose struct {
	action.Config
	Namespace string
	ExposeOptions
	// Each is called with every Service at every stage that it comes to. If it
	// returns an error, that Service goes no further.
	Each func(Exposure) error
}

// An exposer carries out plans.
type exposer struct {
	Expose
	client ServiceWriter
	// outages reports each outage during a wait: their lines are alike.
	outages action.Reporter
	// role, if it is set, reports what IRIS says about the role of a Service that is
	// ready. pods are the cluster's: those that were planned with, or as they are
	// after the wait.
	role func(ctx context.Context, pods func() ([]iris.Pod, error)) error
}

// newExposer returns an exposer that reports each warning once: several plans may
// have the same.
func newExposer(e Expose, client ServiceWriter) *exposer {
	each := e.Reporter
	e.Reporter = &onceReporter{Reporter: each}
	return &exposer{Expose: e, client: client, outages: each}
}

// A onceReporter warns of each thing once.
type onceReporter struct {
	action.Reporter
	warned sync.Map
}

func (r *onceReporter) Warn(line string) {
	if _, already := r.warned.LoadOrStore(line, true); !already {
		r.Reporter.Warn(line)
	}
}

func (x *exposer) warn(lines ...string) {
	for _, line := range lines {
		x.Warn(line)
	}
}

// A planned Service and the cluster's pods that it was planned with.
type job struct {
	plan expose.Plan
	pods []iris.Pod
}

// run carries out several plans; if one fails, the others are tried all the same.
// All are applied before any is waited for.
func (x *exposer) run(ctx context.Context, jobs []job) error {
	var failed []error
	var applied []*corev1.Service
	for _, j := range jobs {
		service, err := x.carryOut(ctx, j)
		failed = append(failed, err)
		if service != nil {
			applied = append(applied, service)
		}
	}
	if x.Wait {
		failed = append(failed, x.await(ctx, applied))
	}
	return errors.Join(failed...)
}

// carryOut carries out a plan, except for the wait. The Service is nil if there is
// none to wait for.
func (x *exposer) carryOut(ctx context.Context, j job) (*corev1.Service, error) {
	switch {
	case x.DryRun == action.DryRunClient && x.Manifest:
		x.warn(j.plan.Warnings()...)
		return nil, x.Each(Exposure{Stage: Planned, Service: j.plan.Service, NodeIPs: j.plan.NodeIPs})
	case x.DryRun == action.DryRunClient:
		return nil, x.predict(ctx, j.plan)
	case x.Diff:
		return nil, x.compare(ctx, j.plan)
	}
	applied, _, err := x.apply(ctx, j.plan, x.DryRun == action.DryRunServer)
	if err != nil {
		return nil, err
	}
	x.warn(expose.ForeignFields(applied.Service, j.plan.Service)...)
	if err := x.Each(Exposure{Stage: Applied, Service: applied.Service, Outcome: applied.Outcome}); err != nil {
		return nil, err
	}
	if x.Wait {
		return applied.Service, nil
	}
	return nil, x.ready(ctx, applied.Service, j.plan.NodeIPs, func() ([]iris.Pod, error) { return j.pods, nil })
}

// predict reports what a run would do, as far as the live Service shows it.
func (x *exposer) predict(ctx context.Context, plan expose.Plan) error {
	reading, cancel := x.WithTimeout(ctx)
	defer cancel()
	live, merged, err := x.look(reading, plan)
	if apierrors.IsForbidden(err) {
		x.warn(plan.Warnings()...)
		x.Warnf("whether service %q exists in namespace %q is unknown: %v", plan.Service.Name, plan.Service.Namespace, err)
		return x.Each(Exposure{Stage: Applied, Service: plan.Service, Outcome: kube.Created})
	}
	if err != nil {
		return err
	}
	outcome, err := kube.Predict(live, merged.Service, x.applyOptions(true))
	if err != nil {
		return err
	}
	x.warnOf(merged, live)
	return x.Each(Exposure{Stage: Applied, Service: merged.Service, Outcome: outcome})
}

// compare reports the difference that the server says a run would make.
func (x *exposer) compare(ctx context.Context, plan expose.Plan) error {
	applied, live, err := x.apply(ctx, plan, true)
	if err != nil {
		return err
	}
	difference, err := expose.Diff(live, applied.Service, plan.Service)
	if err != nil {
		return err
	}
	return x.Each(Exposure{Stage: Compared, Service: applied.Service, Difference: difference})
}

func (x *exposer) applyOptions(dryRun bool) kube.ApplyOptions {
	return kube.ApplyOptions{DryRun: dryRun, ForceConflicts: x.ForceConflicts, Adopt: x.Adopt}
}

// apply applies a plan. It returns the live Service that was there before, too.
func (x *exposer) apply(ctx context.Context, plan expose.Plan, dryRun bool) (kube.Applied, *corev1.Service, error) {
	ctx, cancel := x.WithTimeout(ctx)
	defer cancel()
	live, plan, err := x.look(ctx, plan)
	if err != nil {
		return kube.Applied{}, live, err
	}
	manifest, err := expose.Manifest(plan.Service)
	if err != nil {
		return kube.Applied{}, live, err
	}
	applied, err := x.client.Apply(ctx, manifest, live, x.applyOptions(dryRun))
	if err == nil {
		x.warnOf(plan, live)
	}
	return applied, live, err
}

// warnOf reports the warnings about a plan that may be carried out and the Service that
// was there before.
func (x *exposer) warnOf(plan expose.Plan, live *corev1.Service) {
	x.warn(plan.Warnings()...)
	if line := plan.RetargetWarning(live); line != "" {
		x.warn(line)
	}
}

// look reads the live Service, nil if there is none, and returns the plan for it.
func (x *exposer) look(ctx context.Context, plan expose.Plan) (*corev1.Service, expose.Plan, error) {
	live, err := x.client.Service(ctx, plan.Service.Namespace, plan.Service.Name)
	if err != nil {
		return nil, plan, err
	}
	return live, plan.MergeLive(live), nil
}

// await waits for all Services at once, and reports each as soon as those before it
// are ready.
func (x *exposer) await(ctx context.Context, services []*corev1.Service) error {
	waits := make([]func() (*corev1.Service, error), len(services))
	for i, service := range services {
		waits[i] = sync.OnceValues(func() (*corev1.Service, error) {
			return x.client.WaitExposed(ctx, service, wait.Options{Timeout: x.Timeout, Report: x.outages.Warn})
		})
		go func() { _, _ = waits[i]() }()
	}
	var failed []error
	for _, waited := range waits {
		service, err := waited()
		if err == nil {
			err = x.conclude(ctx, service)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// conclude reports a Service that was waited for. The cluster's pods may have changed
// during the wait, so they are read again, once, if anything depends on them.
func (x *exposer) conclude(ctx context.Context, service *corev1.Service) error {
	pods := sync.OnceValues(func() ([]iris.Pod, error) {
		reading, cancel := x.WithTimeout(ctx)
		defer cancel()
		return x.client.Pods(reading, service.Namespace, kube.ClusterPods(service.Labels[cluster.LabelCluster]))
	})
	var nodes []string
	if service.Spec.Type == corev1.ServiceTypeNodePort && x.Addresses {
		all, err := pods()
		if err != nil {
			return err
		}
		nodes = iris.NodeIPs(cluster.Selected(service.Spec.Selector, all))
	}
	return x.ready(ctx, service, nodes, pods)
}

// ready reports a Service that is ready, and what IRIS says about its role.
func (x *exposer) ready(ctx context.Context, service *corev1.Service, nodes []string, pods func() ([]iris.Pod, error)) error {
	err := x.Each(Exposure{Stage: Ready, Service: service, NodeIPs: nodes})
	if err != nil || x.role == nil || x.DryRun != action.DryRunNone {
		return err
	}
	return x.role(ctx, pods)
}
