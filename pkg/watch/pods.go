package watch

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// DeniedFor is how long a right must be missing before it is reported: a server that
// has just started may refuse what it will allow.
const DeniedFor = 5 * time.Second

// A Denial tracks a right that is missing while what could be listed is followed.
type Denial struct {
	since    time.Time
	reported bool
}

// Lasts reports, once for each denial, that the right has been missing for DeniedFor.
func (d *Denial) Lasts(missing bool, now time.Time) bool {
	switch {
	case !missing:
		*d = Denial{}
	case d.since.IsZero():
		d.since = now
	case !d.reported && now.Sub(d.since) >= DeniedFor:
		d.reported = true
		return true
	}
	return false
}

// FollowPods calls show with a cluster's pods, and again after every change,
// until ctx ends, which is no error, or show returns one. It outlives restarts
// of the API server; lost is called once whenever the server stops answering.
func (w *Watcher) FollowPods(ctx context.Context, namespace, cluster string, show func([]iris.Pod) error, lost func(error)) error {
	return w.followPods(ctx, namespace, cluster, "its pods cannot be followed", func(pods []*corev1.Pod) error {
		return show(kept(pods, kube.PodOfCluster))
	}, lost)
}

// followPods does what FollowPods does with whole pods; loss is what is not known
// without the right to follow them.
func (w *Watcher) followPods(ctx context.Context, namespace, cluster, loss string, show func([]*corev1.Pod) error, lost func(error)) error {
	feeds := NewFeeds(w.client)
	pods := SourceOf(w.client.WatchAPI().Pods(namespace), kube.ClusterPods(cluster), "")
	feed := feeds.Add("pods", namespace, loss, pods, &corev1.Pod{}, trimPod)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer feeds.Report(ctx, lost)()
	shown, right := false, Denial{}
	err := feeds.Run(ctx, 0, 0, func() (bool, error) {
		// A server that has just started may refuse what it will allow.
		u := feed.Unread()
		if u != nil && !shown && !feed.HasListed() {
			return false, problem.New("%s", u.Message).Hint("ask for the right to list and watch pods")
		}
		shown = true
		if right.Lasts(u != nil, time.Now()) {
			feeds.reportOutage(problem.New("%s", u.Message))
		}
		return false, show(Objects[corev1.Pod](feed))
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}
