package standin

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// mirrorPods are data pods, one for each word: ordinal, generation (which makes the
// uid), and marks: "+" up, "-" down, "x" up but terminating; then an optional label.
func mirrorPods(words string) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, word := range strings.Fields(words) {
		state, label, _ := strings.Cut(word, "=")
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "c-data-0-" + state[:1], UID: types.UID(state[:2]), Labels: map[string]string{}}}
		if label != "" {
			pod.Labels["intersystems.com/mirrorRole"] = label
		}
		if state[2] != '-' {
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		}
		if state[2] == 'x' {
			pod.DeletionTimestamp = &metav1.Time{}
		}
		pods = append(pods, pod)
	}
	return pods
}

func TestMemory(t *testing.T) {
	type step struct {
		pods     string
		switchTo string
		want     string
	}
	tests := []struct {
		name  string
		roles string // of the mirror map
		steps []step
	}{
		{"ordinal 0 is the first primary, the other waits for it", "primary,backup,drasync", []step{
			{pods: "0a- 1a+", want: ""},
			{pods: "0a+ 1a+", want: "P B"},
		}},
		{"the primary's pod is deleted, and the old one stays backup", "primary,backup,drasync", []step{
			{pods: "0a+ 1a+", want: "P B"},
			{pods: "0ax 1a+", want: ". P"},
			{pods: "1a+", want: "P"},
			{pods: "0b- 1a+", want: ". P"},
			{pods: "0b+ 1a+", want: "B P"},
		}},
		{"a replacement that was missed counts too", "primary,backup,drasync", []step{
			{pods: "0a+ 1a+", want: "P B"},
			{pods: "0b+ 1a+", want: "P B"}, // ordinal 0 is up already, and the first that is
			{pods: "0b- 1a+", want: ". P"},
		}},
		{"the primary is not ready", "primary,backup,drasync", []step{
			{pods: "0a+ 1a+", want: "P B"},
			{pods: "0a- 1a+", want: ". P"},
			{pods: "0a+ 1a+", want: "B P"},
		}},
		{"both down, the first that returns is primary", "primary,backup,drasync", []step{
			{pods: "0a+ 1a+", want: "P B"},
			{pods: "0a- 1a-", want: ". ."},
			{pods: "0a- 1a+", want: ". P"},
		}},
		{"the backup is down", "primary,backup,drasync", []step{
			{pods: "0a+ 1a+", want: "P B"},
			{pods: "0a+ 1a-", want: "P ."},
			{pods: "0a+ 1b+", want: "P B"},
		}},
		{"a DR async member never becomes primary", "primary,backup,drasync", []step{
			{pods: "0a+ 1a+ 2a+", want: "P B D"},
			{pods: "0a- 1a- 2a+", want: ". . D"},
		}},
		{"a planned switch is honoured once", "primary,backup,drasync", []step{
			{pods: "0a+ 1a+", want: "P B"},
			{pods: "0a+ 1a+", switchTo: "c-data-0-1", want: "B P"},
			{pods: "0a+ 1a-", switchTo: "c-data-0-1", want: "P ."},
			{pods: "0a+ 1a+", switchTo: "c-data-0-1", want: "P B"},
			{pods: "0a+ 1a+", switchTo: "", want: "P B"},
			{pods: "0a+ 1a+", switchTo: "c-data-0-1", want: "B P"},
		}},
		{"a planned switch waits for its pod", "primary,backup,drasync", []step{
			{pods: "0a+ 1a-", switchTo: "c-data-0-1", want: "P ."},
			{pods: "0a+ 1a+", switchTo: "c-data-0-1", want: "B P"},
		}},
		{"a planned switch to an async or foreign pod does nothing", "primary,backup,drasync", []step{
			{pods: "0a+ 1a+ 2a+", switchTo: "c-data-0-2,other-data-0-1", want: "P B D"},
		}},
		{"after a restart the labels are believed", "primary,backup,drasync", []step{
			{pods: "0a+=backup 1a+=primary", want: "B P"},
		}},
		{"after a restart during a failover the one that is up takes over", "primary,backup,drasync", []step{
			{pods: "0b- 1a+=backup", want: ". P"},
		}},
		{"async members whose primary is elsewhere", "drasync,rorasync", []step{
			{pods: "0a- 1a+", want: ". R"},
			{pods: "0a+ 1a+", want: "D R"},
		}},
		{"one failover member and an async member", "primary,rwrasync", []step{
			{pods: "0a+ 1a+", want: "P W"},
			{pods: "0a- 1a+", want: ". W"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			memory := NewMemory()
			roles := strings.Split(test.roles, ",")
			for i, step := range test.steps {
				pods := mirrorPods(step.pods)
				members, err := memory.Members(t.Context(), Shard{Cluster: "uid", Number: "0", Map: roles, Primaries: splitNames(step.switchTo)}, pods)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, pod := range pods {
					got = append(got, letter(members, pod.Name))
				}
				if diff := cmp.Diff(step.want, strings.Trim(strings.Join(got, " "), " ")); diff != "" && step.want != "" {
					t.Errorf("step %d, %s (-want +got):\n%s", i, step.pods, diff)
				}
				if step.want == "" && len(members) != 0 {
					t.Errorf("step %d, %s: got %v, want no answers", i, step.pods, members)
				}
			}
		})
	}
}

func letter(members map[string]Member, pod string) string {
	switch members[pod] {
	case Member{Type: "Failover", Status: "Primary"}:
		return "P"
	case Member{Type: "Failover", Status: "Backup"}:
		return "B"
	case Member{Type: "Disaster Recovery", Status: "Connected"}:
		return "D"
	case Member{Type: "Read-Only Reporting", Status: "Connected"}:
		return "R"
	case Member{Type: "Read-Write Reporting", Status: "Connected"}:
		return "W"
	}
	return "."
}

// Shards and clusters do not know of each other, and a new cluster starts anew.
func TestMemoryKeepsApart(t *testing.T) {
	memory := NewMemory()
	ask := func(cluster types.UID, shard, pods string) string {
		t.Helper()
		members, err := memory.Members(t.Context(), Shard{Cluster: cluster, Number: shard, Map: []string{"primary", "backup"}}, mirrorPods(pods))
		if err != nil {
			t.Fatal(err)
		}
		return letter(members, "c-data-0-0") + letter(members, "c-data-0-1")
	}
	ask("one", "0", "0a+ 1a+")
	ask("one", "0", "0a- 1a+")
	if got := ask("one", "0", "0a+ 1a+"); got != "BP" {
		t.Errorf("after a failover: got %s, want BP", got)
	}
	if got := ask("one", "1", "0a+ 1a+"); got != "PB" {
		t.Errorf("another shard: got %s, want PB", got)
	}
	if got := ask("two", "0", "0a+ 1a+"); got != "PB" {
		t.Errorf("another cluster: got %s, want PB", got)
	}
	memory.Forget("one")
	if got := ask("one", "0", "0a+ 1a+"); got != "PB" {
		t.Errorf("after Forget: got %s, want PB", got)
	}
}
