package expose

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

const selectorHint = "the form is KEY=VALUE to add or replace a key, KEY- to remove it; repeat the flag for further keys"

// SelectorEdit is one change to a Service's selector.
type SelectorEdit struct {
	Key    string
	Value  string
	Remove bool
}

// ParseSelector reads KEY=VALUE, which adds or replaces, or KEY-, which
// removes. Any other form is a usage error.
func ParseSelector(s string) (SelectorEdit, error) {
	key, value, hasValue := strings.Cut(s, "=")
	edit := SelectorEdit{Key: key, Value: value}
	if !hasValue {
		edit.Key, edit.Remove = strings.CutSuffix(s, "-")
	}
	switch {
	case !hasValue && !edit.Remove:
		return SelectorEdit{}, problem.Usage("--selector %q: there is neither a value nor a - at its end", s).Hint(selectorHint)
	case len(validation.IsQualifiedName(edit.Key)) != 0:
		return SelectorEdit{}, problem.Usage("--selector %q: %q is not a label key", s, edit.Key).Hint(selectorHint)
	case len(validation.IsValidLabelValue(value)) != 0:
		return SelectorEdit{}, problem.Usage("--selector %q: %q is not a label value", s, value).Hint(selectorHint)
	}
	return edit, nil
}

// String is the form that ParseSelector reads.
func (e SelectorEdit) String() string {
	if e.Remove {
		return e.Key + "-"
	}
	return e.Key + "=" + e.Value
}

// NeedsForeign tells whether the selector may leave the cluster, so that Facts
// must hold the pods of the namespace's other clusters too.
func (o Options) NeedsForeign() bool {
	return slices.ContainsFunc(o.Selector, func(e SelectorEdit) bool { return e.Key == iris.LabelName })
}

// edited is the selector after the user's edits. Keys in fixed keep the value
// they have, or stay out; the hint says why. Since one of them is always there,
// the selector cannot be emptied.
func edited(selector map[string]string, edits []SelectorEdit, fixed map[string]string) (map[string]string, error) {
	selector = maps.Clone(selector)
	for _, e := range edits {
		value, present := selector[e.Key]
		if hint, ok := fixed[e.Key]; ok && (!present || e.Value != value) {
			return nil, problem.Usage("--selector %s: this key is not for --selector", e).Hint("%s", hint)
		}
		switch {
		case !e.Remove:
			selector[e.Key] = e.Value
		case present:
			delete(selector, e.Key)
		default:
			return nil, problem.Usage("--selector %s: the selector has no such key", e).
				Hint("its keys are %s", strings.Join(slices.Sorted(maps.Keys(selector)), ", "))
		}
	}
	return selector, nil
}

// guard refuses a selector that can reach pods of another cluster. Where
// nothing rules that out, though it reaches none now, it returns a warning.
func guard(selector map[string]string, f Facts) (warning string, err error) {
	own := f.Cluster.Name
	name, hasName := selector[iris.LabelName]
	if hasName && name == own {
		return "", nil
	}
	others := slices.DeleteFunc(slices.Concat(f.Pods, f.Foreign), func(p iris.Pod) bool { return p.Cluster() == own })
	reached := iris.PodNames(matching(others, lasting(selector)))
	hint := "keep " + iris.LabelName + "=" + own + " in the selector, or add a label with --selector that only this cluster's pods carry"
	switch {
	case len(reached) > 0:
		return "", problem.Usage("--selector: the Service would also lead to pods of another cluster than %s: %s", f.cluster(), bounded(reached)).Hint("%s", hint)
	case hasName:
		return "", problem.Usage("--selector %s=%s: the Service would not lead to pods of %s", iris.LabelName, name, f.cluster()).Hint("%s", hint)
	case slices.ContainsFunc(f.Pods, func(p iris.Pod) bool {
		return p.Cluster() == own && p.Labels[iris.LabelPodName] != "" && p.Labels[iris.LabelPodName] == selector[iris.LabelPodName]
	}):
		return "", nil
	}
	return "the selector names neither a cluster nor a pod: the Service may come to lead to pods of other clusters than " + f.cluster(), nil
}

// lasting is a selector without the mirror role, which any mirror member may
// come to hold.
func lasting(selector map[string]string) map[string]string {
	selector = maps.Clone(selector)
	delete(selector, iris.LabelMirrorRole)
	return selector
}

// matching returns the pods that a selector matches, by name.
func matching(pods []iris.Pod, selector map[string]string) []iris.Pod {
	return slices.SortedFunc(slices.Values(cluster.Selected(selector, pods)), func(a, b iris.Pod) int { return strings.Compare(a.Name, b.Name) })
}
