package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
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
	managed, _, err := takeSpec(live.ManagedFields)
	if err != nil {
		return "", unreadable(live, err)
	}
	return c.setManagers(ctx, live, managed, live.ResourceVersion)
}

// tryTakeOver returns the Service as the server would have it after takeOwnership and
// the apply. A dry run cannot hand the one's result to the other, so it sends what
// both come to, bound to the version of live.
func (c *Client) tryTakeOver(ctx context.Context, wanted *unstructured.Unstructured, live *corev1.Service) (*corev1.Service, error) {
	after, err := takenOver(live, wanted)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.ResourceVersion},
		{"op": "add", "path": "/metadata/labels", "value": after.Labels},
		{"op": "add", "path": "/metadata/annotations", "value": after.Annotations},
		{"op": "add", "path": "/metadata/ownerReferences", "value": after.OwnerReferences},
		{"op": "add", "path": "/spec", "value": after.Spec},
	})
	if err != nil {
		return nil, err
	}
	return c.rest.Services(live.Namespace).
		Patch(ctx, live.Name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: cluster.ManagedBy, DryRun: []string{metav1.DryRunAll}})
}

// takenOver returns what this tool makes of a live Service whose spec it takes over.
// The spec is the wanted one: no other client manages a field of it any more, and the
// server fills in what it has assigned, except for the node port of a port that gets
// another name. Labels, annotations and owners of others stay.
func takenOver(live *corev1.Service, wanted *unstructured.Unstructured) (*corev1.Service, error) {
	after := &corev1.Service{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(wanted.Object, after); err != nil {
		return nil, err
	}
	before, err := expose.Applied(live)
	if err != nil {
		return nil, err
	}
	after.Labels = withTheirs(live.Labels, before.Labels, after.Labels)
	after.Annotations = withTheirs(live.Annotations, before.Annotations, after.Annotations)
	for _, owner := range live.OwnerReferences {
		is := func(other metav1.OwnerReference) bool { return other.UID == owner.UID }
		if !slices.ContainsFunc(before.OwnerReferences, is) && !slices.ContainsFunc(after.OwnerReferences, is) {
			after.OwnerReferences = append(after.OwnerReferences, owner)
		}
	}
	_, taken, err := takeSpec(live.ManagedFields)
	if err != nil {
		return nil, unreadable(live, err)
	}
	for i := range after.Spec.Ports {
		port := &after.Spec.Ports[i]
		path := fieldpath.MakePathOrDie("spec", "ports", fieldpath.KeyByFields("port", int64(port.Port), "protocol", string(port.Protocol)), "nodePort")
		for _, had := range live.Spec.Ports {
			if had.Port == port.Port && had.Protocol == port.Protocol && !taken.Has(path) {
				port.NodePort = cmp.Or(port.NodePort, had.NodePort)
			}
		}
	}
	return after, nil
}

// withTheirs returns labels or annotations after an apply: those that are wanted, and
// those of others.
func withTheirs(live, applied, wanted map[string]string) map[string]string {
	after := maps.Clone(live)
	maps.DeleteFunc(after, func(key, _ string) bool { _, ours := applied[key]; return ours })
	if after == nil {
		after = map[string]string{}
	}
	maps.Copy(after, wanted)
	return after
}

func unreadable(live *corev1.Service, err error) error {
	return problem.New("cannot read the managedFields of service %q in namespace %q: %w", live.Name, live.Namespace, err)
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
	after, err := c.rest.Services(live.Namespace).
		Patch(ctx, live.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: cluster.ManagedBy})
	if err != nil {
		return "", err
	}
	return after.ResourceVersion, nil
}

// takeSpec moves the fields that takes names from their managers to this tool,
// as server-side apply keeps them. Everything else stays with its manager:
// finalizers and annotations belong to controllers.
// It returns all fields that are then this tool's, too.
func takeSpec(entries []metav1.ManagedFieldsEntry) (managed []metav1.ManagedFieldsEntry, taken *fieldpath.Set, err error) {
	taken = &fieldpath.Set{}
	var kept []metav1.ManagedFieldsEntry
	for _, entry := range entries {
		if entry.Subresource != "" || entry.FieldsV1 == nil {
			kept = append(kept, entry)
			continue
		}
		own := isOwnEntry(entry)
		fields, left := &fieldpath.Set{}, &fieldpath.Set{}
		if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, nil, err
		}
		fields.Iterate(func(path fieldpath.Path) {
			if own || takes(path) {
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
			return nil, nil, err
		}
		entry.FieldsV1 = metav1.NewFieldsV1(string(raw))
		kept = append(kept, entry)
	}
	raw, err := taken.ToJSON()
	if err != nil {
		return nil, nil, err
	}
	return slices.Insert(kept, 0, metav1.ManagedFieldsEntry{
		Manager:    cluster.ManagedBy,
		Operation:  metav1.ManagedFieldsOperationApply,
		APIVersion: "v1",
		FieldsType: "FieldsV1",
		FieldsV1:   metav1.NewFieldsV1(string(raw)),
	}), taken, nil
}

// isOwnEntry reports whether managed fields are those of this tool's applies.
func isOwnEntry(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == cluster.ManagedBy && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// takes reports whether a field of a Service is one that this tool takes over
// from its manager: one of the spec, unless the server assigned it and it cannot
// change.
func takes(path fieldpath.Path) bool {
	if len(path) < 2 || path[0].FieldName == nil || *path[0].FieldName != "spec" || path[1].FieldName == nil {
		return false
	}
	assigned := []string{"clusterIP", "clusterIPs", "ipFamilies", "healthCheckNodePort"}
	return !slices.Contains(assigned, *path[1].FieldName)
}

// othersSet reports whether other clients have set fields of the spec of a live
// Service that a forced apply takes over.
func othersSet(live *corev1.Service) bool {
	return live != nil && slices.ContainsFunc(live.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool {
		if isOwnEntry(entry) || entry.Subresource != "" || entry.FieldsV1 == nil {
			return false
		}
		set := fieldpath.NewSet()
		if set.FromJSON(entry.FieldsV1.GetRawReader()) != nil {
			return false
		}
		found := false
		set.Iterate(func(path fieldpath.Path) { found = found || takes(path) })
		return found
	})
}
