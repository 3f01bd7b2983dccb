package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Outcome is what an apply did, in kubectl's words.
type Outcome string

// The outcomes.
const (
	Created    Outcome = "created"
	Configured Outcome = "configured"
	Unchanged  Outcome = "unchanged"
	Adopted    Outcome = "adopted"
)

// ApplyOptions say how a Service is written.
type ApplyOptions struct {
	// DryRun asks the server to check and to change nothing.
	DryRun bool
	// ForceConflicts takes over the spec from other field managers: what they
	// set and is not wanted is removed.
	ForceConflicts bool
	// Adopt takes over a Service of that name that this tool did not make.
	Adopt bool
}

// Applied is a Service as it stands after an apply.
type Applied struct {
	Service *corev1.Service
	Outcome Outcome
}

// absentVersion is no object's resourceVersion, so an apply that bears it
// creates an object that is not there and is refused as a conflict by one that
// is: server-side apply has no other way to say "create only".
const absentVersion = "1"

// maxLooks bounds how often an apply looks again when the Service changes
// between look and write (a load-balancer controller writing its status, say).
const maxLooks = 4

// Service reads a Service; nil where there is none.
func (c *Client) Service(ctx context.Context, namespace, name string) (*corev1.Service, error) {
	service, err := c.rest.Core.Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, c.Explain(err, Access{"get", "services", namespace}, name)
	}
	return service, nil
}

// Cluster reads one IrisCluster. notRead says why it could not be read if the
// caller may not, or the resource is not installed; err is any other error, an
// unknown cluster among them. A fault of the server is an error, too: it may pass,
// and a Service that is created meanwhile would lack what the IrisCluster's
// template sets.
func (c *Client) Cluster(ctx context.Context, namespace, name string) (cluster iris.Cluster, notRead error, err error) {
	a := Access{"get", iris.GroupResource().String(), namespace}
	u, err := c.rest.Dynamic.Resource(iris.GroupVersionResource()).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil:
		return iris.ClusterFrom(u), nil, nil
	case apierrors.IsForbidden(err), notInstalled(err):
		return iris.Cluster{}, c.Explain(err, a, name), nil
	case apierrors.IsNotFound(err):
		return iris.Cluster{}, nil, err
	default:
		return iris.Cluster{}, nil, c.Explain(err, a, name)
	}
}

// Apply writes the Service wanted (a manifest as expose.Manifest makes it) by
// server-side apply. A Service of that name that this tool did not make is not
// touched unless options.Adopt, also when it comes to be between look and
// write: every write is bound to the version that was looked at. live is what
// the caller saw, nil for none.
func (c *Client) Apply(ctx context.Context, wanted *unstructured.Unstructured, live *corev1.Service, options ApplyOptions) (Applied, error) {
	for look := 1; ; look++ {
		if err := CheckWritable(live, options.Adopt); err != nil {
			return Applied{}, err
		}
		applied, err := c.applyOver(ctx, wanted, live, options)
		if !apierrors.IsConflict(err) || look == maxLooks {
			return applied, c.explainApply(err, wanted, live)
		}
		now, failed := c.Service(ctx, wanted.GetNamespace(), wanted.GetName())
		if failed != nil {
			return Applied{}, failed
		}
		// The server compares field managers before versions: the conflict may
		// be with somebody who came in between.
		if isFieldConflict(err) && versionOf(now) == versionOf(live) {
			return Applied{}, c.explainApply(err, wanted, live)
		}
		live = now
	}
}

