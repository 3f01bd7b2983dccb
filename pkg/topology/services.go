package topology

import (
	"cmp"
	"net"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// origin says who made the Service: this tool by its labels, IKO by what
// model.IsOperatorsOf says for the clusters that are known.
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
		target := model.Target(port)
		v.Ports = append(v.Ports, view.ServicePort{
			Name:       port.Name,
			Protocol:   string(cmp.Or(port.Protocol, corev1.ProtocolTCP)),
			Port:       port.Port,
			TargetPort: target.String(),
			NodePort:   port.NodePort,
		})
	}
	return v
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
		for _, port := range model.WebPorts(service.Spec.Ports) {
			if n := number(port); n != 0 {
				urls = append(urls, model.Scheme(port)+"://"+net.JoinHostPort(host, strconv.Itoa(int(n)))+iris.PortalPath)
			}
		}
	}
	return urls
}
