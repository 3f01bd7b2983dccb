package cluster

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// The schemes of a web port's URL.
const (
	HTTP  = "http"
	HTTPS = "https"
)

// A WebPort is a port at which a container serves pages. The zero value means
// that there is none.
type WebPort struct {
	Number int32
	// Name is the name that the container gives the port; "" without one.
	Name  string
	HTTPS bool
}

// Scheme returns the scheme of the port's URLs.
func (w WebPort) Scheme() string {
	if w.HTTPS {
		return HTTPS
	}
	return HTTP
}

// PortalPort returns the port at which a pod serves the Management Portal: that
// of its sidecar, else that of IRIS or of the stand-alone web gateway. It is the
// zero value for a pod that serves none, as the arbiter's. The cluster may be
// the zero value if it was not read.
func PortalPort(p iris.Pod, c iris.Cluster) WebPort {
	if p.Sidecar != nil {
		return SidecarPort(p, c)
	}
	return OwnPort(p, c)
}

// SidecarPort returns the port at which the pod's sidecar serves pages: one that
// the container declares, else that of its type. It is the zero value if the pod
// has no sidecar.
func SidecarPort(p iris.Pod, c iris.Cluster) WebPort {
	if p.Sidecar == nil {
		return WebPort{}
	}
	return gatewayPort(*p.Sidecar, p.Component(), c)
}

// OwnPort returns the port at which a pod serves pages without its sidecar:
// that of IRIS, or of a stand-alone web gateway.
func OwnPort(p iris.Pod, c iris.Cluster) WebPort {
	if p.IRIS == nil {
		return WebPort{}
	}
	switch p.Component() {
	case iris.ComponentWebGateway:
		return gatewayPort(*p.IRIS, iris.ComponentWebGateway, c)
	case iris.ComponentData, iris.ComponentCompute:
		if web := firstWeb(p.IRIS.Ports, isWeb); web.Number != 0 {
			return web
		}
		return WebPort{Number: iris.PortWeb}
	}
	return firstWeb(p.IRIS.Ports, func(port corev1.ContainerPort) bool { return port.Name == iris.NameWebServer })
}

// GatewayPort returns the port at which the web gateway of a component serves
// pages by its type in the IrisCluster, for a container that declares none. With
// spec.tls.webgateway it also serves TLS; the other port is documented for every
// web gateway, and stays the one that is used.
func GatewayPort(component string, c iris.Cluster) WebPort {
	node := c.Nodes[component]
	name := node.Type
	if node.Sidecar != nil {
		name = node.Sidecar.Type
	}
	t := iris.GatewayTypeNamed(name)
	return WebPort{Number: t.Port, HTTPS: t.HTTPS}
}

func gatewayPort(gateway iris.Container, component string, c iris.Cluster) WebPort {
	mayServe := func(p corev1.ContainerPort) bool { return !isOtherName(p.Name) }
	return cmp.Or(firstWeb(gateway.Ports, mayServe), GatewayPort(component, c))
}

// firstWeb returns the first TCP port that fits, TLS last: its certificate need
// not be valid for the address that a user opens.
func firstWeb(ports []corev1.ContainerPort, fits func(corev1.ContainerPort) bool) WebPort {
	var tls WebPort
	for _, p := range ports {
		if !isTCP(p.Protocol) || !fits(p) {
			continue
		}
		web := WebPort{Number: p.ContainerPort, Name: p.Name, HTTPS: servesTLS(p.Name, p.ContainerPort)}
		if !web.HTTPS {
			return web
		}
		if tls.Number == 0 {
			tls = web
		}
	}
	return tls
}

// isWeb reports whether a container's port is known for the web, by name or
// number.
func isWeb(p corev1.ContainerPort) bool {
	return isWebName(p.Name) || isWebNumber(p.ContainerPort)
}

// isWebName reports whether a port of that name serves pages: http, https,
// http-portal, portal, or the webserver of the pods that IKO creates.
func isWebName(name string) bool {
	return !isOtherName(name) &&
		(strings.HasPrefix(name, HTTP) || strings.HasPrefix(name, "web") || strings.HasPrefix(name, "portal"))
}

// isOtherName reports whether a port of that name serves something else than
// pages for people, though it may do so over HTTP: metrics, http-metrics.
func isOtherName(name string) bool {
	for word := range strings.SplitSeq(name, "-") {
		switch word {
		case iris.NameSuperserver, "agent", "metrics", "prom", "prometheus", "health":
			return true
		}
	}
	return false
}

// isWebNumber reports whether IRIS or a type of web gateway serves pages at the
// port.
func isWebNumber(number int32) bool { return number == iris.PortWeb || IsGatewayPort(number) }

