package expose

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// Options are what both commands let the user choose of the Service. The zero
// value of a field leaves it to the tool.
type Options struct {
	Name     string
	Type     corev1.ServiceType
	Ports    []Port
	Selector []SelectorEdit
	// Labels and Annotations of the Service, never of its selector.
	Labels      map[string]string
	Annotations map[string]string
	// DropLabels and DropAnnotations are keys that the Service does not take
	// over from its cluster's serviceTemplate.
	DropLabels      []string
	DropAnnotations []string

	LoadBalancerClass *string
	// LoadBalancerSourceRanges are CIDRs.
	LoadBalancerSourceRanges []string
	ExternalTrafficPolicy    corev1.ServiceExternalTrafficPolicy
	SessionAffinity          corev1.ServiceAffinity
	IPFamilyPolicy           corev1.IPFamilyPolicy
	// NodePort is for the one port; its range is the server's business.
	NodePort int32
	// PublishNotReady is nil if the user did not choose.
	PublishNotReady *bool
	// OwnerReference makes the Service go with its IrisCluster.
	OwnerReference bool
}

// Validate tells what can be told without the cluster. Its errors are usage
// errors with a hint.
func (o Options) Validate() error {
	for _, check := range []func() error{
		o.checkName, o.checkType, o.checkPorts, o.checkPolicies, o.checkLoadBalancer, o.checkMetadata,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (o Options) checkName() error {
	if o.Name != "" && len(validation.IsDNS1035Label(o.Name)) != 0 {
		return problem.Usage("--name %q is not a Service's name", o.Name).
			Hint("take up to 63 lower-case letters, digits and -, a letter first and no - last")
	}
	return notIKOs(o.Name, "")
}

// notIKOs refuses the names of the Services that IKO keeps for a cluster; with
// "" the one that it keeps for all.
func notIKOs(name, cluster string) error {
	if name != iris.HeadlessService && (cluster == "" || !slices.Contains(iris.ServiceNames(cluster), name)) {
		return nil
	}
	return problem.Usage("--name %q: IKO keeps a Service of that name", name).
		Hint("take another name, or leave --name out for the default")
}

func serviceTypes() []corev1.ServiceType {
	return []corev1.ServiceType{corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer}
}

func (o Options) checkType() error {
	if o.Type == "" {
		return nil
	}
	if err := oneOf("--type", o.Type, serviceTypes()...); err != nil {
		return err
	}
	return o.fits(o.Type)
}

// fits refuses options that a Service of the type cannot have.
func (o Options) fits(t corev1.ServiceType) error {
	loadBalancer := []corev1.ServiceType{corev1.ServiceTypeLoadBalancer}
	external := []corev1.ServiceType{corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer}
	for _, option := range []struct {
		flag  string
		given bool
		types []corev1.ServiceType
	}{
		{"--load-balancer-class", o.LoadBalancerClass != nil, loadBalancer},
		{"--load-balancer-source-ranges", len(o.LoadBalancerSourceRanges) > 0, loadBalancer},
		{"--external-traffic-policy", o.ExternalTrafficPolicy != "", external},
		{"--node-port", o.NodePort != 0, external},
	} {
		if option.given && !slices.Contains(option.types, t) {
			return problem.Usage("%s does not go with a Service of type %s", option.flag, t).
				Hint("add --type=%s, or leave %s out", option.types[0], option.flag)
		}
	}
	return nil
}

func (o Options) checkPorts() error {
	if o.NodePort != 0 && !isPort(int(o.NodePort)) {
		return problem.Usage("--node-port %d is not a port number from 1 to 65535", o.NodePort).
			Hint("servers give out 30000 to 32767 unless they are set otherwise; without the flag one is chosen")
	}
	if o.NodePort != 0 && len(o.Ports) > 1 {
		return problem.Usage("--node-port goes with one port, but there are %d", len(o.Ports)).
			Hint("leave --node-port out to have a node port chosen for each port")
	}
	ports := make([]corev1.ServicePort, len(o.Ports))
	for i, p := range o.Ports {
		ports[i] = corev1.ServicePort{Name: p.Name, Port: p.Number, Protocol: p.protocol()}
	}
	return distinct(ports)
}

func (o Options) checkPolicies() error {
	if o.ExternalTrafficPolicy != "" {
		if err := oneOf("--external-traffic-policy", o.ExternalTrafficPolicy,
			corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal); err != nil {
			return err
		}
	}
	if o.SessionAffinity != "" {
		if err := oneOf("--session-affinity", o.SessionAffinity, corev1.ServiceAffinityNone, corev1.ServiceAffinityClientIP); err != nil {
			return err
		}
	}
	if o.IPFamilyPolicy != "" {
		return oneOf("--ip-family-policy", o.IPFamilyPolicy,
			corev1.IPFamilyPolicySingleStack, corev1.IPFamilyPolicyPreferDualStack, corev1.IPFamilyPolicyRequireDualStack)
	}
	return nil
}

func (o Options) checkLoadBalancer() error {
	if class := o.LoadBalancerClass; class != nil && len(validation.IsQualifiedName(*class)) != 0 {
		return problem.Usage("--load-balancer-class %q is not a class name", *class).
			Hint("it looks like a label key, as in example.com/internal")
	}
	for _, cidr := range o.LoadBalancerSourceRanges {
		if len(validation.IsValidCIDR(nil, cidr)) != 0 {
			return problem.Usage("--load-balancer-source-ranges: %q is not an address range", cidr).
				Hint("give CIDRs, as in 10.0.0.0/8 or 2001:db8::/32")
		}
	}
	return nil
}

func (o Options) checkMetadata() error {
	for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
		switch value := o.Labels[key]; {
		case isOwnLabel(key):
			return problem.Usage("--label %s=%s: the tool sets this label itself", key, value).
				Hint("it is how exposed and unexpose know the Service; take another key")
		case len(validation.IsQualifiedName(key)) != 0:
			return problem.Usage("--label: %q is not a label key", key).Hint("the form is KEY=VALUE, as in team=blue or example.com/team=blue")
		case len(validation.IsValidLabelValue(value)) != 0:
			return problem.Usage("--label %s: %q is not a label value", key, value).
				Hint("take up to 63 letters, digits, -, _ and ., with a letter or digit at both ends; --annotation takes any text")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.Annotations)) {
		if !isAnnotationKey(key) {
			return problem.Usage("--annotation: %q is not an annotation key", key).Hint("the form is KEY=VALUE, as in example.com/note=any text")
		}
	}
	return o.checkDropped()
}

// checkDropped returns a usage error for a key that cannot be left out.
func (o Options) checkDropped() error {
	for _, dropped := range []struct {
		flag string
		keys []string
		set  map[string]string
	}{
		{"--label", o.DropLabels, o.Labels},
		{"--annotation", o.DropAnnotations, o.Annotations},
	} {
		for _, key := range dropped.keys {
			_, isSet := dropped.set[key]
			switch {
			case isOwnLabel(key):
				return problem.Usage("%s %s-: the tool sets this label itself", dropped.flag, key).
					Hint("it is how exposed and unexpose know the Service; without it they would not find it")
			case !isAnnotationKey(key):
				return problem.Usage("%s %s-: %q is not a key", dropped.flag, key, key).
					Hint("the form is KEY- to leave out a key of the serviceTemplate, as in example.com/note-")
			case isSet:
				return problem.Usage("%s %s- and %s %s=... cannot be used together", dropped.flag, key, dropped.flag, key).
					Hint("%s %s=VALUE alone replaces the value of the serviceTemplate", dropped.flag, key)
			}
		}
	}
	return nil
}

func isAnnotationKey(key string) bool {
	return len(validation.IsQualifiedName(strings.ToLower(key))) == 0
}

// isOwnLabel tells whether a label key is one that this tool reads its own
// Services by.
func isOwnLabel(key string) bool {
	return key == cluster.LabelManagedBy || strings.HasPrefix(key, "kubectl-iris/")
}

func oneOf[T ~string](flag string, value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return problem.Usage("%s %q is not known", flag, string(value)).Hint("it is one of %s", strings.Join(words, ", "))
}

// spec returns the Service's spec but for ports and selector: what the user
// chose, else what of the cluster's template fits the type.
func (o Options) spec(template corev1.ServiceSpec) (corev1.ServiceSpec, error) {
	spec := corev1.ServiceSpec{
		Type:                     o.Type,
		ExternalTrafficPolicy:    o.ExternalTrafficPolicy,
		LoadBalancerClass:        o.LoadBalancerClass,
		LoadBalancerSourceRanges: o.LoadBalancerSourceRanges,
		SessionAffinity:          o.SessionAffinity,
	}
	if o.PublishNotReady != nil {
		spec.PublishNotReadyAddresses = *o.PublishNotReady
	}
	if o.IPFamilyPolicy != "" {
		spec.IPFamilyPolicy = &o.IPFamilyPolicy
	}
	if spec.Type == "" {
		spec.Type = corev1.ServiceTypeClusterIP
		if slices.Contains(serviceTypes(), template.Type) {
			spec.Type = template.Type
		}
		if err := o.fits(spec.Type); err != nil {
			return spec, err
		}
	}
	o.inheritSpec(&spec, template)
	return spec, nil
}

// maxListed bounds how many names an error lists.
const maxListed = 5

func bounded(names []string) string { return text.List(names, maxListed) }
