package standin

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// syncPod does the next step of the played kubelet for a pod.
func (o *operator) syncPod(ctx context.Context, name types.NamespacedName) (time.Duration, error) {
	object, exists, err := o.pods.GetStore().GetByKey(name.String())
	if err != nil || !exists {
		return 0, err
	}
	pod := object.(*corev1.Pod)
	pods := o.core.CoreV1().Pods(pod.Namespace)
	switch nextStep(pod, o.held(pod)) {
	case podBind:
		err = pods.Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
			Target:     corev1.ObjectReference{Kind: "Node", Name: nodeName},
		}, metav1.CreateOptions{FieldManager: fieldManager})
	case podRun:
		ip := pod.Status.PodIP
		if ip == "" {
			ip = o.addresses.next()
		}
		err = o.patchPod(ctx, pod, map[string]any{
			"metadata": map[string]any{"uid": pod.UID}, "status": runningStatus(pod, ip, metav1.Now()),
		}, "status")
	case podRemove:
		err = pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
	case podDone:
	}
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	return 0, err
}

// held tells whether the pod's cluster wants it to find no node.
func (o *operator) held(pod *corev1.Pod) bool {
	if pod.Labels[labelKind] != "IrisCluster" {
		return false
	}
	c, err := o.cluster(types.NamespacedName{Namespace: pod.Namespace, Name: pod.Labels[labelName]})
	return err == nil && c != nil && slices.Contains(c.controls.pending, pod.Name)
}

// makeNode makes the bare Node, unless it is there from an earlier run.
func (o *operator) makeNode(ctx context.Context) error {
	_, err := o.core.CoreV1().Nodes().Create(ctx, readyNode(nodeName, metav1.Now()), metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the node %q: %w", nodeName, err)
	}
	return nil
}
