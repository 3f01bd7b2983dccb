package poll_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
)

// node plays the node of a failover pair.
type node struct {
	*poll.Poller
	pods []iris.Pod

	mu sync.Mutex
	// takes is how long qlist takes; hung has it never answer.
	takes time.Duration
	hung  map[types.UID]bool
	// refused: exec is forbidden; failing: it fails; away: the API server is.
	refused, failing, away bool
	// paged: the page says whether a pod is primary.
	paged bool
	// says is the mirror status by the pod.
	says map[types.UID]string
	// qlist and page count questions, open those that have not returned.
	qlist, page map[types.UID]int
	open        map[types.UID]int
	mostOpen    int
	changed     int
}

func pod(ordinal int, label string) iris.Pod {
	name := fmt.Sprintf("simple-data-0-%d", ordinal)
	return iris.Pod{
		Namespace: "iko", Name: name, UID: types.UID(name), Ready: true,
		Labels: map[string]string{iris.LabelName: "simple", iris.LabelComponent: iris.ComponentData, iris.LabelMirrorRole: label},
		IRIS:   &iris.Container{Name: "iris", Started: metav1.NewTime(time.Unix(1000, 0))},
	}
}

const first, second = types.UID("simple-data-0-0"), types.UID("simple-data-0-1")

// polling starts a poller that asks every pod every half second, and returns a
// millisecond later, so that a test that sleeps for whole half seconds looks
// between two questions. It is called in a bubble.
func polling(t *testing.T) *node {
	n := &node{
		pods: []iris.Pod{pod(0, "primary"), pod(1, "backup")},
		hung: map[types.UID]bool{}, says: map[types.UID]string{first: "Primary", second: "Backup"},
		qlist: map[types.UID]int{}, page: map[types.UID]int{}, open: map[types.UID]int{},
	}
	n.Poller = poll.New(poll.Options{
		Ask:     n.ask,
		Every:   func(iris.Pod, time.Time) time.Duration { return 500 * time.Millisecond },
		Changed: func() { n.with(func() { n.changed++ }) },
	})
	n.SetPods(n.pods)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	time.Sleep(time.Millisecond)
	return n
}

func (n *node) with(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

func (n *node) ask(ctx context.Context, p iris.Pod, skip *iris.Refusal) poll.Reply {
	n.mu.Lock()
	n.open[p.UID]++
	n.mostOpen = max(n.mostOpen, n.open[p.UID])
	hung, takes := n.hung[p.UID], n.takes
	if skip == nil {
		n.qlist[p.UID]++
	}
	n.mu.Unlock()
	defer n.with(func() { n.open[p.UID]-- })
	if skip == nil {
		if hung {
			takes = 3 * time.Second
		}
		select {
		case <-time.After(takes):
		case <-ctx.Done():
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	a := iris.Answer{Namespace: p.Namespace, Pod: p.Name, UID: p.UID, At: time.Now()}
	switch {
	case n.away:
		return poll.Reply{Answer: a, ServerAway: true}
	case skip != nil:
		a.Refused = []iris.Refusal{*skip}
	case n.refused:
		a.Refused = []iris.Refusal{{Source: iris.FromQlist, Verb: "create", Resource: "pods/exec", Why: "the right is missing"}}
	case hung:
		a.Refused = []iris.Refusal{{Source: iris.FromQlist, TimedOut: true, Why: "no answer within 3s"}}
	case n.failing:
		a.Refused = []iris.Refusal{{Source: iris.FromQlist, Why: "exit code 1"}}
	default:
		a.Source = iris.FromQlist
		a.Instance = &iris.Instance{Status: "running", Condition: iris.Running, Mirror: &iris.Mirror{MemberType: "Failover", Status: n.says[p.UID]}}
		return poll.Reply{Answer: a}
	}
	if n.paged {
		n.page[p.UID]++
		a.Source, a.Primary = iris.FromMirrorStatus, n.says[p.UID] == "Primary"
	}
	return poll.Reply{Answer: a}
}

func (n *node) text(uid types.UID) string {
	a := n.Answers()[uid]
	if a.Stale {
		return "stale " + a.Text()
	}
	return a.Text()
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// In an hour in which qlist hangs at most 70 processes are left behind, one
// question at a time, whether the page answers meanwhile or not.
func TestHangingQlistIsAskedLessAndLess(t *testing.T) {
	for _, paged := range []bool{false, true} {
		t.Run(fmt.Sprintf("paged %v", paged), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := polling(t)
				n.with(func() { n.hung[first], n.paged = true, paged })
				time.Sleep(time.Hour)
				n.mu.Lock()
				defer n.mu.Unlock()
				if n.qlist[first] > 70 || n.qlist[first] < 50 {
					t.Errorf("%d processes are left behind in an hour, want at most 70", n.qlist[first])
				}
				expect(t, "questions open at once", n.mostOpen, 1)
				if paged && n.page[first] < 6000 {
					t.Errorf("the page was asked %d times, want about twice a second", n.page[first])
				}
				if n.qlist[second] < 7000 {
					t.Errorf("the other pod was asked %d times, want twice a second", n.qlist[second])
				}
			})
		})
	}
}

// A missing right is asked for once a minute, whether the page answers or not.
func TestMissingRightIsAskedForOnceAMinute(t *testing.T) {
	for _, paged := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := polling(t)
			n.with(func() { n.refused, n.paged = true, paged })
			time.Sleep(10*time.Minute + time.Second)
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.qlist[first] > 12 {
				t.Errorf("exec was asked for %d times in ten minutes, paged %v", n.qlist[first], paged)
			}
			if paged && n.page[first] < 1000 {
				t.Errorf("the page was asked %d times, want about twice a second", n.page[first])
			}
		})
	}
}

