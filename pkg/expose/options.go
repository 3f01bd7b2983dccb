package expose

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// The fields of requests that messages name.
const (
	fieldName       problem.Field = "name"
	fieldType       problem.Field = "type"
	fieldPort       problem.Field = "port"
	fieldNodePort   problem.Field = "node-port"
	fieldSelector   problem.Field = "selector"
	fieldLabel      problem.Field = "label"
	fieldAnnotation problem.Field = "annotation"
	fieldClass      problem.Field = "load-balancer-class"
	fieldRanges     problem.Field = "load-balancer-source-ranges"
	fieldExternal   problem.Field = "external-traffic-policy"
	fieldRole       problem.Field = "role"
	fieldShard      problem.Field = "shard"
	fieldComponent  problem.Field = "component"
)

// Options holds what a user may choose of any Service. A field with its zero value
// is taken from the cluster's serviceTemplate or set by this tool.
type Options struct {
	Name     string
	Ports    []Port
	Selector []Edit
	// Labels and Annotations are those of the Service, never of its selector. A
	// key that is removed is not taken over from the cluster's serviceTemplate.
	Labels, Annotations []Edit
	// Spec holds the chosen fields of the Service's spec; its ports, selector and
	// PublishNotReadyAddresses, which have fields here, are not used.
	Spec corev1.ServiceSpec
	// PublishNotReady is nil if the user did not choose.
	PublishNotReady *bool
	// NodePort is that of the only port; the server checks its range.
	NodePort int32
	// OwnerReference makes the IrisCluster the Service's owner: it is deleted with it.
	OwnerReference bool
}

// validate returns a usage error for what is wrong in any cluster.
func (o Options) validate() error {
	var unfit error
	if o.Spec.Type != "" {
		unfit = o.fits(o.Spec.Type)
	}
	return cmp.Or(o.validateName(), unfit, o.validatePorts(), o.validateLoadBalancer(),
		validateEdits(fieldLabel, o.Labels), validateEdits(fieldAnnotation, o.Annotations))
}

func (o Options) validateName() error {
	if o.Name != "" && len(validation.IsDNS1035Label(o.Name)) != 0 {
		return problem.Usage("invalid %s %q: must be a Service's name", fieldName, o.Name).
			Hint("a name is up to 63 lower-case letters, digits and -, with a letter first and no - last")
	}
	return notOperators(o.Name, "")
}

// notOperators returns a usage error for the names of the Services that IKO manages
// for a cluster, or for any cluster if that is empty.
func notOperators(name, cluster string) error {
	if name != iris.HeadlessService && (cluster == "" || !slices.Contains(iris.ServiceNames(cluster), name)) {
		return nil
	}
	return problem.Usage("invalid %s %q: IKO manages a Service of that name", fieldName, name).
		Hint("choose another name, or omit %s for the default", fieldName)
}

func serviceTypes() []corev1.ServiceType {
	return []corev1.ServiceType{corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer}
}

// fits returns a usage error if a Service of the type cannot have what was chosen.
func (o Options) fits(t corev1.ServiceType) error {
	loadBalancer := []corev1.ServiceType{corev1.ServiceTypeLoadBalancer}
	external := []corev1.ServiceType{corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer}
	for _, option := range []struct {
		field problem.Field
		given bool
		types []corev1.ServiceType
	}{
		{fieldClass, o.Spec.LoadBalancerClass != nil, loadBalancer},
		{fieldRanges, len(o.Spec.LoadBalancerSourceRanges) > 0, loadBalancer},
		{fieldExternal, o.Spec.ExternalTrafficPolicy != "", external},
		{fieldNodePort, o.NodePort != 0, external},
	} {
		if option.given && !slices.Contains(option.types, t) {
			return problem.Usage("%s cannot be used with a Service of type %s", option.field, t).
				Hint("add %s=%s, or omit %s", fieldType, option.types[0], option.field)
		}
	}
	return nil
}

func (o Options) validatePorts() error {
	if o.NodePort != 0 && !isPort(int(o.NodePort)) {
		return problem.Usage(`invalid %s "%d": must be between 1 and 65535`, fieldNodePort, o.NodePort).
			Hint("servers assign 30000 to 32767 unless they are configured otherwise; without %s one is assigned", fieldNodePort)
	}
	if o.NodePort != 0 && len(o.Ports) > 1 {
		return problem.Usage("%s requires exactly one port, got %d", fieldNodePort, len(o.Ports)).
			Hint("omit %s to have a node port assigned to each port", fieldNodePort)
	}
	ports := make([]corev1.ServicePort, len(o.Ports))
	for i, p := range o.Ports {
		ports[i] = corev1.ServicePort{Name: p.Name, Port: p.Number, Protocol: p.protocol()}
	}
	return validateDistinct(ports)
}

func (o Options) validateLoadBalancer() error {
	if class := o.Spec.LoadBalancerClass; class != nil && len(validation.IsQualifiedName(*class)) != 0 {
		return problem.Usage("invalid %s %q: must have the form of a label key", fieldClass, *class).
			Hint("for example example.com/internal")
	}
	for _, cidr := range o.Spec.LoadBalancerSourceRanges {
		if len(validation.IsValidCIDR(nil, cidr)) != 0 {
			return problem.Usage("invalid %s %q: must be a CIDR", fieldRanges, cidr).
				Hint("for example 10.0.0.0/8 or 2001:db8::/32")
		}
	}
	return nil
}

// isOwnLabel reports whether this tool recognises its Services by the label.
func isOwnLabel(key string) bool {
	return key == cluster.LabelManagedBy || strings.HasPrefix(key, "kubectl-iris/")
}

// spec returns the Service's spec without ports and selector: what the user chose,
// else the fields of the cluster's template that the type allows.
func (o Options) spec(template corev1.ServiceSpec) (corev1.ServiceSpec, error) {
	spec := *o.Spec.DeepCopy()
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

// merged returns the union of maps, of which a later one takes precedence.
func merged(all ...map[string]string) map[string]string {
	union := map[string]string{}
	for _, one := range all {
		maps.Copy(union, one)
	}
	return union
}
