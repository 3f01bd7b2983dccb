package relabel_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
)

// failedOver is a mirror whose labels did not follow a failover. Requests are
// the plan (1), two dry runs (2, 3), the two writes (4, 5), and the plan that
// verifies them (6).
func failedOver() *world {
	return worldOf(
		member{label: "primary", answer: says("Failover", "Backup"), ready: true},
		member{ordinal: 1, label: "backup", answer: says("Failover", "Primary"), ready: true})
}

// unchanged and swapped are the labels of failedOver before and after.
var (
	unchanged = map[string]string{"data-0-0": "primary", "data-0-1": "backup"}
	swapped   = map[string]string{"data-0-0": "backup", "data-0-1": "primary"}
)

func TestApply(t *testing.T) {
	for name, test := range map[string]struct {
		// meanwhile arranges what happens; stop ends the context.
		meanwhile func(w *world, stop func())
		labels    map[string]string
		made      int
		// err is in the error; hint in its hint.
		err, hint string
		// within bounds the time.
		within time.Duration
		// requests is their number; 0 leaves it open.
		requests int
	}{
		"nothing happens": {meanwhile: func(*world, func()) {}, labels: swapped, made: 2, within: time.Second},
		"interrupted before the first write": {
			meanwhile: func(w *world, stop func()) { w.happens[3] = stop }, labels: unchanged, err: "context canceled", within: time.Second,
		},
		"interrupted at the first write": {
			meanwhile: func(w *world, stop func()) { w.happens[4] = stop }, labels: swapped, made: 2, within: time.Second,
		},
		"interrupted between the writes": {
			meanwhile: func(w *world, stop func()) { w.happens[5] = stop }, labels: swapped, made: 2, within: time.Second,
		},
		"a pod changes before the first write": {
			meanwhile: func(w *world, _ func()) { w.happens[4] = func() { w.touch(w.pods[0]) } }, labels: swapped, made: 2, within: time.Second,
		},
		"a pod changes between the writes": {
			meanwhile: func(w *world, stop func()) { w.happens[5] = func() { stop(); w.touch(w.pods[1]) } }, labels: swapped, made: 2, within: 2 * time.Second,
		},
		"the server refuses the second change": {
			meanwhile: func(w *world, _ func()) { w.fails[3] = isForbidden }, labels: unchanged, err: `pods "data-0-1" is forbidden: denied`, within: time.Second,
		},
		"the server refuses it only once the first one is made": {
			meanwhile: func(w *world, _ func()) { w.fails[5] = isForbidden }, labels: map[string]string{"data-0-0": "backup", "data-0-1": "backup"}, made: 1,
			err:    `1 of 2 labels of IrisCluster "simple" in namespace "iko" set: pod "data-0-0" is labelled backup, pod "data-0-1" is labelled backup and not yet primary: pods "data-0-1" is forbidden: denied`,
			hint:   "this completes it: kubectl iris relabel simple -n iko --yes",
			within: time.Second,
		},
		"a request is lost": {
			meanwhile: func(w *world, stop func()) { w.happens[5], w.fails[5] = stop, isLost }, labels: swapped, made: 2, within: 2 * time.Second,
		},
		"a response is lost": {
			meanwhile: func(w *world, stop func()) { w.happens[5], w.fails[5] = stop, isLostAfter }, labels: swapped, made: 2, within: 2 * time.Second,
		},
		"the first response is lost": {
			meanwhile: func(w *world, stop func()) { w.happens[4], w.fails[4] = stop, isLostAfter }, labels: swapped, made: 2, within: 2 * time.Second,
		},
		"the server is away for a while": {
			meanwhile: func(w *world, stop func()) {
				w.happens[5] = func() { stop(); w.gone = true }
				w.happens[12] = func() { w.gone = false }
			},
			labels: swapped, made: 2, within: 6 * time.Second,
		},
		"the server is gone": {
			meanwhile: func(w *world, _ func()) { w.happens[5] = func() { w.gone = true } }, labels: map[string]string{"data-0-0": "backup", "data-0-1": "backup"}, made: 1,
			err:    `1 of 2 labels of IrisCluster "simple" in namespace "iko" set: pod "data-0-0" is labelled backup, pod "data-0-1" was labelled backup and may be labelled primary by now: connection reset by peer`,
			hint:   "this completes it: kubectl iris relabel simple -n iko --yes",
			within: 11 * time.Second,
		},
		"a second failover before the first write": {
			meanwhile: func(w *world, _ func()) { w.happens[4] = func() { w.failBack() } }, labels: unchanged, within: time.Second,
		},
		"the operator gives another label before the first write": {
			meanwhile: func(w *world, _ func()) { w.happens[4] = func() { w.label(w.pods[0], "drasync") } }, labels: map[string]string{"data-0-0": "drasync", "data-0-1": "backup"},
			err: "IRIS's answers or the labels changed meanwhile: no label is changed", hint: "run the command again", within: time.Second,
		},
		"the new primary falls silent before the first write": {
			meanwhile: func(w *world, _ func()) {
				w.happens[4] = func() { w.touch(w.pods[0]); w.answers[w.pods[1].UID] = silent() }
			},
			labels: unchanged, err: `IRIS in pod "data-0-1" gave no conclusive answer: no label`, within: time.Second,
		},
		"a second failover between the writes": {
			meanwhile: func(w *world, _ func()) { w.happens[5] = func() { w.failBack() } }, labels: unchanged, made: 2,
			err:    `IRIS's answers or the labels changed meanwhile: pod "data-0-0" is labelled primary, pod "data-0-1" is labelled backup`,
			within: 2 * time.Second,
		},
		"the new primary falls silent between the writes, for a while": {
			meanwhile: func(w *world, _ func()) {
				before := w.answers[w.pods[1].UID]
				w.happens[5] = func() { w.touch(w.pods[1]); w.answers[w.pods[1].UID] = silent() }
				w.happens[9] = func() { w.answers[w.pods[1].UID] = before }
			},
			labels: swapped, made: 2, within: 4 * time.Second,
		},
		"the new primary falls silent between the writes": {
			meanwhile: func(w *world, _ func()) {
				w.happens[5] = func() { w.touch(w.pods[1]); w.answers[w.pods[1].UID] = silent() }
			},
			labels: map[string]string{"data-0-0": "backup", "data-0-1": "backup"}, made: 1,
			err:    `pod "data-0-1" is labelled backup and not yet primary: IRIS in pod "data-0-1" gave no conclusive answer`,
			within: 11 * time.Second,
		},
		"the operator undoes the first change": {
			meanwhile: func(w *world, _ func()) { w.happens[5] = func() { w.label(w.pods[0], "primary") } }, labels: swapped, made: 3, within: 2 * time.Second,
		},
		"the operator does the second change": {
			meanwhile: func(w *world, _ func()) { w.happens[5] = func() { w.label(w.pods[1], "primary") } }, labels: swapped, made: 1, within: 2 * time.Second,
		},
		"a pod changes before each first write": {
			meanwhile: func(w *world, _ func()) { w.before([]int{4, 9, 14, 19, 24, 29}, func() { w.touch(w.pods[0]) }) }, labels: unchanged,
			err: "the object has been modified", within: time.Second, requests: 19,
		},
		"a pod changes before each second write": {
			meanwhile: func(w *world, _ func()) { w.before([]int{5, 7, 9, 11, 13, 15}, func() { w.touch(w.pods[1]) }) },
			labels:    map[string]string{"data-0-0": "backup", "data-0-1": "backup"}, made: 1,
			err: "the object has been modified", hint: "this completes it", within: 2 * time.Second, requests: 11,
		},
		"the operator undoes a change once all are made, again and again": {
			meanwhile: func(w *world, _ func()) {
				w.before([]int{6, 8, 10}, func() { w.label(w.pods[0], "primary") })
			},
			labels: swapped, made: 5, within: time.Second, requests: 11,
		},
		"the pod that is to be the primary is deleted": {
			meanwhile: func(w *world, _ func()) { w.happens[5] = func() { w.pods = w.pods[:1] } }, labels: map[string]string{"data-0-0": "backup"}, made: 1, within: 2 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := failedOver()
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				test.meanwhile(w, stop)
				plan, err := w.Plan(ctx)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				outcome := relabel.Apply(ctx, w, plan)
				if took := time.Since(start); took > test.within {
					t.Errorf("it took %s", took)
				}
				if diff := cmp.Diff(test.labels, w.labels()); diff != "" {
					t.Errorf("labels (-want +got):\n%s", diff)
				}
				if len(outcome.Made) != test.made || outcome.Begun != (len(w.writes) > 0) {
					t.Errorf("made %v of %v, begun %v", outcome.Made, w.writes, outcome.Begun)
				}
				if test.requests > 0 && w.requests != test.requests {
					t.Errorf("%d requests, want %d", w.requests, test.requests)
				}
				switch {
				case test.err == "" && outcome.Err != nil:
					t.Errorf("unexpected error: %v", outcome.Err)
				case test.err != "" && (outcome.Err == nil || !strings.Contains(outcome.Err.Error(), test.err) || !strings.Contains(problem.HintOf(outcome.Err), test.hint)):
					t.Errorf("error %v, hint %q; want %q and %q", outcome.Err, problem.HintOf(outcome.Err), test.err, test.hint)
				}
			})
		})
	}
}

