package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// The phases of an IrisCluster. Only Running was ever seen [S]; the others are assumed,
// and so is that a phase, once Running, says nothing of pods that go later. [I+]
const (
	phaseCreating     = "Creating"
	phaseInitializing = "Initializing"
	phaseRunning      = "Running"
	phaseFailed       = "Failed"
)

// The status fields of the stand-in's own, for Annotate and WaitRunning.
const (
	// observedField says which spec and annotations the stand-in has seen.
	observedField = "observedByStandIn"
	// unreadyField is the number of pods that are not ready; it is absent if all are.
	unreadyField = "unreadyByStandIn"
)

// progress is how far the objects of a cluster are.
type progress struct {
	cluster types.UID
	// made is what was made last, and empty until a sync has come to its end.
	made string
	// failure is why the last sync did not.
	failure string
	// told is the phase that an Event was recorded of last.
	told string
}

// progressOf returns the progress of the cluster after change, if that is not nil, has
// changed it. The progress of an earlier cluster of the same name is dropped.
func (o *operator) progressOf(c *cluster, change func(*progress)) progress {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.progress[c.name()]
	if p.cluster != c.UID {
		p = progress{cluster: c.UID}
	}
	if change != nil {
		change(&p)
		o.progress[c.name()] = p
	}
	return p
}

// nextPhase returns the phase that follows current once the objects are made, or why
// they are not is known.
func nextPhase(current string, p progress, unready int32) string {
	switch {
	case p.failure != "":
		return phaseFailed
	case current == phaseRunning:
		return current
	case unready == 0:
		return phaseRunning
	}
	return phaseInitializing
}

// setStatus says in the status what was seen and how far the cluster is.
func (o *operator) setStatus(ctx context.Context, c *cluster, pods []*corev1.Pod) error {
	object, exists, err := o.clusters.GetStore().GetByKey(c.Namespace + "/" + c.Name)
	if err != nil || !exists {
		return err
	}
	current := statusOf(object.(*unstructured.Unstructured))
	unready := c.unready(pods, o.options)
	p := o.progressOf(c, nil)
	wanted := map[string]any{observedField: c.fingerprint, unreadyField: nil}
	if unready > 0 {
		wanted[unreadyField] = int64(unready)
	}
	switch {
	case c.controls.phase != "":
		wanted["phase"], wanted["reason"] = c.controls.phase, orNull(c.controls.reason)
	case p.made != "" || p.failure != "": // else make writes the phase
		wanted["phase"], wanted["reason"] = nextPhase(c.phase, p, unready), orNull(p.failure)
	}
	changed := false
	for field, value := range wanted {
		changed = changed || current[field] != value
	}
	if !changed {
		return nil
	}
	if err := o.patchStatus(ctx, c, wanted); err != nil {
		return err
	}
	if phase, ok := wanted["phase"].(string); ok {
		o.tellPhase(c, phase)
	}
	return nil
}

// patchStatus patches the status of an IrisCluster.
func (o *operator) patchStatus(ctx context.Context, c *cluster, status map[string]any) error {
	status["observedGeneration"] = c.observedGeneration()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": c.UID}, "status": status})
	if err != nil {
		return err
	}
	_, err = o.dynamic.Resource(Resource).Namespace(c.Namespace).
		Patch(ctx, c.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("set the status of IrisCluster %q (namespace %q): %w", c.Name, c.Namespace, err)
	}
	return nil
}

// observedGeneration returns the generation and a hash, joined to a string. [I+] Without
// a status subresource the generation alone would change with each change of the status.
func (c *cluster) observedGeneration() string {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(c.fingerprint)) // a hash returns no error
	return fmt.Sprintf("%d$%d", c.Generation, hash.Sum64())
}

// tellPhase records the Event of the phase that the cluster has come to, once. The
// reasons are assumed [I+], the messages are the stand-in's.
func (o *operator) tellPhase(c *cluster, phase string) {
	known := false
	o.progressOf(c, func(p *progress) {
		known = p.told == phase
		p.told = phase
	})
	if known {
		return
	}
	switch phase {
	case phaseInitializing:
		o.event(c, corev1.EventTypeNormal, "Initializing", "waiting for the pods of the cluster")
	case phaseRunning:
		o.event(c, corev1.EventTypeNormal, "Successful", "the cluster is running")
	}
}

// event records an Event about the IrisCluster.
func (o *operator) event(c *cluster, kind, reason, message string) {
	o.events.Event(&corev1.ObjectReference{
		APIVersion: Resource.GroupVersion().String(), Kind: "IrisCluster",
		Namespace: c.Namespace, Name: c.Name, UID: c.UID, ResourceVersion: c.ResourceVersion,
	}, kind, reason, message)
}
