package standin

import (
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// What is made is made again after the time of a resync, or if it shall be something else.
func TestUntilResync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &operator{options: Options{}.withDefaults(), synced: map[types.NamespacedName]synced{}}
		name := types.NamespacedName{Namespace: "ns", Name: "c"}
		due := func(encoded string, want time.Duration) {
			t.Helper()
			if got := o.untilResync(name, encoded); got != want {
				t.Errorf("the next sync is due after %v, want %v", got, want)
			}
		}
		due("a", 0)
		o.setSynced(name, "a")
		due("a", 10*time.Minute)
		due("b", 0)
		time.Sleep(10*time.Minute - time.Second)
		due("a", time.Second)
		time.Sleep(2 * time.Second)
		due("a", 0)
	})
}

func TestNextPhase(t *testing.T) {
	t.Parallel()
	tests := []struct {
		current string
		failure string
		unready int32
		want    string
	}{
		{"Creating", "", 2, "Initializing"},
		{"Initializing", "", 2, "Initializing"},
		{"Initializing", "", 0, "Running"},
		{"Running", "", 2, "Running"},
		{"Running", "already exists", 0, "Failed"},
		{"Failed", "already exists", 0, "Failed"},
		{"Failed", "", 1, "Initializing"},
		{"Failed", "", 0, "Running"},
	}
	for _, test := range tests {
		if got := nextPhase(test.current, progress{made: "all", failure: test.failure}, test.unready); got != test.want {
			t.Errorf("after %s with %d pods not ready and failure %q: %s, want %s", test.current, test.unready, test.failure, got, test.want)
		}
	}
}
