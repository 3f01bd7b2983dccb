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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// Diff returns a unified diff from the live Service (nil if there is none) to
// the one wanted; "" if applying changes nothing. Of the live one it shows what
// this tool would write or, because it or a manager from whom it takes over had
// set it, would remove; what else the server or others set stays out. takeOver
// is true if the apply takes over the fields of others.
func Diff(live, wanted *corev1.Service, takeOver bool) (string, error) {
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
		if before, err = managedPart(live, want.Object, takeOver); err != nil {
			return "", err
		}
	}
	return unified(wanted.Name, before, after)
}

// DiffAnswer returns a unified diff from the live Service (nil if there is none)
// to what the server answered to a dry run of applying the one wanted. Neither
// side shows the status and what the server numbers and counts; addresses and
// ports that it would assign are not known before they are.
func DiffAnswer(live, answer, wanted *corev1.Service) (string, error) {
	var before []byte
	if live != nil {
		var err error
		if before, err = content(live); err != nil {
			return "", err
		}
	} else {
		live = &corev1.Service{}
	}
	answer = answer.DeepCopy()
	dropAssigned(&answer.Spec, live.Spec, wanted.Spec)
	after, err := content(answer)
	if err != nil {
		return "", err
	}
	return unified(wanted.Name, before, after)
}

// dropAssigned removes what the server assigned to a spec: what neither the
// live nor the wanted one has.
func dropAssigned(spec *corev1.ServiceSpec, live, wanted corev1.ServiceSpec) {
	if live.ClusterIP == "" {
		spec.ClusterIP, spec.ClusterIPs = "", nil
	}
	if live.HealthCheckNodePort == 0 {
		spec.HealthCheckNodePort = 0
	}
	for i := range spec.Ports {
		number := spec.Ports[i].NodePort
		has := func(p corev1.ServicePort) bool { return p.NodePort == number }
		if !slices.ContainsFunc(live.Ports, has) && !slices.ContainsFunc(wanted.Ports, has) {
			spec.Ports[i].NodePort = 0
		}
	}
}

// content returns a live Service as YAML, without its status and history.
func content(service *corev1.Service) ([]byte, error) {
	typed := *service
	typed.APIVersion, typed.Kind = "v1", "Service"
	fields, err := Manifest(&typed)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"managedFields", "resourceVersion", "uid", "generation"} {
		unstructured.RemoveNestedField(fields.Object, "metadata", name)
	}
	return yaml.Marshal(fields.Object)
}

func unified(name string, before, after []byte) (string, error) {
	diff, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		FromFile: "live/" + name, A: slices.Collect(strings.Lines(string(before))),
		ToFile: "wanted/" + name, B: slices.Collect(strings.Lines(string(after))),
		Context: 3,
	})
	// YAML escapes control characters, but not those that reorder a line.
	return text.Lines(diff), err
}

