// Package failover records what happens to a cluster over time: it folds
// successive views and the times at which they were seen into the transitions
// between them. It is pure, and the clock is the caller's.
package failover

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// maxTransitions bounds how many transitions are kept of a cluster that never
// comes to rest.
const maxTransitions = 100

// Timeline is what was seen of one cluster so far. Its zero value has seen
// nothing.
type Timeline struct {
	last *view.ClusterStatus
	// rest is the view before the first sign.
	rest        *view.ClusterStatus
	firstSign   time.Time
	transitions []view.Transition
	over        bool
	// reachedSince is since when Services reach the new pods of their roles.
	reachedSince map[string]time.Time
	// overAt is when the cluster came to rest.
	overAt time.Time
}

// Next returns the timeline after one more view. Once a cluster has come to rest
// the next change begins another, unless it has nothing to do with roles.
func (t Timeline) Next(c view.ClusterStatus, at time.Time) Timeline {
	before := t.last
	t.last = &c
	if before == nil {
		return t
	}
	changes := changesBetween(*before, c)
	resting := t.over || len(t.transitions) == 0
	if resting && len(changes) > 0 {
		if isSettled(*before) && isSettled(c) && len(changesBetween(ofRoles(*before), ofRoles(c))) == 0 {
			return t
		}
		t = Timeline{last: &c, rest: before, firstSign: at}
	}
	if len(t.transitions) == 0 && len(changes) == 0 {
		return t
	}
	t.transitions = slices.Clone(t.transitions)
	for _, change := range changes {
		change.Time = metav1.NewMicroTime(at)
		change.Seconds = seconds(at.Sub(t.firstSign))
		t.transitions = append(t.transitions, change)
	}
	if extra := len(t.transitions) - maxTransitions; extra > 0 {
		t.transitions = slices.Delete(t.transitions, 1, 1+extra)
	}
	t.reachedSince = reachedSince(t.reachedSince, t.handovers(), at)
	if over := isSettled(c); over != t.over {
		t.over, t.overAt = over, at
	}
	return t
}

// View returns the timeline as it is shown; nil while nothing has changed.
func (t Timeline) View() *view.Failover {
	if len(t.transitions) == 0 {
		return nil
	}
	return &view.Failover{
		FirstSign:   metav1.NewMicroTime(t.firstSign),
		Over:        t.over,
		Transitions: t.transitions,
		Summary:     t.summary(),
	}
}

// seconds returns a duration in seconds, rounded to milliseconds.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)) / float64(time.Second)
}
