package expose

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// Diff is a unified diff from the live Service (nil where there is none) to
// the one wanted; "" where applying changes nothing. Of the live one it shows
// what this tool would write or, having written it before, would take away;
// what the server or others have set stays out.
func Diff(live, wanted *corev1.Service) (string, error) {
	want, err := Manifest(wanted)
	if err != nil {
		return "", err
	}
	after, err := yaml.Marshal(want.Object)
	if err != nil {
		return "", err
	}
	var before []byte
	if live != nil {
		if before, err = managedPart(live, want.Object); err != nil {
			return "", err
		}
	}
	diff, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		FromFile: "live/" + wanted.Name, A: slices.Collect(strings.Lines(string(before))),
		ToFile: "wanted/" + wanted.Name, B: slices.Collect(strings.Lines(string(after))),
		Context: 3,
	})
	// YAML escapes control characters, but not those that reorder a line.
	return text.Lines(diff), err
}

// managedPart is the live Service, as YAML, without what applying leaves alone.
func managedPart(live *corev1.Service, wanted map[string]any) ([]byte, error) {
	typed := *live
	// An item of a list comes without its kind.
	typed.APIVersion, typed.Kind = "v1", "Service"
	fields, err := Manifest(&typed)
	if err != nil {
		return nil, err
	}
	dropDefaults(fields.Object, wanted)
	owned, err := replaced(live)
	if err != nil {
		return nil, fmt.Errorf("managed fields of service %q (namespace %q): %w", live.Name, live.Namespace, err)
	}
	return yaml.Marshal(part(fields.Object, wanted, owned))
}

// dropDefaults removes the fields of the live spec that the server sets by
// itself: taking them out of a manifest changes nothing.
func dropDefaults(live, wanted map[string]any) {
	spec, _ := live["spec"].(map[string]any)
	wantSpec, _ := wanted["spec"].(map[string]any)
	for key, value := range map[string]any{
		"clusterIP":                     spec["clusterIP"],
		"clusterIPs":                    spec["clusterIPs"],
		"ipFamilies":                    spec["ipFamilies"],
		"healthCheckNodePort":           spec["healthCheckNodePort"],
		"allocateLoadBalancerNodePorts": true,
		"externalTrafficPolicy":         string(corev1.ServiceExternalTrafficPolicyCluster),
		"internalTrafficPolicy":         string(corev1.ServiceInternalTrafficPolicyCluster),
		"ipFamilyPolicy":                string(corev1.IPFamilyPolicySingleStack),
		"sessionAffinity":               string(corev1.ServiceAffinityNone),
	} {
		if _, isWanted := wantSpec[key]; !isWanted && reflect.DeepEqual(spec[key], value) {
			delete(spec, key)
		}
	}
}

// replaced are the fields of a live Service that an apply takes away where they
// are not wanted: those that this tool applied last; of a Service that it did
// not make, and so adopts, what anybody set in the spec.
func replaced(live *corev1.Service) (*fieldpath.Set, error) {
	all := fieldpath.NewSet()
	for _, entry := range live.ManagedFields {
		own := entry.Manager == ManagedBy && entry.Operation == metav1.ManagedFieldsOperationApply
		if entry.FieldsV1 == nil || Made(live) && !own {
			continue
		}
		set := fieldpath.NewSet()
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, err
		}
		if !own {
			set = only(set, "spec")
		}
		all = all.Union(set)
	}
	return all, nil
}

func only(set *fieldpath.Set, field string) *fieldpath.Set {
	kept := fieldpath.NewSet()
	set.Iterate(func(path fieldpath.Path) {
		if path[0].Equals(fieldpath.FieldNameElement(field)) {
			kept.Insert(path.Copy())
		}
	})
	return kept
}

// part keeps of a live map what is wanted or owned. What is owned as one piece
// is kept whole, as are a map that the API declares atomic (the selector) and a
// list without keys.
func part(live, wanted map[string]any, owned *fieldpath.Set) map[string]any {
	kept := map[string]any{}
	for key, value := range live {
		want, isWanted := wanted[key]
		element := fieldpath.FieldNameElement(key)
		below := owned.WithPrefix(element)
		switch {
		case isWanted || !below.Empty():
			if value = partOf(key, value, want, below); value != nil {
				kept[key] = value
			}
		case owned.Members.Has(element):
			kept[key] = value
		}
	}
	return kept
}

// partOf is part for the value of one field; nil where nothing is left of it.
func partOf(field string, live, wanted any, owned *fieldpath.Set) any {
	switch live := live.(type) {
	case map[string]any:
		if field == "selector" {
			return live
		}
		wantFields, _ := wanted.(map[string]any)
		if kept := part(live, wantFields, owned); len(kept) > 0 {
			return kept
		}
		return nil
	case []any:
		keys := listKeys(field)
		if keys == nil {
			return live
		}
		wantItems, _ := wanted.([]any)
		if kept := items(live, wantItems, keys, owned); len(kept) > 0 {
			return kept
		}
		return nil
	}
	return live
}

// listKeys are the fields by which the API tells the items of a list apart;
// nil for a list that is replaced as a whole.
func listKeys(field string) []string {
	switch field {
	case "ports":
		return []string{"port", "protocol"}
	case "ownerReferences":
		return []string{"uid"}
	}
	return nil
}

// items keeps of a live list the items that are wanted or owned.
func items(live, wanted []any, keys []string, owned *fieldpath.Set) []any {
	want := map[string]map[string]any{}
	for _, item := range wanted {
		fields, _ := item.(map[string]any)
		want[keyOf(fields, keys).String()] = fields
	}
	var kept []any
	for _, item := range live {
		fields, _ := item.(map[string]any)
		key := keyOf(fields, keys)
		below := owned.WithPrefix(key)
		wantFields, isWanted := want[key.String()]
		switch {
		case isWanted || !below.Empty():
			kept = append(kept, part(fields, wantFields, below))
		case owned.Members.Has(key):
			kept = append(kept, item)
		}
	}
	return kept
}

func keyOf(item map[string]any, keys []string) fieldpath.PathElement {
	var pairs []any
	for _, key := range keys {
		pairs = append(pairs, key, item[key])
	}
	return fieldpath.KeyElementByFields(pairs...)
}

// Drift says, one line each, what an applied Service leads by beyond what was
// wanted, because others have set it: ports and selector keys.
func Drift(applied, wanted *corev1.Service) []string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(applied.Spec.Selector)) {
		if _, ok := wanted.Spec.Selector[key]; !ok {
			lines = append(lines, fmt.Sprintf("service %q also selects by %s=%s, which another client has set", applied.Name, key, applied.Spec.Selector[key]))
		}
	}
	for _, p := range applied.Spec.Ports {
		if !slices.ContainsFunc(wanted.Spec.Ports, func(w corev1.ServicePort) bool {
			return w.Port == p.Port && strings.EqualFold(string(w.Protocol), string(p.Protocol))
		}) {
			lines = append(lines, fmt.Sprintf("service %q also has port %d/%s to %s, which another client has set", applied.Name, p.Port, p.Protocol, p.TargetPort.String()))
		}
	}
	return lines
}
