// Package instances has the use cases that reach an instance without a Service:
// forwarded ports, the portal, a session and logs.
package instances

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// A TargetCluster is what it takes to find a target.
type TargetCluster interface {
	action.NamespaceReader
	action.PodReader
	action.Asker
}

// A target is a reach.Target, and what was read to find it.
type target struct {
	reach.Target
	pods    []iris.Pod
	answers cluster.Answers
	// pod is the pod that the target means now.
	pod reach.TargetPod
}

// findTarget returns the target that a request means. IRIS is asked which pod has
// a role.
func findTarget(ctx context.Context, c action.Config, client TargetCluster, r reach.Request) (target, error) {
	ctx, cancel := c.WithTimeout(ctx)
	defer cancel()
	namespace, _, err := action.ReadNamespace(ctx, client, r.Namespace())
	if err != nil {
		return target{}, err
	}
	chosen, err := reach.Choose(r, namespace)
	if err != nil {
		return target{}, explained(err)
	}
	if chosen.ByShortName {
		if err := c.RuleOut(ctx, client, r.Namespace(), r.Name(), chosen.Pod); err != nil {
			return target{}, err
		}
	}
	t := target{Target: chosen, pods: namespace.Pods, answers: cluster.Answers{}}
	if chosen.Role != "" {
		t.answers = cluster.AnswersOf(client.Ask(ctx, chosen.Clusters(), chosen.Members(t.pods)))
	}
	if member, ok := chosen.OnlyAsync(t.pods, t.answers); ok {
		c.Notef("no failover member of IrisCluster %q is here, its primary is elsewhere; pod %q is used, its only async member", chosen.Cluster.Name, member.Pod)
		t.Target = member
	}
	t.pod, err = t.Resolve(t.pods, t.answers)
	return t, explained(err)
}

// explained adds to an error of package reach the command that shows or does more.
func explained(err error) error {
	var unresolved reach.Unresolved
	var stopped reach.Stopped
	switch {
	case errors.As(err, &unresolved) && unresolved.Cluster == "":
		return problem.New("%w", err).Hint("this namespace has none; kubectl iris status -A shows those of all namespaces")
	case errors.As(err, &unresolved):
		hint := fmt.Sprintf("kubectl iris status %s -n %s shows each pod and its role", unresolved.Cluster, unresolved.Namespace)
		if more := problem.HintOf(err); more != "" {
			hint = more + "; " + hint
		}
		return problem.New("%w", err).Hint("%s", hint)
	case errors.As(err, &stopped) && stopped.Own != 0:
		return problem.New("%w", err).
			Hint("kubectl iris port-forward %s 8080:%d -n %s reaches the web port of IRIS itself", stopped.Pod.ShortName(), stopped.Own, stopped.Pod.Namespace)
	}
	return err
}

// who names the pod that was found, and what it is: pod "simple-data-0-1", backup
// of IrisCluster "simple" as IRIS says.
func (t target) who() string {
	if t.Role == "" {
		return fmt.Sprintf("pod %q", t.pod.Name)
	}
	return fmt.Sprintf("pod %q, %s %s", t.pod.Name, t.Target, t.pod.Why())
}

// unconfirmed returns why IRIS does not confirm the role that only the pod's label
// gives it; "" if there is no more to say.
func (t target) unconfirmed() string {
	if t.Role == "" || t.pod.Source != iris.NoAnswer {
		return ""
	}
	answer := t.answers[t.pod.UID]
	why := answer.Why()
	if why == "" && answer.Source != iris.NoAnswer {
		why = "it says " + answer.Text()
	}
	return why
}
