package services

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/pkg/wait"
)

// An UnexposeCluster is what Unexpose needs of the Kubernetes cluster.
type UnexposeCluster interface {
	// MadeServices returns the Services that this tool created.
	MadeServices(ctx context.Context, namespace string) ([]corev1.Service, error)
	// Service returns a Service; nil if there is none.
	Service(ctx context.Context, namespace, name string) (*corev1.Service, error)
	Delete(ctx context.Context, service *corev1.Service, dry bool) error
	// WaitGone waits until a Service is gone.
	WaitGone(ctx context.Context, service *corev1.Service, options wait.Options) error
}

// An UnexposeRequest selects Services that this tool created.
type UnexposeRequest struct {
	// names are those of Services, or of the pods that they were created for.
	names []string
	all   bool
	// target says what the Services are for, field by field, if byTarget.
	target   view.Target
	byTarget bool
}

// NewUnexposeRequest returns the request for the Services that names name; for those
// of a role, component or shard of the cluster that the only name names, if any; or
// for all. It returns a usage error if that is not clear.
func NewUnexposeRequest(names []string, role, component, shard string, all bool) (UnexposeRequest, error) {
	r := UnexposeRequest{
		names: names, all: all,
		target:   view.Target{Role: role, Component: component, Shard: shard},
		byTarget: role != "" || component != "" || shard != "",
	}
	fieldAll, fieldRole, fieldComponent, fieldShard := problem.Field("all"), problem.Field("role"), problem.Field("component"), problem.Field("shard")
	switch {
	case all && (len(names) > 0 || r.byTarget):
		return r, problem.Usage("%s cannot be used with a name, %s, %s or %s", fieldAll, fieldRole, fieldComponent, fieldShard).
			Hint("omit %s to remove some", fieldAll)
	case r.byTarget && len(names) > 1:
		return r, problem.Usage("%s, %s and %s take one cluster, got %q", fieldRole, fieldComponent, fieldShard, names).
			Hint("give one name, or none if the namespace has one cluster")
	case !all && !r.byTarget && len(names) == 0:
		return r, problem.Usage("a Service, pod or cluster with %s, or %s, is required", fieldRole, fieldAll).
			Hint("kubectl iris exposed lists them")
	case r.byTarget && len(names) == 1:
		r.target.Cluster = names[0]
		return r, cluster.ValidateNames(names[0])
	}
	return r, nil
}

// Unexpose removes Services that this tool created.
type Unexpose struct {
	action.Config
	Client    UnexposeCluster
	Namespace string
	Request   UnexposeRequest
	DryRun    action.DryRun
	// Wait waits until the Services are gone, Timeout at most for each.
	Wait    bool
	Timeout time.Duration
	// Each is called with every Service that was removed or, of a dry run, would be.
	Each func(*corev1.Service) error
}

// Validate returns a usage error for a wait for what a dry run does not do.
func (u Unexpose) Validate() error { return validateWait(u.Wait, u.DryRun) }

// Run removes the Services. If one cannot be removed, the others are all the same.
// All are removed before one is waited for: load balancers take their time at the
// same time. found is false if there is none, which is no error.
func (u Unexpose) Run(ctx context.Context) (found bool, err error) {
	reading, cancel := u.WithTimeout(ctx)
	made, err := u.Client.MadeServices(reading, u.Namespace)
	cancel()
	if err != nil {
		return false, err
	}
	chosen, err := u.choose(ctx, made)
	found = len(chosen) > 0 || err != nil
	failed := []error{err}
	var removed []*corev1.Service
	for i := range chosen {
		if err := u.remove(ctx, &chosen[i]); err != nil {
			failed = append(failed, err)
			continue
		}
		removed = append(removed, &chosen[i])
	}
	if u.Wait {
		for _, service := range removed {
			failed = append(failed, u.Client.WaitGone(ctx, service, wait.Options{Timeout: u.Timeout, Report: u.Warn}))
		}
	}
	return found, errors.Join(failed...)
}

func (u Unexpose) remove(ctx context.Context, service *corev1.Service) error {
	if u.DryRun != action.DryRunClient {
		ctx, cancel := u.WithTimeout(ctx)
		defer cancel()
		if err := u.Client.Delete(ctx, service, u.DryRun == action.DryRunServer); err != nil {
			return err
		}
	}
	return u.Each(service)
}

