package standin

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// RoleSource tells what IRIS says of the members of mirrors.
type RoleSource interface {
	// Members are the members of one shard by pod name; a pod that gives no answer is
	// left out. pods are all data pods of the shard.
	Members(ctx context.Context, shard Shard, pods []*corev1.Pod) (map[string]Member, error)
	// Forget drops what is held of a cluster that is gone.
	Forget(cluster types.UID)
}

// Shard is one mirrored data shard of an IrisCluster.
type Shard struct {
	// Cluster is the uid of the IrisCluster.
	Cluster types.UID
	// Number is the value of the shard label.
	Number string
	// Map is the role of each member by ordinal, in the words of the CPF.
	Map []string
	// Primaries are the pods that a planned switch shall make primary, of any shard.
	Primaries []string
}

// Member is a mirror member in the words of `iris qlist`. [S]
type Member struct {
	Type   string
	Status string
}

// What a member of a sound mirror says. [D]
var (
	memberPrimary = Member{Type: "Failover", Status: "Primary"}
	memberBackup  = Member{Type: "Failover", Status: "Backup"}
)

// Memory plays IRIS: it decides itself which member is primary. Ordinal 0 is the first
// primary [S]; when the primary's pod goes away or is not ready the first failover
// member that is up takes over, and it stays primary when the other returns [S].
type Memory struct {
	mu      sync.Mutex
	mirrors map[types.UID]map[string]mirror
}

// NewMemory returns a Memory of no mirrors. After a restart of the stand-in it takes
// the labels it finds for the truth: it knows no better.
func NewMemory() *Memory {
	return &Memory{mirrors: map[types.UID]map[string]mirror{}}
}

// Members implements RoleSource; it fails never.
func (m *Memory) Members(_ context.Context, shard Shard, pods []*corev1.Pod) (map[string]Member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mirrors[shard.Cluster] == nil {
		m.mirrors[shard.Cluster] = map[string]mirror{}
	}
	states := podStates(pods, shard.Map)
	next := m.mirrors[shard.Cluster][shard.Number].next(states, shard.Primaries)
	m.mirrors[shard.Cluster][shard.Number] = next
	return next.members(states), nil
}

// Forget implements RoleSource.
func (m *Memory) Forget(cluster types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.mirrors, cluster)
}

// mirror is the state of one mirror.
type mirror struct {
	// primary is the pod that is primary, or was the last one; empty before the first.
	primary types.UID
	// switched is the pod of the planned switch that was honoured last.
	switched string
}

// podState is what decides about a member: is its IRIS up?
type podState struct {
	name    string
	uid     types.UID
	ordinal int
	role    string // in the mirror map
	label   string
	up      bool
}

// asyncTypes are the member types of async members by their role in the mirror map. [D]
var asyncTypes = map[string]string{
	"drasync": "Disaster Recovery", "rorasync": "Read-Only Reporting", "rwrasync": "Read-Write Reporting",
}

func (s podState) failover() bool { return s.role == "primary" || s.role == "backup" }

// podStates are the states of pods by ordinal. A pod beyond the mirror map is about to go
// and counts as a DR async member.
func podStates(pods []*corev1.Pod, roles []string) []podState {
	states := make([]podState, 0, len(pods))
	for _, pod := range pods {
		ordinal, err := strconv.Atoi(pod.Name[strings.LastIndex(pod.Name, "-")+1:])
		if err != nil {
			continue // not a StatefulSet's pod, so no member of a mirror
		}
		role := "drasync"
		if ordinal < len(roles) {
			role = roles[ordinal]
		}
		states = append(states, podState{
			name: pod.Name, uid: pod.UID, ordinal: ordinal, role: role,
			label: pod.Labels[labelMirrorRole], up: isReady(pod),
		})
	}
	slices.SortFunc(states, func(a, b podState) int { return a.ordinal - b.ordinal })
	return states
}

// isReady tells whether a pod is ready and stays so.
func isReady(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil {
		return false
	}
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// next is the mirror after its members came to be as they are.
func (m mirror) next(states []podState, primaries []string) mirror {
	candidates := slices.DeleteFunc(slices.Clone(states), func(s podState) bool { return !s.up || !s.failover() })
	wanted := slices.IndexFunc(states, func(s podState) bool { return slices.Contains(primaries, s.name) })
	if wanted < 0 {
		m.switched = ""
	} else if name := states[wanted].name; m.switched != name {
		if i := slices.IndexFunc(candidates, func(s podState) bool { return s.name == name }); i >= 0 {
			return mirror{primary: candidates[i].uid, switched: name}
		}
	}
	switch {
	case len(candidates) == 0:
	case m.primary == "":
		m.primary = first(states, candidates)
	case !slices.ContainsFunc(candidates, func(s podState) bool { return s.uid == m.primary }):
		m.primary = candidates[0].uid
	}
	return m
}

// first is the first primary of a mirror: the one that carries the label already, for
// then the stand-in was restarted; else ordinal 0, which the others wait for.
func first(states, candidates []podState) types.UID {
	labelled := func(s podState) bool { return s.label == "primary" }
	if i := slices.IndexFunc(candidates, labelled); i >= 0 {
		return candidates[i].uid
	}
	if candidates[0].ordinal == 0 || slices.ContainsFunc(states, func(s podState) bool { return s.label != "" }) {
		return candidates[0].uid
	}
	return ""
}

// members is what the members say; one that is down says nothing.
func (m mirror) members(states []podState) map[string]Member {
	members := map[string]Member{}
	for _, s := range states {
		switch {
		case !s.up:
		case !s.failover():
			members[s.name] = Member{Type: asyncTypes[s.role], Status: "Connected"}
		case s.uid == m.primary:
			members[s.name] = memberPrimary
		case m.primary != "":
			members[s.name] = memberBackup
		}
	}
	return members
}
