package kube

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// takeOwnership makes this tool the field manager of what a Service's spec asks
// for, so that the apply that follows drops what others had set and it does
// not want. Nothing but metadata.managedFields changes, and only if the Service
// is still at the version given. It returns the new version.
func (c *Client) takeOwnership(ctx context.Context, live *corev1.Service) (string, error) {
	managed, err := takeSpec(live.ManagedFields)
	if err != nil {
		return "", problem.New("cannot read the managedFields of service %q in namespace %q: %w", live.Name, live.Namespace, err)
	}
	return c.setManagers(ctx, live, managed, live.ResourceVersion)
}

// tryTakeOver returns the Service as the server would have it after
// takeOwnership and the apply. A dry run cannot hand the one's result to the
// other, so it sends the outcome of both, bound to the version of live.
func (c *Client) tryTakeOver(ctx context.Context, wanted *unstructured.Unstructured, live *corev1.Service) (*corev1.Service, error) {
	after, err := expose.TakenOver(live, wanted)
	if err != nil {
		return nil, problem.New("cannot tell what would be taken over: %w", err)
	}
	operations := []map[string]any{{"op": "replace", "path": "/metadata/resourceVersion", "value": live.ResourceVersion}}
	for _, path := range [][]string{{"metadata", "labels"}, {"metadata", "annotations"}, {"metadata", "ownerReferences"}, {"spec"}} {
		value, ok, _ := unstructured.NestedFieldNoCopy(after.Object, path...)
		if !ok { // removed, or never there
			value = nil
		}
		operations = append(operations, map[string]any{"op": "add", "path": "/" + strings.Join(path, "/"), "value": value})
	}
	body, err := json.Marshal(operations)
	if err != nil {
		return nil, err
	}
	return c.rest.Core.Services(live.Namespace).
		Patch(ctx, live.Name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: cluster.ManagedBy, DryRun: []string{metav1.DryRunAll}})
}

// giveBack undoes takeOwnership where the apply after it was refused: the
// Service has the managers again that it had. version is the one that
// takeOwnership left; a Service that has changed since is left alone.
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
	patch, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": managed},
		{"op": "replace", "path": "/metadata/resourceVersion", "value": version},
	})
	if err != nil {
		return "", err
	}
	after, err := c.rest.Core.Services(live.Namespace).
		Patch(ctx, live.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: cluster.ManagedBy})
	if err != nil {
		return "", err
	}
	return after.ResourceVersion, nil
}

// takeSpec moves the fields that expose.Takes names from their managers to this tool,
// as server-side apply keeps them. Everything else stays with its manager:
// finalizers and annotations belong to controllers.
func takeSpec(entries []metav1.ManagedFieldsEntry) ([]metav1.ManagedFieldsEntry, error) {
	taken := &fieldpath.Set{}
	var kept []metav1.ManagedFieldsEntry
	for _, entry := range entries {
		if entry.Subresource != "" || entry.FieldsV1 == nil {
			kept = append(kept, entry)
			continue
		}
		own := expose.IsOwnEntry(entry)
		fields, left := &fieldpath.Set{}, &fieldpath.Set{}
		if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, err
		}
		fields.Iterate(func(path fieldpath.Path) {
			if own || expose.Takes(path) {
				taken.Insert(path.Copy())
			} else {
				left.Insert(path.Copy())
			}
		})
		if left.Empty() {
			continue
		}
		raw, err := left.ToJSON()
		if err != nil {
			return nil, err
		}
		entry.FieldsV1 = metav1.NewFieldsV1(string(raw))
		kept = append(kept, entry)
	}
	raw, err := taken.ToJSON()
	if err != nil {
		return nil, err
	}
	return slices.Insert(kept, 0, metav1.ManagedFieldsEntry{
		Manager:    cluster.ManagedBy,
		Operation:  metav1.ManagedFieldsOperationApply,
		APIVersion: "v1",
		FieldsType: "FieldsV1",
		FieldsV1:   metav1.NewFieldsV1(string(raw)),
	}), nil
}
