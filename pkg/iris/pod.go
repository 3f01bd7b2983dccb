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
	// AwaitsGates: all containers are ready, and the pod is not, since a readiness
	// gate is not met. It can do its work.
	AwaitsGates bool
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
	// IRIS is the container that runs the instance; in a pod of the component
	// webgateway it is the web gateway. It is nil if a pod has nothing but a
	// sidecar and proxies.
	IRIS *Container
	// Sidecar is the web gateway beside IRIS, an ordinary container or a native
	// sidecar; nil without one.
	Sidecar *Container
	// Others are the containers that run beside these two.
	Others []Container
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

// restarts reports whether the init container of that name is a native sidecar.
func restarts(pod *corev1.Pod, container string) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == container && isNativeSidecar(&c)
	})
}
