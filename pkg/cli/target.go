package cli

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// targetFlags narrow a cluster to the pod that a command reaches.
type targetFlags struct{ role, shard string }

func (f *targetFlags) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&f.role, "role", "", "Reach the pod that holds this mirror role: primary, backup, or another that a pod carries.")
	flags.StringVar(&f.shard, "shard", "", "Shard of the data node, where there are several.")
}

// targetHelp is the part of each command's help that says what a target is.
const targetHelp = `
			The target is a cluster with --role, or a pod by its name or the part
			after its cluster's (data-0-1). Without any it is the only sensible one:
			the primary of the only cluster, or its only data pod. IRIS itself is
			asked who holds a role, and where it does not answer the label
			intersystems.com/mirrorRole decides.`

// followRights is the part of a command's help that names what finding and
// following a target needs.
const followRights = `list and watch pods, list irisclusters.intersystems.com, and
			to ask IRIS who holds a role create pods/exec`

// found is a target, and what was read to find it.
type found struct {
	reach.Target
	pods    []iris.Pod
	answers reach.Answers
	// holder is the pod that the target means now.
	holder reach.Holder
}

// find finds the pod that a command is to reach. Who holds a role is asked of
// IRIS.
func (s *session) find(ctx context.Context, client *kube.Client, f targetFlags, name string) (found, error) {
	reading, cancel := s.bounded(ctx)
	defer cancel()
	facts, request, err := s.targetFacts(reading, client, f, name)
	if err != nil {
		return found{}, err
	}
	target, err := reach.Choose(request, facts)
	if err != nil {
		return found{}, err
	}
	t := found{Target: target, pods: facts.Pods, answers: reach.Answers{}}
	if target.Role != "" {
		for _, answer := range client.Ask(reading, []iris.Cluster{target.Cluster}, target.Members(facts.Pods)) {
			t.answers[answer.UID] = answer
		}
	}
	t.holder, err = target.Find(t.pods, t.answers)
	return t, err
}

// targetFacts reads what a target is chosen from.
func (s *session) targetFacts(ctx context.Context, client *kube.Client, f targetFlags, name string) (reach.Facts, reach.Request, error) {
	request := reach.Request{Name: name, Role: f.role, Shard: f.shard}
	var err error
	if request.Namespace, err = s.namespace(); err != nil {
		return reach.Facts{}, request, err
	}
	snapshot, err := client.ClustersAndPods(ctx, request.Namespace)
	if err != nil {
		return reach.Facts{}, request, err
	}
	if err := needs(snapshot, "pods"); err != nil {
		return reach.Facts{}, request, err
	}
	return reach.Facts{
		Clusters:     snapshot.Clusters,
		ClustersRead: !snapshot.Lacks(iris.Resource),
		Pods:         snapshot.Pods,
	}, request, nil
}

// who names the pod that was found, and what it is: pod "simple-data-0-1", the
// backup of IrisCluster "simple" as IRIS says.
func (t found) who() string {
	if t.Role == "" {
		return fmt.Sprintf("pod %q", t.holder.Name)
	}
	return fmt.Sprintf("pod %q, %s %s", t.holder.Name, t.Target, t.holder.Why())
}

// warnings are what a user has to know of the pod.
func (t found) warnings() []string {
	var lines []string
	if answer := t.answers[t.holder.UID]; answer.Source != iris.FromQlist && t.Role != "" {
		if why := answer.Why(); why != "" {
			lines = append(lines, fmt.Sprintf("IRIS could not be asked in pod %q: %s", t.holder.Name, why))
		}
	}
	return lines
}

// note prints a line about what the command does on stderr.
func (s *session) note(format string, args ...any) {
	render.Note(s.Err, fmt.Sprintf(format, args...))
}

// warn prints a warning for each line on stderr.
func (s *session) warn(lines ...string) {
	for _, line := range lines {
		render.Warning(s.Err, line)
	}
}

// lost warns that the API server stopped answering a watch.
func (s *session) lost(err error) { s.warn(lostWords(err)) }

func lostWords(err error) string { return fmt.Sprintf("%v; trying again", err) }
