package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// syncObjects makes a cluster's objects, when what they shall be has changed. What it
// made goes with the IrisCluster by garbage collection.
func (o *operator) syncObjects(ctx context.Context, name types.NamespacedName) (time.Duration, error) {
	c, err := o.cluster(name)
	if err != nil {
		return 0, err
	}
	if c == nil {
		o.setMade(name, "")
		return 0, nil
	}
	objects := c.objects(o.options)
	encoded, err := json.Marshal(objects)
	if err != nil {
		return 0, err
	}
	o.mu.Lock()
	done := o.made[name] == string(encoded)
	o.mu.Unlock()
	if done {
		return 0, nil
	}
	// Remembered before the work: what is deleted during it is noticed and made again.
	o.setMade(name, string(encoded))
	for _, object := range objects {
		if err := o.apply(ctx, object); err != nil {
			o.setMade(name, "")
			return 0, err
		}
	}
	return 0, nil
}

func (o *operator) setMade(name types.NamespacedName, encoded string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if encoded == "" {
		delete(o.made, name)
		return
	}
	o.made[name] = encoded
}

func (o *operator) apply(ctx context.Context, object runtime.Object) error {
	u, err := toUnstructured(object)
	if err != nil {
		return err
	}
	resource, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
	_, err = o.dynamic.Resource(resource).Namespace(u.GetNamespace()).
		Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return fmt.Errorf("apply %s %q (namespace %q): %w", u.GetKind(), u.GetName(), u.GetNamespace(), err)
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
