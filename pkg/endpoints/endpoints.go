// Package endpoints works out which pods take a Service's connections. status, exposed
// and --wait share it.
//
// A pod counts at a port of a Service if an EndpointSlice has the port, by name
// and protocol, and the pod's endpoint there is ready. If no pod is ready at a
// port, kube-proxy falls back on endpoints that still serve while they terminate.
// An endpoint is stale if its pod no longer matches the selector, until the
// EndpointSlice controller removes it.
package endpoints

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// Pods finds the pods behind endpoints.
type Pods interface {
	// Named returns the pod of that name, or nil if it is not known.
	Named(name string) *iris.Pod
	// At returns the pod that has an IP address, or nil if none is known.
	At(ip string) *iris.Pod
}

// A Reach holds the pods that take a Service's connections.
type Reach struct {
	// Ports are those of the Service, in its order. A Service to which ports do
	// not matter, because it is headless or has none, has one zero port.
	Ports []Port
}

// A Port holds the pods behind one port of a Service, each once, in the order of
// the EndpointSlices.
type Port struct {
	corev1.ServicePort
	// Ready are the pods with a ready endpoint.
	Ready []string
	// Stale are pods that have a ready endpoint, but no longer match the Service's
	// selector, or were replaced by another pod of the same name.
	Stale []string
	// Terminating are the pods that serve while they terminate.
	Terminating []string
}

// Of returns the pods that take a Service's connections according to its
// EndpointSlices. Endpoints of pods that are not known count if they are ready;
// endpoints that are no pod's do not count. A nil pods knows none.
func Of(service *corev1.Service, all []*discoveryv1.EndpointSlice, pods Pods) Reach {
	j := judge{
		// Without a selector this matches every pod: none is stale.
		selector: labels.SelectorFromSet(service.Spec.Selector),
		pods:     pods,
		// Clients of a headless Service take the addresses from DNS, which has
		// ready pods only.
		headless: service.Spec.ClusterIP == corev1.ClusterIPNone,
	}
	ports := service.Spec.Ports
	if j.headless || len(ports) == 0 {
		j.portless, ports = true, []corev1.ServicePort{{}}
	}
	r := Reach{Ports: make([]Port, len(ports))}
	for i, port := range ports {
		r.Ports[i] = j.port(port, all)
	}
	return r
}

// port returns the pods behind a port.
func (j judge) port(port corev1.ServicePort, all []*discoveryv1.EndpointSlice) Port {
	var ready, stale, terminating names
	for _, slice := range all {
		if !j.portless && !has(slice, port) {
			continue
		}
		for i := range slice.Endpoints {
			endpoint := &slice.Endpoints[i]
			name, isStale := j.podOf(endpoint)
			if name == "" {
				continue
			}
			switch {
			case isReady(endpoint) && isStale:
				stale.add(name)
			case isReady(endpoint):
				ready.add(name)
			case servesWhileTerminating(endpoint) && !j.headless && !isStale:
				terminating.add(name)
			}
		}
	}
	return Port{ServicePort: port, Ready: ready.all, Stale: stale.all, Terminating: terminating.all}
}

// names holds pods, each once, in the order in which they were added. A pod is at
// several ports, and with two address families in a slice of each.
type names struct {
	all   []string
	known sets.Set[string]
}

func (n *names) add(more ...string) {
	if n.known == nil {
		n.known = sets.New[string]()
	}
	for _, name := range more {
		if !n.known.Has(name) {
			n.known.Insert(name)
			n.all = append(n.all, name)
		}
	}
}

// has reports whether an EndpointSlice has a Service's port.
func has(slice *discoveryv1.EndpointSlice, port corev1.ServicePort) bool {
	return slices.ContainsFunc(slice.Ports, func(p discoveryv1.EndpointPort) bool {
		return valueOf(p.Name, "") == port.Name && valueOf(p.Protocol, corev1.ProtocolTCP) == protocolOf(port)
	})
}

func protocolOf(port corev1.ServicePort) corev1.Protocol {
	return cmp.Or(port.Protocol, corev1.ProtocolTCP)
}

func valueOf[T any](pointer *T, otherwise T) T {
	if pointer == nil {
		return otherwise
	}
	return *pointer
}

// A judge holds what decides whether an endpoint of a Service counts.
type judge struct {
	headless, portless bool
	selector           labels.Selector
	pods               Pods
}