// The last answer counts while later questions are not answered, until another
// member says that it has the role.
func TestLateIsNotContrary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		time.Sleep(time.Second)
		n.with(func() { n.hung[first] = true })
		time.Sleep(time.Minute)
		expect(t, "the pod that hangs", n.text(first), "stale Failover/Primary")
		if why := n.Answers()[first].Why(); why != "iris qlist: no answer within 3s" {
			t.Errorf("why: %q", why)
		}
		n.with(func() { n.says[second] = "Primary" })
		time.Sleep(time.Second)
		expect(t, "its successor", n.text(second), "Failover/Primary")
		expect(t, "the pod that hangs, after a failover", n.text(first), "?")
	})
}

// Two members that both answer that they are primary both count.
func TestBothMayBePrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		n.with(func() { n.says[second], n.takes = "Primary", 900*time.Millisecond })
		for range 20 {
			time.Sleep(777 * time.Millisecond)
		}
		expect(t, "the first", n.text(first), "Failover/Primary")
		expect(t, "the second", n.text(second), "Failover/Primary")
	})
}

// A question that takes long gives way to another member's newer claim before it
// is over.
func TestLateGivesWayToANewerClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		time.Sleep(time.Second)
		n.with(func() { n.hung[first], n.says[second] = true, "Primary" })
		time.Sleep(2 * time.Second)
		expect(t, "the first", n.text(first), "?")
		expect(t, "the second", n.text(second), "Failover/Primary")
	})
}

// A label that changed since is newer than an answer that cannot be renewed.
func TestNewerLabelEndsAnAnswerThatCannotBeRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		time.Sleep(time.Second)
		n.with(func() { n.refused = true })
		time.Sleep(time.Second)
		expect(t, "without the right", n.text(first), "stale Failover/Primary")
		n.SetPods([]iris.Pod{pod(0, "backup"), n.pods[1]})
		time.Sleep(time.Second)
		expect(t, "with another label", n.text(first), "?")
		expect(t, "the other", n.text(second), "stale Failover/Backup")
	})
}

