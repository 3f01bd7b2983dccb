package expose

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// A backend holds what is known about the ports of the pods that a Service selects.
type backend struct {
	// web is the port that serves the portal; its number is 0 if there is none.
	web cluster.WebPort
	// server are the ports of the container that serves it, instance those of
	// the one that runs IRIS.
	server, instance []corev1.ContainerPort
	// declared are the ports of all containers.
	declared []corev1.ContainerPort
}

// sidecars returns the backend of pods with a sidecar. The cluster's spec is used if
// no pod has one yet.
func sidecars(component string, pods []iris.Pod, c iris.Cluster) backend {
	var b backend
	for _, p := range pods {
		b.declared = append(b.declared, p.Ports()...)
		if p.Sidecar != nil {
			b.server = append(b.server, p.Sidecar.Ports...)
		}
		if p.IRIS != nil {
			b.instance = append(b.instance, p.IRIS.Ports...)
		}
		b.web = cmp.Or(b.web, cluster.SidecarPort(p, c))
	}
	if b.web.Number == 0 && c.Sidecar(component) != nil {
		b.web = cluster.GatewayPort(component, c)
	}
	return b
}

// single returns the backend of one pod.
func single(p iris.Pod, c iris.Cluster) backend {
	b := backend{web: cluster.PortalPort(p, c), declared: p.Ports()}
	if p.IRIS != nil {
		b.server, b.instance = p.IRIS.Ports, p.IRIS.Ports
	}
	if p.Sidecar != nil {
		b.server = p.Sidecar.Ports
	}
	return b
}

// ports returns the Service's ports: those requested, else one for the portal. Its
// number is one above the target's, which the cluster's own Service has: load
// balancers may share an address.
func (b backend) ports(requested []Port) ([]corev1.ServicePort, error) {
	if len(requested) == 0 {
		requested = []Port{{Number: b.web.Number%65535 + 1, Target: intstr.FromInt32(b.web.Number)}}
		if b.web.Number == 0 {
			return nil, problem.Usage("%s is required because the pod is not known to serve a portal", fieldPort).
				Hint("for example %s 2188; the pod's ports by name are %s", fieldPort, b.names())
		}
	}
	ports := make([]corev1.ServicePort, len(requested))
	for i, p := range requested {
		var err error
		if ports[i], err = b.port(p); err != nil {
			return nil, err
		}
	}
	b.name(ports)
	return ports, validateDistinct(ports)
}

func (b backend) port(p Port) (corev1.ServicePort, error) {
	out := corev1.ServicePort{Name: p.Name, Port: p.Number, Protocol: p.protocol(), TargetPort: p.Target}
	switch {
	case p.ByName != "":
		named, ok := b.named(p.ByName)
		if !ok {
			return out, problem.Usage("invalid %s %q: no container declares a port of that name", fieldPort, p.ByName).
				Hint("use one of %s, or a number", b.names())
		}
		out.Name = cmp.Or(out.Name, p.ByName)
		out.Port, out.TargetPort = named.ContainerPort, intstr.FromInt32(named.ContainerPort)
		out.Protocol = cmp.Or(named.Protocol, out.Protocol)
	case !p.hasTarget():
		target := b.target(p.Number, out.Protocol)
		if target == 0 {
			return out, problem.Usage("invalid %s %q: a target is required because the pod is not known to serve a portal", fieldPort, p).
				Hint("for example %s %d:%d", fieldPort, p.Number, p.Number)
		}
		out.TargetPort = intstr.FromInt32(target)
	}
	return out, nil
}

// target returns the target of a port for which the user gave none: the same
// number if the web server's container or the superserver has it, else the portal.
func (b backend) target(number int32, protocol corev1.Protocol) int32 {
	super, _ := b.named(iris.NameSuperserver)
	if number == super.ContainerPort || cluster.Declares(b.server, intstr.FromInt32(number), protocol) {
		return number
	}
	return b.web.Number
}

// named returns the port that has a name in the pod.
func (b backend) named(name string) (corev1.ContainerPort, bool) {
	return cluster.NamedPort(b.declared, name)
}

// names returns the names by which ports can be requested.
func (b backend) names() string { return strings.Join(cluster.PortNames(b.declared), ", ") }

// name gives a name to the ports that have none: their target's purpose, or one with
// their number if that is taken or not known.
func (b backend) name(ports []corev1.ServicePort) {
	taken := map[string]bool{}
	for _, p := range ports {
		taken[p.Name] = true
	}
	for i := range ports {
		p := &ports[i]
		if p.Name != "" {
			continue
		}
		purpose := b.purpose(*p)
		numbered := fmt.Sprintf("%s-%d", cmp.Or(purpose, "port"), p.Port)
		switch {
		case purpose != "" && !taken[purpose]:
			p.Name = purpose
		case !taken[numbered]:
			p.Name = numbered
		default:
			p.Name = numbered + "-" + strings.ToLower(string(p.Protocol))
		}
		taken[p.Name] = true
	}
}

// purpose returns a name for the target of a port; empty if it is not known.
func (b backend) purpose(p corev1.ServicePort) string {
	super, _ := b.named(iris.NameSuperserver)
	switch {
	case p.TargetPort.Type == intstr.String:
		return p.TargetPort.StrVal
	case b.isPortal(p):
		return b.scheme(p)
	case p.TargetPort.IntVal == super.ContainerPort:
		return iris.NameSuperserver
	}
	return ""
}

// isPortal reports whether a port targets the portal: the port that serves
// it, or the same server's port for TLS.
func (b backend) isPortal(p corev1.ServicePort) bool {
	if p.Protocol != corev1.ProtocolTCP {
		return false
	}
	if p.TargetPort.Type == intstr.String {
		named, _ := b.named(p.TargetPort.StrVal)
		p.TargetPort = intstr.FromInt32(named.ContainerPort)
	}
	target := p.TargetPort.IntVal
	return target != 0 && (target == b.web.Number || b.scheme(p) == cluster.HTTPS)
}

// scheme returns the scheme of a port whose target is a number, by the name that the
// server's container gives the target, if any.
func (b backend) scheme(p corev1.ServicePort) string {
	target := p.TargetPort.IntVal
	if target == b.web.Number {
		return b.web.Scheme()
	}
	for _, declared := range b.server {
		if declared.ContainerPort == target && declared.Name != "" {
			p.Name = declared.Name
		}
	}
	return cluster.Scheme(p)
}

// undeclared returns warnings about targets that no container declares. Containers
// need not declare ports: if they declare none, only targets that the user chose are
// reported.
func (b backend) undeclared(ports []corev1.ServicePort, requested []Port) []string {
	var warnings []string
	for i, p := range ports {
		chosen := i < len(requested) && requested[i].hasTarget()
		if !cluster.Declares(b.declared, p.TargetPort, p.Protocol) && (chosen || b.declares(p)) {
			warnings = append(warnings, fmt.Sprintf("no container declares the target port %s/%s", p.TargetPort.String(), p.Protocol))
		}
	}
	return warnings
}

// declares reports whether the containers that should serve a port declare any. The
// sidecar or IRIS may serve the portal.
func (b backend) declares(p corev1.ServicePort) bool {
	if p.TargetPort.IntVal == iris.PortSuperserver {
		return len(b.instance) > 0
	}
	return len(b.server)+len(b.instance) > 0
}
