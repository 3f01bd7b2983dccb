package kube

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
)

// Log opens the log of a container, each line with its time before it. Errors
// are logs.ErrNone where there is nothing to read, or not yet.
func (c *Client) Log(ctx context.Context, source logs.Source, part logs.Part) (io.ReadCloser, error) {
	options := &corev1.PodLogOptions{
		Container:  source.Container,
		Follow:     part.Follow,
		Previous:   part.Previous,
		Timestamps: true,
	}
	if !part.Since.IsZero() {
		since := metav1.NewTime(part.Since.Truncate(time.Second))
		options.SinceTime = &since
	}
	if part.Ago > 0 {
		seconds := int64((part.Ago + time.Second - 1) / time.Second)
		options.SinceSeconds = &seconds
	}
	if part.Tail >= 0 {
		options.TailLines = &part.Tail
	}
	stream, err := c.streams.core.Pods(source.Namespace).GetLogs(source.Pod, options).Stream(ctx)
	switch {
	case err == nil:
		return stream, nil
	case apierrors.IsNotFound(err), apierrors.IsBadRequest(err) && notYet(err):
		return nil, logs.ErrNone
	}
	explained := c.explain(err, access{"get", "pods/log", source.Namespace}, source.Pod)
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsBadRequest(err) {
		return nil, final{explained}
	}
	return nil, explained
}

// final is an error that trying again does not cure.
type final struct{ error }

// Final marks the error as what it is.
func (final) Final() bool { return true }

// Unwrap is the error itself.
func (f final) Unwrap() error { return f.error }

// notYet tells a container that has not started, or has no former instance,
// from a request that is wrong. The server says both in words only.
func notYet(err error) bool {
	words := err.Error()
	return strings.Contains(words, "is waiting to start") || strings.Contains(words, "not found") ||
		strings.Contains(words, "is terminated") || strings.Contains(words, "not available")
}

// LogSources are the containers of all pods that carry the labels of a cluster,
// or of one of these pods, by pod and container.
func (c *Client) LogSources(ctx context.Context, namespace, cluster, pod string) ([]logs.Source, error) {
	options := metav1.ListOptions{LabelSelector: ClusterPods(cluster)}
	found, err := collect(ctx, c.once.core.Pods(namespace).List, options, func(p *corev1.Pod) ([]logs.Source, bool) {
		return logSources(p), pod == "" || p.Name == pod
	})
	return slices.Concat(found...), c.explain(err, access{"list", "pods", namespace}, "")
}

// FollowLogSources calls show with the containers as LogSources does, and again
// after every change, until ctx ends, which is no error, or show returns one.
func (c *Client) FollowLogSources(ctx context.Context, namespace, cluster, pod string, show func([]logs.Source) error, lost func(error)) error {
	return c.followPods(ctx, namespace, cluster, "new pods cannot be followed", func(pods []*corev1.Pod) error {
		var all []logs.Source
		for _, p := range pods {
			if pod == "" || p.Name == pod {
				all = append(all, logSources(p)...)
			}
		}
		return show(all)
	}, lost)
}

// logSources are the containers of a pod. Of those that begin before the others
// they are the ones that stay; those that only prepare the pod are not among them.
func logSources(pod *corev1.Pod) []logs.Source {
	var sources []logs.Source
	stay := slices.DeleteFunc(slices.Clone(pod.Spec.InitContainers), func(c corev1.Container) bool {
		return c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways
	})
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	for _, c := range slices.Concat(pod.Spec.Containers, stay) {
		source := logs.Source{Namespace: pod.Namespace, Pod: pod.Name, UID: string(pod.UID), Container: c.Name}
		for _, s := range statuses {
			if s.Name == c.Name {
				source.Restarts = int(s.RestartCount)
				source.Running = s.State.Running != nil
				source.Started = s.State.Waiting == nil || s.RestartCount > 0
			}
		}
		sources = append(sources, source)
	}
	return sources
}
