package ask

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// An askedPair is an Observer with pods whose answers a test sets.
type askedPair struct {
	*Observer
	t    *testing.T
	pods []iris.Pod

	mu    sync.Mutex
	says  string
	asked int
	// slow is how long the second pod takes to answer.
	slow time.Duration
}

// watching starts an Observer for a failover pair. It is called in a bubble.
func watching(t *testing.T) *askedPair {
	w := &askedPair{t: t, says: "Primary", pods: []iris.Pod{memberOf("simple", 0), memberOf("simple", 1)}}
	w.Observer = new(Asker).NewObserver(kube.Scope{}, func() {}, clock.RealClock{})
	w.poller.Ask = func(_ context.Context, pod iris.Pod, _ *iris.Refusal) poll.Reply {
		w.mu.Lock()
		slow := w.slow
		w.mu.Unlock()
		if pod.Ordinal() == 1 {
			time.Sleep(slow)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked++
		return poll.Reply{Answer: iris.Answer{
			Namespace: pod.Namespace, Pod: pod.Name, UID: pod.UID, At: time.Now(), Source: iris.FromQlist,
			Instance: &iris.Instance{Status: "running", Condition: iris.Running, Mirror: &iris.Mirror{MemberType: "Failover", Status: w.says}},
		}}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

func memberOf(cluster string, ordinal int) iris.Pod {
	name := fmt.Sprintf("%s-data-0-%d", cluster, ordinal)
	return iris.Pod{
		Namespace: "iko", Name: name, UID: types.UID(name), Ready: true,
		Labels: map[string]string{iris.LabelName: cluster, iris.LabelComponent: iris.ComponentData},
		IRIS:   &iris.Container{Name: "iris", Started: metav1.NewTime(time.Now())},
	}
}

// look gives the Observer a snapshot, and returns it with the answers.
func (w *askedPair) look() (topology.Snapshot, bool) {
	s := topology.Snapshot{Pods: w.pods}
	ready := w.Observe(&s)
	return s, ready
}

// during returns how many questions are asked in a time, in which the watch
// looks every 200 ms.
func (w *askedPair) during(d time.Duration) int {
	w.mu.Lock()
	before := w.asked
	w.mu.Unlock()
	for end := time.Now().Add(d); time.Now().Before(end); {
		w.look()
		time.Sleep(200 * time.Millisecond)
	}
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked - before
}

func (w *askedPair) say(status string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.says = status
}

// Answers that come while the watch looks hold it up once more, and are not left
// out.
func TestWatchLeavesOutNoAnswer(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			w := watching(t)
			if s, ready := w.look(); ready && len(s.Answers) != 2 {
				t.Fatalf("ready with %v", s.Answers)
			}
		})
	}
}

func TestWatchShowsOnceEachPodWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching(t)
		w.slow = time.Millisecond
		if s, ready := w.look(); ready {
			t.Fatalf("ready with %v", s.Answers)
		}
		time.Sleep(w.slow)
		synctest.Wait()
		s, ready := w.look()
		if !ready || len(s.Answers) != 2 || s.Answers[0].Pod > s.Answers[1].Pod {
			t.Fatalf("ready %v with %v", ready, s.Answers)
		}
		w.pods = append(w.pods, memberOf("simple", 2))
		if _, ready := w.look(); !ready {
			t.Error("a new pod holds up the watch")
		}
	})
}

func TestWatchAsksSeldomAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching(t)
		if n := w.during(time.Second); n != 2 {
			t.Fatalf("%d questions at first, want 2", n)
		}
		if n := w.during(5 * stableInterval); n != 2*5 {
			t.Errorf("%d questions in %s, want 10", n, 5*stableInterval)
		}
	})
}

// Pods that answer one after the other for the first time have not changed.
func TestWatchTakesFirstAnswersForNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching(t)
		w.slow = 400 * time.Millisecond
		if n := w.during(changingFor); n > 2*5 {
			t.Errorf("%d questions in %s at rest, want at most 10", n, changingFor)
		}
	})
}

// An instance on the way to a role is about to change, whenever the watch began.
func TestWatchAsksOftenWhileARoleMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching(t)
		w.say("Transition")
		w.during(time.Second)
		if n := w.during(10 * time.Second); n < 2*4 {
			t.Errorf("%d questions in ten seconds, want about 10", n)
		}
	})
}

// A change of a pod, or of an answer, has its cluster asked every two seconds for
// two minutes, and no other cluster.
func TestWatchAsksOftenWhileAClusterMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching(t)
		w.pods = append(w.pods, memberOf("other", 0))
		w.during(10 * time.Second)
		w.pods[0].Ready = false
		if n := w.during(10 * time.Second); n < 2*5 || n > 2*6+1 {
			t.Errorf("%d questions in ten seconds, want about 10", n)
		}
		w.during(changingFor)
		if n := w.during(10 * stableInterval); n < 3*9 || n > 3*11 {
			t.Errorf("%d questions at rest, want about 30", n)
		}
		w.say("Backup")
		w.during(stableInterval + time.Second)
		if n := w.during(10 * time.Second); n < 3*4 || n > 3*6 {
			t.Errorf("%d questions after an answer changed, want about 15", n)
		}
	})
}

func TestWatchForgetsPodsThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching(t)
		w.during(time.Second)
		w.pods = w.pods[:1]
		if s, _ := w.look(); len(s.Answers) != 1 {
			t.Errorf("answers of one pod: %v", s.Answers)
		}
		w.pods[0].IRIS = &iris.Container{Name: "iris"}
		if s, _ := w.look(); len(s.Answers) != 1 || s.Answers[0].Source != iris.NoAnswer {
			t.Errorf("what a container said that does not run is still shown: %+v", s.Answers)
		}
	})
}
