// Package poll asks IRIS in pods again and again, and remembers the answers.
// It is the only such loop: `status -w`, tunnels and waits say how often each pod
// is to be asked, and it decides when that may be. At most one question is open
// in a pod. If `iris qlist` hangs in a pod, it backs off there, since each
// question leaves another process behind; if the right to run it is missing, it is
// tried once a minute. The instance's pages are asked meanwhile.
//
// An answer counts until the pod, its container or a newer answer contradicts it.
// An answer that comes late, or not at all, contradicts nothing.
package poll

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

const (
	// hungFirst and hungMost bound the time that a pod is not asked for qlist
	// after a question that was not answered in time. It doubles: in an hour
	// about 65 processes are left behind.
	hungFirst = 2 * time.Second
	hungMost  = time.Minute
	// refusedPause is the time that a pod is not asked for qlist after the right
	// to was missing.
	refusedPause = time.Minute
	// failedPause is the least time between two questions in a pod that gave no
	// answer for another reason.
	failedPause = time.Second
	// lateAfter is the time after which a question counts as unanswered so far.
	lateAfter = time.Second
	// awayPause is the most time until a pod is asked again that could not be
	// asked because the API server was not reached.
	awayPause = 2 * time.Second
)

// A Reply is what one question brought.
type Reply struct {
	iris.Answer
	// ServerAway reports that there is no answer because the API server was not
	// reached, which says nothing of the pod.
	ServerAway bool
}

// Options say how a Poller asks.
type Options struct {
	// Ask asks IRIS in one pod, in bounded time. If skip is not nil, qlist is
	// not asked, for that reason. Several pods are asked at once.
	Ask func(ctx context.Context, pod iris.Pod, skip *iris.Refusal) Reply
	// Every returns how often a pod is to be asked at the moment; 0 for not at
	// all.
	Every func(pod iris.Pod, now time.Time) time.Duration
	// Changed is called after each reply, and when one becomes late.
	Changed func()
	// Clock is the time; the real one if it is nil.
	Clock clock.WithDelayedExecution
}

// A Poller asks IRIS in the pods that SetPods names. It is safe for concurrent
// use.
type Poller struct {
	Options
	hung *flowcontrol.Backoff

	mu   sync.Mutex
	pods map[types.UID]*state
	// wake holds at most one token.
	wake chan struct{}
}

// state holds what is known of one pod.
type state struct {
	pod iris.Pod
	// answer is the last that said something, reply the last of all; replied is
	// false until there is one.
	answer, reply iris.Answer
	replied       bool
	// paged: the instance's pages have answered.
	paged bool
	// began is when the last question was put; open while it is.
	began time.Time
	open  bool
	// relabelled is when the pod's role label last changed.
	relabelled time.Time
	// soon asks again after awayPause, whatever the interval.
	soon bool
	// notBefore is the earliest time of the next question.
	notBefore time.Time
	// skip is why qlist is not asked until skipUntil.
	skip      *iris.Refusal
	skipUntil time.Time
}

// New returns a Poller that knows of no pods.
func New(o Options) *Poller {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return &Poller{
		Options: o,
		hung:    flowcontrol.NewBackOff(hungFirst, hungMost),
		pods:    map[types.UID]*state{},
		wake:    make(chan struct{}, 1),
	}
}

// Learn takes over answers that were asked for elsewhere.
func (p *Poller) Learn(answers cluster.Answers) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for uid, a := range answers {
		if s := p.pods[uid]; s != nil {
			s.take(a)
			s.began = a.At
			p.remember(s, a.Refused)
		}
	}
}

// SetPods takes in the pods as they are now. One that changed is worth asking
// again, by qlist only if that did not hang there; an answer of a process that has
// ended does not count.
func (p *Poller) SetPods(pods []iris.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	there := make(map[types.UID]bool, len(pods))
	for _, pod := range pods {
		there[pod.UID] = true
		s := p.pods[pod.UID]
		if s == nil {
			p.pods[pod.UID] = &state{pod: pod}
			continue
		}
		switch {
		case !IsSameInstance(s.pod, pod):
			*s = state{pod: pod, open: s.open}
			p.hung.DeleteEntry(string(pod.UID))
		case !LooksSame(s.pod, pod):
			s.notBefore = time.Time{}
			if s.skip != nil && !s.skip.TimedOut {
				s.skip = nil
			}
		}
		if s.pod.MirrorRole() != pod.MirrorRole() {
			s.relabelled = p.Clock.Now()
		}
		s.pod = pod
	}
	for uid := range p.pods {
		if !there[uid] {
			delete(p.pods, uid)
			p.hung.DeleteEntry(string(uid))
		}
	}
	p.Poke()
}

