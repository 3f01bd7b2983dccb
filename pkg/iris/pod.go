package iris

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// defaultContainerAnnotation is kubectl's: the container meant when none is named.
const defaultContainerAnnotation = "kubectl.kubernetes.io/default-container"

// Pod is what the plugin needs of one pod of an IrisCluster.
type Pod struct {
	Namespace string
	Name      string
	UID       types.UID
	// ResourceVersion is the version that was read, which a write is bound to.
	ResourceVersion string
	Created         metav1.Time
	Deleting        bool
	// Labels are all the pod's labels, for matching selectors.
	Labels map[string]string
	// Ready is the pod's Ready condition.
	Ready bool
	// State is the word kubectl shows: Running, Pending, CrashLoopBackOff, …
	State string
	// Why says in one line of bounded length why the pod is not ready, or is
	// being deleted, as far as its status tells; "" if it does not.
	Why string
	// NodeLost: the pod's node no longer answers, as Kubernetes notes at the pod.
	NodeLost bool
	// Crash is the first container that ended with an error or keeps ending.
	Crash Crash
	// ContainersReady of Containers are ready.
	ContainersReady int
	Containers      int
	Node            string
	// NodeIP is the node's address, where Services answer at their node ports;
	// "" before the pod has a node.
	NodeIP string
	IP     string
	// IRIS is the container that holds the instance; nil where a pod has none
	// but a web gateway.
	IRIS *Container
	// Sidecar is the web gateway beside IRIS; nil without one.
	Sidecar *Container
}

// Container is a container of a pod, as declared.
type Container struct {
	Name  string
	Image string
	Ports []corev1.ContainerPort
	// Started is when its process last started; zero while it does not run.
	Started metav1.Time
}

// Cluster is the name of the IrisCluster that the pod belongs to, by label.
func (p Pod) Cluster() string { return p.Labels[LabelName] }

// Component is the pod's part in its cluster, by label.
func (p Pod) Component() string { return p.Labels[LabelComponent] }

// Shard is the pod's shard, by label; "" where it has none.
func (p Pod) Shard() string { return p.Labels[LabelShard] }

// MirrorRole is what the pod's label says of its role; "" where it says nothing.
func (p Pod) MirrorRole() string { return p.Labels[LabelMirrorRole] }

// NodeIPs are the addresses of the nodes on which pods run.
func NodeIPs(pods []Pod) []string {
	var addresses []string
	for _, pod := range pods {
		if pod.NodeIP != "" {
			addresses = append(addresses, pod.NodeIP)
		}
	}
	slices.Sort(addresses)
	return slices.Compact(addresses)
}

// ShortName is the pod's name without its cluster's: data-0-1.
func (p Pod) ShortName() string { return strings.TrimPrefix(p.Name, p.Cluster()+"-") }

// Ordinal is the pod's number in its StatefulSet, by its name; -1 without one.
// In a mirror 0 and 1 are the failover members unless a map of the user's says
// otherwise, later ones are async members (CPF reference, ConfigMirror Map).
func (p Pod) Ordinal() int {
	n, err := strconv.Atoi(p.Name[strings.LastIndex(p.Name, "-")+1:])
	if err != nil {
		return -1
	}
	return n
}

// IsIRIS tells whether a pod is one that IKO made for an IrisCluster.
func IsIRIS(labels map[string]string) bool {
	return labels[LabelKind] == Kind && labels[LabelName] != ""
}

// PodFrom keeps of a pod what the plugin needs, so that lists of thousands
// stay small.
func PodFrom(pod *corev1.Pod) Pod {
	p := Pod{
		Namespace:       pod.Namespace,
		Name:            pod.Name,
		UID:             pod.UID,
		ResourceVersion: pod.ResourceVersion,
		Created:         pod.CreationTimestamp,
		Deleting:        pod.DeletionTimestamp != nil,
		Labels:          pod.Labels,
		Ready:           isReady(pod),
		State:           text.Cut(stateOf(pod), maxReason),
		Why:             whyNotReady(pod),
		NodeLost:        isNodeLost(pod),
		Crash:           firstCrash(pod),
		Node:            pod.Spec.NodeName,
		NodeIP:          pod.Status.HostIP,
		IP:              pod.Status.PodIP,
	}
	p.ContainersReady, p.Containers = containersReady(pod)
	preferred := pod.Annotations[defaultContainerAnnotation]
	inIRISPod := p.Component() != ComponentWebGateway
	for i := range pod.Spec.Containers {
		c := containerFrom(&pod.Spec.Containers[i], pod.Status.ContainerStatuses)
		switch {
		case c.Name == SidecarContainer && inIRISPod:
			p.Sidecar = c
		case p.IRIS == nil || c.Name == preferred:
			p.IRIS = c
		}
	}
	return p
}

// containersReady counts as kubectl get pods does: init containers that go on
// beside the others are among them.
func containersReady(pod *corev1.Pod) (ready, all int) {
	all = len(pod.Spec.Containers)
	for _, s := range pod.Status.ContainerStatuses {
		if s.Ready {
			ready++
		}
	}
	for _, c := range pod.Spec.InitContainers {
		if restarts(pod, c.Name) {
			all++
		}
	}
	for _, s := range pod.Status.InitContainerStatuses {
		if s.Ready && restarts(pod, s.Name) {
			ready++
		}
	}
	return ready, all
}

func containerFrom(c *corev1.Container, statuses []corev1.ContainerStatus) *Container {
	out := &Container{Name: c.Name, Image: c.Image, Ports: c.Ports}
	for _, s := range statuses {
		if s.Name == c.Name && s.State.Running != nil {
			out.Started = s.State.Running.StartedAt
		}
	}
	return out
}

// restarts tells an init container that goes on beside the others.
func restarts(pod *corev1.Pod, container string) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == container && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}

// SidecarPort is the port on which the pod's sidecar serves pages: what the
// container declares (TLS last), else what its type takes by default. It is 0
// where the pod has no sidecar. The cluster may be the zero value.
func (p Pod) SidecarPort(c Cluster) int32 {
	if p.Sidecar == nil {
		return 0
	}
	if port := firstWebPort(p.Sidecar.Ports); port != 0 {
		return port
	}
	if gateway := c.Sidecar(p.Component()); gateway != nil {
		return GatewayPort(gateway.Type)
	}
	return GatewayPort(c.Nodes[p.Component()].Type)
}

func firstWebPort(ports []corev1.ContainerPort) int32 {
	var tls int32
	for _, p := range ports {
		switch {
		case p.Protocol != "" && p.Protocol != corev1.ProtocolTCP:
		case p.ContainerPort == PortGatewayTLS:
			tls = p.ContainerPort
		default:
			return p.ContainerPort
		}
	}
	return tls
}

// Ports are all ports that the pod's containers declare, the sidecar's first.
func (p Pod) Ports() []corev1.ContainerPort {
	var all []corev1.ContainerPort
	for _, c := range []*Container{p.Sidecar, p.IRIS} {
		if c != nil {
			all = append(all, c.Ports...)
		}
	}
	return all
}
