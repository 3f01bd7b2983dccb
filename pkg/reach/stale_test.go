package reach

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
)

// Labels have not followed a failover, and exec is slow: an answer that comes
// late is not a contrary one. In ten minutes with an open connection there is no
// move to the pod that is not the primary.
func TestSlowExecAndStaleLabelsMoveNothing(t *testing.T) {
	for _, least := range []time.Duration{300 * time.Millisecond, 900 * time.Millisecond, 1300 * time.Millisecond, 1800 * time.Millisecond, 2600 * time.Millisecond} {
		t.Run(least.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pods := pair("simple") // labelled primary and backup
				says := map[string]string{"simple-data-0-0": "Backup", "simple-data-0-1": "Primary"}
				var asked, moves atomic.Int64
				ask := func(_ context.Context, p iris.Pod, _ *iris.Refusal) poll.Reply {
					time.Sleep(least + rand.N(400*time.Millisecond))
					asked.Add(1)
					return poll.Reply{Answer: said(p, "Failover", says[p.Name])}
				}
				target := Target{Namespace: "ns", Cluster: mirrored("simple"), ClusterRead: true, Role: iris.MirrorPrimary}
				answers := cluster.Answers{}
				for _, p := range pods {
					answers[p.UID] = said(p, "Failover", says[p.Name])
				}
				first, err := target.Resolve(pods, answers)
				if err != nil || first.Name != "simple-data-0-1" {
					t.Fatalf("%s, %v", first.Name, err)
				}
				f := NewTracker(target, pods, answers, first, ask, Events{
					Busy:    func() bool { return true },
					Moved:   func(_, to TargetPod) { moves.Add(1); t.Logf("moved to %s", to.Name) },
					Waiting: func(error) {},
				})
				ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
				defer stop()
				var connecting sync.WaitGroup
				connecting.Go(func() {
					for ctx.Err() == nil { // new connections, too
						if to, err := f.TargetPod(ctx); err == nil && to.Name != "simple-data-0-1" {
							t.Errorf("a new connection goes to %s", to.Name)
						}
						time.Sleep(rand.N(5 * time.Second))
					}
				})
				f.Run(ctx)
				connecting.Wait()
				if n := moves.Load(); n != 0 {
					t.Errorf("%d moves", n)
				}
				if n := asked.Load(); n < 100 {
					t.Errorf("asked %d times in ten minutes of an open connection", n)
				}
			})
		})
	}
}

// An answer that leaves the role open takes it from no pod: connections stay with
// the pod that IRIS confirmed, whatever a stale label of another says, until IRIS
// or a newer label says otherwise.
func TestInconclusiveAnswersMoveNothing(t *testing.T) {
	for _, status := range []string{"In Trouble", "Transition", "Waiting", "Pondering"} {
		for _, label := range []string{"backup", ""} {
			t.Run(status+" labelled "+label, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newMirror()
					m.setBusy(true)
					m.set("Backup", "Primary")
					f := m.follow(t, Target{Role: "primary"}) // from simple-data-0-1
					f.SetPods(m.label("primary", label))
					time.Sleep(time.Minute)
					m.mu.Lock()
					m.hung[m.pods[0].UID] = true
					m.mu.Unlock()
					f.SetPods(m.restarted(0)) // its answer is gone
					time.Sleep(10 * time.Second)
					m.set("Backup", status)
					time.Sleep(time.Minute)
					expect(t, targetPod(t, f, time.Minute), "simple-data-0-1")
					got, _ := m.taken()
					expect(t, len(got), 0)

					f.SetPods(m.label("", "backup"))
					time.Sleep(time.Second)
					f.SetPods(m.label("primary", "backup")) // the operator says so now
					time.Sleep(10 * time.Second)
					expect(t, targetPod(t, f, time.Minute), "simple-data-0-0")
				})
			})
		}
	}
}

// restarted returns the pods with a new process in one of them.
func (m *mirror) restarted(i int) []iris.Pod {
	pods := slices.Clone(m.pods)
	again := *pods[i].IRIS
	again.Started = metav1.NewTime(again.Started.Add(time.Hour))
	pods[i].IRIS = &again
	m.pods = pods
	return pods
}
