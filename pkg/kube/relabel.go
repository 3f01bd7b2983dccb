package kube

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Services lists the Services of a namespace. An error is one line that says what
// is not known without them.
func (c *Client) Services(ctx context.Context, namespace string) ([]corev1.Service, error) {
	r := &reader{client: c, scope: Scope{Namespace: namespace}}
	if err := r.listServices(ctx, ""); err != nil {
		return nil, err
	}
	for _, u := range r.snapshot.Unread {
		return nil, problem.New("%s", u.Message)
	}
	return r.snapshot.Services, nil
}

// SetRole sets the role label of a pod, or with "" takes it away, if the pod is
// still as it was read, or else fails with a conflict. With dryRun the server
// checks and changes nothing.
func (c *Client) SetRole(ctx context.Context, pod iris.Pod, role string, dryRun bool) error {
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
	options := metav1.PatchOptions{FieldManager: cluster.ManagedBy}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	_, err = c.rest.Core.Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, options)
	if apierrors.IsConflict(err) {
		return problem.New("pod %q in namespace %q changed since it was read and keeps its label: %w", pod.Name, pod.Namespace, err).
			Hint("run the command again: it reads the pods and asks IRIS again")
	}
	return c.Explain(err, Access{"patch", "pods", pod.Namespace}, pod.Name)
}