// before has the same happen before several requests.
func (w *world) before(requests []int, happens func()) {
	for _, n := range requests {
		w.happens[n] = happens
	}
}

// failBack makes the members swap their roles.
func (w *world) failBack() {
	a, b := w.pods[0], w.pods[1]
	w.answers[a.UID], w.answers[b.UID] = w.answers[b.UID], w.answers[a.UID]
	w.touch(a)
	w.touch(b)
}

// A shard that cannot be finished does not keep the next one from being set.
func TestApplyShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		primary, backup := says("Failover", "Primary"), says("Failover", "Backup")
		w := worldOf(
			member{label: "primary", answer: backup}, member{ordinal: 1, label: "backup", answer: primary},
			member{shard: 1, label: "primary", answer: backup}, member{shard: 1, ordinal: 1, label: "backup", answer: primary})
		plan, err := w.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.fails[7] = isForbidden // requests 2 to 5 are dry runs
		outcome := relabel.Apply(t.Context(), w, plan)
		if outcome.Err == nil || !strings.Contains(outcome.Err.Error(), `3 of 4 labels`) {
			t.Errorf("error %v", outcome.Err)
		}
		want := map[string]string{"data-0-0": "backup", "data-0-1": "backup", "data-1-0": "backup", "data-1-1": "primary"}
		if diff := cmp.Diff(want, w.labels()); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
	})
}

