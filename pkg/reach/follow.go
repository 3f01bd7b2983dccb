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

// A Follower keeps track of the pod that a target means. SetPods feeds it, Run
// asks IRIS, TargetPod returns the pod. It is safe for concurrent use.
type Follower struct {
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
	// held: IRIS in the target pod no longer says what it is, nor that it is
	// something else.
	held bool
	// last is the target pod or, while there is none, the one before.
	last *TargetPod
	// reported: Waiting was called since there is no target pod.
	reported bool
	// changed is closed, and replaced, whenever anything above changes.
	changed chan struct{}
}

// Events are what a Follower reports. They are called one at a time and must not
// call back.
type Events struct {
	// Busy reports whether connections to the target pod are open; it may be
	// called at any time.
	Busy func() bool
	// Moved: the target means another pod than before.
	Moved func(from, to TargetPod)
	// Waiting: a connection waits for the target pod while there is none. It is
	// called once until there is one.
	Waiting func(why error)
}

// NewFollower follows a target from a pod on. ask asks IRIS in one pod, in
// bounded time; nil leaves it to labels.
func NewFollower(target Target, pods []iris.Pod, answers cluster.Answers, pod TargetPod, ask func(context.Context, iris.Pod, *iris.Refusal) poll.Reply, events Events) *Follower {
	f := &Follower{
		target:     target,
		events:     events,
		pods:       target.Members(pods),
		relabelled: map[types.UID]time.Time{},
		current:    &pod,
		last:       &pod,
		changed:    make(chan struct{}),
	}
	if pod.Source != iris.NoAnswer {
		f.confirmed = answers[pod.UID].At
	}
	if ask != nil && target.Pod == "" {
		f.poller = poll.New(poll.Options{Ask: ask, Every: f.every, Changed: f.answered})
		f.poller.SetPods(f.pods)
		f.poller.Learn(answers)
	}
	return f
}

// Run asks IRIS until ctx ends. A target that is a pod needs no asking.
func (f *Follower) Run(ctx context.Context) {
	if f.poller != nil {
		f.poller.Run(ctx)
	}
}

// every returns how often a member is asked: all of them while the role moves,
// else the target pod if a connection relies on it.
func (f *Follower) every(pod iris.Pod, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	wanted := now.Before(f.wanted) || f.events.Busy()
	switch {
	case now.Before(f.restless):
		return askInterval
	case f.current == nil && f.waiters > 0:
		return askInterval
	case f.current == nil:
		return idleInterval
	case wanted && (f.current.UID == pod.UID || f.isUnsure()):
		return askInterval
	}
	return 0
}

// isUnsure reports whether only its label speaks for the target pod, or IRIS in
// it does not answer any more: it may speak for another then.
func (f *Follower) isUnsure() bool {
	return f.current.Source == iris.NoAnswer || f.held || f.poller.IsUnanswered(f.current.UID)
}

// answered takes in what the poller knows now.
func (f *Follower) answered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settle()
}

// SetPods takes in the pods as they are now.
func (f *Follower) SetPods(pods []iris.Pod) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, members := time.Now(), f.target.Members(pods)
	for _, pod := range members {
		if i := slices.IndexFunc(f.pods, func(p iris.Pod) bool { return p.UID == pod.UID }); i < 0 || f.pods[i].MirrorRole() != pod.MirrorRole() {
			f.relabelled[pod.UID] = now
		}
	}
	changed := !slices.EqualFunc(members, f.pods, poll.LooksSame)
	f.pods = members
	if changed {
		f.restless = now.Add(unrest)
		if f.poller != nil {
			f.poller.SetPods(members)
		}
	}
	f.settle()
}

// answers returns what IRIS last said.
func (f *Follower) answers() cluster.Answers {
	if f.poller == nil {
		return nil
	}
	return f.poller.Answers()
}

// settle works out the target pod. One that still has the role is kept, also if
// another claims it too; if two new ones do, there is none.
func (f *Follower) settle() {
	answers := f.answers()
	of := f.target.cluster(f.pods, answers)
	candidates := f.target.candidates(f.pods, of)
	before := f.current
	f.current, f.held = nil, false
	i := slices.IndexFunc(candidates, func(p TargetPod) bool { return p.UID == f.last.UID })
	switch held := f.hold(of, candidates); {
	case held != nil && (i < 0 || candidates[i].Source == iris.NoAnswer):
		f.current, f.held = held, true
	case i >= 0:
		f.current = &candidates[i]
	case len(candidates) == 1:
		f.current = &candidates[0]
	}
	if f.current != nil && f.current.Source != iris.NoAnswer && !f.held {
		f.confirmed = answers[f.current.UID].At
	}
	if f.current != nil {
		f.reported = false
		if f.current.UID != f.last.UID {
			f.events.Moved(*f.last, *f.current)
		}
		f.last = f.current
	} else if before != nil {
		f.restless = time.Now().Add(unrest)
		f.poke()
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// hold returns the last target pod if IRIS confirmed it and, in the same process,
// now leaves open whether it has the role: an answer that is not conclusive takes
// the role from no pod. It returns nil once IRIS confirms another, or once a role
// label that was set since says otherwise.
func (f *Follower) hold(of *cluster.Cluster, candidates []TargetPod) *TargetPod {
	if f.target.Pod != "" || f.last.Source == iris.NoAnswer {
		return nil
	}
	isNewer := func(uid types.UID) bool { return !f.relabelled[uid].Before(f.confirmed) }
	for _, p := range candidates {
		if p.UID != f.last.UID && (p.Source != iris.NoAnswer || isNewer(p.UID)) {
			return nil
		}
	}
	for _, m := range of.Members {
		if m.UID == f.last.UID && m.IsRunning() && m.LeavesOpen(f.target.Role) && !isNewer(m.UID) && poll.IsSameInstance(f.last.Pod, *m.Pod) {
			return &TargetPod{Pod: *m.Pod, Source: f.last.Source}
		}
	}
	return nil
}

func (f *Follower) poke() {
	if f.poller != nil {
		f.poller.Poke()
	}
}

// TargetPod returns the pod that the target means. What IRIS said of it is asked
// again unless it is fresh. While there is none, TargetPod waits; once ctx ends
// the error says why there is none.
func (f *Follower) TargetPod(ctx context.Context) (TargetPod, error) {
	f.wait(1)
	defer f.wait(-1)
	patience, stop := context.WithTimeout(ctx, askPatience)
	defer stop()
	for {
		pod, fresh, changed := f.state()
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
			switch {
			case ctx.Err() != nil && pod != nil:
				return *pod, nil
			case ctx.Err() != nil:
				return TargetPod{}, f.whyNone()
			}
		}
	}
}

// state returns the target pod and whether it can be relied on. If not, it is
// asked.
func (f *Follower) state() (pod *TargetPod, fresh bool, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil {
		if !f.reported {
			f.reported = true
			_, why := f.target.Resolve(f.pods, f.answers())
			f.events.Waiting(why)
		}
		return nil, false, f.changed
	}
	now := time.Now()
	fresh = f.poller == nil || f.poller.IsPaused(f.current.UID) || now.Sub(f.answers()[f.current.UID].At) < askInterval
	if !fresh {
		f.wanted = now.Add(askPatience)
		f.poke()
	}
	return f.current, fresh, f.changed
}

// wait counts the connections that wait for the target pod.
func (f *Follower) wait(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiters += n
	if n > 0 && f.current == nil {
		f.poke()
	}
}

// whyNone returns why there is no target pod.
func (f *Follower) whyNone() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.target.Resolve(f.pods, f.answers()); err != nil {
		return err
	}
	return context.DeadlineExceeded
}