// choose returns the Services that are requested, and why others are not found.
func (u Unexpose) choose(ctx context.Context, made []corev1.Service) ([]corev1.Service, error) {
	switch {
	case u.Request.all:
		return made, nil
	case u.Request.byTarget:
		return u.ofTarget(made)
	}
	var chosen []corev1.Service
	var failed []error
	for _, name := range u.Request.names {
		found, err := u.named(ctx, made, name)
		failed = append(failed, err)
		for _, service := range found {
			if !slices.ContainsFunc(chosen, func(s corev1.Service) bool { return s.Name == service.Name }) {
				chosen = append(chosen, service)
			}
		}
	}
	return chosen, errors.Join(failed...)
}

// ofTarget returns the Services of one cluster that are for the requested target.
func (u Unexpose) ofTarget(made []corev1.Service) ([]corev1.Service, error) {
	want := u.Request.target
	matches := func(want, has string) bool { return want == "" || want == has }
	found := servicesIf(made, func(service *corev1.Service) bool {
		t := cluster.TargetOf(service)
		return t.Kind == view.TargetSidecar && matches(want.Cluster, t.Cluster) && matches(want.Role, t.Role) &&
			matches(want.Component, t.Component) && matches(want.Shard, t.Shard)
	})
	clusters := targetsOf(found, func(t *view.Target) string { return t.Cluster })
	switch {
	case len(found) == 0:
		return nil, problem.New("no matching Service that this tool created found in namespace %q", u.Namespace).
			Hint("kubectl iris exposed -n %s lists them", u.Namespace)
	case len(clusters) > 1:
		return nil, problem.Usage("several clusters in namespace %q have such a Service: %s", u.Namespace, action.Quoted(clusters)).
			Hint("name one of them")
	}
	return found, nil
}

// named returns the Service of a name, else those that were created for a pod, by its
// full name or the part after its cluster's.
func (u Unexpose) named(ctx context.Context, made []corev1.Service, name string) ([]corev1.Service, error) {
	if found := servicesIf(made, func(service *corev1.Service) bool { return service.Name == name }); len(found) > 0 {
		return found, nil
	}
	found := servicesIf(made, func(service *corev1.Service) bool {
		t := cluster.TargetOf(service)
		return t.Kind == view.TargetPod && (t.Pod == name || t.Pod == t.Cluster+"-"+name)
	})
	pods := targetsOf(found, func(t *view.Target) string { return t.Pod })
	switch {
	case len(pods) > 1:
		return nil, problem.New("%q names several pods in namespace %q: %s", name, u.Namespace, strings.Join(pods, ", ")).
			Hint("give the pod's full name, or the Service's")
	case len(pods) == 0:
		return nil, u.notFound(ctx, name, made)
	}
	return found, nil
}

// notFound returns why a name names no Service that this tool created.
func (u Unexpose) notFound(ctx context.Context, name string, made []corev1.Service) error {
	ctx, cancel := u.WithTimeout(ctx)
	defer cancel()
	hint := fmt.Sprintf("this tool created none in namespace %q", u.Namespace)
	if len(made) > 0 {
		names := make([]string, len(made))
		for i := range made {
			names[i] = made[i].Name
		}
		hint = "this tool created " + action.Quoted(names)
	}
	live, err := u.Client.Service(ctx, u.Namespace, name)
	switch {
	case err != nil: // it may not be read
		return problem.New("no service %q that this tool created found in namespace %q, nor one for a pod of that name", name, u.Namespace).Hint("%s", hint)
	case live != nil:
		return problem.New("service %q in namespace %q was not created by kubectl-iris and was not removed", name, u.Namespace).Hint("%s", hint)
	}
	return problem.New("service %q not found in namespace %q, nor one for a pod of that name", name, u.Namespace).Hint("%s", hint)
}

// targetsOf returns a part of what Services were created for, in order and once each.
func targetsOf(services []corev1.Service, part func(*view.Target) string) []string {
	parts := sets.New[string]()
	for i := range services {
		parts.Insert(part(cluster.TargetOf(&services[i])))
	}
	return sets.List(parts)
}

func servicesIf(services []corev1.Service, keep func(*corev1.Service) bool) []corev1.Service {
	return slices.DeleteFunc(slices.Clone(services), func(s corev1.Service) bool { return !keep(&s) })
}