// Check is what a server dry run does: it changes nothing, and a pod that
// changed is read again.
func TestCheck(t *testing.T) {
	w := failedOver()
	plan, err := w.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.happens[2] = func() { w.touch(w.pods[0]) }
	checked, err := relabel.Check(t.Context(), w, plan)
	if err != nil || !checked.Equals(plan) {
		t.Errorf("got %v, error %v", checked.Changes, err)
	}
	w.gone = true
	if _, err := relabel.Check(t.Context(), w, plan); !errors.Is(err, errLost) {
		t.Errorf("error %v", err)
	}
	if len(w.writes) > 0 {
		t.Errorf("%v were written", w.writes)
	}
}

// A pod that changes all the time is not checked for ever.
func TestCheckGivesUp(t *testing.T) {
	w := failedOver()
	plan, err := w.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.before([]int{2, 4, 6, 8, 10}, func() { w.touch(w.pods[0]) })
	if _, err := relabel.Check(t.Context(), w, plan); !apierrors.IsConflict(err) || w.requests != 8 {
		t.Errorf("after %d requests: %v", w.requests, err)
	}
}

// A plan without a change makes no request.
func TestApplyNothing(t *testing.T) {
	w := worldOf(member{label: "primary", answer: says("Failover", "Primary")}, member{ordinal: 1, label: "backup", answer: says("Failover", "Backup")})
	plan, err := w.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if outcome := relabel.Apply(t.Context(), w, plan); outcome.Err != nil || outcome.Begun || w.requests != 1 {
		t.Errorf("%+v after %d requests", outcome, w.requests)
	}
}

// What was refused when the plan was agreed to keeps nothing else from being set
// when it has to be made again.
func TestApplyBesideARefusedShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		primary, backup := says("Failover", "Primary"), says("Failover", "Backup")
		w := worldOf(
			member{label: "backup", answer: primary}, member{ordinal: 1, label: "primary", answer: silent(), ready: true},
			member{shard: 1, label: "primary", answer: backup}, member{shard: 1, ordinal: 1, label: "backup", answer: primary})
		plan, err := w.Plan(t.Context())
		if err != nil || len(plan.Errors()) != 1 {
			t.Fatal(plan.Errors(), err)
		}
		w.happens[4] = func() { w.touch(w.pods[2]) }
		outcome := relabel.Apply(t.Context(), w, plan)
		want := map[string]string{"data-0-0": "backup", "data-0-1": "primary", "data-1-0": "backup", "data-1-1": "primary"}
		if diff := cmp.Diff(want, w.labels()); diff != "" || outcome.Err != nil {
			t.Errorf("error %v, labels (-want +got):\n%s", outcome.Err, diff)
		}
	})
}

// A server whose admission webhooks support no dry run is no reason to leave
// the labels wrong.
func TestApplyWithoutDryRun(t *testing.T) {
	w := failedOver()
	plan, err := w.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	outcome := relabel.Apply(t.Context(), withoutDryRun{w}, plan)
	if diff := cmp.Diff(swapped, w.labels()); diff != "" || outcome.Err != nil {
		t.Errorf("labels (-want +got):\n%s\nerror %v", diff, outcome.Err)
	}
	if _, err := relabel.Check(t.Context(), withoutDryRun{failedOver()}, plan); err == nil {
		t.Error("a dry run that the server does not support succeeded")
	}
}

type withoutDryRun struct{ *world }

func (w withoutDryRun) SetRole(ctx context.Context, pod iris.Pod, role string, dryRun bool) error {
	if dryRun {
		return apierrors.NewBadRequest("admission webhook does not support dry run")
	}
	return w.world.SetRole(ctx, pod, role, dryRun)
}

// An interrupt that comes before anything is written leaves the labels as they
// are.
func TestApplyInterruptedAfterTheCheck(t *testing.T) {
	w := failedOver()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	plan, err := w.Plan(ctx)
	if err != nil {
		t.Fatal(err)
	}
	outcome := relabel.Apply(ctx, stopping{w, stop}, plan)
	if diff := cmp.Diff(unchanged, w.labels()); diff != "" || !errors.Is(outcome.Err, context.Canceled) || outcome.Begun {
		t.Errorf("labels (-want +got):\n%s\n%+v", diff, outcome)
	}
}

// stopping ends the context once a dry run is answered.
type stopping struct {
	*world
	stop func()
}

func (s stopping) SetRole(ctx context.Context, pod iris.Pod, role string, dryRun bool) error {
	err := s.world.SetRole(ctx, pod, role, dryRun)
	if dryRun && pod.Name == "data-0-1" {
		s.stop()
	}
	return err
}
