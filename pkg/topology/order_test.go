package topology_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A watch gives objects in the order of a map, and reads fail and pods answer in
// any order: the view is the same.
func TestOrderDoesNotMatter(t *testing.T) {
	for _, name := range scenarios(t) {
		s := load(t, name)
		s.Unread = append(s.Unread,
			view.Unread{Verb: "list", Resource: "secrets", Namespace: "iko", Message: "one"},
			view.Unread{Verb: "list", Resource: "secrets", Namespace: "iko", Message: "two"})
		want := string(render(t, s))
		for seed := range uint64(5) {
			shuffled(&s, rand.New(rand.NewPCG(seed, 0)))
			if diff := gocmp.Diff(want, string(render(t, s))); diff != "" {
				t.Fatalf("%s, shuffled (-want +got):\n%s", name, diff)
			}
		}
	}
}

func shuffled(s *topology.Snapshot, r *rand.Rand) {
	mix(r, s.Clusters)
	mix(r, s.Pods)
	mix(r, s.Services)
	mix(r, s.Slices)
	mix(r, s.Events)
	mix(r, s.Unread)
	mix(r, s.Answers)
}

func mix[T any](r *rand.Rand, list []T) {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// Of two Warnings in the same second the one with the later name is used.
func TestWarningsOfOneSecond(t *testing.T) {
	s := load(t, "pod-not-ready")
	last := metav1.NewTime(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, name := range []string{"b", "c", "a"} {
		event := corev1.Event{
			ObjectMeta:    metav1.ObjectMeta{Name: name, Namespace: s.Events[0].Namespace},
			Type:          corev1.EventTypeWarning,
			Reason:        "Reason-" + name,
			LastTimestamp: last, InvolvedObject: s.Events[0].InvolvedObject,
		}
		s.Events = append(s.Events, event)
	}
	want := string(render(t, s))
	if !strings.Contains(want, "Reason-c") {
		t.Errorf("another is used:\n%s", want)
	}
	for seed := range uint64(10) {
		shuffled(&s, rand.New(rand.NewPCG(seed, 0)))
		if diff := gocmp.Diff(want, string(render(t, s))); diff != "" {
			t.Fatalf("shuffled (-want +got):\n%s", diff)
		}
	}
}
