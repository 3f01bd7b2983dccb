package expose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/ownership"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// MergeLive returns the plan for a Service that exists already (nil if none does). If
// the IrisCluster was not read, the owner, the labels and annotations, the fields that
// this tool applied and, if the user chose none, the type are kept. Otherwise a user
// with fewer rights would remove them unintentionally. A plan for several pods keeps
// the session affinity, though there may be one pod now.
func (p Plan) MergeLive(live *corev1.Service) Plan {
	if live == nil || !cluster.IsExposed(live) {
		return p
	}
	p.Service = p.Service.DeepCopy()
	if p.unread {
		p.keep(live)
	}
	spec := &p.Service.Spec
	several := p.Target.Kind == view.TargetSidecar && p.Target.Role == "" && *cluster.TargetOf(live) == p.Target
	if several && spec.SessionAffinity == "" && live.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		spec.SessionAffinity = live.Spec.SessionAffinity
	}
	settleAffinity(spec)
	return p
}

// keep adds to a plan what the live Service got from its IrisCluster.
func (p *Plan) keep(live *corev1.Service) {
	p.kept = true
	service, o := p.Service, p.options
	if o.OwnerReference {
		service.OwnerReferences = slices.DeleteFunc(slices.Clone(live.OwnerReferences), func(owner metav1.OwnerReference) bool {
			return owner.APIVersion != iris.APIVersion || owner.Kind != iris.Kind
		})
	}
	ours, err := ownership.Applied(live)
	if err != nil {
		ours = &corev1.Service{} // the apply will report what is wrong with them
	}
	service.Labels = merged(keepKeys(ours.Labels, o.Labels), service.Labels)
	service.Annotations = merged(keepKeys(ours.Annotations, o.Annotations), service.Annotations)
	o.keepSpec(&service.Spec, ours.Spec, live)
}

// keepKeys returns labels or annotations that this tool applied, except its own
// labels and those that the user removes.
func keepKeys(ours map[string]string, edits []Edit) map[string]string {
	kept := maps.Clone(ours)
	_, removed := split(edits)
	maps.DeleteFunc(kept, func(key, _ string) bool { return isOwnLabel(key) || slices.Contains(removed, key) })
	return kept
}

// keepSpec takes over the type, if the user chose none, and the fields that this
// tool applied, as far as the type allows them.
func (o Options) keepSpec(spec *corev1.ServiceSpec, ours corev1.ServiceSpec, live *corev1.Service) {
	if o.Spec.Type == "" && o.fits(live.Spec.Type) == nil {
		spec.Type = live.Spec.Type
		ours.LoadBalancerClass = live.Spec.LoadBalancerClass
		ours.LoadBalancerSourceRanges = live.Spec.LoadBalancerSourceRanges
		if live.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal { // Cluster is the server's own default
			ours.ExternalTrafficPolicy = live.Spec.ExternalTrafficPolicy
		}
	}
	// The template's affinity takes precedence over this tool's default.
	planned := spec.SessionAffinity
	spec.SessionAffinity = o.Spec.SessionAffinity
	o.inheritSpec(spec, ours)
	spec.SessionAffinity = cmp.Or(spec.SessionAffinity, planned)
}

// RetargetWarning returns a warning if a Service of this tool was created for
// another target; empty if not.
func (p Plan) RetargetWarning(live *corev1.Service) string {
	if live == nil {
		return ""
	}
	before := cluster.TargetOf(live)
	if before == nil || *before == p.Target {
		return ""
	}
	return fmt.Sprintf("service %q selected %s until now", live.Name, words(*before))
}

func words(t view.Target) string {
	if t.Kind == view.TargetPod {
		return fmt.Sprintf("pod %q", t.Pod)
	}
	text := t.Component + " sidecars"
	if t.Role != "" {
		text = "the " + t.Role + "'s sidecar"
	}
	if t.Shard != "" {
		text += fmt.Sprintf(" in shard %q", t.Shard)
	}
	return fmt.Sprintf("%s of IrisCluster %q", text, t.Cluster)
}

// ForeignFields returns a warning for each selector key and port of an applied
// Service that was not planned, because another client has set it.
func ForeignFields(applied, planned *corev1.Service) []string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(applied.Spec.Selector)) {
		if _, ok := planned.Spec.Selector[key]; !ok {
			lines = append(lines, fmt.Sprintf("service %q also selects by %s=%s, which another client has set", applied.Name, key, applied.Spec.Selector[key]))
		}
	}
	for _, p := range applied.Spec.Ports {
		if !slices.ContainsFunc(planned.Spec.Ports, func(w corev1.ServicePort) bool {
			return w.Port == p.Port && strings.EqualFold(string(w.Protocol), string(p.Protocol))
		}) {
			lines = append(lines, fmt.Sprintf("service %q also has port %d/%s to %s, which another client has set", applied.Name, p.Port, p.Protocol, p.TargetPort.String()))
		}
	}
	return lines
}