// CheckWritable returns an error for a live Service that an apply must not or
// cannot change: one that this tool did not create, unless it is adopted, one that
// is or may be IKO's in any case, one that is being deleted, and a headless one. nil is none,
// which is fine.
func CheckWritable(live *corev1.Service, adopt bool) error {
	switch {
	case live == nil:
		return nil
	case !cluster.IsExposed(live) && !adopt:
		return foreign(live)
	case !cluster.IsExposed(live) && cluster.IsOperators(live):
		return problem.New("service %q in namespace %q is one that IKO keeps, and is left alone", live.Name, live.Namespace).
			Hint("choose another name with --name")
	case !cluster.IsExposed(live) && cluster.MayBeOperators(live):
		return problem.New("service %q in namespace %q selects pods by IKO's labels and names no cluster, as IKO's Service for an IrisCluster %q may, and is left alone", live.Name, live.Namespace, live.Name).
			Hint("choose another name with --name; if it is not IKO's, add %s to its selector first", iris.LabelName)
	case live.DeletionTimestamp != nil:
		return problem.New("service %q in namespace %q is being deleted%s", live.Name, live.Namespace, HeldBy(live.Finalizers)).
			Hint("wait until it is gone: kubectl wait --for=delete service/%s -n %s; or choose another name with --name", live.Name, live.Namespace)
	case live.Spec.ClusterIP == corev1.ClusterIPNone:
		err := problem.New("service %q in namespace %q is headless (clusterIP None), which cannot be changed: its ports are not mapped to other ports, and it can have neither node ports nor a load balancer", live.Name, live.Namespace)
		if cluster.IsExposed(live) {
			return err.Hint("recreate it: kubectl iris unexpose %s -n %s --wait, then run this command again", live.Name, live.Namespace)
		}
		return err.Hint("choose another name with --name, or delete the service and run this command again")
	}
	return nil
}

func versionOf(service *corev1.Service) string {
	if service == nil {
		return absentVersion
	}
	return service.ResourceVersion
}

func (c *Client) applyOver(ctx context.Context, wanted *unstructured.Unstructured, live *corev1.Service, options ApplyOptions) (Applied, error) {
	takesOver := takesOver(live, options)
	if takesOver && options.DryRun {
		after, err := c.tryTakeOver(ctx, wanted, live)
		return Applied{after, outcomeOver(live, after, live.ResourceVersion, options)}, err
	}
	before := versionOf(live)
	if takesOver {
		var err error
		if before, err = c.takeOwnership(ctx, live); err != nil {
			return Applied{}, err
		}
	}
	after, err := c.patch(ctx, wanted, before, options, takesOver)
	if err != nil {
		if takesOver {
			err = errors.Join(err, c.giveBack(ctx, live, before))
		}
		return Applied{}, err
	}
	return Applied{after, outcomeOver(live, after, before, options)}, nil
}

// outcomeOver returns what an apply over a live Service did. before is the
// version that was written over; of a dry run, which leaves the version alone,
// the fields tell.
func outcomeOver(live, after *corev1.Service, before string, options ApplyOptions) Outcome {
	switch outcome := changeOf(live); {
	case after == nil, outcome == Created:
		return outcome
	case after.UID != live.UID:
		return Created // it was deleted in between, and an apply creates what is not there
	case outcome == Configured && (options.DryRun && sameFields(live, after) || !options.DryRun && after.ResourceVersion == before):
		return Unchanged
	default:
		return outcome
	}
}

// changeOf returns what an apply over a live Service is called if it changes
// anything.
func changeOf(live *corev1.Service) Outcome {
	switch {
	case live == nil:
		return Created
	case !cluster.IsExposed(live):
		return Adopted
	}
	return Configured
}

// takesOver reports whether an apply takes over the spec's fields of others.
func takesOver(live *corev1.Service, options ApplyOptions) bool {
	return live != nil && (!cluster.IsExposed(live) || options.ForceConflicts && expose.OthersSet(live))
}

// Predict returns the outcome that Apply would have, as far as the live Service
// (nil for none) shows it: what the server would refuse it cannot know.
func Predict(live, wanted *corev1.Service, options ApplyOptions) (Outcome, error) {
	outcome := changeOf(live)
	if outcome != Configured {
		return outcome, nil
	}
	changes, err := expose.Changes(live, wanted, takesOver(live, options))
	if err == nil && !changes {
		outcome = Unchanged
	}
	return outcome, err
}

// sameFields compares Services but for their managers: a dry run leaves the
// version alone whatever it changes.
func sameFields(a, b *corev1.Service) bool {
	a, b = a.DeepCopy(), b.DeepCopy()
	a.ManagedFields, b.ManagedFields = nil, nil
	return equality.Semantic.DeepEqual(a, b)
}

