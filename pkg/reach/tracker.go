package reach

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
)

const (
	// askInterval is how often the target pod is asked while connections to it
	// are open, how often all members are asked while a role moves, and how old
	// an answer may be for a new connection to rely on it. No pod is asked while
	// nothing happens.
	askInterval = 500 * time.Millisecond
	// askPatience is the longest that a new connection waits for a fresh answer.
	// It bounds nothing else: an answer that comes later is late, and not
	// contrary.
	askPatience = time.Second
	// unrest is how long all members are asked after one of their pods changed,
	// or the target pod was lost.
	unrest = 30 * time.Second
	// idleInterval is how often the members are asked while no pod has the role,
	// nothing moves and no connection waits.
	idleInterval = 5 * time.Second
)

// A Tracker keeps track of the pod that a target means, through failovers. SetPods
// feeds it, Run asks IRIS, TargetPod returns the pod. It is safe for concurrent use.
type Tracker struct {
	target Target
	poller *poll.Poller
	events Events

	mu   sync.Mutex
	pods []iris.Pod
	// restless is until when all members are asked.
	restless time.Time
	// wanted is until when a new connection wants a fresh answer of the target
	// pod, and waiters counts those that wait while there is none.
	wanted  time.Time
	waiters int
	// relabelled is when each pod's role label was first seen as it is.
	relabelled map[types.UID]time.Time
	// confirmed is when IRIS last said that the last target pod has the role.
	confirmed time.Time
	// current is the target pod; nil while there is none.
	current *TargetPod
	// held: IRIS confirmed the target pod before, and now leaves open what it is.
	held bool
	// last is the target pod or, while there is none, the one before.
	last *TargetPod
	// reported: Waiting was called since there is no target pod.
	reported bool
	// changed is closed, and replaced, whenever anything above changes.
	changed chan struct{}
}

// Events are what a Tracker reports. They are called one at a time and must not
// call back.
type Events struct {
	// Busy reports whether connections to the target pod are open; it may be
	// called at any time.
	Busy func() bool
	// Moved reports that the target means another pod than before.
	Moved func(from, to TargetPod)
	// Waiting reports that a connection waits because there is no target pod. It
	// is called once until there is one.
	Waiting func(why error)
}

// An Ask asks IRIS in one pod, in bounded time, but not in the way that skip says is
// refused.
type Ask func(ctx context.Context, pod iris.Pod, skip *iris.Refusal) poll.Reply

// NewTracker returns a Tracker of a target that means pod now.
func NewTracker(target Target, pods []iris.Pod, answers cluster.Answers, pod TargetPod, ask Ask, events Events) *Tracker {
	t := &Tracker{
		target:     target,
		events:     events,
		pods:       target.Members(pods),
		relabelled: map[types.UID]time.Time{},
		current:    &pod,
		last:       &pod,
		changed:    make(chan struct{}),
	}
	if pod.Source != iris.NoAnswer {
		t.confirmed = answers[pod.UID].At
	}
	t.poller = poll.New(poll.Options{Ask: ask, Every: t.every, Changed: t.answered})
	t.poller.SetPods(t.pods)
	t.poller.Learn(answers)
	return t
}

// Run asks IRIS until ctx ends.
func (t *Tracker) Run(ctx context.Context) { t.poller.Run(ctx) }

// every returns how often a member is asked: all of them while the role moves,
// else the target pod if a connection relies on it. A target that is a pod needs no
// asking.
func (t *Tracker) every(pod iris.Pod, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	wanted := now.Before(t.wanted) || t.events.Busy()
	switch {
	case t.target.Pod != "":
		return 0
	case now.Before(t.restless), t.current == nil && t.waiters > 0:
		return askInterval
	case t.current == nil:
		return idleInterval
	case wanted && (t.current.UID == pod.UID || t.isUnsure()):
		return askInterval
	}
	return 0
}

// isUnsure reports whether only its label speaks for the target pod, or IRIS in
// it does not answer any more: it may speak for another then.
func (t *Tracker) isUnsure() bool {
	return t.current.Source == iris.NoAnswer || t.held || t.poller.IsUnanswered(t.current.UID)
}

// answered takes in what the poller knows now.
func (t *Tracker) answered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settle()
}

// SetPods takes in the pods as they are now.
func (t *Tracker) SetPods(pods []iris.Pod) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, members := time.Now(), t.target.Members(pods)
	for _, pod := range members {
		if i := slices.IndexFunc(t.pods, func(p iris.Pod) bool { return p.UID == pod.UID }); i < 0 || t.pods[i].MirrorRole() != pod.MirrorRole() {
			t.relabelled[pod.UID] = now
		}
	}
	changed := !slices.EqualFunc(members, t.pods, poll.LooksSame)
	t.pods = members
	if changed {
		t.restless = now.Add(unrest)
		t.poller.SetPods(members)
	}
	t.settle()
}

