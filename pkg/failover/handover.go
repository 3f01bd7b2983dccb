package failover

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// handover is a role that others hold than at rest.
type handover struct {
	shard   string
	role    string
	holders []string
	// services follow the role; leads tells of each whether it reaches the
	// holders and nobody else.
	services []string
	leads    map[string]bool
}

// handovers are the roles that have changed hands since the rest, by shard,
// the primary's first.
func (t Timeline) handovers() []handover {
	var found []handover
	for _, shard := range t.last.Shards {
		i := slices.IndexFunc(t.rest.Shards, func(s view.Shard) bool { return s.Name == shard.Name })
		if i < 0 {
			continue
		}
		for _, role := range []string{iris.MirrorPrimary, iris.MirrorBackup} {
			holders := holdersOf(*t.last, shard, role)
			if len(holders) > 0 && !sameNames(holders, holdersOf(*t.rest, t.rest.Shards[i], role)) {
				found = append(found, newHandover(*t.last, shard.Name, role, holders))
			}
		}
	}
	return found
}

func newHandover(c view.ClusterStatus, shard, role string, holders []string) handover {
	h := handover{shard: shard, role: role, holders: holders, leads: map[string]bool{}}
	for _, service := range roleServices(c, shard, role) {
		h.services = append(h.services, service.Name)
		h.leads[service.Name] = sameNames(service.Reaches, holders)
	}
	return h
}

// holdersOf are the pods with a role. One that is being deleted holds it no more,
// whatever was last heard of it.
func holdersOf(c view.ClusterStatus, shard view.Shard, role string) []string {
	holders := shard.Backups
	if role == iris.MirrorPrimary {
		holders = shard.Primaries
	}
	return slices.DeleteFunc(slices.Clone(holders), func(name string) bool {
		return slices.ContainsFunc(c.Pods, func(p view.Pod) bool { return p.Name == name && p.State == terminating })
	})
}

// roleServices are those that select a role in a shard. One that selects no
// shard in a sharded cluster leads to all of them and is nobody's.
func roleServices(c view.ClusterStatus, shard, role string) []view.Service {
	return slices.DeleteFunc(slices.Clone(c.Services), func(s view.Service) bool {
		inShard, sharded := s.Selector[iris.LabelShard]
		return s.Selector[iris.LabelMirrorRole] != role || len(s.Ports) == 0 || s.Reaches == nil ||
			sharded && inShard != shard || !sharded && len(c.Shards) > 1
	})
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// key names a Service with the holders that it is to lead to: the time counts
// anew when the role changes hands once more.
func (h handover) key(service string) string { return service + " " + strings.Join(h.holders, " ") }

// ledSince keeps the times since when Services lead where they should.
func ledSince(before map[string]time.Time, handovers []handover, at time.Time) map[string]time.Time {
	led := maps.Clone(before)
	if led == nil {
		led = map[string]time.Time{}
	}
	for _, h := range handovers {
		for _, service := range h.services {
			key := h.key(service)
			switch _, known := led[key]; {
			case !h.leads[service]:
				delete(led, key)
			case !known:
				led[key] = at
			}
		}
	}
	return led
}

// summary says of each role that has changed hands when its Services followed.
func (t Timeline) summary() string {
	first := fmt.Sprintf("the first sign (%s)", t.transitions[0].Message)
	var parts []string
	for _, h := range t.handovers() {
		holders := quoted(h.holders)
		if len(h.services) == 0 {
			parts = append(parts, fmt.Sprintf("the new %s is %s; no service follows the role", h.role, holders))
		}
		for _, service := range h.services {
			if at, ok := t.led[h.key(service)]; ok {
				parts = append(parts, fmt.Sprintf("the %s service %q led to the new %s %s %.1f s after %s",
					h.role, service, h.role, holders, at.Sub(t.firstSign).Seconds(), first))
			} else {
				parts = append(parts, fmt.Sprintf("the %s service %q does not lead to the new %s %s yet", h.role, service, h.role, holders))
			}
		}
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, "; ")
	case t.over:
		return fmt.Sprintf("the roles are as before; all was well again %.1f s after %s", t.overAt.Sub(t.firstSign).Seconds(), first)
	}
	return "no role has changed hands since " + first
}

func answered(pod view.Pod) bool { return pod.IRIS != nil && pod.IRIS.Source != "" }

// Settled tells that a cluster is at rest: its data pods are ready, of a mirror
// each shard has one primary and a backup, IRIS does not contradict, and the
// Services that follow a role lead to those who hold it. Where IRIS answers in
// one pod it has to in all: a label may be there before the member is.
func Settled(c view.ClusterStatus) bool {
	pods := dataPods(c)
	answers := slices.ContainsFunc(pods, answered)
	for _, pod := range pods {
		switch {
		case !pod.Ready, pod.State == terminating, answers && !answered(pod):
			return false
		case pod.IRIS != nil && pod.IRIS.Contradicts:
			return false
		}
	}
	if c.Mirrored == nil || !*c.Mirrored {
		return true
	}
	for _, shard := range c.Shards {
		if len(shard.Primaries) != 1 || len(shard.Backups) == 0 {
			return false
		}
		for _, role := range []string{iris.MirrorPrimary, iris.MirrorBackup} {
			for _, service := range roleServices(c, shard.Name, role) {
				if !sameNames(service.Reaches, holdersOf(c, shard, role)) {
					return false
				}
			}
		}
	}
	return true
}
