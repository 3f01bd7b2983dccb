package expose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Names that containers' and Services' ports are seen to have, or get here.
const (
	nameHTTP      = "http"
	nameHTTPS     = "https"
	nameWebServer = "webserver"
)

// backend is what is known of the ports of the pods behind a Service.
type backend struct {
	// web is the port that serves the portal, 0 where there is none.
	web int32
	// server are the ports of the container that serves it.
	server []corev1.ContainerPort
	// declared are the ports of all containers.
	declared []corev1.ContainerPort
}

// sidecars is the backend of pods with a sidecar. A pod that has none yet
// counts with what the spec will give it.
func sidecars(component string, pods []iris.Pod, c iris.Cluster) backend {
	b := backend{}
	for _, p := range pods {
		b.declared = append(b.declared, p.Ports()...)
		if p.Sidecar != nil {
			b.server = append(b.server, p.Sidecar.Ports...)
		}
		if b.web == 0 {
			b.web = p.SidecarPort(c)
		}
	}
	if gateway := c.Sidecar(component); b.web == 0 && gateway != nil {
		b.web = iris.GatewayPort(gateway.Type)
	}
	return b
}

// single is the backend of one pod: its sidecar's port, without a sidecar the
// web port of its only container.
func single(p iris.Pod, c iris.Cluster) backend {
	b := backend{web: p.SidecarPort(c), declared: p.Ports()}
	switch {
	case p.Sidecar != nil:
		b.server = p.Sidecar.Ports
	case p.IRIS != nil:
		b.server = p.IRIS.Ports
		b.web = webPort(p, c)
	}
	return b
}

// webPort is the port on which a pod without a sidecar serves the portal: the
// one named webserver, else the component's own. 0 for a component that serves
// none, as the arbiter.
func webPort(p iris.Pod, c iris.Cluster) int32 {
	if i := slices.IndexFunc(p.IRIS.Ports, func(c corev1.ContainerPort) bool { return c.Name == nameWebServer }); i >= 0 {
		return p.IRIS.Ports[i].ContainerPort
	}
	switch p.Component() {
	case iris.ComponentData, iris.ComponentCompute:
		return iris.PortWeb
	case iris.ComponentWebGateway:
		// Its container is the same as a sidecar, but stands alone.
		alone := p
		alone.Sidecar = p.IRIS
		return alone.SidecarPort(c)
	}
	return 0
}

// ports are the Service's ports: those asked for, else one that leads to the
// portal, numbered one above its target, since the cluster's own Service
// carries the target's number and load balancers may share an address.
func (b backend) ports(requested []Port) ([]corev1.ServicePort, error) {
	if len(requested) == 0 {
		requested = []Port{{Number: b.web%65535 + 1, Target: intstr.FromInt32(b.web)}}
		if b.web == 0 {
			return nil, problem.Usage("--port is missing: the pod is not known to serve a portal").
				Hint("name the port, as in --port 2188; by name there are %s", b.names())
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
	return ports, distinct(ports)
}

func (b backend) port(p Port) (corev1.ServicePort, error) {
	out := corev1.ServicePort{Name: p.Name, Port: p.Number, Protocol: p.protocol(), TargetPort: p.Target}
	switch {
	case p.ByName != "":
		named, ok := b.named(p.ByName)
		if !ok {
			return out, problem.Usage("--port %s: no container declares a port of that name", p.ByName).
				Hint("there are %s; or give a number", b.names())
		}
		if out.Name == "" {
			out.Name = p.ByName
		}
		out.Port, out.TargetPort = named.ContainerPort, intstr.FromInt32(named.ContainerPort)
		if named.Protocol != "" {
			out.Protocol = named.Protocol
		}
	case !p.hasTarget():
		target := b.target(p.Number, out.Protocol)
		if target == 0 {
			return out, problem.Usage("--port %s: the target is missing, since the pod is not known to serve a portal", p).
				Hint("name the target, as in %d:%d", p.Number, p.Number)
		}
		out.TargetPort = intstr.FromInt32(target)
	}
	return out, nil
}

// target is where a port leads whose target the user left out: to the same
// number where the web server's container or the superserver has it, else to
// the portal.
func (b backend) target(number int32, protocol corev1.Protocol) int32 {
	super, _ := b.named(iris.NameSuperserver)
	if number == super.ContainerPort || declares(b.server, intstr.FromInt32(number), protocol) {
		return number
	}
	return b.web
}

// named is the port that goes by a name in the pod; the superserver's is known
// also where no container names it.
func (b backend) named(name string) (corev1.ContainerPort, bool) {
	for _, p := range b.declared {
		if p.Name == name {
			return p, true
		}
	}
	if name == iris.NameSuperserver {
		return corev1.ContainerPort{Name: name, ContainerPort: iris.PortSuperserver}, true
	}
	return corev1.ContainerPort{}, false
}

// names are the names by which ports can be asked for, in words.
func (b backend) names() string {
	names := []string{iris.NameSuperserver}
	for _, p := range b.declared {
		if p.Name != "" {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// name gives the ports that have none a name: after what they lead to, with
// their number where that name is taken or nothing is known of the target.
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

// purpose is a name for what a port leads to, "" where that is not known.
func (b backend) purpose(p corev1.ServicePort) string {
	super, _ := b.named(iris.NameSuperserver)
	switch {
	case b.isPortal(p) && p.TargetPort.IntVal == iris.PortGatewayTLS:
		return nameHTTPS
	case b.isPortal(p) && p.TargetPort.Type == intstr.Int:
		return nameHTTP
	case p.TargetPort == intstr.FromInt32(super.ContainerPort):
		return iris.NameSuperserver
	case p.TargetPort.Type == intstr.String:
		return p.TargetPort.StrVal
	}
	return ""
}

// isPortal tells whether a port leads to the portal.
func (b backend) isPortal(p corev1.ServicePort) bool {
	if p.Protocol != corev1.ProtocolTCP {
		return false
	}
	target := p.TargetPort.IntVal
	if p.TargetPort.Type == intstr.String {
		named, _ := b.named(p.TargetPort.StrVal)
		target = named.ContainerPort
	}
	return target != 0 && (target == b.web || target == iris.PortGatewayTLS)
}

// undeclared are warnings about targets that no container declares. A target
// that the tool chose is doubted only where containers declare ports at all:
// they need not.
func (b backend) undeclared(ports []corev1.ServicePort, requested []Port) []string {
	var warnings []string
	for i, p := range ports {
		chosen := i < len(requested) && requested[i].hasTarget()
		if !declares(b.declared, p.TargetPort, p.Protocol) && (chosen || len(b.declared) > 0) {
			warnings = append(warnings, fmt.Sprintf("no container declares the target port %s/%s", p.TargetPort.String(), p.Protocol))
		}
	}
	return warnings
}

func declares(ports []corev1.ContainerPort, target intstr.IntOrString, protocol corev1.Protocol) bool {
	return slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool {
		if p.Protocol != protocol && (p.Protocol != "" || protocol != corev1.ProtocolTCP) {
			return false
		}
		if target.Type == intstr.String {
			return p.Name == target.StrVal
		}
		return p.ContainerPort == target.IntVal
	})
}
