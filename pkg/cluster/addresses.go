package cluster

import (
	"cmp"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// Addresses returns a Service's external addresses if its type has them (none
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

// externalAddresses returns the addresses at which a Service answers from outside
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

// AddressIsPending reports whether a Service is a load balancer that has no
// address yet.
func AddressIsPending(service corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer && len(service.Status.LoadBalancer.Ingress) == 0
}

// URLs returns the addresses of the Management Portal behind a Service: each of
// its addresses with each of its web ports; none if no address is known. A
// NodePort answers at the addresses of nodes, which the Service does not have:
// those of the pods that it reaches will do, whatever its traffic policy. A
// ClusterIP's URLs are good inside the Kubernetes cluster only.
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
		for _, port := range WebPorts(service.Spec.Ports) {
			if n := number(port); n != 0 {
				urls = append(urls, Scheme(port)+"://"+net.JoinHostPort(host, strconv.Itoa(int(n)))+iris.PortalPath)
			}
		}
	}
	return urls
}
