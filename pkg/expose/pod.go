package expose

import (
	"fmt"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A PodRequest asks for Services for one pod each.
type PodRequest struct{ options Options }

// NewPodRequest returns the request for a Service for one pod or, if several, for one
// Service for each. It returns a usage error for what is wrong for any pod.
func NewPodRequest(o Options, several bool) (PodRequest, error) {
	switch {
	case several && o.Name != "":
		return PodRequest{}, problem.Usage("%s requires exactly one pod", fieldName).Hint("omit %s to give each Service its default name", fieldName)
	case several && o.NodePort != 0:
		return PodRequest{}, problem.Usage("%s requires exactly one pod: two Services cannot have the same", fieldNodePort).
			Hint("omit %s to have a node port assigned to each Service", fieldNodePort)
	}
	return PodRequest{o}, o.validate()
}

// NeedsForeign reports whether Facts must hold the pods of other clusters.
func (r PodRequest) NeedsForeign() bool { return r.options.needsForeign() }

// Pod plans a Service for one pod, whatever role the pod takes. The facts need not
// have the cluster's pods.
func Pod(r PodRequest, pod iris.Pod, f Facts) (Plan, error) {
	if err := cluster.IsOfCluster(pod); err != nil {
		return Plan{}, err
	}
	if pod.Labels[iris.LabelPodName] == "" {
		return Plan{}, problem.New("pod %q in namespace %q has no label %s, so no selector selects it alone", pod.Name, f.Namespace, iris.LabelPodName).
			Hint("the StatefulSet controller sets the label; delete the pod to have it recreated")
	}
	f.Cluster.Name = pod.Cluster()
	f.Pods = []iris.Pod{pod}
	target := view.Target{
		Kind:      view.TargetPod,
		Cluster:   pod.Cluster(),
		Component: pod.Component(),
		Pod:       pod.Name,
	}
	plan, err := draft{
		options:  r.options,
		facts:    f,
		target:   target,
		name:     defaultName(target, pod.ShortName()),
		selector: podSelector(pod),
		fixed: map[string]error{
			iris.LabelPodName:    problem.New("the Service is for this one pod"),
			iris.LabelMirrorRole: problem.New("the Service of a pod would have no endpoint after the next failover; that of a role's sidecar follows the role"),
		},
		backend:    func([]iris.Pod) backend { return single(pod, f.Cluster) },
		candidates: f.Pods,
	}.plan()
	if err != nil {
		return Plan{}, err
	}
	if pod.MirrorRole() == iris.MirrorBackup {
		plan.warnings = append(plan.warnings, fmt.Sprintf("pod %q is labelled backup: InterSystems does not support running application code on a backup (GHA_mirror_set)", pod.Name))
	}
	return plan, nil
}

// podSelector returns the pod's name and those of its labels that never change.
// The mirror role is not among them: a failover would leave no endpoint.
func podSelector(p iris.Pod) map[string]string {
	selector := map[string]string{}
	for _, key := range []string{iris.LabelComponent, iris.LabelKind, iris.LabelName, iris.LabelRole, iris.LabelPodName} {
		if value, ok := p.Labels[key]; ok {
			selector[key] = value
		}
	}
	return selector
}
