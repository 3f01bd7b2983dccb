package reach

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
				f := NewFollower(target, pods, answers, first, ask, Events{
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