// IsGatewayPort reports whether only a web gateway serves pages at the port. At
// the port of IRIS itself a web gateway may be as well, so it is not one.
func IsGatewayPort(number int32) bool {
	return number != iris.PortWeb && number != 0 && slices.ContainsFunc(iris.GatewayTypes(), func(t iris.GatewayType) bool {
		return number == t.Port || number == t.TLSPort
	})
}

// servesTLS reports whether a web port's pages come over TLS, by its name or
// number.
func servesTLS(name string, number int32) bool {
	return isTLSName(name) || number != 0 && slices.ContainsFunc(iris.GatewayTypes(), func(t iris.GatewayType) bool {
		return number == t.TLSPort || t.HTTPS && number == t.Port
	})
}

// isTLSName reports whether the name of a web port says TLS: https,
// https-portal, webserver-tls.
func isTLSName(name string) bool {
	return strings.HasPrefix(name, HTTPS) ||
		isWebName(name) && (strings.HasSuffix(name, "-https") || strings.HasSuffix(name, "-tls") || strings.HasSuffix(name, "-ssl"))
}

func isTCP(protocol corev1.Protocol) bool { return protocol == "" || protocol == corev1.ProtocolTCP }

// Target returns where a Service's port leads in a pod. A port without a target
// targets its own number.
func Target(port corev1.ServicePort) intstr.IntOrString {
	if port.TargetPort == (intstr.IntOrString{}) {
		return intstr.FromInt32(port.Port)
	}
	return port.TargetPort
}

// WebPorts returns those of a Service's ports that serve pages: those known for
// the web by target, name or appProtocol. Without any, a lone port counts unless
// it is known for something else, because users choose the ports of their web
// servers freely.
func WebPorts(ports []corev1.ServicePort) []corev1.ServicePort {
	web := slices.DeleteFunc(slices.Clone(ports), func(port corev1.ServicePort) bool { return !servesPages(port) })
	if len(web) == 0 && len(ports) == 1 && isTCP(ports[0].Protocol) && !servesOther(ports[0]) {
		return ports
	}
	return web
}

func servesPages(port corev1.ServicePort) bool {
	target := Target(port)
	return isTCP(port.Protocol) && !servesOther(port) &&
		(isWebName(port.Name) || webProtocol(port) != "" || isWebName(target.StrVal) || isWebNumber(target.IntVal))
}

// servesOther reports whether a Service's port is known for something else than
// pages: the superserver, ISCAgent, or metrics.
func servesOther(port corev1.ServicePort) bool {
	target := Target(port)
	return target.IntVal == iris.PortSuperserver || target.IntVal == iris.PortAgent || isOtherName(target.StrVal) || isOtherName(port.Name)
}

// Scheme returns the scheme of the URLs of a Service's web port. Its appProtocol
// decides if it has one for the web, then its target and its name.
func Scheme(port corev1.ServicePort) string {
	target := Target(port)
	if protocol := webProtocol(port); protocol != "" {
		return protocol
	}
	return WebPort{HTTPS: servesTLS(target.StrVal, target.IntVal) || isTLSName(port.Name)}.Scheme()
}

// webProtocol returns a port's appProtocol if it is http or https, else "".
func webProtocol(port corev1.ServicePort) string {
	if port.AppProtocol != nil {
		if protocol := strings.ToLower(*port.AppProtocol); protocol == HTTP || protocol == HTTPS {
			return protocol
		}
	}
	return ""
}

// NamedPort returns the port that one of the declared ports names. The
// superserver's is known even if no container names it.
func NamedPort(declared []corev1.ContainerPort, name string) (corev1.ContainerPort, bool) {
	for _, port := range declared {
		if port.Name == name {
			return port, true
		}
	}
	if name == iris.NameSuperserver {
		return corev1.ContainerPort{Name: name, ContainerPort: iris.PortSuperserver}, true
	}
	return corev1.ContainerPort{}, false
}

// PortNames returns the names that NamedPort finds, sorted.
func PortNames(declared []corev1.ContainerPort) []string {
	names := []string{iris.NameSuperserver}
	for _, p := range declared {
		if p.Name != "" {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Declares reports whether one of the declared ports is the target of a
// Service's port with that protocol, "" standing for TCP.
func Declares(declared []corev1.ContainerPort, target intstr.IntOrString, protocol corev1.Protocol) bool {
	return slices.ContainsFunc(declared, func(p corev1.ContainerPort) bool {
		if cmp.Or(p.Protocol, corev1.ProtocolTCP) != cmp.Or(protocol, corev1.ProtocolTCP) {
			return false
		}
		if target.Type == intstr.String {
			return p.Name == target.StrVal
		}
		return p.ContainerPort == target.IntVal
	})
}
