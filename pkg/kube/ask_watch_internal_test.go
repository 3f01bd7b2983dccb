package kube

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// table is an asker under a fake clock, with what it was made to ask.
type table struct {
	*asker
	t     *testing.T
	now   time.Time
	pods  []iris.Pod
	asked []string
	says  string
	late  bool
	// paged: the page answers where qlist is late; away: the server is not there.
	paged, away bool
	touched     chan struct{}
}

func newTable(t *testing.T) *table {
	tt := &table{t: t, now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), says: "Primary", touched: make(chan struct{}, 1)}
	tt.asker = newAsker(&Client{}, Scope{}, func() { tt.touched <- struct{}{} })
	tt.clock = func() time.Time { return tt.now }
	tt.ask = func(_ context.Context, _ []iris.Cluster, pods []iris.Pod, hung map[types.UID]iris.Refusal) []reply {
		var replies []reply
		for _, pod := range pods {
			_, spared := hung[pod.UID]
			if !spared {
				tt.asked = append(tt.asked, pod.Name)
			}
			a := iris.Answer{Namespace: pod.Namespace, Pod: pod.Name, UID: pod.UID}
			switch {
			case tt.away:
				a.Refused = []iris.Refusal{{Why: "connection refused"}}
			case tt.late:
				a.Refused = []iris.Refusal{{TimedOut: true, Why: "no answer"}}
				if tt.paged {
					a.Source, a.Primary = iris.FromMirrorStatus, tt.says == "Primary"
				}
			default:
				a.Source = iris.FromQlist
				a.Instance = &iris.Instance{Status: "running", Condition: iris.Running, Mirror: &iris.Mirror{MemberType: "Failover", Status: tt.says}}
			}
			replies = append(replies, reply{Answer: a, about: pod, away: tt.away, paged: spared})
		}
		return replies
	}
	tt.pods = []iris.Pod{tt.pod("simple", 0), tt.pod("simple", 1)}
	t.Cleanup(tt.stop)
	return tt
}

func (tt *table) pod(cluster string, ordinal int) iris.Pod {
	name := fmt.Sprintf("%s-data-0-%d", cluster, ordinal)
	return iris.Pod{
		Namespace: "iko", Name: name, UID: types.UID(name), Ready: true,
		Labels: map[string]string{iris.LabelName: cluster, iris.LabelComponent: iris.ComponentData},
		IRIS:   &iris.Container{Name: "iris", Started: metav1.NewTime(tt.now)},
	}
}

// look has the asker look after some time, and returns how many pods were
// asked for it.
func (tt *table) look(after time.Duration) (asked int, ready bool) {
	tt.t.Helper()
	tt.now = tt.now.Add(after)
	before := len(tt.asked)
	ready = tt.consider(tt.t.Context(), &topology.Snapshot{Pods: tt.pods})
	if tt.inFlight() {
		<-tt.touched
	}
	return len(tt.asked) - before, ready
}

func (tt *table) inFlight() bool {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	for _, c := range tt.clusters {
		if c.inFlight {
			return true
		}
	}
	return len(tt.touched) > 0
}

func (tt *table) asks(after time.Duration, want int) {
	tt.t.Helper()
	if got, _ := tt.look(after); got != want {
		tt.t.Fatalf("%s later %d pods were asked, want %d", after, got, want)
	}
}

func TestAsksAtOnceAndShowsWithTheFirstAnswers(t *testing.T) {
	tt := newTable(t)
	if asked, ready := tt.look(0); asked != 2 || ready {
		t.Fatalf("%d asked, ready %v", asked, ready)
	}
	s := topology.Snapshot{Pods: tt.pods}
	if !tt.consider(t.Context(), &s) || len(s.Answers) != 2 {
		t.Fatalf("not ready with the answers: %v", s.Answers)
	}
}

func TestAsksSeldomAtRest(t *testing.T) {
	tt := newTable(t)
	tt.asks(0, 2)
	for range 28 {
		tt.asks(time.Second, 0)
	}
	tt.asks(2*time.Second, 2)
}

func TestAsksEveryTwoSecondsWhileItMoves(t *testing.T) {
	tt := newTable(t)
	tt.asks(0, 2)
	tt.asks(10*time.Second, 0)
	tt.pods[0].Ready = false
	tt.asks(0, 2) // the first sign
	tt.pods[1].Labels = map[string]string{iris.LabelName: "simple", iris.LabelComponent: iris.ComponentData, iris.LabelMirrorRole: "primary"}
	tt.asks(500*time.Millisecond, 0) // a change, but too soon
	tt.asks(1500*time.Millisecond, 2)
	n := 0
	for range 100 {
		asked, _ := tt.look(100 * time.Millisecond)
		n += asked
	}
	if n != 2*5 {
		t.Errorf("%d questions in ten seconds, want 10", n)
	}
	tt.look(movesFor)
	tt.asks(askMoving, 0)
	tt.asks(askResting, 2)
}

