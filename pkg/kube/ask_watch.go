package kube

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
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

const (
	// askMoving is how often the pods of a cluster are asked while it moves.
	askMoving = 2 * time.Second
	// movesFor is how long a cluster counts as moving after a change.
	movesFor = 2 * time.Minute
	// askResting is how often the pods of a cluster at rest are asked: IRIS may
	// change roles without Kubernetes seeing any of it.
	askResting = 30 * time.Second
)

// A pace is how one cluster changed last.
type pace struct {
	// looks is how its data pods looked.
	looks string
	// changed is when one of these last changed; zero if none has.
	changed time.Time
}

// An asker adds IRIS's answers to the snapshots of a watch: the pods of a cluster
// are asked soon after a change, every two seconds while it moves, and every
// thirty seconds at rest.
type asker struct {
	scope  Scope
	poller *poll.Poller
	clock  clock.WithDelayedExecution

	// ready: each pod of the first snapshot has been asked.
	ready bool

	mu       sync.Mutex
	clusters []iris.Cluster
	paces    map[types.NamespacedName]*pace
	// said is what IRIS last said, by the pod's uid.
	said map[types.UID]string
}

// newAsker returns an asker that calls touch whenever an answer came.
func newAsker(client *Client, scope Scope, touch func(), at clock.WithDelayedExecution) *asker {
	a := &asker{scope: scope, clock: at, paces: map[types.NamespacedName]*pace{}, said: map[types.UID]string{}}
	a.poller = poll.New(poll.Options{
		Ask: func(ctx context.Context, pod iris.Pod, skip *iris.Refusal) poll.Reply {
			return client.AskPod(ctx, a.known(), pod, skip)
		},
		Every:   a.every,
		Changed: touch,
		Clock:   at,
	})
	return a
}

// known returns the IrisClusters of the last snapshot.
func (a *asker) known() []iris.Cluster {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clusters
}

func (a *asker) every(pod iris.Pod, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.paces[clusterNameOf(pod)]; p != nil && !p.changed.IsZero() && now.Sub(p.changed) < movesFor {
		return askMoving
	}
	return askResting
}

// add adds to a snapshot what IRIS last said, and reports whether each pod of the
// first one has been asked. It is called by one goroutine.
func (a *asker) add(s *topology.Snapshot) bool {
	pods := slices.DeleteFunc(slices.Clone(a.scope.asked(s.Clusters, s.Pods)), func(p iris.Pod) bool { return p.Component() != iris.ComponentData })
	a.poller.SetPods(pods)
	a.ready = a.ready || a.poller.HasReplied() // before its answers, which come meanwhile
	answers := a.poller.Answers()
	s.Answers = []iris.Answer{}
	for _, pod := range pods {
		if answer, ok := answers[pod.UID]; ok {
			s.Answers = append(s.Answers, answer)
		}
	}
	slices.SortFunc(s.Answers, func(a, b iris.Answer) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Pod, b.Pod))
	})
	a.note(s.Clusters, pods, s.Answers)
	return a.ready
}

// note takes in how clusters look and what IRIS says in them now. A pod's first
// answer is no change, but an instance that is on the way to a role is one.
func (a *asker) note(clusters []iris.Cluster, pods []iris.Pod, answers []iris.Answer) {
	looks, of := map[types.NamespacedName][]string{}, map[types.UID]types.NamespacedName{}
	for _, pod := range pods {
		name := clusterNameOf(pod)
		of[pod.UID] = name
		looks[name] = append(looks[name], lookOf(pod))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clusters = clusters
	changed := map[types.NamespacedName]bool{}
	said := make(map[types.UID]string, len(answers))
	for _, answer := range answers {
		said[answer.UID] = answer.Text()
		before, known := a.said[answer.UID]
		if known && before != answer.Text() || answer.IsStarting() {
			changed[of[answer.UID]] = true
		}
	}
	a.said = said
	paces := make(map[types.NamespacedName]*pace, len(looks))
	for name := range looks {
		slices.Sort(looks[name])
		p := a.paces[name]
		if p == nil {
			p = &pace{}
		}
		paces[name] = p
		look := strings.Join(looks[name], "\n")
		if changed[name] || p.looks != "" && p.looks != look {
			p.changed = a.clock.Now()
		}
		p.looks = look
	}
	a.paces = paces
}

func clusterNameOf(pod iris.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: pod.Namespace, Name: pod.Cluster()}
}

// lookOf is what of a data pod a change of roles may show in.
func lookOf(pod iris.Pod) string {
	started := int64(0)
	if pod.IRIS != nil {
		started = pod.IRIS.Started.Unix()
	}
	return fmt.Sprint(pod.Name, pod.UID, pod.Ready, pod.Deleting, pod.MirrorRole(), started)
}
