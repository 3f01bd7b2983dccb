package relabel_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
)

// propertyChecks is the number of random states that a property is checked in.
const propertyChecks = "12000"

// answersOf are all kinds of answers, those that say a role more often.
func anAnswer() *rapid.Generator[iris.Answer] {
	words := func(memberType string, statuses ...string) (all []iris.Answer) {
		for _, status := range statuses {
			all = append(all, says(memberType, status), metrics(memberType, status))
		}
		return all
	}
	settled := append(words("Failover", "Primary", "Backup"), words("Disaster Recovery", "Connected")...)
	kinds := slices.Concat(settled, settled, settled,
		words("Failover", "Connected", "Stopped", "Crashed", "In Trouble", "Transition", "Synchronizing", "Waiting", "Not Initialized", "Odd"),
		words("Read-Only Reporting", "Connected"), words("Indeterminate", "Not Initialized"), words("", ""),
		[]iris.Answer{silent(), silent(), {}, down(), inhibited(""), inhibited(":primary transition"), page(true), page(true), page(false), page(false)})
	return rapid.SampledFrom(kinds)
}

func metrics(memberType, status string) iris.Answer {
	return iris.Answer{Source: iris.FromMetrics, Metrics: &iris.Mirror{MemberType: memberType, Status: status}}
}

// aWorld is a cluster with one or two shards. Half of the mirrors are sound but
// for labels and at most one member.
func aWorld(t *rapid.T) *world {
	labels := rapid.SampledFrom([]string{"", "primary", "primary", "backup", "drasync"})
	var members []member
	for shard := range rapid.IntRange(1, 2).Draw(t, "shards") {
		sound := rapid.Bool().Draw(t, "sound")
		for ordinal, n := 0, rapid.IntRange(1, 3).Draw(t, "members"); ordinal < n; ordinal++ {
			m := member{
				shard: shard, ordinal: ordinal, label: labels.Draw(t, "label"),
				ready: rapid.Bool().Draw(t, "ready"), deleting: rapid.IntRange(0, 4).Draw(t, "deleting") == 0,
			}
			m.answer = []iris.Answer{says("Failover", "Primary"), says("Failover", "Backup"), says("Disaster Recovery", "Connected")}[ordinal]
			if !sound || rapid.IntRange(0, 5).Draw(t, "odd") == 0 {
				m.answer = anAnswer().Draw(t, "answer")
			}
			members = append(members, m)
		}
	}
	w := worldOf(members...)
	w.force = rapid.Bool().Draw(t, "force")
	return w
}

// meanwhile is what may happen while a plan is carried out.
type meanwhile struct {
	// interrupts, versions and losses leave labels and answers as they are.
	isHarmless bool
	// isGone: the server went away for good.
	isGone bool
	// labelled are the shards in which another writer set a label.
	labelled map[string]bool
}

// disturb arranges for up to three things to happen.
func disturb(t *rapid.T, w *world, stop func()) *meanwhile {
	m := &meanwhile{isHarmless: true, labelled: map[string]bool{}}
	pods := rapid.SampledFrom(w.pods)
	for range rapid.IntRange(0, 3).Draw(t, "events") {
		at := rapid.IntRange(2, 14).Draw(t, "request")
		pod := pods.Draw(t, "pod")
		switch rapid.SampledFrom([]string{"interrupt", "interrupt", "version", "lost", "lost after", "readiness", "label", "label", "answer", "forbidden", "gone"}).Draw(t, "event") {
		case "interrupt":
			w.happens[at] = stop
		case "version":
			w.happens[at] = func() { w.touch(pod) }
		case "lost":
			w.fails[at] = isLost
		case "lost after":
			w.fails[at] = isLostAfter
		case "readiness":
			w.happens[at] = func() { pod.Ready = !pod.Ready; w.touch(pod); m.isHarmless = false }
		case "label":
			role := rapid.SampledFrom([]string{"", "primary", "backup"}).Draw(t, "role")
			w.happens[at] = func() { w.label(pod, role); m.isHarmless = false; m.labelled[pod.Shard()] = true }
		case "answer":
			answer := anAnswer().Draw(t, "later answer")
			w.happens[at] = func() { w.answers[pod.UID] = answer; m.isHarmless = false }
		case "forbidden":
			w.fails[at] = isForbidden
			m.isHarmless = false
		case "gone":
			w.happens[at] = func() { w.gone, m.isGone, m.isHarmless = true, true, false }
		}
	}
	return m
}

// Whatever the labels, the answers, and what happens meanwhile: no shard is left
// without a labelled primary that had a right one, none has two because of a
// run, no label rests on anything but a conclusive answer, and a plan that was
// begun is finished or explained.
func TestApplyNeverCutsOff(t *testing.T) {
	for name, value := range map[string]string{"rapid.checks": propertyChecks, "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	runs, begun, refused, unfinished := 0, 0, 0, 0
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(t *rapid.T) {
			runs++
			w := aWorld(t)
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			m := disturb(t, w, stop)
			w.check = func(done write) { w.isBacked(t, done); w.isOnePrimary(t, done, m) }
			right := w.rightOnes()
			plan, err := w.Plan(ctx)
			if err != nil {
				t.Fatal(err)
			}
			refused += len(plan.Refused)
			outcome := relabel.Apply(ctx, w, plan)
			if outcome.Begun {
				begun++
			}
			if outcome.Err != nil && outcome.Begun {
				unfinished++
			}
			if !outcome.Begun && len(w.writes) > 0 {
				t.Errorf("%v were written, and the outcome is that nothing was begun", w.writes)
			}
			w.areStillRight(t, right, m)
			w.isFinished(t, plan, outcome, m)
			w.isExplained(t, plan, outcome, m)
		})
	})
	// The states have to be such that something happens in them.
	if runs < 10_000 || begun < 1000 || refused < 1000 || unfinished < 20 {
		t.Errorf("of %d runs only %d changed labels, %d refused to, %d could not be finished", runs, begun, refused, unfinished)
	}
}

