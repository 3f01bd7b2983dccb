package reach

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

const (
	// askInterval is how often the holder of a role is asked while connections
	// to it are open, how often all members are asked while a role is on the
	// move, and how old an answer may be for a new connection to rely on it.
	// Nobody is asked while nothing happens.
	askInterval = 500 * time.Millisecond
	// askPatience is how long a question may go unanswered before the former
	// answer no longer counts, and the longest that a new connection waits for
	// one: what hangs does not hold up what moves.
	askPatience = time.Second
	// unrest is how long members are asked after one of their pods changed, or
	// the holder was lost.
	unrest = 30 * time.Second
	// idleInterval is how often the members are asked while nobody holds the
	// role, nothing moves and no connection waits.
	idleInterval = 5 * time.Second
	// A pod that gave no answer is asked again after a while only.
	refusedPause = time.Minute
	failedPause  = time.Second
)

// Follower keeps track of the pod that a target means. SetPods feeds it, Run
// asks IRIS, TargetPod is what it is for.
type Follower struct {
	target Target
	ask    func(context.Context, iris.Pod) iris.Answer
	events Events

	mu      sync.Mutex
	pods    []iris.Pod
	answers cluster.Answers
	asking  map[types.UID]bool
	paused  map[types.UID]time.Time
	// inVain counts the questions without an answer, since the last.
	inVain   map[types.UID]int
	restless time.Time
	// wanted: a new connection relies on the holder.
	wanted bool
	// waiters are the new connections that wait for it.
	waiters int
	// asked is when anybody was last asked.
	asked  time.Time
	holder *TargetPod
	// last is the holder or, while there is none, the one before.
	last *TargetPod
	// waiting was told since there is no holder.
	waiting bool
	// news is closed, and made anew, whenever anything above changes.
	news chan struct{}
	// wake holds at most one token.
	wake chan struct{}
}

// Events are what a Follower tells. They are called one at a time and must not
// call back.
type Events struct {
	// Busy tells whether connections to the holder are open; it may be called
	// at any time.
	Busy func() bool
	// Moved: the target means another pod than before.
	Moved func(from, to TargetPod)
	// Waiting: somebody asks for the holder while there is none. It is told
	// once until there is one.
	Waiting func(why error)
}

// NewFollower follows a target from a holder on. ask asks IRIS in one pod, by
// whatever way and in bounded time; nil leaves it to labels.
func NewFollower(target Target, pods []iris.Pod, answers cluster.Answers, holder TargetPod, ask func(context.Context, iris.Pod) iris.Answer, events Events) *Follower {
	return &Follower{
		target:  target,
		ask:     ask,
		events:  events,
		pods:    target.Members(pods),
		answers: answers,
		asking:  map[types.UID]bool{},
		paused:  map[types.UID]time.Time{},
		inVain:  map[types.UID]int{},
		holder:  &holder,
		last:    &holder,
		news:    make(chan struct{}),
		wake:    make(chan struct{}, 1),
	}
}

// Run asks IRIS until ctx ends. A target that is a pod needs no asking.
func (f *Follower) Run(ctx context.Context) {
	if f.ask == nil || f.target.Pod != "" {
		return
	}
	tick := time.NewTicker(askInterval)
	defer tick.Stop()
	var asking sync.WaitGroup
	defer asking.Wait()
	for {
		for _, pod := range f.due(time.Now()) {
			asking.Go(func() { f.askOne(ctx, pod) })
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-f.wake:
		}
	}
}

// due are the pods to be asked now: all members while the role is on the move,
// else the holder, where somebody relies on it.
func (f *Follower) due(now time.Time) []iris.Pod {
	f.mu.Lock()
	defer f.mu.Unlock()
	moving := now.Before(f.restless) || f.holder == nil && (f.waiters > 0 || now.Sub(f.asked) >= idleInterval)
	wanted := f.wanted || f.events.Busy()
	f.wanted = false
	// Where only its label speaks for the holder, IRIS may do so for another.
	moving = moving || wanted && f.holder != nil && f.holder.Source == iris.NoAnswer
	var due []iris.Pod
	for _, pod := range f.pods {
		isHolder := f.holder != nil && f.holder.UID == pod.UID
		if !cluster.IsRunning(&pod) || f.asking[pod.UID] || now.Before(f.paused[pod.UID]) || !moving && !(wanted && isHolder) {
			continue
		}
		f.asking[pod.UID], f.asked = true, now
		due = append(due, pod)
	}
	return due
}

func (f *Follower) askOne(ctx context.Context, pod iris.Pod) {
	answer := make(chan iris.Answer, 1)
	go func() { answer <- f.ask(ctx, pod) }()
	patience := time.NewTimer(askPatience)
	defer patience.Stop()
	for {
		select {
		case a := <-answer:
			f.answered(pod, a, true)
			return
		case <-patience.C:
			f.answered(pod, iris.Answer{UID: pod.UID, At: time.Now()}, false)
		case <-ctx.Done():
			return // whatever still hangs
		}
	}
}

