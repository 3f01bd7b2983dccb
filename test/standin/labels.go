package standin

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// labeler decides when the mirrorRole label of a pod follows what IRIS says. It holds
// the pods of one cluster and is used by one goroutine at a time.
type labeler map[types.UID]wantedLabel

// wantedLabel is the label a pod shall have, and since when.
type wantedLabel struct {
	value string
	since time.Time
}

// labelOf returns the mirrorRole that a member shall carry; empty: none. The labels of
// async members and of members that are down are not known [?]: here they have none,
// unless the cluster's annotation names one for the former.
func labelOf(member Member, asyncLabel string) string {
	switch member {
	case memberPrimary:
		return "primary"
	case memberBackup:
		return "backup"
	}
	if member.Type != "" && member.Type != "Failover" {
		return asyncLabel
	}
	return ""
}

// due tells whether the pod's label has to change to value now, and if not yet, after
// what time. The delay runs from when the value was first wanted.
func (l labeler) due(pod *corev1.Pod, value string, delay time.Duration, now time.Time) (change bool, after time.Duration) {
	wanted, known := l[pod.UID]
	if !known || wanted.value != value {
		wanted = wantedLabel{value: value, since: now}
		l[pod.UID] = wanted
	}
	if pod.Labels[labelMirrorRole] == value {
		return false, 0
	}
	if after := wanted.since.Add(delay).Sub(now); after > 0 {
		return false, after
	}
	return true, 0
}

// keep forgets all pods but these.
func (l labeler) keep(pods []*corev1.Pod) {
	alive := map[types.UID]bool{}
	for _, pod := range pods {
		alive[pod.UID] = true
	}
	for uid := range l {
		if !alive[uid] {
			delete(l, uid)
		}
	}
}
