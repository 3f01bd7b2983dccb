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
	"k8s.io/utils/ptr"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/ownership"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// An Outcome is what an apply did, in kubectl's words.
type Outcome string

// The outcomes.
const (
	Created    Outcome = "created"
	Configured Outcome = "configured"
	Unchanged  Outcome = "unchanged"
	Adopted    Outcome = "adopted"
)

// ApplyOptions hold how a Service is applied.
type ApplyOptions struct {
	// DryRun has the server check the Service and change nothing.
	DryRun bool
	// ForceConflicts takes over the spec from other field managers: fields that they
	// set and that are not wanted are removed.
	ForceConflicts bool
	// Adopt takes over a Service of that name that this tool did not create.
	Adopt bool
}

// Applied holds a Service after an apply.
type Applied struct {
	Service *corev1.Service
	Outcome Outcome
}

// absentVersion is no object's resourceVersion. An apply that has it creates an object
// that does not exist, and conflicts with one that does: server-side apply has no other
// way to say "create only".
const absentVersion = "1"

// maxAttempts bounds how often an apply or delete is attempted if the Service changes
// between read and write (a load-balancer controller writes its status, for example).
const maxAttempts = 4

// Service returns a Service, or nil if there is none.
func (c *Client) Service(ctx context.Context, namespace, name string) (*corev1.Service, error) {
	service, err := c.rest.Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, c.Explain(err, Access{"get", "services", namespace}, name)
	}
	return service, nil
}

// Cluster returns one IrisCluster. If the right to read it is missing or the resource is
// not installed, read is false and only its name is known. Any other failure is an error,
// also that there is no such cluster: a fault of the server may pass, and a Service that is
// created meanwhile would miss what the IrisCluster's template sets.
func (c *Client) Cluster(ctx context.Context, namespace, name string) (found iris.Cluster, read bool, err error) {
	found = iris.Cluster{Namespace: namespace, Name: name}
	u, err := c.clusters(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil:
		return iris.ClusterFrom(u), true, nil
	case apierrors.IsForbidden(err), notInstalled(err):
		return found, false, nil
	case apierrors.IsNotFound(err):
		return found, false, err
	default:
		return found, false, c.Explain(err, Access{"get", iris.GroupResource().String(), namespace}, name)
	}
}

// Apply writes the Service wanted (a manifest of expose.Manifest) by server-side apply.
// A Service of that name that this tool did not create is not changed unless
// options.Adopt is set, even if it is created between read and write: every write is
// bound to the version that was read. live is the Service that the caller read, nil if
// there was none.
func (c *Client) Apply(ctx context.Context, wanted *unstructured.Unstructured, live *corev1.Service, options ApplyOptions) (Applied, error) {
	for attempt := 1; ; attempt++ {
		if err := checkWritable(live, options.Adopt); err != nil {
			return Applied{}, err
		}
		applied, err := c.applyOver(ctx, wanted, live, options)
		if !apierrors.IsConflict(err) || attempt == maxAttempts {
			return applied, c.explainApply(err, wanted, live)
		}
		now, failed := c.Service(ctx, wanted.GetNamespace(), wanted.GetName())
		if failed != nil {
			return Applied{}, failed
		}
		// The server compares field managers before versions: the conflict may
		// be with another client that wrote in between.
		if isFieldConflict(err) && versionOf(now) == versionOf(live) {
			return Applied{}, c.explainApply(err, wanted, live)
		}
		live = now
	}
}