// noDeadline hides the deadline of a test, which a bubble of synctest has none of.
type noDeadline struct{ rapid.TB }

// isBacked fails if a write is not backed by what IRIS said when it was last
// asked.
func (w *world) isBacked(t *rapid.T, done write) {
	if !w.seenNow(done) {
		t.Errorf("%v: the pod has changed since it was read", done)
	}
	said := w.seen[done.pod.UID].answer
	if done.to != "" && (!said.IsConclusive() || said.Role() != done.to) {
		t.Errorf("%v: IRIS said %s", done, said.Text())
	}
	if done.from != iris.MirrorPrimary || done.to == iris.MirrorPrimary {
		return
	}
	silentAndUnreachable := said.Source == iris.NoAnswer && (!done.pod.Ready || done.pod.Deleting)
	if said.IsPrimary() != iris.No && !silentAndUnreachable && (!w.force || said.IsPrimary() == iris.Yes) && !done.pod.Deleting {
		t.Errorf("%v: the label primary was taken though IRIS said %s, ready %v", done, said.Text(), done.pod.Ready)
	}
	if said.IsPrimary() == iris.Yes {
		t.Errorf("%v: the label primary was taken from the primary", done)
	}
	for _, other := range w.seen {
		if other.pod.UID != done.pod.UID && other.pod.Shard() == done.pod.Shard() && !other.pod.Deleting && other.answer.IsPrimary() == iris.Yes {
			return
		}
	}
	t.Errorf("%v: the label primary was taken though no other member is primary", done)
}

// seenNow reports whether a pod is as it was when it was read.
func (w *world) seenNow(done write) bool {
	read := w.seen[done.pod.UID].pod
	return read.ResourceVersion == done.pod.ResourceVersion
}

// isOnePrimary fails if a write adds a second pod that is labelled primary.
func (w *world) isOnePrimary(t *rapid.T, done write, m *meanwhile) {
	// What another writer does between two requests cannot be seen before.
	if done.to != iris.MirrorPrimary || m.labelled[done.pod.Shard()] {
		return
	}
	if others := w.primaries(done.pod.Shard()); len(others) > 0 && !slices.Contains(others, done.pod.Name) {
		t.Errorf("%v: %v are labelled primary", done, others)
	}
}

// rightOnes returns the pods that are labelled primary and are it, by shard.
func (w *world) rightOnes() map[string]*iris.Pod {
	right := map[string]*iris.Pod{}
	for _, pod := range w.pods {
		if !pod.Deleting && pod.MirrorRole() == iris.MirrorPrimary && w.answers[pod.UID].IsPrimary() == iris.Yes {
			right[pod.Shard()] = pod
		}
	}
	return right
}

func (w *world) areStillRight(t *rapid.T, right map[string]*iris.Pod, m *meanwhile) {
	for shard, pod := range right {
		if !m.labelled[shard] && w.answers[pod.UID].IsPrimary() == iris.Yes && pod.MirrorRole() != iris.MirrorPrimary {
			t.Errorf("%s was labelled primary, is it, and is labelled %q; written %v", pod.Name, pod.MirrorRole(), w.writes)
		}
	}
	for _, shard := range []string{"0", "1"} {
		primaries := w.primaries(shard)
		setByRun := slices.ContainsFunc(w.writes, func(done write) bool {
			return done.pod.Shard() == shard && done.to == iris.MirrorPrimary && slices.Contains(primaries, done.pod.Name)
		})
		if len(primaries) > 1 && setByRun && !m.isGone && m.isHarmless {
			t.Errorf("%v are labelled primary; written %v", primaries, w.writes)
		}
	}
}

// isFinished fails if nothing but interrupts, lost requests and changes of other
// fields kept a plan from being finished, or from not being begun.
func (w *world) isFinished(t *rapid.T, plan relabel.Plan, outcome relabel.Outcome, m *meanwhile) {
	if !m.isHarmless || !outcome.Begun {
		return
	}
	if outcome.Err != nil {
		t.Errorf("not finished: %v; written %v", outcome.Err, w.writes)
	}
	want := maps.Clone(w.labels())
	for _, change := range plan.Changes {
		want[change.Pod.Name] = change.To
	}
	if got := w.labels(); !maps.Equal(want, got) {
		t.Errorf("labels %v, want %v", got, want)
	}
}

// isExplained fails if an outcome does not say which labels it leaves.
func (w *world) isExplained(t *rapid.T, plan relabel.Plan, outcome relabel.Outcome, m *meanwhile) {
	// A label that another writer set the same is not distinguished.
	if !outcome.Begun || len(m.labelled) > 0 {
		return
	}
	if len(outcome.Made) > len(w.writes) {
		t.Errorf("made %v, written %v", outcome.Made, w.writes)
	}
	for _, change := range plan.Changes {
		label := w.labels()[change.Pod.Name]
		if outcome.Err == nil && label != change.To {
			t.Errorf("%s is labelled %q, and no error says so", change.Pod.Name, label)
		}
		if outcome.Err == nil {
			continue
		}
		if label == "" {
			label = "<none>"
		}
		text := outcome.Err.Error()
		known := fmt.Sprintf("pod %q is labelled %s", change.Pod.Name, label)
		unsure := fmt.Sprintf("pod %q was labelled ", change.Pod.Name)
		if !strings.Contains(text, known) && !strings.Contains(text, unsure) {
			t.Errorf("%s is labelled %s, which is not in %s", change.Pod.Name, label, text)
		}
	}
}
