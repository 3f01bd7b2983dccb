package ask

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

const (
	// changingInterval is how often the pods of a cluster are polled after a change.
	changingInterval = 2 * time.Second
	// changingFor is how long after a change that is.
	changingFor = 2 * time.Minute
	// stableInterval is how often the pods of any other cluster are polled: IRIS may
	// change roles without a sign of it in Kubernetes.
	stableInterval = 30 * time.Second
)

// A change is how one cluster changed last.
type change struct {
	// pods is what of its data pods was observed last.
	pods string
	// at is when that or an answer last changed; zero if neither has.
	at time.Time
}

// An Observer adds IRIS's answers to the snapshots of a watch. It polls the data pods of
// a cluster every two seconds for two minutes after a change, and otherwise every thirty.
type Observer struct {
	scope  kube.Scope
	poller *poll.Poller
	clock  clock.WithDelayedExecution

	// ready is set once each pod of the first snapshot has been asked.
	ready bool

	mu       sync.Mutex
	clusters []iris.Cluster
	changes  map[types.NamespacedName]*change
	// answers has the text of the last answers, by the pod's uid.
	answers map[types.UID]string
}

// NewObserver returns an Observer for the snapshots of a scope. It calls changed whenever
// an answer came.
func (a *Asker) NewObserver(scope kube.Scope, changed func(), at clock.WithDelayedExecution) *Observer {
	o := &Observer{scope: scope, clock: at, changes: map[types.NamespacedName]*change{}, answers: map[types.UID]string{}}
	o.poller = poll.New(poll.Options{
		Ask: func(ctx context.Context, pod iris.Pod, skip *iris.Refusal) poll.Reply {
			return a.AskPod(ctx, o.lastClusters(), pod, skip)
		},
		Every:   o.interval,
		Changed: changed,
		Clock:   at,
	})
	return o
}

// Run polls until ctx ends.
func (o *Observer) Run(ctx context.Context) { o.poller.Run(ctx) }

// lastClusters returns the IrisClusters of the last snapshot.
func (o *Observer) lastClusters() []iris.Cluster {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.clusters
}

// interval returns how often a pod is polled.
func (o *Observer) interval(pod iris.Pod, now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.changes[clusterNameOf(pod)]; c != nil && !c.at.IsZero() && now.Sub(c.at) < changingFor {
		return changingInterval
	}
	return stableInterval
}

// Observe adds the last answers to a snapshot, and reports whether each pod of the first
// one has been asked. It must not be called concurrently.
func (o *Observer) Observe(s *topology.Snapshot) (ready bool) {
	pods := slices.DeleteFunc(slices.Clone(o.scope.Asked(s.Clusters, s.Pods)), func(p iris.Pod) bool { return p.Component() != iris.ComponentData })
	o.poller.SetPods(pods)
	o.ready = o.ready || o.poller.HasReplied() // before its answers, which come meanwhile
	answers := o.poller.Answers()
	s.Answers = []iris.Answer{}
	for _, pod := range pods {
		if answer, ok := answers[pod.UID]; ok {
			s.Answers = append(s.Answers, answer)
		}
	}
	slices.SortFunc(s.Answers, func(a, b iris.Answer) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Pod, b.Pod))
	})
	o.detectChanges(s.Clusters, pods, s.Answers)
	return o.ready
}

// detectChanges compares pods and answers with those of the last snapshot. A pod's first
// answer is no change, but an instance that is on the way to a role is one.
func (o *Observer) detectChanges(clusters []iris.Cluster, pods []iris.Pod, answers []iris.Answer) {
	observed, clusterOf := map[types.NamespacedName][]string{}, map[types.UID]types.NamespacedName{}
	for _, pod := range pods {
		name := clusterNameOf(pod)
		clusterOf[pod.UID] = name
		observed[name] = append(observed[name], summary(pod))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clusters = clusters
	changed := map[types.NamespacedName]bool{}
	last := o.answers
	o.answers = make(map[types.UID]string, len(answers))
	for _, answer := range answers {
		o.answers[answer.UID] = answer.Text()
		if before, ok := last[answer.UID]; ok && before != answer.Text() || answer.IsStarting() {
			changed[clusterOf[answer.UID]] = true
		}
	}
	changes := make(map[types.NamespacedName]*change, len(observed))
	for name, summaries := range observed {
		slices.Sort(summaries)
		all := strings.Join(summaries, "\n")
		c := o.changes[name]
		if c == nil {
			c = &change{pods: all}
		}
		if changed[name] || c.pods != all {
			c.at = o.clock.Now()
		}
		c.pods = all
		changes[name] = c
	}
	o.changes = changes
}

func clusterNameOf(pod iris.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: pod.Namespace, Name: pod.Cluster()}
}

// summary returns what of a data pod differs after a change of roles.
func summary(pod iris.Pod) string {
	started := int64(0)
	if pod.IRIS != nil {
		started = pod.IRIS.Started.Unix()
	}
	return fmt.Sprint(pod.Name, pod.UID, pod.Ready, pod.Deleting, pod.MirrorRole(), started)
}
