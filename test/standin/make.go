package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// finalizer holds an IrisCluster until the operator has seen its deletion. Its name is
// assumed. [I+]
const finalizer = "intersystems.com"

// refusedAgain is the time after which a cluster is synced again that has failed.
const refusedAgain = time.Second

// errExists is the error of an object that is not the cluster's and has the name of one
// that it shall have. IKO is assumed to leave such an object alone and to fail. [I+]
var errExists = errors.New("already exists")

// syncObjects makes the objects of a cluster if what they shall be has changed, if one of
// them was deleted, or if the last sync was long ago. A cluster that is being deleted is
// let go: what was made for it goes by garbage collection.
func (o *operator) syncObjects(ctx context.Context, name types.NamespacedName) (time.Duration, error) {
	c, err := o.read(name)
	if err != nil {
		return 0, err
	}
	if c == nil || c.controls.paused {
		o.forget(name)
		return 0, nil
	}
	if c.DeletionTimestamp != nil {
		o.forget(name)
		return 0, o.setFinalizers(ctx, c, slices.DeleteFunc(slices.Clone(c.Finalizers), func(f string) bool { return f == finalizer }))
	}
	objects := c.objects(o.options)
	invalid := c.validate()
	encoded, err := json.Marshal([]any{c.controls.sync, fmt.Sprint(invalid), objects})
	if err != nil {
		return 0, err
	}
	if left := o.untilResync(name, string(encoded)); left > 0 {
		return left, nil
	}
	if invalid != nil {
		o.setSynced(name, string(encoded)) // until the spec changes
		o.event(c, corev1.EventTypeWarning, "Invalid", invalid.Error())
		return 0, nil
	}
	if !slices.Contains(c.Finalizers, finalizer) {
		if err := o.setFinalizers(ctx, c, append(slices.Clone(c.Finalizers), finalizer)); err != nil {
			return 0, err
		}
	}
	// Remembered before the work: what is deleted during it is noticed and made again.
	o.setSynced(name, string(encoded))
	err = o.make(ctx, c, objects, string(encoded))
	if err != nil {
		o.setSynced(name, "")
	}
	if errors.Is(err, errExists) {
		return refusedAgain, nil
	}
	return o.options.Resync, err
}

// make makes the objects of a cluster, and says in the status and by Events how it went.
// Until the first sync has come to its end, the phase is written here; afterwards by
// syncMirrors, which also knows the pods.
func (o *operator) make(ctx context.Context, c *cluster, objects []runtime.Object, encoded string) error {
	before := o.progressOf(c, nil)
	if c.phase == "" && before.made == "" && before.failure == "" {
		if err := o.patchStatus(ctx, c, map[string]any{"phase": phaseCreating}); err != nil {
			return err
		}
	}
	for _, object := range objects {
		if err := o.apply(ctx, c, object); err != nil {
			if errors.Is(err, errExists) && before.failure != err.Error() {
				o.event(c, corev1.EventTypeWarning, "Failed", err.Error())
				o.progressOf(c, func(p *progress) { p.failure = err.Error() })
				o.mirrorLoop.queue.Add(c.name())
			}
			return err
		}
	}
	if before.made == "" && c.phase != phaseRunning {
		if err := o.patchStatus(ctx, c, map[string]any{"phase": phaseInitializing, "reason": nil}); err != nil {
			return err
		}
		o.tellPhase(c, phaseInitializing)
	}
	if before.made != encoded || before.failure != "" {
		o.event(c, corev1.EventTypeNormal, "Successful", "the objects of the cluster are as they shall be")
	}
	o.progressOf(c, func(p *progress) { p.made, p.failure = encoded, "" })
	o.mirrorLoop.queue.Add(c.name())
	return nil
}

// setFinalizers replaces the finalizers of an IrisCluster as it was read.
func (o *operator) setFinalizers(ctx context.Context, c *cluster, finalizers []string) error {
	if slices.Equal(c.Finalizers, finalizers) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": c.UID, "resourceVersion": c.ResourceVersion, "finalizers": finalizers,
	}})
	if err != nil {
		return err
	}
	_, err = o.dynamic.Resource(Resource).Namespace(c.Namespace).
		Patch(ctx, c.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("set the finalizers of IrisCluster %q (namespace %q): %w", c.Name, c.Namespace, err)
	}
	return nil
}

// synced is what a sync has made of a cluster, and when.
type synced struct {
	encoded string
	at      time.Time
}

// untilResync returns the time until the next sync is due of what is already made; 0 if
// it is due now.
func (o *operator) untilResync(name types.NamespacedName, encoded string) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := o.synced[name]
	if last.encoded != encoded {
		return 0
	}
	return max(0, time.Until(last.at.Add(o.options.Resync)))
}

func (o *operator) setSynced(name types.NamespacedName, encoded string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.synced[name] = synced{encoded: encoded, at: time.Now()}
}

// forget drops what is known of the objects of a cluster.
func (o *operator) forget(name types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.synced, name)
	delete(o.progress, name)
}

// apply makes an object as it shall be. The annotations of a Service are replaced by
// those of the template, whoever has set others. [I+]
func (o *operator) apply(ctx context.Context, c *cluster, object runtime.Object) error {
	u, err := toUnstructured(object)
	if err != nil {
		return err
	}
	if err := o.refuseForeign(ctx, c, u); err != nil {
		return err
	}
	resource, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
	client := o.dynamic.Resource(resource).Namespace(u.GetNamespace())
	live, err := client.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err == nil && u.GetKind() == "Service" && u.GetName() != sharedService {
		err = dropAnnotations(live, u.GetAnnotations(), func(patch []byte) error {
			_, err := client.Patch(ctx, u.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("apply %s %q (namespace %q): %w", u.GetKind(), u.GetName(), u.GetNamespace(), err)
	}
	return nil
}

// dropAnnotations patches away the annotations of live that are not wanted.
func dropAnnotations(live *unstructured.Unstructured, wanted map[string]string, patch func([]byte) error) error {
	gone := map[string]any{}
	for key := range maps.Keys(live.GetAnnotations()) {
		if _, keep := wanted[key]; !keep {
			gone[key] = nil
		}
	}
	if len(gone) == 0 {
		return nil
	}
	encoded, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": gone}})
	if err != nil {
		return err
	}
	return patch(encoded)
}

// refuseForeign returns errExists if there is a Service or StatefulSet of that name
// without the kind and name labels of the cluster. iris-svc is shared by all clusters.
func (o *operator) refuseForeign(ctx context.Context, c *cluster, u *unstructured.Unstructured) error {
	kind, name := u.GetKind(), u.GetName()
	if kind != "Service" && kind != "StatefulSet" || name == sharedService {
		return nil
	}
	resource, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
	live, err := o.dynamic.Resource(resource).Namespace(u.GetNamespace()).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get %s %q (namespace %q): %w", kind, name, u.GetNamespace(), err)
	}
	if live.GetLabels()[labelKind] != "IrisCluster" || live.GetLabels()[labelName] != c.Name {
		return fmt.Errorf("intended %s %q (namespace %q) %w", kind, name, u.GetNamespace(), errExists)
	}
	return nil
}

// toUnstructured is the object without what only the server fills in.
func toUnstructured(object runtime.Object) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(content, "spec", "template", "metadata", "creationTimestamp")
	return u, nil
}
