package expose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// inherited holds the labels and annotations that a Service takes over from its
// cluster's serviceTemplate.
type inherited struct {
	labels, annotations map[string]string
	// left names the labels, annotations and fields that are not taken over, and
	// absent those that the user removes although the template does not have them.
	left, absent []string
}

// inherit returns what a Service takes over from a template's metadata; inheritSpec
// does the spec.
func (o Options) inherit(template iris.ServiceTemplate) inherited {
	var all inherited
	all.annotations = all.take("annotation", template.Annotations, o.Annotations)
	all.labels = all.take("label", template.Labels, o.Labels)
	all.left = append(all.left, identities(template.Spec)...)
	return all
}

// take returns the labels or annotations of a template that a second Service may
// have and that the user neither sets nor removes.
func (i *inherited) take(kind string, template map[string]string, edits []Edit) map[string]string {
	taken := map[string]string{}
	set, dropped := split(edits)
	for _, key := range slices.Sorted(maps.Keys(template)) {
		_, isSet := set[key]
		switch {
		case isSet || slices.Contains(dropped, key):
		case isOwnLabel(key) || isToolMark(key) || isIdentity(key, template[key]):
			i.left = append(i.left, kind+" "+key)
		default:
			taken[key] = template[key]
		}
	}
	for _, key := range dropped {
		if _, ok := template[key]; !ok {
			i.absent = append(i.absent, kind+" "+key)
		}
	}
	return taken
}

// identities names the fields that are set in a template's spec and that only one
// Service may have, and a type that this tool does not create. Ports, node ports
// and the selector are never taken from a template.
func identities(spec corev1.ServiceSpec) []string {
	var names []string
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"clusterIP", spec.ClusterIP != ""},
		{"clusterIPs", len(spec.ClusterIPs) > 0},
		{"externalIPs", len(spec.ExternalIPs) > 0},
		{"externalName", spec.ExternalName != ""},
		{"healthCheckNodePort", spec.HealthCheckNodePort != 0},
		{"loadBalancerIP", spec.LoadBalancerIP != ""},
		{"type " + string(spec.Type), spec.Type != "" && !slices.Contains(serviceTypes(), spec.Type)},
	} {
		if field.set {
			names = append(names, "spec."+field.name)
		}
	}
	return names
}

// warnings returns lines about what was not taken over.
func (i inherited) warnings(f Facts) []string {
	var lines []string
	if len(i.left) > 0 {
		lines = append(lines, fmt.Sprintf("not taken over from the serviceTemplate of %s, because only one Service may have it or another tool recognises its objects by it: %s",
			f.cluster(), strings.Join(i.left, ", ")))
	}
	if len(i.absent) > 0 && f.ClusterRead {
		lines = append(lines, fmt.Sprintf("nothing to remove: the serviceTemplate of %s has no %s", f.cluster(), strings.Join(i.absent, ", no ")))
	}
	return lines
}

// inheritSpec sets the fields that the user did not choose to those of another spec,
// as far as this one's type allows them; never addresses, names, ports or selector.
func (o Options) inheritSpec(spec *corev1.ServiceSpec, from corev1.ServiceSpec) {
	from = *from.DeepCopy()
	spec.SessionAffinity = cmp.Or(spec.SessionAffinity, from.SessionAffinity)
	spec.SessionAffinityConfig = from.SessionAffinityConfig
	spec.InternalTrafficPolicy = cmp.Or(spec.InternalTrafficPolicy, from.InternalTrafficPolicy)
	spec.TrafficDistribution = cmp.Or(spec.TrafficDistribution, from.TrafficDistribution)
	spec.IPFamilyPolicy = cmp.Or(spec.IPFamilyPolicy, from.IPFamilyPolicy)
	spec.IPFamilies = families(from.IPFamilies, spec.IPFamilyPolicy)
	spec.PublishNotReadyAddresses = ptr.Deref(o.PublishNotReady, from.PublishNotReadyAddresses)
	if spec.Type != corev1.ServiceTypeClusterIP {
		spec.ExternalTrafficPolicy = cmp.Or(spec.ExternalTrafficPolicy, from.ExternalTrafficPolicy)
	}
	if spec.Type == corev1.ServiceTypeLoadBalancer {
		spec.AllocateLoadBalancerNodePorts = from.AllocateLoadBalancerNodePorts
		spec.LoadBalancerClass = cmp.Or(spec.LoadBalancerClass, from.LoadBalancerClass)
		if len(spec.LoadBalancerSourceRanges) == 0 {
			spec.LoadBalancerSourceRanges = from.LoadBalancerSourceRanges
		}
	}
}

// families returns the IP families that a policy admits: one without dual stack.
func families(all []corev1.IPFamily, policy *corev1.IPFamilyPolicy) []corev1.IPFamily {
	if len(all) > 1 && (policy == nil || *policy == corev1.IPFamilyPolicySingleStack) {
		return all[:1]
	}
	return all
}

// settleAffinity removes the affinity's configuration if there is no affinity, since
// the server refuses it.
func settleAffinity(spec *corev1.ServiceSpec) {
	if spec.SessionAffinity != corev1.ServiceAffinityClientIP {
		spec.SessionAffinityConfig = nil
	}
}
