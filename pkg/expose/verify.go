package expose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// RoleCheck holds what IRIS says in the pods behind a Service for a role.
type RoleCheck struct {
	plan Plan
	// behind are the pods that the Service leads to, or will when they are
	// ready.
	behind []answered
	// others are the data pods that it does not select, where they were asked.
	others []answered
}

// answered is a pod with IRIS's answer, whose zero value is none.
type answered struct {
	pod    iris.Pod
	answer iris.Answer
}

// CheckRole joins a plan for a role with what IRIS said in the cluster's pods.
func CheckRole(plan Plan, pods []iris.Pod, answers []iris.Answer) RoleCheck {
	c := RoleCheck{plan: plan}
	for _, pod := range pods {
		if pod.Component() != iris.ComponentData || pod.Deleting || !inShard(pod, plan.Target) {
			continue
		}
		a := answered{pod: pod}
		if i := slices.IndexFunc(answers, func(a iris.Answer) bool { return a.Pod == pod.Name && a.UID == pod.UID }); i >= 0 {
			a.answer = answers[i]
		}
		if cluster.Selects(plan.Service.Spec.Selector, pod) {
			c.behind = append(c.behind, a)
		} else {
			c.others = append(c.others, a)
		}
	}
	return c
}

func inShard(pod iris.Pod, t view.Target) bool { return t.Shard == "" || pod.Shard() == t.Shard }

// AskOf are the pods of a cluster in which IRIS is to be asked about a plan:
// those that its Service leads to, or, to tell where the role is instead, all
// data pods of the shard.
func AskOf(plan Plan, pods []iris.Pod, all bool) []iris.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool {
		return !inShard(p, plan.Target) || !all && !cluster.Selects(plan.Service.Spec.Selector, p)
	})
}

// Notes say of each pod whether the Service reaches it and whether IRIS
// confirms the role.
func (c RoleCheck) Notes() []string {
	var notes []string
	for _, p := range c.behind {
		reached := fmt.Sprintf("service %q reaches pod %q", c.plan.Service.Name, p.pod.Name)
		if !p.pod.Ready && !c.plan.Service.Spec.PublishNotReadyAddresses {
			reached = fmt.Sprintf("service %q reaches pod %q once it is ready", c.plan.Service.Name, p.pod.Name)
		}
		if !p.answer.Contradicts(c.plan.Target.Role) {
			notes = append(notes, reached+c.confirmed(p))
		}
	}
	return notes
}

// confirmed says what IRIS makes of a role that it does not contradict.
func (c RoleCheck) confirmed(p answered) string {
	role := c.plan.Target.Role
	switch {
	case p.answer.Role() == role:
		return fmt.Sprintf(", and IRIS confirms the role %s: it says %s", role, p.answer.Text())
	case p.answer.Source == iris.NoAnswer:
		return fmt.Sprintf("; whether IRIS confirms the role %s is not known: %s", role, p.answer.Why())
	}
	return fmt.Sprintf("; IRIS says %s, which does not confirm the role %s", p.answer.Text(), role)
}

// Warnings say which pods do not hold the role, whatever their label.
func (c RoleCheck) Warnings() []string {
	var warnings []string
	for _, p := range c.behind {
		if p.answer.Contradicts(c.plan.Target.Role) {
			warnings = append(warnings, fmt.Sprintf("service %q leads to pod %q, which is labelled %s, but IRIS says %s: kubectl iris relabel %s -n %s sets the labels as IRIS says",
				c.plan.Service.Name, p.pod.Name, p.pod.MirrorRole(), p.answer.Text(), c.plan.Target.Cluster, c.plan.Service.Namespace))
		}
	}
	return warnings
}

// Contradiction is the error of a Service that would lead to a pod which does
// not hold the role; nil where IRIS contradicts no label.
func (c RoleCheck) Contradiction() error {
	service, target := c.plan.Service, c.plan.Target
	for _, p := range c.behind {
		if !p.answer.Contradicts(target.Role) {
			continue
		}
		return problem.New("service %q in namespace %q is not applied: it would lead to pod %q, which is labelled %s, but IRIS says %s",
			service.Name, service.Namespace, p.pod.Name, p.pod.MirrorRole(), p.answer.Text()).
			Hint("%s, whatever the labels say; kubectl iris relabel %s -n %s sets the labels as IRIS says", c.instead(), target.Cluster, service.Namespace)
	}
	return nil
}

// instead is the way to the pod that does hold the role.
func (c RoleCheck) instead() string {
	var holders []string
	for _, p := range slices.Concat(c.behind, c.others) {
		if p.answer.Role() == c.plan.Target.Role {
			holders = append(holders, p.pod.Name)
		}
	}
	if len(holders) == 1 {
		return fmt.Sprintf("kubectl iris expose-pod %s -n %s leads to the %s", holders[0], c.plan.Service.Namespace, c.plan.Target.Role)
	}
	return fmt.Sprintf("kubectl iris expose-pod POD -n %s leads to one pod", c.plan.Service.Namespace)
}

// Unverified says why --verify could not tell; "" where it could.
func (c RoleCheck) Unverified() string {
	var silent []string
	for _, p := range c.behind {
		if p.answer.Role() != c.plan.Target.Role && !p.answer.Contradicts(c.plan.Target.Role) {
			silent = append(silent, fmt.Sprintf("%q", p.pod.Name))
		}
	}
	switch {
	case len(c.behind) == 0:
		return fmt.Sprintf("nothing is verified: no pod is labelled %s now", c.plan.Target.Role)
	case len(silent) > 0:
		return "the role is not verified in pod " + strings.Join(silent, ", ")
	}
	return ""
}
