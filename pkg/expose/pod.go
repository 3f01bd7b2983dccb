package expose

import (
	"fmt"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
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
	if err := cluster.IsOfCluster(r.Pod); err != nil {
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
