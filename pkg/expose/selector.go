package expose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// maxListed bounds how many names an error lists.
const maxListed = 5

// needsForeign reports whether the selector may select pods of the namespace's other
// clusters, which Facts must then hold.
func (o Options) needsForeign() bool {
	return slices.ContainsFunc(o.Selector, func(e Edit) bool { return e.Key == iris.LabelName })
}

// edited returns a selector after the user's edits. The keys of fixed cannot be
// changed, for the reasons in it; one of them is always present, so the selector
// cannot become empty.
func edited(selector map[string]string, edits []Edit, fixed map[string]error) (map[string]string, error) {
	selector = maps.Clone(selector)
	for _, e := range edits {
		value, present := selector[e.Key]
		if why, ok := fixed[e.Key]; ok && (!present || e.Value != value) {
			return nil, problem.Usage("invalid %s %q: this key cannot be changed", fieldSelector, e).Hint("%w", why)
		}
		switch {
		case !e.Remove:
			selector[e.Key] = e.Value
		case present:
			delete(selector, e.Key)
		default:
			return nil, problem.Usage("invalid %s %q: the selector has no such key", fieldSelector, e).
				Hint("its keys are %s", strings.Join(slices.Sorted(maps.Keys(selector)), ", "))
		}
	}
	return selector, nil
}

// guard returns a usage error if a selector selects pods of another cluster, and a
// warning if it selects none now, but may later.
func guard(selector map[string]string, f Facts) (warning string, err error) {
	own := f.Cluster.Name
	name, hasName := selector[iris.LabelName]
	if hasName && name == own {
		return "", nil
	}
	others := slices.DeleteFunc(slices.Concat(f.Pods, f.Foreign), func(p iris.Pod) bool { return p.Cluster() == own })
	anyRole := maps.Clone(selector)
	delete(anyRole, iris.LabelMirrorRole) // which any mirror member may come to have
	selected := iris.PodNames(matching(others, anyRole))
	switch {
	case len(selected) > 0:
		return "", keepCluster(own, problem.Usage("invalid %s: the Service would also select pods of another cluster than %s: %s",
			fieldSelector, f.cluster(), text.List(selected, maxListed)))
	case hasName:
		return "", keepCluster(own, problem.Usage("invalid %s \"%s=%s\": the Service would not select pods of %s",
			fieldSelector, iris.LabelName, name, f.cluster()))
	case slices.ContainsFunc(f.Pods, func(p iris.Pod) bool {
		return p.Cluster() == own && p.Labels[iris.LabelPodName] != "" && p.Labels[iris.LabelPodName] == selector[iris.LabelPodName]
	}):
		return "", nil
	}
	return fmt.Sprintf("the selector names neither a cluster nor a pod: the Service may come to select pods of other clusters than %s", f.cluster()), nil
}

func keepCluster(cluster string, err *problem.Error) error {
	return err.Hint("keep %s=%s in the selector, or add a label with %s that only this cluster's pods have", iris.LabelName, cluster, fieldSelector)
}

// matching returns the pods that a selector matches, by name.
func matching(pods []iris.Pod, selector map[string]string) []iris.Pod {
	selected := cluster.Selected(selector, pods)
	slices.SortFunc(selected, func(a, b iris.Pod) int { return strings.Compare(a.Name, b.Name) })
	return selected
}