func (c *Client) patch(ctx context.Context, wanted *unstructured.Unstructured, version string, options ApplyOptions, force bool) (*corev1.Service, error) {
	bound := wanted.DeepCopy()
	bound.SetResourceVersion(version)
	body, err := json.Marshal(bound)
	if err != nil {
		return nil, err
	}
	force = force || options.ForceConflicts
	patchOptions := metav1.PatchOptions{FieldManager: cluster.ManagedBy, Force: &force}
	if options.DryRun {
		patchOptions.DryRun = []string{metav1.DryRunAll}
	}
	return c.rest.Core.Services(wanted.GetNamespace()).
		Patch(ctx, wanted.GetName(), types.ApplyPatchType, body, patchOptions)
}

func (c *Client) deleteAsSeen(ctx context.Context, service *corev1.Service, options DeleteOptions) error {
	if !cluster.IsExposed(service) {
		return foreign(service)
	}
	deleteOptions := metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &service.UID, ResourceVersion: &service.ResourceVersion},
	}
	if options.DryRun {
		deleteOptions.DryRun = []string{metav1.DryRunAll}
	}
	return c.rest.Core.Services(service.Namespace).Delete(ctx, service.Name, deleteOptions)
}

// foreign refuses a Service that somebody else made.
func foreign(service *corev1.Service) error {
	return problem.New("service %q in namespace %q was not made by kubectl iris and is left alone", service.Name, service.Namespace).
		Hint("choose another name with --name, or take it over with --adopt")
}

// isFieldConflict tells that another field manager owns a field of the apply.
func isFieldConflict(err error) bool {
	return apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict)
}

func (c *Client) explainApply(err error, wanted *unstructured.Unstructured, live *corev1.Service) error {
	var known *problem.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case refuserOf(err) != notRefused: // whatever status a policy gave it
		return c.Explain(err, Access{"patch", "services", wanted.GetNamespace()}, wanted.GetName())
	case isFieldConflict(err):
		return problem.New("cannot apply service %q in namespace %q: %w", wanted.GetName(), wanted.GetNamespace(), err).
			Hint("another field manager set these fields; --force-conflicts takes them over")
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return problem.New("cannot apply service %q in namespace %q: %w", wanted.GetName(), wanted.GetNamespace(), err).
			Hint("%s", afterInvalid(live))
	default:
		return c.Explain(err, Access{"patch", "services", wanted.GetNamespace()}, wanted.GetName())
	}
}

// afterInvalid is the next step after the server refused what a Service would
// come to be.
func afterInvalid(live *corev1.Service) string {
	switch {
	case live == nil:
		return "nothing was made; the message names the field: choose another value"
	case expose.OthersSet(live):
		return "other clients have set fields of its spec too, which --diff does not show; --force-conflicts takes them over"
	}
	return fmt.Sprintf("what the server does not let change needs the Service made anew: kubectl iris unexpose %s -n %s --wait, then expose again",
		live.Name, live.Namespace)
}

// DeleteOptions say how a Service is removed.
type DeleteOptions struct {
	DryRun bool
}

// Delete removes a Service that this tool made, as it was looked at: were it
// replaced since, or is it no longer this tool's, it stays.
func (c *Client) Delete(ctx context.Context, service *corev1.Service, options DeleteOptions) error {
	var known *problem.Error
	err := c.deleteAsSeen(ctx, service, options)
	for look := 1; apierrors.IsConflict(err) && look < maxLooks; look++ {
		now, failed := c.Service(ctx, service.Namespace, service.Name)
		if failed != nil {
			return failed
		}
		if now == nil {
			return nil
		}
		if now.UID != service.UID || now.ResourceVersion == service.ResourceVersion || !cluster.IsExposed(now) {
			break
		}
		service = now // its status changed, say
		err = c.deleteAsSeen(ctx, service, options)
	}
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err):
		return problem.New("service %q in namespace %q changed while it was being removed and is left alone", service.Name, service.Namespace).
			Hint("look at it with kubectl iris exposed -n %s, then run the command again", service.Namespace)
	case errors.As(err, &known):
		return err
	default:
		return c.Explain(err, Access{"delete", "services", service.Namespace}, service.Name)
	}
}

// HeldBy returns the end of a sentence that names the finalizers of an object that is
// being deleted; empty without any.
func HeldBy(finalizers []string) string {
	if len(finalizers) == 0 {
		return ""
	}
	return fmt.Sprintf(", held by %s", strings.Join(finalizers, ", "))
}
