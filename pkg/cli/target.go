package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// targetFlags narrow a cluster to the pod that a command reaches.
type targetFlags struct{ role, shard string }

func (f *targetFlags) addTo(cmd *cobra.Command, s *factory) {
	flags := cmd.Flags()
	flags.StringVar(&f.role, "role", "", "Reach the pod that holds this mirror role: primary, backup, or another that a pod carries.")
	flags.StringVar(&f.shard, "shard", "", "Shard of the data node, where there are several.")
	completeFlag(cmd, "role", s.complete(completeRoles))
	completeFlag(cmd, "shard", s.complete(completeShards))
}

// targetHelp is the part of each command's help that says what a target is.
const targetHelp = `
			The target is a cluster with --role, or a pod by its name or the part
			after its cluster's (data-0-1). Without any it is the only sensible one:
			the primary of the only cluster, or its only data pod. IRIS itself is
			asked which pod has a role, and if it does not answer, the label
			intersystems.com/mirrorRole decides.`

// followRights is the part of a command's help that names what finding and
// following a target needs.
const followRights = `list and watch pods, list irisclusters.intersystems.com, and
			to ask IRIS which pod has a role create pods/exec, or get pods/proxy (its
			metrics or mirror_status.cxw suffice)`

// found is a target, and what was read to find it.
type found struct {
	reach.Target
	pods    []iris.Pod
	answers cluster.Answers
	// pod is the pod that the target means now.
	pod reach.TargetPod
}

// find returns the pod that a command is to reach. IRIS is asked which pod has a
// role.
func (s *factory) find(ctx context.Context, client *connection, f targetFlags, name string) (found, error) {
	reading, cancel := s.bounded(ctx)
	defer cancel()
	namespace, request, err := s.targetFacts(reading, client, f, name)
	if err != nil {
		return found{}, err
	}
	target, err := reach.Choose(request, namespace)
	if err != nil {
		return found{}, err
	}
	if target.ByShortName {
		if err := s.ruleOut(reading, client, request.Name, namespace.Name, target.Pod); err != nil {
			return found{}, err
		}
	}
	t := found{Target: target, pods: namespace.Pods, answers: cluster.Answers{}}
	if target.Role != "" {
		t.answers = cluster.AnswersOf(client.Ask(reading, target.Clusters(), target.Members(t.pods)))
	}
	if member, ok := target.OnlyAsync(t.pods, t.answers); ok {
		s.note("no failover member of IrisCluster %q is here, its primary is elsewhere; pod %q is used, its only async member", target.Cluster.Name, member.Pod)
		t.Target = member
	}
	t.pod, err = t.Resolve(t.pods, t.answers)
	return t, err
}

// ruleOut returns an error if a name, which was taken for the short name of pod,
// is the full name of a pod that belongs to no IrisCluster. If that may not be
// read, a warning says which pod is used.
func (s *factory) ruleOut(ctx context.Context, client *connection, name, namespace, pod string) error {
	other, err := client.Pod(ctx, namespace, name)
	if err != nil {
		s.warn(fmt.Sprintf("%q is taken for pod %q; whether there is a pod of that full name is not known: %v", name, pod, err))
		return nil
	}
	return cluster.RuleOut(other, pod)
}

// targetFacts reads what a target is chosen from.
func (s *factory) targetFacts(ctx context.Context, client *connection, f targetFlags, name string) (cluster.Namespace, reach.Request, error) {
	request := reach.Request{Name: name, Role: f.role, Shard: f.shard}
	var err error
	if request.Namespace, err = s.namespace(); err != nil {
		return cluster.Namespace{}, request, err
	}
	snapshot, err := client.ClustersAndPods(ctx, request.Namespace)
	if err != nil {
		return cluster.Namespace{}, request, err
	}
	if err := needs(snapshot, "pods"); err != nil {
		return cluster.Namespace{}, request, err
	}
	return cluster.Namespace{
		Name:         request.Namespace,
		Clusters:     snapshot.Clusters,
		ClustersRead: !snapshot.Lacks(iris.Resource),
		Pods:         snapshot.Pods,
	}, request, nil
}

// who names the pod that was found, and what it is: pod "simple-data-0-1", the
// backup of IrisCluster "simple" as IRIS says.
func (t found) who() string {
	if t.Role == "" {
		return fmt.Sprintf("pod %q", t.pod.Name)
	}
	return fmt.Sprintf("pod %q, %s %s", t.pod.Name, t.Target, t.pod.Why())
}

// warnings returns what a user has to know of the pod: why IRIS did not confirm
// the role that its label gives it.
func (t found) warnings() []string {
	answer := t.answers[t.pod.UID]
	why := answer.Why()
	if why == "" && answer.Source != iris.NoAnswer {
		why = "it says " + answer.Text()
	}
	if t.Role == "" || t.pod.Source != iris.NoAnswer || why == "" {
		return nil
	}
	return []string{fmt.Sprintf("the role is read from the label of pod %q, IRIS does not confirm it: %s", t.pod.Name, why)}
}

// note prints a line about what the command does on stderr.
func (s *factory) note(format string, args ...any) { s.Note(fmt.Sprintf(format, args...)) }

// warn prints a warning for each line on stderr.
func (s *factory) warn(lines ...string) {
	for _, line := range lines {
		s.Warn(line)
	}
}

// lost warns that the API server stopped answering a watch.
func (s *factory) lost(err error) { s.warn(lostWords(err)) }

func lostWords(err error) string { return fmt.Sprintf("%v; trying again", err) }