// isReady reports whether an endpoint is ready. A missing condition counts as true, as
// the API asks of its readers. With publishNotReadyAddresses the endpoints of all pods
// are ready.
func isReady(endpoint *discoveryv1.Endpoint) bool {
	return valueOf(endpoint.Conditions.Ready, true)
}

func servesWhileTerminating(endpoint *discoveryv1.Endpoint) bool {
	return valueOf(endpoint.Conditions.Serving, isReady(endpoint)) && valueOf(endpoint.Conditions.Terminating, false)
}

// podOf returns the name of the pod at an endpoint, by its reference, else by its
// address, or "" if it is no known pod's; and whether the endpoint is stale.
func (j judge) podOf(endpoint *discoveryv1.Endpoint) (name string, stale bool) {
	if ref := endpoint.TargetRef; ref != nil {
		if ref.Kind != "Pod" {
			return "", false
		}
		if j.pods == nil {
			return ref.Name, false
		}
		pod := j.pods.Named(ref.Name)
		replaced := pod != nil && ref.UID != "" && pod.UID != "" && pod.UID != ref.UID
		return ref.Name, replaced || j.isStale(pod)
	}
	if j.pods == nil {
		return "", false
	}
	for _, address := range endpoint.Addresses {
		if pod := j.pods.At(address); pod != nil {
			return pod.Name, j.isStale(pod)
		}
	}
	return "", false
}

func (j judge) isStale(pod *iris.Pod) bool {
	return pod != nil && !j.selector.Matches(labels.Set(pod.Labels))
}

// Among returns the part of r of the pods that keep accepts.
func (r Reach) Among(keep func(pod string) bool) Reach {
	among := Reach{Ports: slices.Clone(r.Ports)}
	for i := range among.Ports {
		port := &among.Ports[i]
		for _, list := range []*[]string{&port.Ready, &port.Stale, &port.Terminating} {
			*list = slices.DeleteFunc(slices.Clone(*list), func(pod string) bool { return !keep(pod) })
		}
	}
	return among
}

// Pods returns the pods with a ready endpoint at one port at least, those that
// are stale included: they take connections until their endpoints are removed.
func (r Reach) Pods() []string {
	var pods names
	for _, port := range r.Ports {
		pods.add(port.Ready...)
		pods.add(port.Stale...)
	}
	return pods.all
}

// Stale returns the pods of which only stale endpoints are left.
func (r Reach) Stale() []string {
	var ready, stale names
	for _, port := range r.Ports {
		ready.add(port.Ready...)
		stale.add(port.Stale...)
	}
	return slices.DeleteFunc(stale.all, ready.known.Has)
}

// Terminating returns the pods that take connections while they terminate, since
// no pod is ready at a port.
func (r Reach) Terminating() []string {
	var pods names
	for _, port := range r.Ports {
		if port.servedBy() == byTerminating {
			pods.add(port.Terminating...)
		}
	}
	return pods.all
}

// IsReady reports whether every port has a ready endpoint of a pod that the
// Service selects.
func (r Reach) IsReady() bool {
	return !slices.ContainsFunc(r.Ports, func(p Port) bool { return p.servedBy() != byReady })
}

// Unready returns the ports without a ready endpoint of a pod that the Service
// selects. A terminating one does not count.
func (r Reach) Unready() []corev1.ServicePort {
	return r.portsOf(func(s server) bool { return s != byReady })
}

// Unserved returns the ports at which no pod that the Service selects takes
// connections.
func (r Reach) Unserved() []corev1.ServicePort {
	return r.portsOf(func(s server) bool { return s == byNone || s == byStale })
}

func (r Reach) portsOf(which func(server) bool) []corev1.ServicePort {
	var ports []corev1.ServicePort
	for _, port := range r.Ports {
		if which(port.servedBy()) {
			ports = append(ports, port.ServicePort)
		}
	}
	return ports
}

// A server is the kind of endpoints that take the connections of a port.
type server int

const (
	byNone server = iota
	byReady
	byStale
	byTerminating
)

func (p Port) servedBy() server {
	if len(p.Ready) > 0 {
		return byReady
	}
	if len(p.Stale) > 0 {
		return byStale
	}
	if len(p.Terminating) > 0 {
		return byTerminating
	}
	return byNone
}
