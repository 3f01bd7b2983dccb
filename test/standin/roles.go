package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// syncMirrors lets the mirrors of a cluster take notice of their pods, moves the labels
// after what IRIS says, and sets the status of the IrisCluster.
func (o *operator) syncMirrors(ctx context.Context, name types.NamespacedName) (time.Duration, error) {
	c, err := o.cluster(name)
	if err != nil {
		return 0, err
	}
	labels := o.labelerOf(name, c)
	if c == nil {
		return 0, nil
	}
	pods := o.podsOf(name)
	labels.keep(pods)
	var again time.Duration
	if c.Spec.Topology.Data.Mirrored {
		members, err := o.members(ctx, c, pods)
		if err != nil {
			return 0, err
		}
		if again, err = o.label(ctx, c, labels, pods, members); err != nil {
			return 0, err
		}
		again = sooner(again, o.options.RecheckRoles)
	}
	return again, o.setStatus(ctx, c, pods)
}

// labelerOf is the labeler of a cluster; it starts anew, and the mirrors with it, when
// the cluster is another one of the same name.
func (o *operator) labelerOf(name types.NamespacedName, c *cluster) labeler {
	o.mu.Lock()
	defer o.mu.Unlock()
	if known := o.uids[name]; known != "" && (c == nil || c.UID != known) {
		o.options.Roles.Forget(known)
		delete(o.uids, name)
		delete(o.labelers, name)
	}
	if c == nil {
		return nil
	}
	if o.uids[name] == "" {
		o.uids[name] = c.UID
		o.labelers[name] = labeler{}
	}
	return o.labelers[name]
}

// members asks what IRIS says in each shard.
func (o *operator) members(ctx context.Context, c *cluster, pods []*corev1.Pod) (map[string]Member, error) {
	shards := map[string][]*corev1.Pod{}
	for _, pod := range pods {
		if pod.Labels[labelComponent] == "data" {
			number := pod.Labels[labelShard]
			shards[number] = append(shards[number], pod)
		}
	}
	all := map[string]Member{}
	for number, pods := range shards {
		shard := Shard{Cluster: c.UID, Number: number, Map: c.mirrorMap(), Primaries: splitNames(c.controls.primaries)}
		members, err := o.options.Roles.Members(ctx, shard, pods)
		if err != nil {
			return nil, fmt.Errorf("ask for the mirror members of shard %s: %w", number, err)
		}
		maps.Copy(all, members)
	}
	return all, nil
}

// label moves the mirrorRole labels that are due, and says when the next one is. The
// label primary is set last, so that it is never on two pods.
func (o *operator) label(ctx context.Context, c *cluster, labels labeler, pods []*corev1.Pod, members map[string]Member) (time.Duration, error) {
	delay := valueOr(c.controls.labelDelay, o.options.LabelDelay)
	var again time.Duration
	var last []*corev1.Pod
	for _, pod := range pods {
		if pod.Labels[labelComponent] != "data" || pod.DeletionTimestamp != nil {
			continue
		}
		value := labelOf(members[pod.Name], c.controls.asyncLabel)
		change, after := labels.due(pod, value, delay, time.Now())
		again = sooner(again, after)
		switch {
		case !change || c.controls.frozen:
		case value == "primary":
			last = append(last, pod)
		default:
			if err := o.setLabel(ctx, pod, value); err != nil {
				return 0, err
			}
		}
	}
	for _, pod := range last {
		if err := o.setLabel(ctx, pod, "primary"); err != nil {
			return 0, err
		}
	}
	return again, nil
}

// setLabel sets a pod's mirrorRole, or removes it.
func (o *operator) setLabel(ctx context.Context, pod *corev1.Pod, value string) error {
	o.log.Info("label", "pod", pod.Namespace+"/"+pod.Name, "mirrorRole", value)
	return o.patchPod(ctx, pod, map[string]any{"metadata": map[string]any{
		"uid": pod.UID, "labels": map[string]any{labelMirrorRole: orNull(value)},
	}})
}

// patchPod patches a pod, or its status. A pod that has gone needs no patch; one of the
// same name and another uid is a conflict, and will be looked at when the watch has it.
func (o *operator) patchPod(ctx context.Context, pod *corev1.Pod, patch map[string]any, subresources ...string) error {
	encoded, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = o.core.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, encoded, metav1.PatchOptions{FieldManager: fieldManager}, subresources...)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("patch pod %q (namespace %q): %w", pod.Name, pod.Namespace, err)
	}
	return nil
}

// statusOf is the status of an IrisCluster; nil if there is none.
func statusOf(object *unstructured.Unstructured) map[string]any {
	status, _ := object.Object["status"].(map[string]any)
	return status
}

// orNull is a value of a merge patch: null, which removes the field, for "".
func orNull(value string) any {
	if value == "" {
		return nil
	}
	return value
}

// sooner is the shorter of two times to wait, of which 0 means for ever.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
