package reach

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
)

// mirror plays a failover pair whose labels and whose answers a test sets apart
// from each other.
type mirror struct {
	mu     sync.Mutex
	pods   []iris.Pod
	status map[types.UID]string
	// hung: qlist does not return in these pods; refused: exec is forbidden.
	hung    map[types.UID]bool
	refused bool
	asked   int
	askedOf map[types.UID]int
	busy    bool
	events  []string
	// at are the times of events.
	at []time.Time
}

func newMirror() *mirror {
	m := &mirror{pods: pair("simple"), status: map[types.UID]string{}, hung: map[types.UID]bool{}, askedOf: map[types.UID]int{}}
	m.status[m.pods[0].UID], m.status[m.pods[1].UID] = "Primary", "Backup"
	return m
}

func (m *mirror) ask(ctx context.Context, p iris.Pod, skip *iris.Refusal) poll.Reply {
	return poll.Reply{Answer: m.answer(ctx, p, skip)}
}

func (m *mirror) answer(ctx context.Context, p iris.Pod, skip *iris.Refusal) iris.Answer {
	select {
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
	}
	m.mu.Lock()
	m.asked++
	m.askedOf[p.UID]++
	status, hung, refused := m.status[p.UID], m.hung[p.UID], m.refused
	m.mu.Unlock()
	switch {
	case refused:
		return iris.Answer{UID: p.UID, At: time.Now(), Refused: []iris.Refusal{{Source: iris.FromQlist, Resource: "pods/exec", Verb: "create"}}}
	case hung:
		select {
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
		}
		return iris.Answer{UID: p.UID, At: time.Now(), Refused: []iris.Refusal{{Source: iris.FromQlist, TimedOut: true}}}
	}
	return said(p, "Failover", status)
}

// set changes what IRIS says, and nothing else.
func (m *mirror) set(first, second string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status[m.pods[0].UID], m.status[m.pods[1].UID] = first, second
}

// label is the pods with other labels.
func (m *mirror) label(first, second string) []iris.Pod {
	pods := []iris.Pod{data("simple", "data-0-0", first), data("simple", "data-0-1", second)}
	m.mu.Lock()
	defer m.mu.Unlock()
	pods[0].UID, pods[1].UID = m.pods[0].UID, m.pods[1].UID
	m.pods = pods
	return pods
}

// hang has qlist not return in a pod.
func (m *mirror) hang(pod types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hung[pod] = true
}

// refuse has exec forbidden.
func (m *mirror) refuse() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused = true
}

// questions returns how many were asked so far.
func (m *mirror) questions() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// questionsIn returns how many were asked in a pod so far.
func (m *mirror) questionsIn(pod types.UID) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.askedOf[pod]
}

func (m *mirror) take(event string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events, m.at = append(m.events, event), append(m.at, time.Now())
}

func (m *mirror) taken() ([]string, []time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.events...), append([]time.Time(nil), m.at...)
}

func (m *mirror) setBusy(busy bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy = busy
}

// follow follows a target from its present pod on.
func (m *mirror) follow(t *testing.T, target Target) *Tracker {
	t.Helper()
	target.Namespace, target.Cluster = "ns", mirrored("simple")
	known := cluster.Answers{}
	for _, p := range m.pods {
		known[p.UID] = said(p, "Failover", m.status[p.UID])
	}
	pod, err := target.Resolve(m.pods, known)
	if err != nil {
		t.Fatal(err)
	}
	f := NewTracker(target, m.pods, known, pod, m.ask, Events{
		Busy: func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.busy
		},
		Moved:   func(from, to TargetPod) { m.take(from.Name + " -> " + to.Name + " " + to.Why()) },
		Waiting: func(why error) { m.take("waiting: " + why.Error()) },
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return f
}

func targetPod(t *testing.T, f *Tracker, within time.Duration) string {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), within)
	defer stop()
	pod, err := f.TargetPod(ctx)
	if err != nil {
		return "error: " + err.Error()
	}
	return pod.Name
}

func expect[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

// IRIS is not asked while nothing happens; a new connection asks.
func TestTrackerIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		f := m.follow(t, Target{Role: "backup"})
		time.Sleep(time.Hour)
		expect(t, m.questions(), 0)
		expect(t, targetPod(t, f, time.Minute), "simple-data-0-1")
		expect(t, m.questions(), 1)
	})
}

