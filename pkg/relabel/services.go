package relabel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// Effects returns a line for each Service that selects other pods of the cluster
// after the plan than before it: those whose selector has the role label.
func (p Plan) Effects(services []corev1.Service) []string {
	var lines []string
	for i := range services {
		s := &services[i]
		if _, byRole := s.Spec.Selector[iris.LabelMirrorRole]; !byRole || s.Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		before, after := p.selected(s.Spec.Selector, false), p.selected(s.Spec.Selector, true)
		if before != after {
			lines = append(lines, fmt.Sprintf("service %q selects: %s -> %s", s.Name, before, after))
		}
	}
	slices.Sort(lines)
	return lines
}

// selected returns the pods that a selector matches, before or after the plan.
func (p Plan) selected(selector map[string]string, after bool) string {
	var names []string
	for _, m := range p.cluster.Members {
		pod := *m.Pod
		if after {
			pod.Labels = p.labelsAfter(pod)
		}
		if cluster.Selects(selector, pod) {
			names = append(names, pod.Name+stateOf(pod))
		}
	}
	if len(names) == 0 {
		return "no pod"
	}
	return strings.Join(names, ", ")
}

// stateOf returns why a Service does not reach a pod that it selects.
func stateOf(pod iris.Pod) string {
	switch {
	case pod.Deleting:
		return " (is being deleted)"
	case !pod.Ready:
		return " (not ready)"
	}
	return ""
}

func (p Plan) labelsAfter(pod iris.Pod) map[string]string {
	labels := maps.Clone(pod.Labels)
	for _, c := range p.Changes {
		if c.Pod.UID != pod.UID {
			continue
		}
		if c.To == "" {
			delete(labels, iris.LabelMirrorRole)
		} else {
			labels[iris.LabelMirrorRole] = c.To
		}
	}
	return labels
}
