package expose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/endpoints"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A RoleCheck holds what IRIS says in the pods behind a Service for a role.
type RoleCheck struct {
	plan Plan
	// behind are the members that the Service selects, and others the rest of
	// the shard, if they were asked.
	behind, others []*cluster.Member
}

// CheckRole joins a plan for a role with what IRIS said in the cluster's pods.
func CheckRole(plan Plan, f Facts) RoleCheck {
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

// AskOf returns the pods of a cluster in which IRIS is to be asked about a plan:
// those that its Service selects or, to find where the role is instead, all data
// pods of the shard.
func AskOf(plan Plan, pods []iris.Pod, all bool) []iris.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool {
		return !inShard(p, plan.Target) || !all && !cluster.Selects(plan.Service.Spec.Selector, p)
	})
}

// Notes returns of each pod whether the Service selects it and whether IRIS
// confirms the role.
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

// reached says whether the Service reaches a pod that it selects.
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

// Warnings returns which pods do not have the role, whatever their label.
func (c RoleCheck) Warnings() []string {
	var warnings []string
	for _, m := range c.behind {
		if c.isContradicted(m) {
			warnings = append(warnings, fmt.Sprintf("service %q selects pod %q, which is labelled %s, but IRIS says %s: kubectl iris relabel %s -n %s sets the labels as IRIS says",
				c.plan.Service.Name, m.Name, m.MirrorRole(), saying(m), c.plan.Target.Cluster, c.plan.Service.Namespace))
		}
	}
	return warnings
}

// Contradiction returns the error of a Service that would select a pod which
// does not have the role; nil if IRIS contradicts no label.
func (c RoleCheck) Contradiction() error {
	service, target := c.plan.Service, c.plan.Target
	for _, m := range c.behind {
		if !c.isContradicted(m) {
			continue
		}
		return problem.New("service %q in namespace %q is not applied: it would select pod %q, which is labelled %s, but IRIS says %s",
			service.Name, service.Namespace, m.Name, m.MirrorRole(), saying(m)).
			Hint("%s, whatever the labels say; kubectl iris relabel %s -n %s sets the labels as IRIS says", c.instead(), target.Cluster, service.Namespace)
	}
	return nil
}

// instead returns the way to the pod that does have the role.
func (c RoleCheck) instead() string {
	var have []string
	for _, m := range slices.Concat(c.behind, c.others) {
		if c.isConfirmed(m) {
			have = append(have, m.Name)
		}
	}
	if len(have) == 1 {
		return fmt.Sprintf("kubectl iris expose-pod %s -n %s exposes the %s", have[0], c.plan.Service.Namespace, c.plan.Target.Role)
	}
	return fmt.Sprintf("kubectl iris expose-pod POD -n %s exposes one pod", c.plan.Service.Namespace)
}

// Unverified returns why --verify could not verify the role; "" if it could.
func (c RoleCheck) Unverified() string {
	var open []string
	for _, m := range c.behind {
		if !c.isConfirmed(m) && !c.isContradicted(m) {
			open = append(open, fmt.Sprintf("%q", m.Name))
		}
	}
	switch {
	case len(c.behind) == 0:
		return fmt.Sprintf("nothing is verified: no pod is labelled %s now", c.plan.Target.Role)
	case len(open) > 0:
		return "the role is not verified in pod " + strings.Join(open, ", ")
	}
	return ""
}