// The labels stay: a new connection goes to whom IRIS names.
func TestTrackerAsksForNewConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		f := m.follow(t, Target{Role: "backup"})
		time.Sleep(time.Hour)
		m.set("Backup", "Primary")
		begun := time.Now()
		expect(t, targetPod(t, f, time.Minute), "simple-data-0-0")
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it took %s", took)
		}
		got, _ := m.taken()
		expect(t, got[len(got)-1], "simple-data-0-1 -> simple-data-0-0 as IRIS says")
	})
}

// While connections are open, a move is noticed within a second, also where
// the labels stay.
func TestTrackerWatchesOverOpenConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		m.setBusy(true)
		m.follow(t, Target{Role: "backup"})
		time.Sleep(10*time.Second + 123*time.Millisecond)
		begun := time.Now()
		m.set("Backup", "Primary")
		time.Sleep(5 * time.Second)
		got, at := m.taken()
		expect(t, got, []string{"simple-data-0-1 -> simple-data-0-0 as IRIS says"})
		if took := at[0].Sub(begun); took > time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// While no pod has the role for long, the members are asked now and then, and
// often as soon as a connection waits.
func TestTrackerAsksSeldomWhileNoPodHasTheRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		m.setBusy(true)
		f := m.follow(t, Target{Role: "backup"})
		time.Sleep(time.Minute)
		m.setBusy(false)
		m.set("Primary", "In Trouble")
		f.SetPods(m.label("primary", ""))
		time.Sleep(unrest + time.Minute)
		asked := m.questions()
		time.Sleep(time.Minute)
		if n := m.questions() - asked; n < 12 || n > 2*13 {
			t.Errorf("asked %d times in a minute, want about every %s in both", n, idleInterval)
		}
		m.set("Primary", "Backup")
		begun := time.Now()
		expect(t, targetPod(t, f, time.Minute), "simple-data-0-1")
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// A label that moves is followed at once where IRIS does not answer, and only
// once IRIS agrees where it does.
func TestTrackerFollowsLabels(t *testing.T) {
	t.Run("exec is forbidden", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMirror()
			m.refuse()
			f := m.follow(t, Target{Role: "backup"})
			expect(t, targetPod(t, f, time.Minute), "simple-data-0-1")
			time.Sleep(time.Second)
			f.SetPods(m.label("backup", "primary"))
			time.Sleep(100 * time.Millisecond)
			expect(t, targetPod(t, f, time.Minute), "simple-data-0-0")
			got, _ := m.taken()
			expect(t, got, []string{"simple-data-0-1 -> simple-data-0-0 by its label"})
			asked := m.questions()
			time.Sleep(50 * time.Second)
			expect(t, m.questions(), asked)
		})
	})
	t.Run("IRIS says otherwise", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMirror()
			f := m.follow(t, Target{Role: "backup"})
			f.SetPods(m.label("backup", "primary"))
			time.Sleep(5 * time.Second)
			expect(t, targetPod(t, f, time.Minute), "simple-data-0-1")
			got, _ := m.taken()
			expect(t, len(got), 0)
		})
	})
}

// IRIS in the target pod says nothing any more, its label and its pod stay as they
// were: who IRIS names goes before that.
func TestTrackerLeavesASilentTargetPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		m.setBusy(true)
		m.follow(t, Target{Role: "primary"})
		time.Sleep(time.Minute)
		m.hang(m.pods[0].UID)
		m.set("Primary", "Primary")
		time.Sleep(10 * time.Second)
		got, _ := m.taken()
		expect(t, got, []string{"simple-data-0-0 -> simple-data-0-1 as IRIS says"})
		asked := m.questionsIn(m.pods[0].UID)
		time.Sleep(10 * time.Minute)
		if n := m.questionsIn(m.pods[0].UID) - asked; n > 15 {
			t.Errorf("asked %d times in ten minutes where questions hang", n)
		}
	})
}

// The old primary hangs: what the new one says is not waited for longer.
func TestTrackerPassesOverWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		m.setBusy(true)
		f := m.follow(t, Target{Role: "primary"})
		time.Sleep(10 * time.Second)
		m.hang(m.pods[0].UID)
		m.set("Primary", "Primary")
		begun := time.Now()
		f.SetPods(m.label("", "primary"))
		time.Sleep(10 * time.Second)
		got, at := m.taken()
		expect(t, got, []string{"simple-data-0-0 -> simple-data-0-1 as IRIS says"})
		if took := at[0].Sub(begun); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// While no pod has the role, connections wait, which is reported once.
func TestTrackerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		f := m.follow(t, Target{Role: "backup"})
		m.set("Primary", "Transition")
		f.SetPods(m.label("primary", ""))
		time.Sleep(time.Second)
		first := make(chan string, 2)
		for range 2 {
			go func() { first <- targetPod(t, f, time.Minute) }()
		}
		why := `no running pod has the role backup in IrisCluster "simple" in namespace "ns"; simple-data-0-0: primary, simple-data-0-1: no role`
		expect(t, targetPod(t, f, 5*time.Second), "error: "+why)
		m.set("Primary", "Backup")
		expect(t, <-first, "simple-data-0-1")
		expect(t, <-first, "simple-data-0-1")
		got, _ := m.taken()
		expect(t, got, []string{"waiting: " + why})
	})
}

// If two pods claim the role, there is no target pod unless one of them was it before.
func TestTrackerKeepsItsTargetPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		f := m.follow(t, Target{Role: "backup"})
		m.set("Backup", "Backup")
		f.SetPods(m.label("backup", "backup"))
		time.Sleep(5 * time.Second)
		expect(t, targetPod(t, f, time.Second), "simple-data-0-1")
	})
}

// If the target pod is lost, all members are asked often for a while, and now and
// then after that, even if no connection waits.
func TestTrackerAsksOftenAfterALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		m.setBusy(true)
		m.follow(t, Target{Role: "primary"})
		time.Sleep(time.Second)
		m.set("Backup", "Backup")
		time.Sleep(2 * time.Second)
		before := m.questions()
		time.Sleep(10 * time.Second)
		if n := m.questions() - before; n < 30 {
			t.Errorf("the members were asked %d times in ten seconds soon after the loss", n)
		}
		time.Sleep(unrest)
		before = m.questions()
		time.Sleep(10 * time.Second)
		if n := m.questions() - before; n < 2 || n > 6 {
			t.Errorf("the members were asked %d times in ten seconds long after the loss", n)
		}
	})
}

// A pod is followed through its own restart, and IRIS is not asked.
func TestTrackerOfPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		f := m.follow(t, Target{Pod: "simple-data-0-1"})
		expect(t, targetPod(t, f, time.Second), "simple-data-0-1")
		f.SetPods(m.pods[:1])
		if _, err := f.TargetPod(expired(t)); err == nil {
			t.Error("a pod that is gone was found")
		}
		again := data("simple", "data-0-1", "")
		again.UID = "another"
		f.SetPods([]iris.Pod{m.pods[0], again})
		expect(t, targetPod(t, f, time.Second), "simple-data-0-1")
		got, _ := m.taken()
		expect(t, got, []string{
			`waiting: pod "simple-data-0-1" not found in namespace "ns"`,
			"simple-data-0-1 -> simple-data-0-1 by its label",
		})
		expect(t, m.questions(), 0)
	})
}

// What was said by an instance that was restarted since does not count.
func TestTrackerForgetsRestartedInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		f := m.follow(t, Target{Role: "primary"})
		m.refuse()
		pods := m.label("", "primary")
		pods[0].IRIS.Started = metav1.NewTime(started.Add(time.Hour))
		pods[1].IRIS.Started = metav1.NewTime(started.Add(time.Hour))
		f.SetPods(pods)
		expect(t, targetPod(t, f, time.Minute), "simple-data-0-1")
	})
}

func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("over"))
	t.Cleanup(cancel)
	return ctx
}

// What else of a pod changed is known, too: a sidecar that runs again can be
// connected to, though the pod is as unready as before.
func TestTrackerKnowsThePodAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMirror()
		f := m.follow(t, Target{Role: "backup"})
		pods := slices.Clone(m.pods)
		pods[1].Sidecar = &iris.Container{Name: iris.SidecarContainer, Started: metav1.NewTime(started.Add(time.Hour))}
		f.SetPods(pods)
		p, err := f.TargetPod(t.Context())
		if err != nil || !p.Sidecar.Started.Equal(&pods[1].Sidecar.Started) {
			t.Errorf("%+v, %v", p.Sidecar, err)
		}
	})
}
