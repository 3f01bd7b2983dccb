package cluster

import "github.com/kubectl-iris/kubectl-iris/pkg/iris"

// A Member is a data pod with what IRIS said in it and the role that follows.
type Member struct {
	*iris.Pod
	// Answer is what IRIS said; nil if it was not asked.
	Answer *iris.Answer
	// Says is the answer in short: Failover/Primary, down; "?" if IRIS was asked
	// and did not answer, "" if it was not asked.
	Says string
	// Role is the member's mirror role: primary, backup, or another that its
	// label bears; "" if it has none, or none is known.
	Role string
	// Confirmed reports whether IRIS said that the member has the role; it
	// rests on the label if not.
	Confirmed bool
	// LabelAgrees reports whether the role label is the member's role: Unknown
	// without a label, or if IRIS does not say and no other member does.
	LabelAgrees iris.Fact
	// Failover reports whether the member is one of the two that take over
	// from each other.
	Failover iris.Fact
	// Successor is the member in which IRIS confirms the role that the label
	// of this one still claims, while IRIS in this one does not say; nil if
	// there is none. The label is stale then: the pod crashed, or its node was
	// lost, before its label was taken away.
	Successor *Member
}

// Said returns IRIS's answer; the zero value, which is no answer, if it was not
// asked.
func (m *Member) Said() iris.Answer {
	if m.Answer == nil {
		return iris.Answer{}
	}
	return *m.Answer
}

// Source returns what the member's role rests on: the way in which IRIS was
// asked, or NoAnswer for the label.
func (m *Member) Source() iris.AnswerSource {
	if m.Confirmed {
		return m.Said().Source
	}
	return iris.NoAnswer
}

// labelAgrees returns what LabelAgrees is once Successor is known.
func (m *Member) labelAgrees() iris.Fact {
	label, answer := m.MirrorRole(), m.Said()
	if label == "" {
		return iris.Unknown
	}
	if answer.Contradicts(label) || m.Successor != nil {
		return iris.No
	}
	if answer.Role() == label {
		return iris.Yes
	}
	return iris.Unknown
}

// IsUndecided reports whether the member, which may be a failover member, gave
// no conclusive answer. No role label of its shard is changed then.
func (m *Member) IsUndecided() bool {
	return !m.Deleting && m.Failover != iris.No && !m.Said().IsConclusive()
}

// IsRunning reports whether something in the pod can be connected to.
func (m *Member) IsRunning() bool { return IsRunning(m.Pod) }

// IsRunning reports whether something in a pod can be connected to: one of its
// containers runs, and the pod is not being deleted.
func IsRunning(p *iris.Pod) bool {
	return !p.Deleting && (p.IRIS.IsRunning() || p.Sidecar.IsRunning())
}

// resolve works out what depends on a member's own label and answer, then what
// depends on the other members. Without a mirror there are no roles.
func (c *Cluster) resolve() {
	if c.Mirrored == iris.No {
		for _, m := range c.Members {
			m.Failover, m.LabelAgrees = iris.No, m.labelAgrees()
		}
		return
	}
	confirming := map[claim]*Member{}
	for _, m := range c.Members {
		m.Failover = failover(m.Pod, m.Said())
		m.Role, m.Confirmed = roleOf(m.MirrorRole(), m.Said())
		if of := (claim{m.Shard(), m.Role}); m.Confirmed && !m.Deleting && confirming[of] == nil {
			confirming[of] = m
		}
	}
	for _, m := range c.Members {
		if !m.Confirmed && m.Role != "" && isUnsaid(m.Said(), m.Role) {
			if successor := confirming[claim{m.Shard(), m.Role}]; successor != nil {
				m.Successor, m.Role = successor, ""
			}
		}
		m.LabelAgrees = m.labelAgrees()
	}
}

// A claim is a role in a shard, which has one primary and one backup.
type claim struct{ shard, role string }

// roleOf returns the role of a member by its label and IRIS's answer, and
// whether IRIS said so. A label primary or backup counts unless the answer is
// conclusive; any other label, which IRIS has no word for, counts unless IRIS
// says primary or backup.
func roleOf(label string, a iris.Answer) (role string, confirmed bool) {
	if role := a.Role(); role != "" {
		return role, true
	}
	if a.Contradicts(label) || isFailoverRole(label) && !isUnsaid(a, label) {
		return "", false
	}
	return label, false
}

// LeavesOpen reports whether IRIS's answer leaves open whether the member has a
// role.
func (m *Member) LeavesOpen(role string) bool { return isUnsaid(m.Said(), role) }

// isUnsaid reports whether the answer leaves open whether the pod has a role.
func isUnsaid(a iris.Answer, role string) bool {
	switch role {
	case iris.MirrorPrimary:
		return a.IsPrimary() == iris.Unknown
	case iris.MirrorBackup:
		return a.IsBackup() == iris.Unknown
	}
	return false
}

func isFailoverRole(label string) bool {
	return label == iris.MirrorPrimary || label == iris.MirrorBackup
}

// failover reports whether a data pod is a failover member: as IRIS says its
// member type, else by a label primary or backup, else by its ordinal. In a
// mirror, ordinals 0 and 1 are the failover members unless the user's mirrorMap
// differs; later ones are async (CPF reference, ConfigMirror Map).
func failover(pod *iris.Pod, a iris.Answer) iris.Fact {
	if said := a.IsFailover(); said != iris.Unknown {
		return said
	}
	return iris.FactOf(isFailoverRole(pod.MirrorRole()) || pod.Ordinal() == 0 || pod.Ordinal() == 1)
}
