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

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

const (
	// askMoving is the least time between two questions to a cluster, and the
	// time between them while it moves.
	askMoving = 2 * time.Second
	// movesFor is how long a cluster counts as moving after a change.
	movesFor = 2 * time.Minute
	// askResting is the time between two questions to a cluster at rest: IRIS
	// may change roles without Kubernetes seeing any of it.
	askResting = 30 * time.Second
	// maxSpared bounds how long a pod that did not answer in time is spared:
	// each question leaves another hung process in it.
	maxSpared = time.Minute
)

// cadence says when one cluster is to be asked.
type cadence struct {
	// looks is how the cluster's data pods looked last.
	looks string
	// changed is when they last changed, or IRIS's answers did.
	changed time.Time
	// asked is when a question was last put; inFlight while it is out.
	asked    time.Time
	inFlight bool
	// pending: something has changed since.
	pending bool
}

// look takes in how the data pods look now.
func (c *cadence) look(looks string, now time.Time) {
	if looks == c.looks {
		return
	}
	if c.looks != "" {
		c.changed = now
	}
	c.looks, c.pending = looks, true
}

// due is when the cluster is to be asked next.
func (c *cadence) due() time.Time {
	moves := !c.changed.IsZero() && c.asked.Sub(c.changed) < movesFor
	if c.asked.IsZero() || c.pending || moves {
		return c.asked.Add(askMoving)
	}
	return c.asked.Add(askResting)
}

// spared is a pod whose qlist did not answer in time.
type spared struct {
	times int
	until time.Time
	// why is what is said of qlist meanwhile.
	why iris.Refusal
}

// again is the record after one more question in vain.
func (s spared) again(why iris.Refusal, now time.Time) spared {
	s.times++
	s.why = why
	s.until = now.Add(min(askMoving<<min(s.times, 10), maxSpared))
	return s
}

// asker asks IRIS anew while clusters are watched: soon after a change, every
// two seconds while a cluster moves, and now and then at rest.
type asker struct {
	scope Scope
	ask   func(context.Context, []iris.Cluster, []iris.Pod, map[types.UID]iris.Refusal) []reply
	// touch has the watch look again.
	touch func()
	clock func() time.Time

	mu       sync.Mutex
	clusters map[types.NamespacedName]*cadence
	// seen are the data pods as they were last seen.
	seen    map[types.UID]iris.Pod
	answers map[types.UID]iris.Answer
	spared  map[types.UID]spared
	wake    *time.Timer
	// answered tells that the first answers are there.
	answered bool
}

func newAsker(client *Client, scope Scope, touch func()) *asker {
	return &asker{
		scope: scope, ask: client.replies, touch: touch, clock: time.Now,
		clusters: map[types.NamespacedName]*cadence{},
		seen:     map[types.UID]iris.Pod{},
		answers:  map[types.UID]iris.Answer{},
		spared:   map[types.UID]spared{},
	}
}

// consider adds to a snapshot what IRIS last said, and puts the questions that
// are due. It is false until the first answers are there.
func (a *asker) consider(ctx context.Context, s *topology.Snapshot) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock()
	members := dataPodsByCluster(a.scope.asked(s.Clusters, s.Pods))
	a.forget(s.Pods)
	a.notice(s.Pods)
	next := time.Time{}
	for name, pods := range members {
		c := a.clusters[name]
		if c == nil {
			c = &cadence{}
			a.clusters[name] = c
		}
		c.look(looksOf(pods), now)
		if c.inFlight {
			continue
		}
		due := c.due()
		if !due.After(now) {
			asked, hung := a.willing(pods, now)
			a.put(ctx, c, s.Clusters, asked, hung, now)
			continue
		}
		if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	a.wakeAt(next, now)
	s.Answers = a.known(s.Pods)
	return a.answered || len(members) == 0
}

// put asks some pods of one cluster in the background; in those that hung, not
// by qlist.
func (a *asker) put(ctx context.Context, c *cadence, clusters []iris.Cluster, pods []iris.Pod, hung map[types.UID]iris.Refusal, now time.Time) {
	c.asked, c.inFlight, c.pending = now, true, false
	go func() {
		replies := a.ask(ctx, clusters, pods, hung)
		a.mu.Lock()
		for _, r := range replies {
			a.take(c, r)
		}
		c.inFlight, a.answered = false, true
		a.mu.Unlock()
		a.touch()
	}()
}