// An answer that changes is a change like any other.
func TestAnswerMakesItMove(t *testing.T) {
	tt := newTable(t)
	tt.asks(0, 2)
	tt.says = "Backup"
	tt.asks(askResting, 2)
	tt.asks(askMoving, 2)
}

func TestSparesPodsThatHang(t *testing.T) {
	tt := newTable(t)
	tt.late = true
	tt.asks(0, 2)
	tt.pods[0].Ready = false
	tt.asks(askMoving, 1) // it has changed, and is worth asking
	n := 0
	for range 60 {
		asked, _ := tt.look(time.Second)
		n += asked
	}
	// After 4, 12, 28 and 60 seconds.
	if n != 2*4 {
		t.Errorf("%d questions in a minute, want 8", n)
	}
	tt.late = false
	tt.look(time.Minute)
	tt.pods[0].Ready = true
	tt.asks(askMoving, 2)
}

func TestForgetsPodsThatAreGone(t *testing.T) {
	tt := newTable(t)
	tt.asks(0, 2)
	tt.pods = tt.pods[:1]
	tt.look(askMoving)
	if len(tt.answers) != 1 {
		t.Errorf("%d answers are kept of one pod", len(tt.answers))
	}
	tt.pods[0].IRIS.Started = metav1.Time{}
	s := topology.Snapshot{Pods: tt.pods}
	tt.now = tt.now.Add(time.Millisecond)
	tt.consider(t.Context(), &s)
	if len(s.Answers) != 1 || s.Answers[0].Source != iris.NoAnswer {
		t.Errorf("what a container said that does not run is still shown: %+v", s.Answers)
	}
}

func TestCadencesAreApart(t *testing.T) {
	tt := newTable(t)
	tt.pods = append(tt.pods, tt.pod("other", 0))
	tt.look(0)
	tt.look(0)
	for len(tt.asked) < 3 {
		tt.look(0)
	}
	tt.pods[2].Ready = false
	tt.asks(10*time.Second, 1)
}

// told is what is known now.
func (tt *table) told() []iris.Answer {
	tt.t.Helper()
	tt.now = tt.now.Add(time.Millisecond)
	s := topology.Snapshot{Pods: tt.pods}
	tt.consider(tt.t.Context(), &s)
	return s.Answers
}

// While qlist hangs, what the page says does not grow old.
func TestPageIsAskedWhileQlistIsSpared(t *testing.T) {
	tt := newTable(t)
	tt.late, tt.paged = true, true
	tt.asks(0, 2)
	tt.pods[0].Ready = false
	tt.asks(askMoving, 1)
	tt.says = "Backup"
	tt.asks(askMoving, 1)
	for _, a := range tt.told() {
		if a.Text() != "not primary" {
			t.Errorf("%s: %q is said of before", a.Pod, a.Text())
		}
	}
}

// What an instance said that was started anew since is not shown, nor what it
// says too late.
func TestForgetsWhatWasSaidBeforeARestart(t *testing.T) {
	tt := newTable(t)
	tt.asks(0, 2)
	before := tt.pods[0]
	tt.pods[0].IRIS = &iris.Container{Name: "iris", Started: metav1.NewTime(tt.now.Add(time.Second))}
	if told := tt.told(); len(told) != 1 {
		t.Errorf("what was said before is still told: %v", told)
	}
	tt.mu.Lock()
	defer tt.mu.Unlock()
	tt.take(&cadence{}, reply{Answer: iris.Answer{UID: before.UID, Source: iris.FromMirrorStatus}, about: before})
	if _, ok := tt.answers[before.UID]; ok {
		t.Error("an answer of before the restart was taken")
	}
}

// That the API server is away says nothing of IRIS. It is tried again soon.
func TestKeepsAnswersWhileTheServerIsAway(t *testing.T) {
	tt := newTable(t)
	tt.asks(0, 2)
	tt.away = true
	tt.asks(askResting, 2)
	for _, a := range tt.told() {
		if a.Text() != "Failover/Primary" {
			t.Errorf("%s: %q", a.Pod, a.Text())
		}
	}
	tt.asks(askMoving, 2)
	tt.away, tt.says = false, "Backup"
	tt.asks(askMoving, 2)
	if told := tt.told(); told[0].Text() != "Failover/Backup" {
		t.Errorf("%q", told[0].Text())
	}
}

// The order of pods is that of a map.
func TestAnswersAreInOrder(t *testing.T) {
	tt := newTable(t)
	tt.asks(0, 2)
	tt.pods[0], tt.pods[1] = tt.pods[1], tt.pods[0]
	if told := tt.told(); told[0].Pod > told[1].Pod {
		t.Errorf("%s before %s", told[0].Pod, told[1].Pod)
	}
}
