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

// A handover is a role that other pods have than at rest.
type handover struct {
	shard string
	role  string
	pods  []string
	// services follow the role; reaches reports of each whether it reaches the
	// pods and no other.
	services []string
	reaches  map[string]bool
}

// handovers returns the roles that other pods have than at rest, by shard, the
// primary's first.
func (t Timeline) handovers() []handover {
	var found []handover
	for _, shard := range t.last.Shards {
		i := slices.IndexFunc(t.rest.Shards, func(s view.Shard) bool { return s.Name == shard.Name })
		if i < 0 {
			continue
		}
		for _, role := range []string{iris.MirrorPrimary, iris.MirrorBackup} {
			pods := podsWith(*t.last, shard, role)
			if len(pods) > 0 && !sameNames(pods, podsWith(*t.rest, t.rest.Shards[i], role)) {
				found = append(found, newHandover(*t.last, shard.Name, role, pods))
			}
		}
	}
	return found
}

func newHandover(c view.ClusterStatus, shard, role string, pods []string) handover {
	h := handover{shard: shard, role: role, pods: pods, reaches: map[string]bool{}}
	for _, service := range roleServices(c, shard, role) {
		h.services = append(h.services, service.Name)
		h.reaches[service.Name] = sameNames(service.Reaches, pods)
	}
	return h
}

// podsWith returns the pods with a role. One that is being deleted does not have
// it, whatever IRIS said last.
func podsWith(c view.ClusterStatus, shard view.Shard, role string) []string {
	pods := shard.Backups
	if role == iris.MirrorPrimary {
		pods = shard.Primaries
	}
	return slices.DeleteFunc(slices.Clone(pods), func(name string) bool {
		return slices.ContainsFunc(c.Pods, func(p view.Pod) bool { return p.Name == name && p.State == terminating })
	})
}

// roleServices returns the Services that select a role in a shard. One that
// selects no shard in a sharded cluster reaches all of them and is left out.
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

// key returns the name of a Service with the pods that it should reach: the time
// counts again when the role moves once more.
func (h handover) key(service string) string { return service + " " + strings.Join(h.pods, " ") }

// reachedSince returns the times since when Services reach the pods that they
// should, given those of the view before.
func reachedSince(before map[string]time.Time, handovers []handover, at time.Time) map[string]time.Time {
	since := maps.Clone(before)
	if since == nil {
		since = map[string]time.Time{}
	}
	for _, h := range handovers {
		for _, service := range h.services {
			key := h.key(service)
			switch _, known := since[key]; {
			case !h.reaches[service]:
				delete(since, key)
			case !known:
				since[key] = at
			}
		}
	}
	return since
}

// summary returns when the Services of each role that moved reached its new pod.
func (t Timeline) summary() string {
	first := fmt.Sprintf("the first sign (%s)", t.transitions[0].Message)
	var parts []string
	for _, h := range t.handovers() {
		pods := quoted(h.pods)
		if len(h.services) == 0 {
			parts = append(parts, fmt.Sprintf("the new %s is %s; no service follows the role", h.role, pods))
		}
		for _, service := range h.services {
			if at, ok := t.reachedSince[h.key(service)]; ok {
				parts = append(parts, fmt.Sprintf("the %s service %q reached the new %s %s %.1f s after %s",
					h.role, service, h.role, pods, at.Sub(t.firstSign).Seconds(), first))
			} else {
				parts = append(parts, fmt.Sprintf("the %s service %q does not reach the new %s %s yet", h.role, service, h.role, pods))
			}
		}
	}
	if len(parts) > 0 {
		return strings.Join(parts, "; ")
	}
	if t.over {
		return fmt.Sprintf("the roles are as before; the cluster was healthy again %.1f s after %s", t.overAt.Sub(t.firstSign).Seconds(), first)
	}
	return "no role has moved since " + first
}

func answered(pod view.Pod) bool { return pod.IRIS != nil && pod.IRIS.Source != "" }

// isSettled reports whether a cluster is at rest: its data pods are ready, each
// shard of a mirror has one primary and a backup, IRIS does not contradict, and
// the Services that follow a role reach the pods that have it. If IRIS answers in
// one pod it has to in all: a label may be there before the member is.
func isSettled(c view.ClusterStatus) bool {
	pods := dataPods(c)
	answers := slices.ContainsFunc(pods, answered)
	for _, pod := range pods {
		if !pod.Ready || pod.State == terminating || answers && !answered(pod) || pod.IRIS != nil && pod.IRIS.Contradicts {
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
				if !sameNames(service.Reaches, podsWith(c, shard, role)) {
					return false
				}
			}
		}
	}
	return true
}