// IsSameInstance reports whether two states of a pod are of one process.
func IsSameInstance(a, b iris.Pod) bool {
	if a.UID != b.UID || a.IRIS == nil || b.IRIS == nil {
		return a.UID == b.UID && a.IRIS == b.IRIS
	}
	return a.IRIS.Started.Equal(&b.IRIS.Started)
}

// LooksSame reports whether two states of a pod are alike in all that a change
// of roles may show in.
func LooksSame(a, b iris.Pod) bool {
	return IsSameInstance(a, b) && a.Ready == b.Ready && a.Deleting == b.Deleting && a.MirrorRole() == b.MirrorRole() &&
		cluster.IsRunning(&a) == cluster.IsRunning(&b)
}

// Poke makes Run check at once which pods are to be asked.
func (p *Poller) Poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run asks until ctx ends, and returns once no question is open.
func (p *Poller) Run(ctx context.Context) {
	var asking sync.WaitGroup
	defer asking.Wait()
	for {
		due, next := p.due()
		for _, q := range due {
			asking.Go(func() { p.ask(ctx, q) })
		}
		if !p.rest(ctx, next) {
			return
		}
	}
}

// rest waits until next has passed or Poke is called, and reports whether ctx goes
// on. If next is 0, only Poke and ctx end it.
func (p *Poller) rest(ctx context.Context, next time.Duration) bool {
	var timer <-chan time.Time
	if next > 0 {
		t := p.Clock.NewTimer(next)
		defer t.Stop()
		timer = t.C()
	}
	select {
	case <-ctx.Done():
		return false
	case <-timer:
	case <-p.wake:
	}
	return true
}

// A question is a pod that is to be asked now.
type question struct {
	pod  iris.Pod
	skip *iris.Refusal
}

// due marks the pods that are to be asked now as asked, and returns them, and
// the time until the next is; 0 if none will be unless something changes.
func (p *Poller) due() (due []question, next time.Duration) {
	now := p.Clock.Now()
	p.mu.Lock()
	pods := make([]iris.Pod, 0, len(p.pods))
	for _, s := range p.pods {
		if !s.open && s.pod.IsIRISRunning() {
			pods = append(pods, s.pod)
		}
	}
	p.mu.Unlock()
	every := make([]time.Duration, len(pods))
	for i, pod := range pods {
		every[i] = p.Every(pod, now) // may ask the Poller in turn
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, pod := range pods {
		s := p.pods[pod.UID]
		if s == nil || s.open || every[i] <= 0 {
			continue
		}
		if wait := s.waits(every[i], now); wait > 0 {
			if next == 0 || wait < next {
				next = wait
			}
			continue
		}
		s.open, s.began, s.soon = true, now, false
		due = append(due, question{s.pod, s.skipped(now)})
	}
	return due, next
}

// waits returns how long a pod that is asked every so often is left alone.
func (s *state) waits(every time.Duration, now time.Time) time.Duration {
	if s.soon {
		every = min(every, awayPause)
	}
	at := s.notBefore
	if !s.began.IsZero() && s.began.Add(every).After(at) {
		at = s.began.Add(every)
	}
	if s.isMute(now) && s.skipUntil.After(at) {
		at = s.skipUntil
	}
	return at.Sub(now)
}

// isMute reports whether there is nothing to ask: qlist is not, and the pages have
// never answered.
func (s *state) isMute(now time.Time) bool { return s.skipped(now) != nil && !s.paged }

// skipped returns why qlist is not asked now; nil if it is.
func (s *state) skipped(now time.Time) *iris.Refusal {
	if now.Before(s.skipUntil) {
		return s.skip
	}
	return nil
}

func (p *Poller) ask(ctx context.Context, q question) {
	late := p.Clock.AfterFunc(lateAfter, p.Changed)
	defer late.Stop()
	reply := p.Ask(ctx, q.pod, q.skip)
	if ctx.Err() != nil {
		return
	}
	p.take(q, reply)
	p.Changed()
	p.Poke()
}

// take keeps a reply, unless it is of a process that has ended.
func (p *Poller) take(q question, r Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.pods[q.pod.UID]
	if s == nil {
		return
	}
	s.open = false
	if !IsSameInstance(s.pod, q.pod) {
		return
	}
	if r.ServerAway {
		s.soon = true
		if !s.replied {
			s.take(r.Answer)
		}
		return
	}
	s.take(r.Answer)
	if q.skip == nil {
		p.remember(s, r.Refused)
	} else if r.Source == iris.NoAnswer { // of the pages
		s.notBefore = p.Clock.Now().Add(failedPause)
	}
}

// remember notes what kept qlist from answering, if anything did.
func (p *Poller) remember(s *state, refused []iris.Refusal) {
	now, key := p.Clock.Now(), string(s.pod.UID)
	refusal := ofQlist(refused)
	if refusal == nil {
		p.hung.DeleteEntry(key)
		s.skip = nil
		return
	}
	switch {
	case refusal.Resource != "":
		s.skip, s.skipUntil = refusal, now.Add(refusedPause)
	case refusal.TimedOut:
		p.hung.Next(key, now)
		s.skip, s.skipUntil = refusal, now.Add(p.hung.Get(key))
	default:
		s.notBefore = now.Add(failedPause)
	}
}

// ofQlist returns why qlist did not answer; nil if it did.
func ofQlist(refused []iris.Refusal) *iris.Refusal {
	for i := range refused {
		if refused[i].Source == iris.FromQlist {
			return &refused[i]
		}
	}
	return nil
}

// take keeps an answer. If there is none, or one that says less, the answer before
// it stays.
func (s *state) take(a iris.Answer) {
	s.reply, s.replied = a, true
	s.paged = s.paged || a.Source == iris.FromMetrics || a.Source == iris.FromMirrorStatus
	if !saysLess(a, s.answer) {
		s.answer = a
	}
}

// saysLess reports whether an answer contradicts nothing of an earlier one and
// says less: it is none, or a page's "not primary" of a member that has said what
// it is instead.
func saysLess(a, earlier iris.Answer) bool {
	if a.Source == iris.NoAnswer {
		return earlier.Source != iris.NoAnswer
	}
	return a.Source == iris.FromMirrorStatus && !a.Primary &&
		(earlier.Source == iris.FromQlist || earlier.Source == iris.FromMetrics) && earlier.IsPrimary() == iris.No
}

// HasReplied reports whether each pod whose IRIS runs was asked, and replied or
// failed to.
func (p *Poller) HasReplied() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.pods {
		if !s.replied && s.pod.IsIRISRunning() {
			return false
		}
	}
	return true
}

