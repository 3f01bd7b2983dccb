package expose

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Keeping is the plan for a Service that is there already. A plan that was made
// without its IrisCluster keeps what only the IrisCluster could have said: the
// owner, labels and annotations and, where the user asked for no type, the type
// and what belongs to it. Otherwise a user with fewer rights would take them
// away unasked. A plan for several pods keeps the session affinity that the
// Service got with them, though there may be one now.
func (p Plan) Keeping(live *corev1.Service) Plan {
	if live == nil || !Made(live) {
		return p
	}
	service := p.Service.DeepCopy()
	several := p.Target.Kind == view.TargetSidecar && p.Target.Role == "" && *TargetOf(live) == p.Target
	if several && service.Spec.SessionAffinity == "" && live.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		service.Spec.SessionAffinity = live.Spec.SessionAffinity
	}
	p.Service = service
	if p.blind == "" {
		return p
	}
	service.Labels = keepApplied(service.Labels, live.Labels, live, "labels")
	service.Annotations = keepApplied(service.Annotations, live.Annotations, live, "annotations")
	if p.options.OwnerReference {
		service.OwnerReferences = slices.DeleteFunc(slices.Clone(live.OwnerReferences), func(owner metav1.OwnerReference) bool {
			return owner.APIVersion != iris.APIVersion || owner.Kind != iris.Kind
		})
	}
	if p.options.Type == "" && p.options.fits(live.Spec.Type) == nil {
		keepType(&service.Spec, live.Spec)
	}
	p.Warnings = slices.Clone(p.Warnings)
	for i, warning := range p.Warnings {
		if warning == p.blind {
			p.Warnings[i] = fmt.Sprintf("IrisCluster %q (namespace %q) could not be read: the Service keeps the owner, the type, the labels and the annotations that it has", p.Target.Cluster, service.Namespace)
		}
	}
	return p
}

// keepApplied adds to labels or annotations those of the live Service that this
// tool applied, its own labels aside.
func keepApplied(wanted, all map[string]string, live *corev1.Service, field string) map[string]string {
	owned, err := replaced(live)
	if err != nil {
		return wanted // the apply will say what is wrong with them
	}
	kept := map[string]string{}
	for key, value := range all {
		if !isOwnLabel(key) && owned.Has(fieldpath.MakePathOrDie("metadata", field, key)) {
			kept[key] = value
		}
	}
	maps.Copy(kept, wanted)
	if len(kept) == 0 {
		return wanted
	}
	return kept
}

// keepType takes over a type, and what of it was not asked for. The traffic
// policy Cluster is the server's own default.
func keepType(spec *corev1.ServiceSpec, live corev1.ServiceSpec) {
	spec.Type = live.Type
	if spec.ExternalTrafficPolicy == "" && live.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
		spec.ExternalTrafficPolicy = live.ExternalTrafficPolicy
	}
	if spec.LoadBalancerClass == nil {
		spec.LoadBalancerClass = live.LoadBalancerClass
	}
	if len(spec.LoadBalancerSourceRanges) == 0 {
		spec.LoadBalancerSourceRanges = live.LoadBalancerSourceRanges
	}
}

// Retargets says in one line that a Service of this tool is about to lead
// elsewhere than it was made for; "" where it is not.
func (p Plan) Retargets(live *corev1.Service) string {
	if live == nil {
		return ""
	}
	before := TargetOf(live)
	if before == nil || *before == p.Target {
		return ""
	}
	return fmt.Sprintf("service %q led to %s until now", live.Name, words(*before))
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