// checkWritable returns an error for a live Service that an apply must not or cannot
// change: one that this tool did not create, unless it is adopted; one that is or may be
// IKO's; one that is being deleted; and a headless one. It returns nil for nil.
func checkWritable(live *corev1.Service, adopt bool) error {
	switch {
	case live == nil:
		return nil
	case !cluster.IsExposed(live) && !adopt:
		return foreign(live)
	case !cluster.IsExposed(live) && cluster.IsOperators(live):
		return problem.New("service %q in namespace %q is managed by IKO and is left alone", live.Name, live.Namespace).
			Hint("choose another name with %s", problem.Field("name"))
	case !cluster.IsExposed(live) && cluster.MayBeOperators(live):
		return problem.New("service %q in namespace %q selects pods by IKO's labels and names no cluster, as IKO's Service for an IrisCluster %q may, and is left alone", live.Name, live.Namespace, live.Name).
			Hint("choose another name with %s; if it is not IKO's, add %s to its selector first", problem.Field("name"), iris.LabelName)
	case live.DeletionTimestamp != nil:
		return problem.New("service %q in namespace %q is being deleted%s", live.Name, live.Namespace, HeldBy(live.Finalizers)).
			Hint("wait until it is gone: kubectl wait --for=delete service/%s -n %s; or choose another name with %s", live.Name, live.Namespace, problem.Field("name"))
	case live.Spec.ClusterIP == corev1.ClusterIPNone:
		err := problem.New("service %q in namespace %q is headless (clusterIP None), which cannot be changed: its ports are not mapped to other ports, and it can have neither node ports nor a load balancer", live.Name, live.Namespace)
		if cluster.IsExposed(live) {
			return err.Hint("recreate it: kubectl delete service %s -n %s, then run this command again", live.Name, live.Namespace)
		}
		return err.Hint("choose another name with %s, or delete the service and run this command again", problem.Field("name"))
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
	after, err := c.apply(ctx, wanted, before, options, takesOver)
	if err != nil {
		if takesOver {
			err = errors.Join(err, c.giveBack(ctx, live, before))
		}
		return Applied{}, err
	}
	return Applied{after, outcomeOver(live, after, before, options)}, nil
}

// outcomeOver returns what an apply over a live Service did. before is the version that
// was written over. A dry run leaves the version alone, so its fields are compared.
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
	return live != nil && (!cluster.IsExposed(live) || options.ForceConflicts && ownership.OthersSet(live))
}

// Predict returns the outcome that Apply would have, unless the server refuses the
// Service. live is nil if there is none.
func Predict(live, wanted *corev1.Service, options ApplyOptions) (Outcome, error) {
	if err := checkWritable(live, options.Adopt); err != nil {
		return "", err
	}
	outcome := changeOf(live)
	if outcome != Configured {
		return outcome, nil
	}
	if takesOver(live, options) {
		return outcome, nil // their fields become this tool's
	}
	unchanged, err := ownership.IsUnchanged(live, wanted)
	if err == nil && unchanged {
		outcome = Unchanged
	}
	return outcome, err
}

// sameFields reports whether Services are equal except for their managers.
func sameFields(a, b *corev1.Service) bool {
	a, b = a.DeepCopy(), b.DeepCopy()
	a.ManagedFields, b.ManagedFields = nil, nil
	return equality.Semantic.DeepEqual(a, b)
}

func (c *Client) apply(ctx context.Context, wanted *unstructured.Unstructured, version string, options ApplyOptions, force bool) (*corev1.Service, error) {
	bound := wanted.DeepCopy()
	bound.SetResourceVersion(version)
	return c.patch(ctx, bound, types.ApplyPatchType, bound, metav1.PatchOptions{
		Force: ptr.To(force || options.ForceConflicts), DryRun: dryRun(options.DryRun),
	})
}

// patch patches a Service as this tool's field manager.
func (c *Client) patch(ctx context.Context, service metav1.Object, kind types.PatchType, patch any, options metav1.PatchOptions) (*corev1.Service, error) {
	body, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	options.FieldManager = cluster.ManagedBy
	return c.rest.Services(service.GetNamespace()).Patch(ctx, service.GetName(), kind, body, options)
}

// dryRun returns the DryRun of a request's options.
func dryRun(dry bool) []string {
	if dry {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// deleteAsSeen deletes a Service at the version that was read.
func (c *Client) deleteAsSeen(ctx context.Context, service *corev1.Service, dry bool) error {
	if !cluster.IsExposed(service) {
		return foreign(service)
	}
	return c.rest.Services(service.Namespace).Delete(ctx, service.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &service.UID, ResourceVersion: &service.ResourceVersion},
		DryRun:        dryRun(dry),
	})
}

