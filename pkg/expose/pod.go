package expose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// PodRequest asks for a Service that leads to one pod.
type PodRequest struct {
	Options
	Pod iris.Pod
}

// Pod plans a Service that leads to one pod and stays with it, whatever role
// the pod takes. Of the facts, the pods of the cluster are not needed.
func Pod(r PodRequest, f Facts) (Plan, error) {
	if err := r.Validate(); err != nil {
		return Plan{}, err
	}
	if err := isIRIS(r.Pod); err != nil {
		return Plan{}, err
	}
	if r.Pod.Labels[iris.LabelPodName] == "" {
		return Plan{}, problem.New("pod %q (namespace %q) carries no label %s, so no selector leads to it alone", r.Pod.Name, f.Namespace, iris.LabelPodName).
			Hint("the StatefulSet controller sets the label; delete the pod to have it made anew")
	}
	f.Cluster.Name = r.Pod.Cluster()
	f.Pods = []iris.Pod{r.Pod}
	target := view.Target{
		Kind:      view.TargetPod,
		Cluster:   r.Pod.Cluster(),
		Component: r.Pod.Component(),
		Pod:       r.Pod.Name,
	}
	plan, err := draft{
		options:  r.Options,
		facts:    f,
		target:   target,
		name:     defaultName(target, r.Pod.ShortName()),
		selector: podSelector(r.Pod),
		fixed: map[string]string{
			iris.LabelPodName:    "the Service is for this one pod",
			iris.LabelMirrorRole: "a pod's Service would go empty at the next failover; expose-sidecar --role follows a role",
		},
		backend:    func([]iris.Pod) backend { return single(r.Pod, f.Cluster) },
		candidates: f.Pods,
	}.plan()
	if err != nil {
		return Plan{}, err
	}
	if r.Pod.MirrorRole() == iris.MirrorBackup {
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("pod %q is labelled backup now: while it is one, running application code there is not supported by InterSystems (GHA_mirror_set)", r.Pod.Name))
	}
	return plan, nil
}

// podSelector names the pod and those of its labels that never change. The
// mirror role is not among them: the Service would go empty at a failover.
func podSelector(p iris.Pod) map[string]string {
	selector := map[string]string{}
	for _, key := range []string{iris.LabelComponent, iris.LabelKind, iris.LabelName, iris.LabelRole, iris.LabelPodName} {
		if value, ok := p.Labels[key]; ok {
			selector[key] = value
		}
	}
	return selector
}

// FindPod finds a pod by its full name or by the part after its cluster's name
// (data-0-1). A full name goes before a short one.
func FindPod(namespace, name string, pods []iris.Pod) (iris.Pod, error) {
	var found []iris.Pod
	for _, p := range pods {
		switch {
		case p.Name == name:
			return p, isIRIS(p)
		case iris.IsIRIS(p.Labels) && p.ShortName() == name:
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return iris.Pod{}, problem.New("no pod of an IrisCluster is named %q in namespace %q", name, namespace).
			Hint("%s", available(pods))
	}
	names := podNames(found)
	slices.Sort(names)
	return iris.Pod{}, problem.New("%q names several pods in namespace %q: %s", name, namespace, strings.Join(names, ", ")).
		Hint("give the pod's full name")
}

func available(pods []iris.Pod) string {
	names := podNames(pods)
	if len(names) == 0 {
		return "there is none; kubectl iris status -A shows the clusters of all namespaces"
	}
	slices.Sort(names)
	return "there are " + bounded(names)
}

func isIRIS(p iris.Pod) error {
	if iris.IsIRIS(p.Labels) {
		return nil
	}
	return problem.New("pod %q (namespace %q) is not one of an IrisCluster", p.Name, p.Namespace).
		Hint("its label %s is not %s; kubectl expose takes any pod", iris.LabelKind, iris.Kind)
}
