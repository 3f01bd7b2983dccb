package topology

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// origin says who made the Service: this tool by its labels, IKO by its rule
// for names.
func (svc *service) origin() view.Origin {
	switch {
	case svc.target != nil:
		return view.OriginTool
	case svc.Name == iris.HeadlessService, len(svc.owners) > 0:
		return view.OriginIKO
	}
	return view.OriginOther
}

// serves tells whether the Service was made to lead to the cluster: it is the
// cluster's own, or this tool made it for it.
func (svc *service) serves(cluster string) bool {
	if svc.target != nil {
		return svc.target.Cluster == cluster
	}
	return slices.Contains(svc.owners, cluster)
}

// sortServices orders a cluster's Services: its own, this tool's, others.
func sortServices(c *cluster) {
	rank := func(svc *service) int {
		switch {
		case svc.Name == iris.HeadlessService:
			return 2
		case svc.origin() == view.OriginIKO:
			return 1
		case svc.origin() == view.OriginTool:
			return 3
		}
		return 4
	}
	slices.SortFunc(c.services, func(a, b *service) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name))
	})
}

// serviceView is a Service as one cluster sees it.
func (inv *inventory) serviceView(c *cluster, svc *service) view.Service {
	v := describe(svc)
	if inv.read.pods {
		v.Selects = podNames(svc.selects[c.Name])
	}
	if inv.read.slices {
		v.Reaches = orEmpty(svc.reaches[inv.reachedAs(c)])
		v.Terminating = svc.terminating[inv.reachedAs(c)]
	}
	return v
}

// reachedAs is the key of a cluster in a Service's reaches. While pods could
// not be read, all that is known is that the Service reaches some.
func (inv *inventory) reachedAs(c *cluster) string {
	if inv.read.pods {
		return c.Name
	}
	return ""
}

func podNames(pods []*iris.Pod) []string {
	names := make([]string, 0, len(pods))
	for _, pod := range slices.SortedFunc(slices.Values(pods), model.ComparePods) {
		names = append(names, pod.Name)
	}
	return names
}

// describe is a Service without the pods behind it.
func describe(svc *service) view.Service {
	v := view.Service{
		Name:              svc.Name,
		Origin:            svc.origin(),
		Type:              string(cmp.Or(svc.Spec.Type, corev1.ServiceTypeClusterIP)),
		Addresses:         Addresses(svc.Service),
		Pending:           AddressIsPending(*svc.Service),
		Ports:             make([]view.ServicePort, 0, len(svc.Spec.Ports)),
		Selector:          svc.Spec.Selector,
		Target:            svc.target,
		CreationTimestamp: svc.CreationTimestamp,
	}
	for _, port := range svc.Spec.Ports {
		v.Ports = append(v.Ports, view.ServicePort{
			Name:       port.Name,
			Protocol:   string(cmp.Or(port.Protocol, corev1.ProtocolTCP)),
			Port:       port.Port,
			TargetPort: targetPort(port),
			NodePort:   port.NodePort,
		})
	}
	return v
}

// targetPort is a port's target as written; a Service that names none leads to
// the same number.
func targetPort(port corev1.ServicePort) string {
	if port.TargetPort == (intstr.IntOrString{}) {
		return strconv.Itoa(int(port.Port))
	}
	return port.TargetPort.String()
}

// Addresses are a Service's external addresses where its type has them (none
// while a load balancer's is pending), else its cluster IPs.
func Addresses(service *corev1.Service) []string {
	external := externalAddresses(service)
	if len(external) > 0 || service.Spec.Type == corev1.ServiceTypeLoadBalancer {
		return external
	}
	if len(service.Spec.ClusterIPs) > 0 {
		return service.Spec.ClusterIPs
	}
	if service.Spec.ClusterIP != "" {
		return []string{service.Spec.ClusterIP}
	}
	return []string{}
}

// externalAddresses are the addresses at which a Service answers from outside
// the cluster on its own ports.
func externalAddresses(service *corev1.Service) []string {
	addresses := []string{}
	if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			if address := cmp.Or(ingress.IP, ingress.Hostname); address != "" {
				addresses = append(addresses, address)
			}
		}
	}
	return append(addresses, service.Spec.ExternalIPs...)
}

// AddressIsPending tells a load balancer that has no address yet.
func AddressIsPending(service corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer && len(service.Status.LoadBalancer.Ingress) == 0
}

// URLs are the addresses of the Management Portal behind a Service, each of
// its addresses with each of its web ports; none where no address is known. A
// NodePort answers at the addresses of nodes, which the Service does not tell:
// those of the pods that it reaches will do, whatever its traffic policy. A
// ClusterIP's URLs are good inside the cluster only.
func URLs(service *corev1.Service, nodes []string) []string {
	hosts := externalAddresses(service)
	number := func(port corev1.ServicePort) int32 { return port.Port }
	switch cmp.Or(service.Spec.Type, corev1.ServiceTypeClusterIP) {
	case corev1.ServiceTypeClusterIP:
		if len(hosts) == 0 {
			hosts = Addresses(service)
		}
	case corev1.ServiceTypeNodePort:
		if len(hosts) == 0 {
			hosts = nodes
			number = func(port corev1.ServicePort) int32 { return port.NodePort }
		}
	}
	var urls []string
	for _, host := range hosts {
		if host == corev1.ClusterIPNone {
			continue
		}
		for _, port := range webPorts(service.Spec.Ports) {
			if n := number(port); n != 0 {
				urls = append(urls, scheme(port)+"://"+net.JoinHostPort(host, strconv.Itoa(int(n)))+iris.PortalPath)
			}
		}
	}
	return urls
}

// webPorts are the ports that are known for the web, by target or name. Where
// there is none a lone port that is neither the superserver's nor ISCAgent's is
// taken for one: the port of a web server is anybody's choice.
func webPorts(ports []corev1.ServicePort) []corev1.ServicePort {
	known := slices.DeleteFunc(slices.Clone(ports), func(port corev1.ServicePort) bool { return !isWeb(port) })
	if len(known) == 0 && len(ports) == 1 && isTCP(ports[0]) && !isSuperserver(ports[0]) && targetPort(ports[0]) != strconv.Itoa(iris.PortAgent) {
		return ports
	}
	return known
}

func isTCP(port corev1.ServicePort) bool {
	return port.Protocol == "" || port.Protocol == corev1.ProtocolTCP
}

func isSuperserver(port corev1.ServicePort) bool {
	target := targetPort(port)
	return target == strconv.Itoa(iris.PortSuperserver) || target == iris.NameSuperserver || port.Name == iris.NameSuperserver
}

func isWeb(port corev1.ServicePort) bool {
	if !isTCP(port) || isSuperserver(port) {
		return false
	}
	target := targetPort(port)
	if number, err := strconv.Atoi(target); err == nil {
		return number == iris.PortGateway || number == iris.PortGatewayTLS || number == iris.PortWeb || isWebName(port.Name)
	}
	return isWebName(target) || isWebName(port.Name)
}

// isWebName knows http, https, http-portal, and the webserver of IKO's pods.
func isWebName(name string) bool {
	return strings.HasPrefix(name, "http") || strings.HasPrefix(name, "web")
}

func scheme(port corev1.ServicePort) string {
	target := targetPort(port)
	if target == strconv.Itoa(iris.PortGatewayTLS) || strings.HasPrefix(target, "https") {
		return "https"
	}
	return "http"
}