// What an instance said before its container restarted does not count, nor what
// it says too late.
func TestRestartEndsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		time.Sleep(time.Second)
		n.with(func() { n.takes = 2 * time.Second })
		time.Sleep(time.Second) // a question is open
		again := pod(0, "primary")
		again.IRIS.Started = metav1.NewTime(time.Unix(2000, 0))
		n.SetPods([]iris.Pod{again, n.pods[1]})
		if _, ok := n.Answers()[first]; ok {
			t.Error("the answer of the earlier process counts")
		}
		time.Sleep(1500 * time.Millisecond)
		if _, ok := n.Answers()[first]; ok {
			t.Error("an answer of the earlier process was taken")
		}
		time.Sleep(3 * time.Second)
		expect(t, "the new process", n.text(first), "Failover/Primary")
	})
}

// That the API server is not reached says nothing of IRIS. It is tried again soon.
func TestServerThatIsAwaySaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		time.Sleep(time.Second)
		n.with(func() { n.away = true })
		time.Sleep(time.Minute)
		expect(t, "while it is away", n.text(first), "Failover/Primary")
		n.with(func() { n.away, n.says[first] = false, "Backup" })
		time.Sleep(2500 * time.Millisecond)
		expect(t, "after it is back", n.text(first), "Failover/Backup")
	})
}

// A command that fails at once leaves no process behind, and is tried each second.
func TestFailingCommandIsTriedEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		n.with(func() { n.failing = true })
		time.Sleep(time.Minute)
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.qlist[first] < 50 || n.qlist[first] > 65 {
			t.Errorf("asked %d times in a minute, want about 60", n.qlist[first])
		}
	})
}

// A pod in which qlist hung is asked again within a minute, whether it changes or
// not.
func TestChangedPodIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		n.with(func() { n.hung[first] = true })
		time.Sleep(10 * time.Minute)
		n.with(func() { n.hung[first] = false })
		unready := pod(0, "primary")
		unready.Ready = false
		n.SetPods([]iris.Pod{unready, n.pods[1]})
		time.Sleep(time.Minute + 5*time.Second)
		expect(t, "the pod", n.text(first), "Failover/Primary")
	})
}

func TestPodsThatCannotBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		time.Sleep(time.Second)
		stopped := pod(0, "primary")
		stopped.IRIS.Started = metav1.Time{}
		n.SetPods([]iris.Pod{stopped})
		expect(t, "a container that does not run", n.Answers()[first].Why(), "iris qlist: its container does not run")
		expect(t, "pods", len(n.Answers()), 1)
		expect(t, "has replied", n.HasReplied(), true)
	})
}

// An instance hangs and its readiness flaps, which go together: that asks no more.
func TestFlappingPodIsNotAskedMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		n.with(func() { n.hung[first] = true })
		for i := range 360 {
			p := pod(0, "primary")
			p.Ready = i%2 == 0
			n.SetPods([]iris.Pod{p, n.pods[1]})
			time.Sleep(10 * time.Second)
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.qlist[first] > 70 {
			t.Errorf("%d processes are left behind in an hour, want at most 70", n.qlist[first])
		}
	})
}

// A page that fails once is asked again soon, though qlist is not asked.
func TestPageThatFailsOnceIsAskedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		n.with(func() { n.refused, n.paged = true, true })
		time.Sleep(10 * time.Second)
		n.with(func() { n.paged = false })
		time.Sleep(3 * time.Second)
		n.with(func() { n.paged = true })
		before := n.pagesOf(first)
		time.Sleep(2 * time.Second)
		if n.pagesOf(first) == before {
			t.Error("the page is not asked")
		}
	})
}

func (n *node) pagesOf(uid types.UID) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.page[uid]
}

// A page that says "not primary" takes nothing from a member that said that it is
// the backup, until another says that it is.
func TestPageTakesNothingFromTheBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		time.Sleep(time.Second)
		n.with(func() { n.hung[second], n.paged = true, true })
		time.Sleep(time.Minute)
		expect(t, "the backup", n.text(second), "stale Failover/Backup")
		n.with(func() { n.says[first] = "Backup" })
		time.Sleep(5 * time.Second)
		expect(t, "after another says that it is", n.text(second), "not primary")
		n.with(func() { n.says[second] = "Primary" })
		time.Sleep(5 * time.Second)
		expect(t, "after a failover", n.text(second), "primary")
	})
}