// answered takes an answer in; done is false for the lack of one so far.
func (f *Follower) answered(pod iris.Pod, a iris.Answer, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if done {
		delete(f.asking, pod.UID)
		if a.Source == iris.NoAnswer {
			f.paused[pod.UID] = a.At.Add(pauseAfter(a, f.inVain[pod.UID]))
			f.inVain[pod.UID]++
		} else {
			delete(f.inVain, pod.UID)
		}
	}
	if i := slices.IndexFunc(f.pods, func(p iris.Pod) bool { return p.UID == pod.UID }); i < 0 || restarted(f.pods[i], pod) {
		return // said by what is no longer there
	}
	f.answers[pod.UID] = a
	f.settle()
}

// pauseAfter is how long a pod that gave no answer, so many times before, is left
// alone. One in which questions hang is asked less and less: each leaves another
// process there.
func pauseAfter(a iris.Answer, inVain int) time.Duration {
	pause := failedPause
	for _, r := range a.Refused {
		switch {
		case r.Source == iris.FromQlist && r.Resource != "":
			return refusedPause
		case r.Source == iris.FromQlist && r.TimedOut:
			pause = min(failedPause<<min(inVain, 10), refusedPause)
		}
	}
	return pause
}

// SetPods takes in the pods as they are now.
func (f *Follower) SetPods(pods []iris.Pod) {
	f.mu.Lock()
	defer f.mu.Unlock()
	members := f.target.Members(pods)
	if slices.EqualFunc(members, f.pods, same) {
		return
	}
	answers := cluster.Answers{}
	for _, pod := range members {
		before := slices.IndexFunc(f.pods, func(p iris.Pod) bool { return p.UID == pod.UID })
		if before >= 0 && same(f.pods[before], pod) {
			answers[pod.UID] = f.answers[pod.UID]
			continue
		}
		// It is worth asking again. Until then a changed label is no reason to
		// doubt what IRIS said, but another process is.
		delete(f.paused, pod.UID)
		delete(f.inVain, pod.UID)
		if before >= 0 && !restarted(f.pods[before], pod) {
			answers[pod.UID] = f.answers[pod.UID]
		}
	}
	f.pods, f.answers = members, answers
	f.restless = time.Now().Add(unrest)
	f.settle()
	f.rouse()
}

// same tells whether nothing happened to a pod that has to do with its role.
func same(a, b iris.Pod) bool {
	return a.UID == b.UID && a.Deleting == b.Deleting && a.Ready == b.Ready && a.MirrorRole() == b.MirrorRole() && !restarted(a, b) &&
		cluster.IsRunning(&a) == cluster.IsRunning(&b)
}

// restarted tells whether a pod's instance is not the one it was.
func restarted(a, b iris.Pod) bool {
	if a.IRIS == nil || b.IRIS == nil {
		return a.IRIS != b.IRIS
	}
	return !a.IRIS.Started.Equal(&b.IRIS.Started)
}

// settle works out the holder anew. One that holds on is kept, also when
// another claims the role too; where two new ones do, there is none.
func (f *Follower) settle() {
	holders := f.target.candidates(f.pods, f.target.cluster(f.pods, f.answers))
	before := f.holder
	f.holder = nil
	if i := slices.IndexFunc(holders, func(h TargetPod) bool { return h.UID == f.last.UID }); i >= 0 {
		f.holder = &holders[i]
	} else if len(holders) == 1 {
		f.holder = &holders[0]
	}
	if f.holder != nil {
		f.waiting = false
		if f.holder.UID != f.last.UID {
			f.events.Moved(*f.last, *f.holder)
		}
		f.last = f.holder
	} else {
		if before != nil {
			f.restless = time.Now().Add(unrest)
		}
		f.rouse()
	}
	close(f.news)
	f.news = make(chan struct{})
}

func (f *Follower) rouse() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// TargetPod is the pod that the target means. What IRIS said of it is asked again
// unless it is fresh. While there is none it waits; once ctx ends the error
// says why there is none.
func (f *Follower) TargetPod(ctx context.Context) (TargetPod, error) {
	f.waits(1)
	defer f.waits(-1)
	patience, stop := context.WithTimeout(ctx, askPatience)
	defer stop()
	for {
		holder, fresh, news := f.state()
		wait := ctx
		switch {
		case holder != nil && (fresh || patience.Err() != nil):
			return *holder, nil
		case holder != nil:
			wait = patience
		}
		select {
		case <-news:
		case <-wait.Done():
			switch {
			case ctx.Err() != nil && holder != nil:
				return *holder, nil
			case ctx.Err() != nil:
				return TargetPod{}, f.nobody()
			}
		}
	}
}

// state is the holder and whether it can be relied on. Where it cannot, it is
// asked.
func (f *Follower) state() (holder *TargetPod, fresh bool, news <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holder == nil {
		if !f.waiting {
			f.waiting = true
			_, why := f.target.Resolve(f.pods, f.answers)
			f.events.Waiting(why)
		}
		return nil, false, f.news
	}
	now := time.Now()
	fresh = f.ask == nil || f.target.Pod != "" || now.Before(f.paused[f.holder.UID]) ||
		now.Sub(f.answers[f.holder.UID].At) < askInterval
	if !fresh {
		f.wanted = true
		f.rouse()
	}
	return f.holder, fresh, f.news
}

// waits counts the connections that wait for the holder.
func (f *Follower) waits(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiters += n
}

// nobody is why there is no holder.
func (f *Follower) nobody() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.target.Resolve(f.pods, f.answers); err != nil {
		return err
	}
	return context.DeadlineExceeded
}
