package kube

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/ownership"
)

// takeOwnership makes this tool the field manager of a Service's spec, so that the apply
// that follows drops what others have set and it does not want. Only
// metadata.managedFields change, and only if the Service is still at the version of live.
// It returns the new version.
func (c *Client) takeOwnership(ctx context.Context, live *corev1.Service) (string, error) {
	managed, err := ownership.Take(live)
	if err != nil {
		return "", err
	}
	return c.setManagers(ctx, live, managed, live.ResourceVersion)
}

// tryTakeOver returns the Service as the server would have it after takeOwnership and
// the apply. A dry run cannot hand the one's result to the other, so it sends what
// both come to, bound to the version of live.
func (c *Client) tryTakeOver(ctx context.Context, wanted *unstructured.Unstructured, live *corev1.Service) (*corev1.Service, error) {
	after, err := ownership.TakenOver(live, wanted)
	if err != nil {
		return nil, err
	}
	return c.patch(ctx, live, types.JSONPatchType, []map[string]any{
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.ResourceVersion},
		{"op": "add", "path": "/metadata/labels", "value": after.Labels},
		{"op": "add", "path": "/metadata/annotations", "value": after.Annotations},
		{"op": "add", "path": "/metadata/ownerReferences", "value": after.OwnerReferences},
		{"op": "add", "path": "/spec", "value": after.Spec},
	}, metav1.PatchOptions{DryRun: dryRun(true)})
}

// giveBack undoes takeOwnership if the apply after it was refused: the Service gets its
// former managers. version is the one that takeOwnership left; a Service that has changed
// since is left alone.
func (c *Client) giveBack(ctx context.Context, live *corev1.Service, version string) error {
	// The caller may have been interrupted between the two.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
	defer cancel()
	_, err := c.setManagers(ctx, live, live.ManagedFields, version)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

const giveBackTimeout = 5 * time.Second

// setManagers replaces the managed fields of a Service at a version, and
// returns the new version.
func (c *Client) setManagers(ctx context.Context, live *corev1.Service, managed []metav1.ManagedFieldsEntry, version string) (string, error) {
	after, err := c.patch(ctx, live, types.JSONPatchType, []map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": managed},
		{"op": "replace", "path": "/metadata/resourceVersion", "value": version},
	}, metav1.PatchOptions{})
	if err != nil {
		return "", err
	}
	return after.ResourceVersion, nil
}
