package expose

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// SidecarRequest asks for a Service that leads to the sidecars of a component.
type SidecarRequest struct {
	Options
	// Role is the mirror role that the Service follows; "" without a mirror.
	Role string
	// Component is data or compute.
	Component string
	// Shard is the value of the shard label, "" where there is one shard.
	Shard string

	// anyRole and anyShard say that the user wants a selector without the key.
	anyRole, anyShard bool
}

// Validate tells what can be told without the cluster.
func (r SidecarRequest) Validate() error {
	if err := oneOf("--component", r.Component, iris.ComponentData, iris.ComponentCompute); err != nil {
		return err
	}
	if r.Component == iris.ComponentCompute {
		if flag := cmp.Or(given("--role", r.Role), given("--shard", r.Shard)); flag != "" {
			return problem.Usage("%s does not go with --component=compute: compute nodes are neither mirrored nor sharded", flag).
				Hint("leave %s out", flag)
		}
	}
	return r.Options.Validate()
}

// Folded is the request with what --selector says of the role, the shard and the
// component said by their fields: the Service's labels are to tell the same as
// its selector does. Where the two contradict each other it is a usage error.
func (r SidecarRequest) Folded() (SidecarRequest, error) {
	edits := r.Selector
	r.Selector = nil
	for _, e := range edits {
		var err error
		switch {
		case e.Key == iris.LabelMirrorRole:
			err = e.fold("--role", &r.Role, &r.anyRole)
		case e.Key == iris.LabelShard:
			err = e.fold("--shard", &r.Shard, &r.anyShard)
		case e.Key == iris.LabelComponent && !e.Remove:
			if r.Component == iris.ComponentData { // the default of --component
				r.Component = ""
			}
			err = e.fold("--component", &r.Component, nil)
		default:
			r.Selector = append(r.Selector, e)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// fold does an edit to the value of the flag that its key stands for.
func (e SelectorEdit) fold(flag string, value *string, dropped *bool) error {
	if *value != "" && (e.Remove || *value != e.Value) {
		return problem.Usage("--selector %s contradicts %s=%s", e, flag, *value).Hint("leave one of them out")
	}
	if e.Remove {
		*dropped = true
		return nil
	}
	if e.Value == "" {
		return problem.Usage("--selector %s: no pod carries this key without a value", e).Hint("%s says the same, with a value", flag)
	}
	*value = e.Value
	return nil
}

// given is the flag where it has a value.
func given(flag, value string) string {
	if value == "" {
		return ""
	}
	return flag
}

// Sidecar plans a Service that leads to the sidecars of a component: on a
// mirrored data node to those of the pods that hold a role, and so to others
// after a failover.
func Sidecar(r SidecarRequest, f Facts) (Plan, error) {
	r, err := r.Folded()
	if err != nil {
		return Plan{}, err
	}
	if err := r.Validate(); err != nil {
		return Plan{}, err
	}
	pods := ofComponent(f.Pods, r.Component)
	if err := hasSidecars(r.Component, pods, f); err != nil {
		return Plan{}, err
	}
	if r.Component == iris.ComponentData {
		model := f.model()
		if err := model.ValidateRole(r.Role, r.anyRole); err != nil {
			return Plan{}, err
		}
		if err := model.ValidateShard(r.Shard, r.anyShard); err != nil {
			return Plan{}, err
		}
	}
	target := view.Target{
		Kind:      view.TargetSidecar,
		Cluster:   f.Cluster.Name,
		Component: r.Component,
		Role:      r.Role,
		Shard:     r.Shard,
	}
	plan, err := draft{
		options:  r.Options,
		facts:    f,
		target:   target,
		name:     defaultName(target, ""),
		selector: sidecarSelector(target),
		fixed: map[string]string{
			iris.LabelComponent: "without it the Service would lead to pods of other kinds, too; --component chooses the kind",
		},
		backend:    func(pods []iris.Pod) backend { return sidecars(r.Component, pods, f.Cluster) },
		candidates: pods,
	}.plan()
	if err != nil {
		return Plan{}, err
	}
	if r.Role == iris.MirrorBackup {
		plan.Warnings = append(plan.Warnings, "running application code on a backup is not supported by InterSystems (GHA_mirror_set): keep this Service to administration")
	}
	return plan, nil
}

func sidecarSelector(t view.Target) map[string]string {
	selector := map[string]string{
		iris.LabelComponent: t.Component,
		iris.LabelKind:      iris.Kind,
		iris.LabelName:      t.Cluster,
		iris.LabelRole:      iris.RoleIRIS,
	}
	if t.Role != "" {
		selector[iris.LabelMirrorRole] = t.Role
	}
	if t.Shard != "" {
		selector[iris.LabelShard] = t.Shard
	}
	return selector
}

func ofComponent(pods []iris.Pod, component string) []iris.Pod {
	return matching(pods, map[string]string{iris.LabelComponent: component})
}

// hasSidecars refuses a component that has no sidecar: neither in a pod nor by
// the spec.
func hasSidecars(component string, pods []iris.Pod, f Facts) error {
	_, inSpec := f.Cluster.Nodes[component]
	switch {
	case len(validation.IsValidLabelValue(f.Cluster.Name)) != 0:
		return problem.New("%s: no pod can carry a name as long as this in a label", f.cluster()).
			Hint("expose-pod takes a pod by its own name")
	case !f.ClusterRead && len(f.Pods) == 0:
		return problem.New("%s: it could not be read, and no pod carries its name", f.cluster()).
			Hint("check the name with: kubectl get pods -l %s", iris.KindSelector)
	case len(pods) == 0 && !inSpec:
		return problem.New("%s has no %s nodes", f.cluster(), component).
			Hint("leave --component out for the data node, or add spec.topology.%s to the IrisCluster", component)
	case f.Cluster.Sidecar(component) == nil && !slices.ContainsFunc(pods, func(p iris.Pod) bool { return p.Sidecar != nil }):
		return problem.New("%s has no sidecar in its %s pods", f.cluster(), component).
			Hint("add spec.topology.%s.webgateway with image, type, applicationPaths (/csp/sys for the portal) and loginSecret to the IrisCluster; "+
				"expose-pod leads to an instance without one", component)
	}
	return nil
}