// The page is all that answers: what it says last counts, and is not stale.
func TestPageAloneIsNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		n.SetPods(nil)
		n.with(func() { n.refused, n.paged = true, true })
		n.SetPods(n.pods)
		time.Sleep(10 * time.Second)
		expect(t, "the primary", n.text(first), "primary")
		expect(t, "the backup", n.text(second), "not primary")
		if age := time.Since(n.Answers()[second].At); age > time.Second {
			t.Errorf("the answer is %s old", age)
		}
	})
}

// A pod that is not to be asked, for which Every returns 0, is not asked.
func TestPodThatIsNotToBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[types.UID]int{}
		p := poll.New(poll.Options{
			Ask: func(_ context.Context, pod iris.Pod, _ *iris.Refusal) poll.Reply {
				asked[pod.UID]++
				return poll.Reply{Answer: iris.Answer{UID: pod.UID, Source: iris.FromMirrorStatus}}
			},
			Every: func(pod iris.Pod, _ time.Time) time.Duration {
				if pod.UID == second {
					return 0
				}
				return time.Second
			},
			Changed: func() {},
		})
		p.SetPods([]iris.Pod{pod(0, "primary"), pod(1, "backup")})
		ctx, stop := context.WithTimeout(t.Context(), 9500*time.Millisecond)
		defer stop()
		p.Run(ctx)
		expect(t, "questions in the first", asked[first], 10)
		expect(t, "questions in the second", asked[second], 0)
	})
}

// What a first question learned elsewhere is remembered: no second qlist is
// started in a pod in which one hangs.
func TestLearnsWhatKeptQlistFromAnswering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{
			hung: map[types.UID]bool{first: true}, says: map[types.UID]string{}, qlist: map[types.UID]int{},
			page: map[types.UID]int{}, open: map[types.UID]int{},
		}
		p := poll.New(poll.Options{
			Ask:     n.ask,
			Every:   func(iris.Pod, time.Time) time.Duration { return 500 * time.Millisecond },
			Changed: func() {},
		})
		p.SetPods([]iris.Pod{pod(0, "primary")})
		p.Learn(map[types.UID]iris.Answer{first: {
			UID: first, At: time.Now(), Refused: []iris.Refusal{{Source: iris.FromQlist, TimedOut: true, Why: "no answer within 3s"}},
		}})
		ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer stop()
		p.Run(ctx)
		expect(t, "commands", n.qlist[first], 0)
	})
}

func TestSameInstanceAndLooks(t *testing.T) {
	for name, test := range map[string]struct {
		change                func(p *iris.Pod)
		isSameInstance, looks bool
	}{
		"nothing":              {func(*iris.Pod) {}, true, true},
		"another version":      {func(p *iris.Pod) { p.ResourceVersion = "2" }, true, true},
		"readiness":            {func(p *iris.Pod) { p.Ready = false }, true, false},
		"deletion":             {func(p *iris.Pod) { p.Deleting = true }, true, false},
		"role label":           {func(p *iris.Pod) { p.Labels = map[string]string{iris.LabelMirrorRole: "backup"} }, true, false},
		"the sidecar starts":   {func(p *iris.Pod) { p.Sidecar.Started = p.IRIS.Started }, true, true},
		"IRIS restarts":        {func(p *iris.Pod) { p.IRIS = startedAt(2000) }, false, false},
		"another pod":          {func(p *iris.Pod) { p.UID = "other" }, false, false},
		"no container of IRIS": {func(p *iris.Pod) { p.IRIS = nil }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := pod(0, "primary")
			before.Sidecar = &iris.Container{Name: iris.SidecarContainer}
			after := before
			after.Sidecar = &iris.Container{Name: iris.SidecarContainer}
			test.change(&after)
			for _, pair := range [][2]iris.Pod{{before, after}, {after, before}} {
				expect(t, "same instance", poll.IsSameInstance(pair[0], pair[1]), test.isSameInstance)
				expect(t, "looks the same", poll.LooksSame(pair[0], pair[1]), test.looks)
			}
		})
	}
	without := pod(0, "primary")
	without.IRIS = nil
	expect(t, "both without IRIS", poll.IsSameInstance(without, without), true)
	other := without
	other.UID = "other"
	expect(t, "two pods without IRIS", poll.IsSameInstance(without, other), false)
	starts, runs := without, without
	starts.Sidecar, runs.Sidecar = &iris.Container{}, startedAt(1000)
	expect(t, "the only container starts", poll.LooksSame(starts, runs), false)
}

