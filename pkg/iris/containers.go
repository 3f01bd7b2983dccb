package iris

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// defaultContainerAnnotation is kubectl's: the container to use if none is named.
const defaultContainerAnnotation = "kubectl.kubernetes.io/default-container"

// Container holds what a pod declares about one of its containers, and whether
// it runs.
type Container struct {
	Name  string
	Image string
	Ports []corev1.ContainerPort
	// Started is when its process last started; zero while it does not run.
	Started metav1.Time
	// Reason is why it does not run, in kubectl's word: CrashLoopBackOff, Error,
	// ContainerCreating, … It is "" while it runs and before the kubelet has
	// reported on it.
	Reason string
}

// IsRunning reports whether the container's process runs. A nil container does
// not.
func (c *Container) IsRunning() bool { return c != nil && !c.Started.IsZero() }

// AllContainers returns the containers that run beside each other in the pod:
// the sidecar, IRIS, then the others. Init containers that end are not among
// them.
func (p Pod) AllContainers() []Container {
	all := make([]Container, 0, len(p.Others)+2)
	for _, c := range []*Container{p.Sidecar, p.IRIS} {
		if c != nil {
			all = append(all, *c)
		}
	}
	return append(all, p.Others...)
}

// Ports returns all ports that the pod's containers declare, the sidecar's
// first, then those of IRIS.
func (p Pod) Ports() []corev1.ContainerPort {
	var all []corev1.ContainerPort
	for _, c := range p.AllContainers() {
		all = append(all, c.Ports...)
	}
	return all
}

// addContainers sorts the pod's containers into IRIS, the sidecar and the
// others.
func (p *Pod) addContainers(pod *corev1.Pod) {
	inIRISPod := p.Component() != ComponentWebGateway
	main := mainContainer(pod, inIRISPod)
	add := func(c *corev1.Container, statuses []corev1.ContainerStatus, native bool) {
		container := containerFrom(c, statuses)
		switch {
		case !native && c == main:
			p.IRIS = container
		case c.Name == SidecarContainer && inIRISPod && p.Sidecar == nil:
			p.Sidecar = container
		default:
			p.Others = append(p.Others, *container)
		}
	}
	for i := range pod.Spec.Containers {
		add(&pod.Spec.Containers[i], pod.Status.ContainerStatuses, false)
	}
	for i := range pod.Spec.InitContainers {
		if c := &pod.Spec.InitContainers[i]; isNativeSidecar(c) {
			add(c, pod.Status.InitContainerStatuses, true)
		}
	}
}

// mainContainer returns the container that runs IRIS or, in a pod of a
// stand-alone web gateway, the web gateway; nil if there is none. Its name is
// not established, so what the pod declares decides: kubectl's annotation, the
// superserver's port, a name that was seen, and only then the order. The
// sidecar and the proxy of a service mesh, which may come first, never count.
func mainContainer(pod *corev1.Pod, inIRISPod bool) *corev1.Container {
	var candidates []*corev1.Container
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		if !IsProxy(c.Name) && (c.Name != SidecarContainer || !inIRISPod) {
			candidates = append(candidates, c)
		}
	}
	for _, fits := range []func(*corev1.Container) bool{
		func(c *corev1.Container) bool { return c.Name == pod.Annotations[defaultContainerAnnotation] },
		declaresSuperserver,
		func(c *corev1.Container) bool {
			return slices.Contains([]string{SidecarContainer, "iriscluster", "iris"}, c.Name)
		},
	} {
		if i := slices.IndexFunc(candidates, fits); i >= 0 {
			return candidates[i]
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	return candidates[0]
}

func declaresSuperserver(c *corev1.Container) bool {
	return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool {
		return p.ContainerPort == PortSuperserver || p.Name == NameSuperserver
	})
}

// IsProxy reports whether a container of this name is one that well-known
// products add to other people's pods, such as the proxy of a service mesh.
func IsProxy(container string) bool {
	switch container {
	case "istio-proxy", // Istio
		"linkerd-proxy",      // Linkerd
		"consul-dataplane",   // Consul
		"envoy-sidecar",      // Consul before 1.0 of its dataplane
		"envoy",              // AWS App Mesh, Open Service Mesh
		"kuma-sidecar",       // Kuma
		"nginx-mesh-sidecar", // NGINX Service Mesh
		"daprd",              // Dapr
		"vault-agent",        // Vault
		"cloud-sql-proxy",    // Cloud SQL
		"kube-rbac-proxy",
		"oauth2-proxy",
		"otc-container": // OpenTelemetry
		return true
	}
	return false
}

// isNativeSidecar reports whether an init container goes on beside the others
// (restartPolicy: Always).
func isNativeSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

func containerFrom(c *corev1.Container, statuses []corev1.ContainerStatus) *Container {
	out := &Container{Name: c.Name, Image: c.Image, Ports: c.Ports}
	for _, s := range statuses {
		if s.Name != c.Name {
			continue
		}
		if s.State.Running != nil {
			out.Started = s.State.Running.StartedAt
		}
		out.Reason = text.Cut(containerState(s.State), maxReason)
	}
	return out
}