// take keeps an answer. That the server is not there makes no answer of before
// untrue: it is kept, and the server tried again soon.
func (a *asker) take(c *cadence, r reply) {
	now, uid := a.clock(), r.UID
	seen, there := a.seen[uid]
	if !there || !startedOf(seen).Equal(startedOf(r.about)) {
		return // said by what is no longer there
	}
	before, ok := a.answers[uid]
	if r.away {
		c.pending = true
		if ok {
			return
		}
	}
	if ok && before.Text() != r.Text() {
		c.changed = now
	}
	a.answers[uid] = r.Answer
	switch late := len(r.Refused) > 0 && r.Refused[0].TimedOut; {
	case r.paged:
	case !late:
		delete(a.spared, uid)
	case lookOf(seen) == lookOf(r.about):
		a.spared[uid] = a.spared[uid].again(r.Refused[0], now)
	}
}

// willing are the pods to be asked. Of those that are spared it is the ones
// whose page answers, which does not hang with qlist; hung has them.
func (a *asker) willing(pods []iris.Pod, now time.Time) (willing []iris.Pod, hung map[types.UID]iris.Refusal) {
	hung = map[types.UID]iris.Refusal{}
	for _, pod := range pods {
		s := a.spared[pod.UID]
		switch {
		case !s.until.After(now):
			willing = append(willing, pod)
		case a.answers[pod.UID].Source == iris.FromMirrorStatus:
			willing, hung[pod.UID] = append(willing, pod), s.why
		}
	}
	return willing, hung
}

// notice takes in how the pods look now. One that has changed is worth asking
// again, and what another process said does not count.
func (a *asker) notice(pods []iris.Pod) {
	for _, pod := range pods {
		if pod.Component() != iris.ComponentData {
			continue
		}
		before, ok := a.seen[pod.UID]
		a.seen[pod.UID] = pod
		if ok && lookOf(before) != lookOf(pod) {
			delete(a.spared, pod.UID)
		}
		if ok && !startedOf(before).Equal(startedOf(pod)) {
			delete(a.answers, pod.UID)
		}
	}
}

// known are the answers of pods that are there, in the order of their names.
func (a *asker) known(pods []iris.Pod) []iris.Answer {
	known := []iris.Answer{}
	for _, pod := range pods {
		switch answer, ok := a.answers[pod.UID]; {
		case pod.Component() != iris.ComponentData:
		case !runs(pod):
			known = append(known, notRunning(pod))
		case ok:
			known = append(known, answer)
		}
	}
	slices.SortFunc(known, func(a, b iris.Answer) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Pod, b.Pod))
	})
	return known
}

// forget drops what is known of pods that are gone.
func (a *asker) forget(pods []iris.Pod) {
	there := make(map[types.UID]bool, len(pods))
	for _, pod := range pods {
		there[pod.UID] = true
	}
	for uid := range a.seen {
		if !there[uid] {
			delete(a.seen, uid)
			delete(a.answers, uid)
			delete(a.spared, uid)
		}
	}
}

// wakeAt has the watch look again when the next question is due.
func (a *asker) wakeAt(next, now time.Time) {
	if a.wake != nil {
		a.wake.Stop()
	}
	if !next.IsZero() {
		a.wake = time.AfterFunc(next.Sub(now), a.touch)
	}
}

// stop ends the waking.
func (a *asker) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.wake != nil {
		a.wake.Stop()
	}
}

func dataPodsByCluster(pods []iris.Pod) map[types.NamespacedName][]iris.Pod {
	members := map[types.NamespacedName][]iris.Pod{}
	for _, pod := range pods {
		if pod.Component() == iris.ComponentData {
			of := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Cluster()}
			members[of] = append(members[of], pod)
		}
	}
	return members
}

// looksOf is what of the data pods a change of roles may show in, in an order
// that does not depend on that of the pods.
func looksOf(pods []iris.Pod) string {
	var looks []string
	for _, pod := range pods {
		looks = append(looks, lookOf(pod))
	}
	slices.Sort(looks)
	return strings.Join(looks, "\n")
}

// lookOf is looksOf one pod.
func lookOf(pod iris.Pod) string {
	return fmt.Sprint(pod.Name, pod.UID, pod.Ready, pod.Deleting, pod.MirrorRole(), startedOf(pod).Unix())
}

// startedOf is when a pod's IRIS container started; zero while it does not run.
func startedOf(pod iris.Pod) time.Time {
	if pod.IRIS == nil {
		return time.Time{}
	}
	return pod.IRIS.Started.Time
}
