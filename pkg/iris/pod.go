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

// A Pod holds what the plugin reads of one pod of an IrisCluster.
type Pod struct {
	Namespace string
	Name      string
	UID       types.UID
	// ResourceVersion is the version that was read; a write is bound to it.
	ResourceVersion string
	Created         metav1.Time
	Deleting        bool
	// Labels holds all of the pod's labels, to match selectors.
	Labels map[string]string
	// Ready reports whether the pod's Ready condition is true.
	Ready bool
	// State is the word kubectl shows: Running, Pending, CrashLoopBackOff, …
	State string
	// Why is a line of bounded length: why the pod is not ready or is being
	// deleted. It is "" if the pod's status does not say.
	Why string
	// AwaitsGates reports whether all containers are ready and only a readiness gate
	// keeps the pod from being ready. It can do its work.
	AwaitsGates bool
	// NodeLost reports whether the pod's status says that its node does not answer.
	NodeLost bool
	// Crash is the first container that ended with an error or keeps ending.
	Crash Crash
	// ContainersReady is how many of Containers are ready.
	ContainersReady int
	Containers      int
	Node            string
	// NodeIP is the address of the pod's node, which serves node ports; "" before
	// the pod has a node.
	NodeIP string
	IP     string
	// IRIS is the container that runs the instance; in a pod of the component
	// webgateway it is the web gateway. It is nil if a pod has nothing but a
	// sidecar and proxies.
	IRIS *Container
	// Sidecar is the web gateway beside IRIS, an ordinary container or a native
	// sidecar; nil without one.
	Sidecar *Container
	// Others holds the containers that run next to these two.
	Others []Container
}

// Cluster returns the name of the pod's IrisCluster, by label.
func (p Pod) Cluster() string { return p.Labels[LabelName] }

// Component returns the pod's component, by label.
func (p Pod) Component() string { return p.Labels[LabelComponent] }

// Shard returns the pod's shard, by label; "" without one.
func (p Pod) Shard() string { return p.Labels[LabelShard] }

// MirrorRole returns the value of the pod's role label; "" without one.
func (p Pod) MirrorRole() string { return p.Labels[LabelMirrorRole] }

// PodNames returns the names of pods in order.
func PodNames(pods []Pod) []string {
	names := make([]string, len(pods))
	for i := range pods {
		names[i] = pods[i].Name
	}
	slices.Sort(names)
	return names
}

// NodeIPs returns the addresses of the nodes on which pods run, in order.
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

// ShortName returns the pod's name without its cluster's: data-0-1.
func (p Pod) ShortName() string { return strings.TrimPrefix(p.Name, p.Cluster()+"-") }

// Ordinal returns the pod's number in its StatefulSet, by its name; -1 without one.
// In a mirror, 0 and 1 are the failover members and others are async members,
// unless the mirror map in the IrisCluster differs (CPF reference, ConfigMirror Map).
func (p Pod) Ordinal() int {
	n, err := strconv.Atoi(p.Name[strings.LastIndex(p.Name, "-")+1:])
	if err != nil {
		return -1
	}
	return n
}

// IsIRIS reports whether the labels are those of a pod of an IrisCluster.
func IsIRIS(labels map[string]string) bool {
	return labels[LabelKind] == Kind && labels[LabelName] != ""
}

// PodFrom returns what the plugin reads of a pod, so that lists of thousands stay
// small.
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
		AwaitsGates:     awaitsGates(pod),
		NodeLost:        isNodeLost(pod),
		Crash:           firstCrash(pod),
		Node:            pod.Spec.NodeName,
		NodeIP:          pod.Status.HostIP,
		IP:              pod.Status.PodIP,
	}
	p.ContainersReady, p.Containers = containersReady(pod)
	p.addContainers(pod)
	return p
}

// containersReady counts containers as kubectl get pods does: with the native
// sidecars.
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

// restarts reports whether the init container of that name is a native sidecar.
func restarts(pod *corev1.Pod, container string) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == container && isNativeSidecar(&c)
	})
}
