package watch

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
)

// LogSources returns the containers of all pods that have the labels of a
// cluster, or of one of these pods, by pod and container.
func (w *Watcher) LogSources(ctx context.Context, namespace, cluster, pod string) ([]logs.Source, error) {
	options := metav1.ListOptions{LabelSelector: kube.ClusterPods(cluster)}
	found, err := kube.Collect(ctx, w.client.API().Pods(namespace).List, options, func(p *corev1.Pod) ([]logs.Source, bool) {
		return logSources(p), pod == "" || p.Name == pod
	})
	return slices.Concat(found...), w.client.Explain(err, kube.Access{Verb: "list", Resource: "pods", Namespace: namespace}, "")
}

// FollowLogSources calls show with the containers as LogSources does, and again
// after every change, until ctx ends, which is no error, or show returns one.
func (w *Watcher) FollowLogSources(ctx context.Context, namespace, cluster, pod string, show func([]logs.Source) error, lost func(error)) error {
	return w.followPods(ctx, namespace, cluster, "new pods cannot be followed", func(pods []*corev1.Pod) error {
		var all []logs.Source
		for _, p := range pods {
			if pod == "" || p.Name == pod {
				all = append(all, logSources(p)...)
			}
		}
		return show(all)
	}, lost)
}

// logSources returns the pod's containers and native sidecars; ordinary init
// containers are skipped.
func logSources(pod *corev1.Pod) []logs.Source {
	var sources []logs.Source
	stay := slices.DeleteFunc(slices.Clone(pod.Spec.InitContainers), func(c corev1.Container) bool {
		return ptr.Deref(c.RestartPolicy, "") != corev1.ContainerRestartPolicyAlways
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