// settle works out the target pod, and reports if it is another one.
func (t *Tracker) settle() {
	answers, had := t.poller.Answers(), t.current != nil
	t.current, t.held = t.choose(answers)
	switch {
	case t.current != nil:
		t.reported = false
		if t.current.Source != iris.NoAnswer && !t.held {
			t.confirmed = answers[t.current.UID].At
		}
		if t.current.UID != t.last.UID {
			t.events.Moved(*t.last, *t.current)
		}
		t.last = t.current
	case had:
		t.restless = time.Now().Add(unrest)
		t.poller.Poke()
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// choose returns the target pod, and whether it is only held. The last one is kept
// as long as it has the role, also if another claims it too; if two others claim
// it, there is none.
func (t *Tracker) choose(answers cluster.Answers) (pod *TargetPod, held bool) {
	of := t.target.cluster(t.pods, answers)
	candidates := t.target.candidates(t.pods, of)
	last := slices.IndexFunc(candidates, func(p TargetPod) bool { return p.UID == t.last.UID })
	if last < 0 || candidates[last].Source == iris.NoAnswer {
		if pod := t.hold(of, candidates); pod != nil {
			return pod, true
		}
	}
	switch {
	case last >= 0:
		return &candidates[last], false
	case len(candidates) == 1:
		return &candidates[0], false
	}
	return nil, false
}

// hold returns the last target pod if IRIS confirmed it and, in the same process,
// now leaves open whether it has the role: an answer that is not conclusive takes
// the role from no pod. It returns nil once IRIS confirms another, or once a role
// label that was set since then differs.
func (t *Tracker) hold(of *cluster.Cluster, candidates []TargetPod) *TargetPod {
	if t.target.Pod != "" || t.last.Source == iris.NoAnswer {
		return nil
	}
	isNewer := func(uid types.UID) bool { return !t.relabelled[uid].Before(t.confirmed) }
	for _, p := range candidates {
		if p.UID != t.last.UID && (p.Source != iris.NoAnswer || isNewer(p.UID)) {
			return nil
		}
	}
	for _, m := range of.Members {
		if m.UID == t.last.UID && m.IsRunning() && m.LeavesOpen(t.target.Role) && !isNewer(m.UID) && poll.IsSameInstance(t.last.Pod, *m.Pod) {
			return &TargetPod{Pod: *m.Pod, Source: t.last.Source}
		}
	}
	return nil
}

// TargetPod returns the pod that the target means. IRIS in it is asked again unless
// its last answer is fresh. While there is none, TargetPod waits; once ctx ends
// the error says why there is none.
func (t *Tracker) TargetPod(ctx context.Context) (TargetPod, error) {
	t.wait(1)
	defer t.wait(-1)
	patience, stop := context.WithTimeout(ctx, askPatience)
	defer stop()
	for {
		pod, fresh, changed := t.look()
		wait := ctx
		switch {
		case pod != nil && (fresh || patience.Err() != nil):
			return *pod, nil
		case pod != nil:
			wait = patience
		}
		select {
		case <-changed:
		case <-wait.Done():
			if ctx.Err() != nil {
				return t.settled()
			}
		}
	}
}

// look returns the target pod, and whether the last answer in it is fresh; if not,
// it is asked. If there is no target pod, look reports that a connection waits.
func (t *Tracker) look() (pod *TargetPod, fresh bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == nil {
		if _, why := t.target.Resolve(t.pods, t.poller.Answers()); !t.reported && why != nil {
			t.reported = true
			t.events.Waiting(why)
		}
		return nil, false, t.changed
	}
	now := time.Now()
	fresh = t.target.Pod != "" || t.poller.IsPaused(t.current.UID) || now.Sub(t.poller.Answers()[t.current.UID].At) < askInterval
	if !fresh {
		t.wanted = now.Add(askPatience)
		t.poller.Poke()
	}
	return t.current, fresh, t.changed
}

// wait counts the connections that wait for the target pod.
func (t *Tracker) wait(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiters += n
	if n > 0 && t.current == nil {
		t.poller.Poke()
	}
}

// settled returns the target pod, or why there is none.
func (t *Tracker) settled() (TargetPod, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil {
		return *t.current, nil
	}
	if _, err := t.target.Resolve(t.pods, t.poller.Answers()); err != nil {
		return TargetPod{}, err
	}
	return TargetPod{}, context.DeadlineExceeded
}
