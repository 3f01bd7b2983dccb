package expose

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A SidecarRequest asks for a Service for the sidecars of a component.
type SidecarRequest struct {
	options Options
	// role is the mirror role that the Service follows, component data or compute,
	// and shard the value of the shard label; role and shard may be empty.
	role, component, shard string
	// anyRole and anyShard report whether the user wants a selector without the key.
	anyRole, anyShard bool
}

// NewSidecarRequest returns the request for a component (data if it is empty), a
// role and a shard. Edits of the selector that mean one of the three are moved
// there, so that the Service's labels match its selector. It returns a usage error
// for what is wrong in any cluster.
func NewSidecarRequest(o Options, component, role, shard string) (SidecarRequest, error) {
	r := SidecarRequest{options: o, role: role, component: component, shard: shard}
	if err := r.normalize(); err != nil {
		return r, err
	}
	r.component = cmp.Or(r.component, iris.ComponentData)
	if r.component != iris.ComponentData && r.component != iris.ComponentCompute {
		return r, problem.Usage("invalid %s %q: must be one of: %s, %s", fieldComponent, r.component, iris.ComponentData, iris.ComponentCompute).
			Hint("omit %s for the data node", fieldComponent)
	}
	if r.component == iris.ComponentCompute && r.role+r.shard != "" {
		field := fieldRole
		if r.role == "" {
			field = fieldShard
		}
		return r, problem.Usage("%s cannot be used with %s=compute: compute nodes are neither mirrored nor sharded", field, fieldComponent).
			Hint("omit %s", field)
	}
	return r, r.options.validate()
}

// Role returns the mirror role that the Service follows; empty for none.
func (r SidecarRequest) Role() string { return r.role }

// NeedsForeign reports whether Facts must hold the pods of other clusters.
func (r SidecarRequest) NeedsForeign() bool { return r.options.needsForeign() }

// normalize moves selector edits of the role, shard and component keys into the
// request's fields. It returns a usage error if the two contradict each other.
func (r *SidecarRequest) normalize() error {
	edits := r.options.Selector
	r.options.Selector = nil
	for _, e := range edits {
		var err error
		switch {
		case e.Key == iris.LabelMirrorRole:
			err = e.moveTo(fieldRole, &r.role, &r.anyRole)
		case e.Key == iris.LabelShard:
			err = e.moveTo(fieldShard, &r.shard, &r.anyShard)
		case e.Key == iris.LabelComponent && !e.Remove:
			err = e.moveTo(fieldComponent, &r.component, nil)
		default:
			r.options.Selector = append(r.options.Selector, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveTo sets a field's value to the edit's, or anyWill if the edit removes the key.
func (e Edit) moveTo(field problem.Field, value *string, anyWill *bool) error {
	switch {
	case *value != "" && (e.Remove || *value != e.Value):
		return problem.Usage("%s %s and %s=%s contradict each other", fieldSelector, e, field, *value).Hint("omit one of them")
	case e.Remove:
		*anyWill = true
	case e.Value == "":
		return problem.Usage("invalid %s %q: no pod has this key without a value", fieldSelector, e).Hint("use %s with a value", field)
	default:
		*value = e.Value
	}
	return nil
}

// Sidecar plans a Service for the sidecars of a component: on a mirrored data node
// for those of the pods that have the role, so for others after a failover.
func Sidecar(r SidecarRequest, f Facts) (Plan, error) {
	pods := matching(f.Pods, map[string]string{iris.LabelComponent: r.component})
	if err := requireSidecars(r.component, pods, f); err != nil {
		return Plan{}, err
	}
	if r.component == iris.ComponentData {
		model := f.model()
		if err := cmp.Or(model.ValidateRole(r.role, r.anyRole), model.ValidateShard(r.shard, r.anyShard)); err != nil {
			return Plan{}, err
		}
	}
	target := view.Target{
		Kind:      view.TargetSidecar,
		Cluster:   f.Cluster.Name,
		Component: r.component,
		Role:      r.role,
		Shard:     r.shard,
	}
	plan, err := draft{
		options:  r.options,
		facts:    f,
		target:   target,
		name:     defaultName(target, ""),
		selector: sidecarSelector(target),
		fixed: map[string]error{
			iris.LabelComponent: problem.New("without it the Service would select pods of other kinds too; %s chooses the kind", fieldComponent),
		},
		backend:    func(pods []iris.Pod) backend { return sidecars(r.component, pods, f.Cluster) },
		candidates: pods,
	}.plan()
	if err != nil {
		return Plan{}, err
	}
	if r.role == iris.MirrorBackup {
		plan.warnings = append(plan.warnings, "InterSystems does not support running application code on a backup (GHA_mirror_set): use this Service for administration only")
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

// requireSidecars returns an error if a component has no sidecar, neither in a pod
// nor in the spec.
func requireSidecars(component string, pods []iris.Pod, f Facts) error {
	_, inSpec := f.Cluster.Nodes[component]
	switch {
	case len(validation.IsValidLabelValue(f.Cluster.Name)) != 0:
		return problem.New("%s: its name is longer than a label's value can be, so no selector can select its pods", f.cluster()).
			Hint("expose single pods")
	case !f.ClusterRead && len(f.Pods) == 0:
		return problem.New("%s could not be read, and no pod has its name in a label", f.cluster()).
			Hint("check the name with: kubectl get pods -l %s", iris.KindSelector)
	case len(pods) == 0 && !inSpec:
		return problem.New("%s has no %s nodes", f.cluster(), component).
			Hint("omit %s for the data node, or add spec.topology.%s to the IrisCluster", fieldComponent, component)
	case f.Cluster.Sidecar(component) == nil && !slices.ContainsFunc(pods, func(p iris.Pod) bool { return p.Sidecar != nil }):
		return problem.New("%s has no sidecar in its %s pods", f.cluster(), component).
			Hint("add spec.topology.%s.webgateway with image, type, applicationPaths (/csp/sys for the portal) and loginSecret to the IrisCluster; "+
				"a Service for a pod needs none", component)
	}
	return nil
}
