package kube

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// deniedFor is how long a right is missing before that is told: a server that
// has just started may refuse what it will allow.
const deniedFor = 5 * time.Second

// denial is a right that is missing while what could be listed is followed.
type denial struct {
	since time.Time
	told  bool
}

// lasts is true once for a right that is missing for long.
func (d *denial) lasts(missing bool, now time.Time) bool {
	switch {
	case !missing:
		*d = denial{}
	case d.since.IsZero():
		d.since = now
	case !d.told && now.Sub(d.since) >= deniedFor:
		d.told = true
		return true
	}
	return false
}

// FollowPods calls show with a cluster's pods, and again after every change,
// until ctx ends, which is no error, or show returns one. It outlives restarts
// of the API server; lost is told once whenever the server stops answering.
func (c *Client) FollowPods(ctx context.Context, namespace, cluster string, show func([]iris.Pod) error, lost func(error)) error {
	return c.followPods(ctx, namespace, cluster, "its pods cannot be followed", func(pods []*corev1.Pod) error {
		var all []iris.Pod
		for _, pod := range pods {
			if p, ok := podOfCluster(pod); ok {
				all = append(all, p)
			}
		}
		return show(all)
	}, lost)
}

// followPods is what FollowPods does, with the pods as the server tells them;
// lacks says what is not to be had without the right to follow them.
func (c *Client) followPods(ctx context.Context, namespace, cluster, lacks string, show func([]*corev1.Pod) error, lost func(error)) error {
	w := &watcher{feeds: newFeeds(c)}
	pods := c.streams.core.Pods(namespace)
	feed := w.add("pods", namespace, lacks,
		listWatch(pods.List, pods.Watch, byLabel(ClusterPods(cluster))), &corev1.Pod{}, trimPod)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer w.report(ctx, lost)()
	shown, right := false, denial{}
	err := w.run(ctx, 0, 0, func() (bool, error) {
		// A server that has just started may refuse what it will allow.
		u := feed.missing()
		if u != nil && !shown && !feed.store.listed.Load() {
			return false, problem.New("%s", u.Message).Hint("ask for the right to list and watch pods")
		}
		shown = true
		if right.lasts(u != nil, time.Now()) {
			w.tell(problem.New("%s", u.Message))
		}
		return false, show(objects[*corev1.Pod](feed))
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}
