package expose

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Keeping returns the plan for a Service that exists already. A plan made
// without its IrisCluster keeps what only the IrisCluster could have given: the
// owner, labels and annotations, the fields of the spec that this tool applied
// and, if the user asked for no type, the type. Otherwise a user with fewer
// rights would remove them unasked. A plan for several pods keeps the session
// affinity that the Service got for them, though there may be one pod now.
func (p Plan) Keeping(live *corev1.Service) Plan {
	if live == nil || !cluster.IsExposed(live) {
		return p
	}
	p.Service = p.Service.DeepCopy()
	if p.blind != "" {
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

// keep adds to a plan what the live Service has from its IrisCluster, and says
// so in the warning that the IrisCluster could not be read.
func (p *Plan) keep(live *corev1.Service) {
	service, o := p.Service, p.options
	service.Labels = keepApplied(service.Labels, live.Labels, o.DropLabels, live, "labels")
	service.Annotations = keepApplied(service.Annotations, live.Annotations, o.DropAnnotations, live, "annotations")
	if o.OwnerReference {
		service.OwnerReferences = slices.DeleteFunc(slices.Clone(live.OwnerReferences), func(owner metav1.OwnerReference) bool {
			return owner.APIVersion != iris.APIVersion || owner.Kind != iris.Kind
		})
	}
	o.keepSpec(&service.Spec, live)
	p.Warnings = slices.Clone(p.Warnings)
	for i, warning := range p.Warnings {
		if warning == p.blind {
			p.Warnings[i] = fmt.Sprintf("IrisCluster %q (namespace %q) could not be read: the Service keeps the owner, the type and other fields, the labels and the annotations that it has", p.Target.Cluster, service.Namespace)
		}
	}
}

// keepApplied adds to labels or annotations those of the live Service that this
// tool applied, except its own labels and those that the user wants left out.
func keepApplied(wanted, all map[string]string, dropped []string, live *corev1.Service, field string) map[string]string {
	owned, err := replaced(live, false)
	if err != nil {
		return wanted // the apply will say what is wrong with them
	}
	kept := map[string]string{}
	for key, value := range all {
		if !isOwnLabel(key) && !slices.Contains(dropped, key) && owned.Has(fieldpath.MakePathOrDie("metadata", field, key)) {
			kept[key] = value
		}
	}
	return merged(kept, wanted)
}

// keepSpec takes over the type, if the user asked for none, and the fields of
// the live spec that this tool applied, whichever the type still allows.
func (o Options) keepSpec(spec *corev1.ServiceSpec, live *corev1.Service) {
	from := appliedSpec(live)
	if o.Type == "" && o.fits(live.Spec.Type) == nil {
		spec.Type = live.Spec.Type
		from.LoadBalancerClass = live.Spec.LoadBalancerClass
		from.LoadBalancerSourceRanges = live.Spec.LoadBalancerSourceRanges
		if live.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal { // Cluster is the server's own default
			from.ExternalTrafficPolicy = live.Spec.ExternalTrafficPolicy
		}
	}
	// The affinity planned without the template may be this tool's default,
	// and the template goes before that.
	planned := spec.SessionAffinity
	spec.SessionAffinity = o.SessionAffinity
	o.inheritSpec(spec, from)
	spec.SessionAffinity = cmp.Or(spec.SessionAffinity, planned)
}

// appliedSpec returns the spec of the live Service without the fields that
// others or the server set; the zero value if the managed fields cannot be read.
func appliedSpec(live *corev1.Service) corev1.ServiceSpec {
	var spec corev1.ServiceSpec
	manifest, err := Manifest(live)
	if err != nil {
		return spec
	}
	owned, err := replaced(live, false)
	if err != nil {
		return spec
	}
	fields, _, _ := unstructured.NestedMap(part(manifest.Object, nil, owned), "spec")
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &spec) // parts of a Service always fit
	return spec
}

// Retargets says in one line that a Service of this tool is about to lead
// elsewhere than it was made for; "" where it is not.
func (p Plan) Retargets(live *corev1.Service) string {
	if live == nil {
		return ""
	}
	before := cluster.TargetOf(live)
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