// IsPaused reports whether a pod is left alone for the moment, so that nothing
// newer than its last answer will come soon.
func (p *Poller) IsPaused(uid types.UID) bool {
	now := p.Clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.pods[uid]
	return s == nil || !s.pod.IsIRISRunning() || now.Before(s.notBefore) || s.isMute(now)
}

// IsUnanswered reports whether the last question in a pod brought no answer, or
// brings none in time.
func (p *Poller) IsUnanswered(uid types.UID) bool {
	now := p.Clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.pods[uid]
	return s != nil && s.isUnanswered(now)
}

func (s *state) isUnanswered(now time.Time) bool {
	return s.replied && s.reply.Source == iris.NoAnswer || s.open && now.Sub(s.began) >= lateAfter
}

// Answers returns what IRIS last said in each pod that is there, or why it said
// nothing. The last answer of a pod that was asked since in vain bears the reason
// why there is none that is newer. It no longer counts once another member of
// the shard says that the role is there, or once the pod's role label has
// changed.
func (p *Poller) Answers() cluster.Answers {
	now := p.Clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	answers := make(cluster.Answers, len(p.pods))
	newest := map[claim]time.Time{}
	for _, s := range p.pods {
		if role := s.answer.Role(); role != "" && !s.pod.Deleting {
			of := claimOf(s.pod, role)
			if s.answer.At.After(newest[of]) {
				newest[of] = s.answer.At
			}
		}
	}
	for uid, s := range p.pods {
		switch {
		case !s.pod.IsIRISRunning():
			answers[uid] = iris.NotRunning(s.pod)
		case s.replied:
			answers[uid] = s.last(now, newest)
		}
	}
	return answers
}

// last returns the pod's last answer if it still counts.
func (s *state) last(now time.Time, newest map[claim]time.Time) iris.Answer {
	a := s.answer
	failed := saysLess(s.reply, a)
	if a.Source == iris.NoAnswer || !failed && !s.isUnanswered(now) {
		return a
	}
	isElsewhere := a.Role() != "" && newest[claimOf(s.pod, a.Role())].After(a.At)
	switch {
	case isElsewhere && !failed:
		return iris.Answer{Namespace: a.Namespace, Pod: a.Pod, UID: a.UID, At: a.At, Refused: []iris.Refusal{{
			Source: iris.FromQlist, TimedOut: true, Why: fmt.Sprintf("no answer within %s so far", lateAfter),
		}}}
	case isElsewhere, failed && s.relabelled.After(a.At):
		return s.reply
	case failed:
		a.Stale, a.Refused = true, s.reply.Refused
	}
	return a
}

// A claim is a role in a shard of a cluster.
type claim struct{ namespace, cluster, shard, role string }

func claimOf(pod iris.Pod, role string) claim {
	return claim{pod.Namespace, pod.Cluster(), pod.Shard(), role}
}
