package expose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/endpoints"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A RoleCheck holds what IRIS says in the pods that a Service for a role selects.
type RoleCheck struct {
	plan Plan
	// selected are the members that the Service selects, others the rest of the
	// shard, if they were asked.
	selected, others []*cluster.Member
}

// NewRoleCheck joins a plan for a role with what IRIS said in the cluster's pods.
func NewRoleCheck(plan Plan, f Facts) RoleCheck {
	check := RoleCheck{plan: plan}
	for _, m := range f.model().Members {
		switch {
		case m.Deleting || !inShard(*m.Pod, plan.Target):
		case cluster.Selects(plan.Service.Spec.Selector, *m.Pod):
			check.selected = append(check.selected, m)
		default:
			check.others = append(check.others, m)
		}
	}
	return check
}

func inShard(pod iris.Pod, t view.Target) bool { return t.Shard == "" || pod.Shard() == t.Shard }

// PodsToAsk returns the pods in which IRIS is asked about a plan: those that its
// Service selects or, if all, every data pod of the shard, to find the one that has
// the role instead.
func PodsToAsk(plan Plan, pods []iris.Pod, all bool) []iris.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool {
		return !inShard(p, plan.Target) || !all && !cluster.Selects(plan.Service.Spec.Selector, p)
	})
}

// Notes returns a line for each pod whose role is not contradicted: whether the
// Service reaches it and whether IRIS confirms its role.
func (c RoleCheck) Notes() []string {
	var notes []string
	for _, m := range c.selected {
		if !c.isContradicted(m) {
			notes = append(notes, c.reached(m)+c.confirmation(m))
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

// confirmation returns whether IRIS confirms a role that it does not contradict.
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

// contradiction returns the answer that contradicts a member's role: its own, or its
// successor's.
func contradiction(m *cluster.Member) string {
	if m.Successor != nil {
		return fmt.Sprintf("%s in %q", m.Successor.Said().Text(), m.Successor.Name)
	}
	return m.Said().Text()
}

// Contradictions returns a sentence for each pod that the Service selects although
// it does not have the role, whatever its label.
func (c RoleCheck) Contradictions() []string {
	var lines []string
	for _, m := range c.selected {
		if c.isContradicted(m) {
			lines = append(lines, fmt.Sprintf("pod %q, which is labelled %s, but IRIS says %s", m.Name, m.MirrorRole(), contradiction(m)))
		}
	}
	return lines
}

// Has returns the only pod in which IRIS confirms the role; empty if none or several.
func (c RoleCheck) Has() string {
	confirmed := slices.DeleteFunc(slices.Concat(c.selected, c.others), func(m *cluster.Member) bool { return !c.isConfirmed(m) })
	if len(confirmed) != 1 {
		return ""
	}
	return confirmed[0].Name
}

// Unverified returns why the role was neither confirmed nor contradicted, or "".
func (c RoleCheck) Unverified() string {
	var open []string
	for _, m := range c.selected {
		if !c.isConfirmed(m) && !c.isContradicted(m) {
			open = append(open, strconv.Quote(m.Name))
		}
	}
	switch {
	case len(c.selected) == 0:
		return fmt.Sprintf("the role is not verified: no pod is labelled %s", c.plan.Target.Role)
	case len(open) > 0:
		return "the role is not verified in pod " + strings.Join(open, ", ")
	}
	return ""
}