func startedAt(unix int64) *iris.Container {
	return &iris.Container{Name: "iris", Started: metav1.NewTime(time.Unix(unix, 0))}
}

// A pod that changed is asked at once: a right may have been given, and what made
// the command fail may be over.
func TestChangedPodIsAskedAtOnce(t *testing.T) {
	for name, fail := range map[string]func(n *node){
		"refused": func(n *node) { n.refused = true },
		"failing": func(n *node) { n.failing = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := polling(t)
				n.with(func() { fail(n) })
				time.Sleep(10*time.Second + 600*time.Millisecond)
				n.with(func() { n.refused, n.failing, n.says[first] = false, false, "Backup" })
				unready := pod(0, "primary")
				unready.Ready = false
				n.SetPods([]iris.Pod{unready, n.pods[1]})
				time.Sleep(500 * time.Millisecond)
				expect(t, "the pod", n.text(first), "Failover/Backup")
				expect(t, "the other pod is left alone", n.IsPaused(second), true)
			})
		})
	}
}

// IsPaused, IsUnanswered and HasReplied say what there is to wait for.
func TestWhatThereIsToWaitFor(t *testing.T) {
	type state struct{ paused, unanswered bool }
	stateOf := func(n *node) state { return state{n.IsPaused(first), n.IsUnanswered(first)} }
	synctest.Test(t, func(t *testing.T) {
		n := polling(t)
		expect(t, "answered", stateOf(n), state{})
		n.with(func() { n.takes = 1500 * time.Millisecond })
		time.Sleep(1498 * time.Millisecond) // since 500 ms a question is open
		expect(t, "a question is open", stateOf(n), state{})
		time.Sleep(time.Millisecond)
		expect(t, "it is late", stateOf(n), state{unanswered: true})
		n.with(func() { n.takes = 0 })
		time.Sleep(2*time.Second + time.Millisecond)
		expect(t, "answered again", stateOf(n), state{})
		n.with(func() { n.refused = true })
		time.Sleep(time.Second)
		expect(t, "no right, and no page", stateOf(n), state{paused: true, unanswered: true})
		n.with(func() { n.refused, n.paged = false, true })
		time.Sleep(time.Minute)
		n.with(func() { n.refused = true })
		time.Sleep(time.Second)
		expect(t, "no right, but a page", stateOf(n), state{})
		n.with(func() { n.refused = false })
		time.Sleep(time.Minute)
		n.with(func() { n.failing, n.paged = true, false })
		time.Sleep(time.Second)
		expect(t, "it failed", stateOf(n), state{paused: true, unanswered: true})
		stopped := pod(0, "primary")
		stopped.IRIS = nil
		n.SetPods([]iris.Pod{stopped})
		expect(t, "it does not run", stateOf(n), state{paused: true})
		expect(t, "a pod that is not known", n.IsPaused(second), true)
		expect(t, "no answer of a pod that is not known", n.IsUnanswered(second), false)
		expect(t, "has replied", n.HasReplied(), true)
		n.SetPods([]iris.Pod{stopped, pod(1, "backup")})
		expect(t, "before a pod that is new has replied", n.HasReplied(), false)
		time.Sleep(time.Second)
		expect(t, "after it has", n.HasReplied(), true)
	})
}
