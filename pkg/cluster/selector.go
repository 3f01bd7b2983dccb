package cluster

import (
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// Selector returns the selector of a Service as the API server understands it:
// a pod must carry each of the keys, and a missing key is not the empty value.
// A Service without a selector selects no pod.
func Selector(selector map[string]string) labels.Selector {
	if len(selector) == 0 {
		return labels.Nothing()
	}
	return labels.SelectorFromSet(selector)
}

// Selects reports whether a Service with the selector selects the pod.
func Selects(selector map[string]string, pod iris.Pod) bool {
	return Selector(selector).Matches(labels.Set(pod.Labels))
}

// Selected returns those of the pods that a Service with the selector selects.
func Selected(selector map[string]string, pods []iris.Pod) []iris.Pod {
	s := Selector(selector)
	var selected []iris.Pod
	for _, pod := range pods {
		if s.Matches(labels.Set(pod.Labels)) {
			selected = append(selected, pod)
		}
	}
	return selected
}