// managedPart is the live Service, as YAML, without what applying leaves alone.
func managedPart(live *corev1.Service, wanted map[string]any, takeOver bool) ([]byte, error) {
	typed := *live
	// An item of a list comes without its kind.
	typed.APIVersion, typed.Kind = "v1", "Service"
	fields, err := Manifest(&typed)
	if err != nil {
		return nil, err
	}
	dropDefaults(fields.Object, wanted)
	owned, err := replaced(live, takeOver)
	if err != nil {
		return nil, unreadable(live, err)
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

func unreadable(live *corev1.Service, err error) error {
	return fmt.Errorf("managed fields of service %q (namespace %q): %w", live.Name, live.Namespace, err)
}

// replaced returns the fields of a live Service that an apply removes if they
// are not wanted: those that this tool applied last and, if it takes over the
// Service (one that it did not create it always does), what others set in the
// spec.
func replaced(live *corev1.Service, takeOver bool) (*fieldpath.Set, error) {
	takeOver = takeOver || !cluster.IsExposed(live)
	all := fieldpath.NewSet()
	for _, entry := range live.ManagedFields {
		own := IsOwnEntry(entry)
		if entry.FieldsV1 == nil || entry.Subresource != "" || !own && !takeOver {
			continue
		}
		set := fieldpath.NewSet()
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, err
		}
		set.Iterate(func(path fieldpath.Path) {
			if own || Takes(path) {
				all.Insert(path.Copy())
			}
		})
	}
	return all, nil
}

// IsOwnEntry reports whether managed fields are those of this tool's applies.
func IsOwnEntry(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == cluster.ManagedBy && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// Takes reports whether a field of a Service is one that this tool takes over
// from its manager: one of the spec, unless the server assigned it and it cannot
// change.
func Takes(path fieldpath.Path) bool {
	if len(path) < 2 || path[0].FieldName == nil || *path[0].FieldName != "spec" || path[1].FieldName == nil {
		return false
	}
	assigned := []string{"clusterIP", "clusterIPs", "ipFamilies", "healthCheckNodePort"}
	return !slices.Contains(assigned, *path[1].FieldName)
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

// Changes reports whether applying the wanted Service over the live one changes
// anything: its fields, or which of them this tool manages.
func Changes(live, wanted *corev1.Service, takeOver bool) (bool, error) {
	diff, err := Diff(live, wanted, takeOver)
	if err != nil || diff != "" || live == nil {
		return true, err
	}
	want, err := Manifest(wanted)
	if err != nil {
		return true, err
	}
	owned, err := replaced(live, takeOver)
	if err != nil {
		return true, unreadable(live, err)
	}
	fields := fieldpath.NewSet()
	for _, path := range [][]string{{"metadata", "labels"}, {"metadata", "annotations"}, {"metadata", "ownerReferences"}, {"spec"}} {
		if value, ok, _ := unstructured.NestedFieldNoCopy(want.Object, path...); ok {
			names := fieldpath.Path{}
			for _, name := range path {
				names = append(names, fieldpath.FieldNameElement(name))
			}
			insertFields(fields, names, path[len(path)-1], value)
		}
	}
	return !fields.Equals(owned), nil
}

// insertFields adds to a set the fields of a value as server-side apply records
// them.
func insertFields(set *fieldpath.Set, path fieldpath.Path, field string, value any) {
	switch value := value.(type) {
	case map[string]any:
		if field == "selector" {
			break
		}
		for key, below := range value {
			insertFields(set, append(path.Copy(), fieldpath.FieldNameElement(key)), key, below)
		}
		return
	case []any:
		keys := listKeys(field)
		if keys == nil {
			break
		}
		for _, item := range value {
			fields, _ := item.(map[string]any)
			one := append(path.Copy(), keyOf(fields, keys))
			set.Insert(one)
			if field == "ports" { // owner references are recorded as a whole
				insertFields(set, one, "", fields)
			}
		}
		return
	}
	set.Insert(path)
}

// TakenOver returns the live Service as it is after this tool took over the
// spec of others and applied the wanted one.
func TakenOver(live *corev1.Service, wanted *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	owned, err := replaced(live, true)
	if err != nil {
		return nil, unreadable(live, err)
	}
	fields, err := Manifest(live)
	if err != nil {
		return nil, err
	}
	return &unstructured.Unstructured{Object: applied(fields.Object, wanted.Object, owned)}, nil
}

// applied returns a live map with what is wanted in it, and without what is
// owned and not wanted.
func applied(live, wanted map[string]any, owned *fieldpath.Set) map[string]any {
	after := maps.Clone(live)
	for key, value := range live {
		want, isWanted := wanted[key]
		element := fieldpath.FieldNameElement(key)
		if !isWanted && owned.Members.Has(element) {
			delete(after, key)
			continue
		}
		if value = appliedValue(key, value, want, owned.WithPrefix(element)); value == nil {
			delete(after, key)
			continue
		}
		after[key] = value
	}
	for key, want := range wanted {
		if _, ok := live[key]; !ok {
			after[key] = want
		}
	}
	return after
}

// appliedValue is applied for the value of one field; nil if nothing is left.
func appliedValue(field string, live, wanted any, owned *fieldpath.Set) any {
	switch live := live.(type) {
	case map[string]any:
		wantFields, isWanted := wanted.(map[string]any)
		if isWanted && field == "selector" {
			return wanted
		}
		if after := applied(live, wantFields, owned); len(after) > 0 {
			return after
		}
		return nil
	case []any:
		if keys := listKeys(field); keys != nil {
			wantItems, _ := wanted.([]any)
			if after := appliedItems(live, wantItems, keys, owned); len(after) > 0 {
				return after
			}
			return nil
		}
	}
	if wanted != nil {
		return wanted
	}
	return live
}

// appliedItems is applied for the items of a list.
func appliedItems(live, wanted []any, keys []string, owned *fieldpath.Set) []any {
	var after []any
	known := map[string]bool{}
	for _, item := range live {
		fields, _ := item.(map[string]any)
		key := keyOf(fields, keys)
		known[key.String()] = true
		i := slices.IndexFunc(wanted, func(want any) bool {
			wantFields, _ := want.(map[string]any)
			return keyOf(wantFields, keys).String() == key.String()
		})
		switch {
		case i >= 0:
			wantFields, _ := wanted[i].(map[string]any)
			after = append(after, applied(fields, wantFields, owned.WithPrefix(key)))
		case !owned.Members.Has(key):
			after = append(after, item)
		}
	}
	for _, want := range wanted {
		fields, _ := want.(map[string]any)
		if !known[keyOf(fields, keys).String()] {
			after = append(after, want)
		}
	}
	return after
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