// foreign returns the error for a Service that this tool did not create.
func foreign(service *corev1.Service) error {
	return problem.New("service %q in namespace %q was not created by %s and is left alone", service.Name, service.Namespace, cluster.ManagedBy).
		Hint("choose another name with %s, or take it over with %s", problem.Field("name"), problem.Field("adopt"))
}

// isFieldConflict reports whether another field manager owns a field of the apply.
func isFieldConflict(err error) bool {
	return apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict)
}

func (c *Client) explainApply(err error, wanted *unstructured.Unstructured, live *corev1.Service) error {
	var known *problem.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	rejected := problem.New("cannot apply service %q in namespace %q: %w", wanted.GetName(), wanted.GetNamespace(), err)
	switch {
	case refuserOf(err) != notRefused: // whatever status a policy gave it
	case isFieldConflict(err):
		return rejected.Hint("another field manager set these fields; %s takes them over", problem.Field("force-conflicts"))
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return rejected.Hint("%w", afterInvalid(live))
	}
	return c.Explain(err, Access{"patch", "services", wanted.GetNamespace()}, wanted.GetName())
}

// afterInvalid returns the next step after the server refused a Service as invalid, as
// a sentence that may name fields of the request.
func afterInvalid(live *corev1.Service) error {
	switch {
	case live == nil:
		return problem.New("the Service was not created; the message names the field: choose another value")
	case ownership.OthersSet(live):
		return problem.New("other clients have set fields of its spec too; %s takes them over", problem.Field("force-conflicts"))
	}
	return problem.New("a field that cannot be changed requires that the Service is recreated: kubectl delete service %s -n %s, then run the command again",
		live.Name, live.Namespace)
}

// Delete deletes a Service that this tool created. It returns an error if the Service
// was replaced or adopted by another tool since it was read, and nil if it is gone. If
// dry is set, the server checks the request and changes nothing.
func (c *Client) Delete(ctx context.Context, service *corev1.Service, dry bool) error {
	var known *problem.Error
	err := c.deleteAsSeen(ctx, service, dry)
	for attempt := 1; apierrors.IsConflict(err) && attempt < maxAttempts; attempt++ {
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
		service = now // its status changed, for example
		err = c.deleteAsSeen(ctx, service, dry)
	}
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err):
		return problem.New("service %q in namespace %q changed while it was being deleted and is left alone", service.Name, service.Namespace).
			Hint("kubectl get service %s -n %s -o yaml shows it; run the command again", service.Name, service.Namespace)
	case errors.As(err, &known):
		return err
	default:
		return c.Explain(err, Access{"delete", "services", service.Namespace}, service.Name)
	}
}

// SetRole sets the role label of a pod, or removes it if role is empty. It returns an
// error if the pod changed since it was read. If dry is set, the server checks the request
// and changes nothing.
func (c *Client) SetRole(ctx context.Context, pod iris.Pod, role string, dry bool) error {
	var value any
	if role != "" {
		value = role
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": pod.ResourceVersion,
		"labels":          map[string]any{iris.LabelMirrorRole: value},
	}})
	if err != nil {
		return err
	}
	options := metav1.PatchOptions{FieldManager: cluster.ManagedBy, DryRun: dryRun(dry)}
	_, err = c.rest.Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, options)
	if apierrors.IsConflict(err) {
		return problem.New("pod %q in namespace %q changed since it was read and keeps its label: %w", pod.Name, pod.Namespace, err).
			Hint("run the command again: it reads the pods and asks IRIS again")
	}
	return c.Explain(err, Access{"patch", "pods", pod.Namespace}, pod.Name)
}

// HeldBy returns the end of a sentence that names the finalizers of an object that is
// being deleted; empty without any.
func HeldBy(finalizers []string) string {
	if len(finalizers) == 0 {
		return ""
	}
	return fmt.Sprintf(", held by %s", strings.Join(finalizers, ", "))
}
