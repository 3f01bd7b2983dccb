package expose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/endpoints"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A RoleCheck holds what IRIS says in the pods behind a Service for a role.
type RoleCheck struct {
	plan Plan
	// behind are the members that the Service selects, and others the rest of
	// the shard, if they were asked.
	behind, others []*cluster.Member
}

// NewRoleCheck joins a plan for a role with what IRIS said in the cluster's pods.
func NewRoleCheck(plan Plan, f Facts) RoleCheck {
	check := RoleCheck{plan: plan}
	for _, m := range f.model().Members {
		switch {
		case m.Deleting || !inShard(*m.Pod, plan.Target):
		case cluster.Selects(plan.Service.Spec.Selector, *m.Pod):
			check.behind = append(check.behind, m)
		default:
			check.others = append(check.others, m)
		}
	}
	return check
}

func inShard(pod iris.Pod, t view.Target) bool { return t.Shard == "" || pod.Shard() == t.Shard }

// PodsToAsk returns the pods of a cluster in which IRIS is asked about a plan: those
// that its Service selects or, if all, to find where the role is instead, all data
// pods of the shard.
func PodsToAsk(plan Plan, pods []iris.Pod, all bool) []iris.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool {
		return !inShard(p, plan.Target) || !all && !cluster.Selects(plan.Service.Spec.Selector, p)
	})
}

// Notes returns a line for each pod that the Service selects, which says whether
// the Service reaches it and whether IRIS confirms its role.
func (c RoleCheck) Notes() []string {
	var notes []string
	for _, m := range c.behind {
		reached := c.reached(m)
		if !c.isContradicted(m) {
			notes = append(notes, reached+c.confirmation(m))
		}
	}
	return notes
}

// reached returns whether the Service reaches a pod that it selects.
func (c RoleCheck) reached(m *cluster.Member) string {
	service, pods := c.plan.Service, []iris.Pod{*m.Pod}
	switch undeclared := endpoints.Undeclared(service.Spec.Ports, pods); {
	case len(undeclared) > 0:
		return fmt.Sprintf("service %q selects pod %q, but %s", service.Name, m.Name, endpoints.NoneDeclares(undeclared, pods))
	case !m.Ready && !service.Spec.PublishNotReadyAddresses:
		return fmt.Sprintf("service %q reaches pod %q once it is ready", service.Name, m.Name)
	}
	return fmt.Sprintf("service %q reaches pod %q", service.Name, m.Name)
}

// isContradicted reports whether IRIS says that a member does not have the role
// that the Service selects it for.
func (c RoleCheck) isContradicted(m *cluster.Member) bool {
	return m.Said().Contradicts(c.plan.Target.Role) || m.Successor != nil && m.MirrorRole() == c.plan.Target.Role
}

func (c RoleCheck) isConfirmed(m *cluster.Member) bool {
	return m.Confirmed && m.Role == c.plan.Target.Role
}

// confirmation returns what IRIS makes of a role that it does not contradict.
func (c RoleCheck) confirmation(m *cluster.Member) string {
	role, answer := c.plan.Target.Role, m.Said()
	switch {
	case c.isConfirmed(m):
		return fmt.Sprintf(", and IRIS confirms the role %s: it says %s", role, answer.Text())
	case answer.Source == iris.NoAnswer:
		return fmt.Sprintf("; whether IRIS confirms the role %s is not known: %s", role, answer.Why())
	}
	return fmt.Sprintf("; IRIS says %s, which does not confirm the role %s", answer.Text(), role)
}

// saying returns who contradicts the role of a member: IRIS in it, or in its
// successor.
func saying(m *cluster.Member) string {
	if m.Successor != nil {
		return fmt.Sprintf("%s in %q", m.Successor.Said().Text(), m.Successor.Name)
	}
	return m.Said().Text()
}

// Contradictions returns a sentence for each pod that the Service selects although
// it does not have the role, whatever its label.
func (c RoleCheck) Contradictions() []string {
	var lines []string
	for _, m := range c.behind {
		if c.isContradicted(m) {
			lines = append(lines, fmt.Sprintf("pod %q, which is labelled %s, but IRIS says %s", m.Name, m.MirrorRole(), saying(m)))
		}
	}
	return lines
}

// Has returns the only pod in which IRIS confirms the role; empty if there is none
// or several.
func (c RoleCheck) Has() string {
	var have []string
	for _, m := range slices.Concat(c.behind, c.others) {
		if c.isConfirmed(m) {
			have = append(have, m.Name)
		}
	}
	if len(have) != 1 {
		return ""
	}
	return have[0]
}

// Unverified returns why the role could not be verified; empty if it was, or if it is
// contradicted.
func (c RoleCheck) Unverified() string {
	var open []string
	for _, m := range c.behind {
		if !c.isConfirmed(m) && !c.isContradicted(m) {
			open = append(open, fmt.Sprintf("%q", m.Name))
		}
	}
	switch {
	case len(c.behind) == 0:
		return fmt.Sprintf("the role is not verified: no pod is labelled %s", c.plan.Target.Role)
	case len(open) > 0:
		return "the role is not verified in pod " + strings.Join(open, ", ")
	}
	return ""
}
