package standin

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestLabelerDelay(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "a", Labels: map[string]string{"intersystems.com/mirrorRole": "backup"}}}
	l := labeler{}
	steps := []struct {
		at     time.Duration
		value  string
		change bool
		after  time.Duration
	}{
		{0, "backup", false, 0},
		{10 * time.Second, "primary", false, 2 * time.Second},
		{11 * time.Second, "primary", false, time.Second},
		{12 * time.Second, "primary", true, 0},
		{13 * time.Second, "backup", false, 0},                // IRIS changed its mind, and the label is right again
		{14 * time.Second, "primary", false, 2 * time.Second}, // the delay runs anew
		{20 * time.Second, "primary", true, 0},
	}
	for _, step := range steps {
		change, after := l.due(pod, step.value, 2*time.Second, start.Add(step.at))
		if change != step.change || after != step.after {
			t.Errorf("at %v wanting %s: got %v, %v, want %v, %v", step.at, step.value, change, after, step.change, step.after)
		}
	}
	l.keep(nil)
	if len(l) != 0 {
		t.Errorf("a pod that is gone is still held: %v", l)
	}
}

func TestLabelOf(t *testing.T) {
	tests := []struct {
		member     Member
		asyncLabel string
		want       string
	}{
		{Member{"Failover", "Primary"}, "", "primary"},
		{Member{"Failover", "Backup"}, "", "backup"},
		{Member{"Disaster Recovery", "Connected"}, "", ""},
		{Member{"Disaster Recovery", "Connected"}, "backup", "backup"},
		{Member{}, "backup", ""},
		{Member{"Failover", "In Trouble"}, "", ""},
	}
	for _, test := range tests {
		if got := labelOf(test.member, test.asyncLabel); got != test.want {
			t.Errorf("%+v with async label %q: got %q, want %q", test.member, test.asyncLabel, got, test.want)
		}
	}
}
