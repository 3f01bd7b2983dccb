package standin

import (
	"encoding/binary"
	"net"
	"slices"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NodeIP is the address of the node that pods run on where there is none.
const NodeIP = "127.0.0.1"

// podStep is what the played kubelet has to do for a pod next.
type podStep int

const (
	podDone podStep = iota
	podRemove
	podBind
	podRun
)

// nextStep decides what to do for a pod; held says that it shall find no node.
func nextStep(pod *corev1.Pod, held bool) podStep {
	switch {
	case pod.Spec.NodeName == "" && (held || pod.DeletionTimestamp != nil ||
		pod.Spec.SchedulerName != corev1.DefaultSchedulerName || len(pod.Spec.SchedulingGates) > 0):
		return podDone
	case pod.Spec.NodeName == "":
		return podBind
	case pod.Spec.NodeName != nodeName:
		return podDone
	case pod.DeletionTimestamp != nil:
		return podRemove
	case pod.Status.Phase == corev1.PodSucceeded, pod.Status.Phase == corev1.PodFailed:
		return podDone
	case pod.Status.Phase != corev1.PodRunning || isReady(pod) != wantsReady(pod):
		return podRun
	}
	return podDone
}

func wantsReady(pod *corev1.Pod) bool {
	return pod.Annotations[AnnotationReady] != "false"
}

// runningStatus is the status of a pod whose containers run at address ip, since now
// unless they ran before.
func runningStatus(pod *corev1.Pod, ip string, now metav1.Time) corev1.PodStatus {
	ready := wantsReady(pod)
	status := corev1.PodStatus{
		Phase:     corev1.PodRunning,
		HostIP:    NodeIP,
		HostIPs:   []corev1.HostIP{{IP: NodeIP}},
		PodIP:     ip,
		PodIPs:    []corev1.PodIP{{IP: ip}},
		StartTime: &now,
		QOSClass:  pod.Status.QOSClass,
	}
	if pod.Status.StartTime != nil {
		status.StartTime = pod.Status.StartTime
	}
	for _, condition := range []struct {
		kind corev1.PodConditionType
		ok   bool
	}{{corev1.PodScheduled, true}, {corev1.PodInitialized, true}, {corev1.ContainersReady, ready}, {corev1.PodReady, ready}} {
		status.Conditions = append(status.Conditions, podCondition(pod, condition.kind, condition.ok, now))
	}
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: ready, Started: new(true),
			ContainerID: "stand-in://" + string(pod.UID) + "/" + container.Name,
			State:       corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: *status.StartTime}},
		})
	}
	return status
}

// podCondition is a condition of the pod, with the time it last changed.
func podCondition(pod *corev1.Pod, kind corev1.PodConditionType, ok bool, now metav1.Time) corev1.PodCondition {
	condition := corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, LastTransitionTime: now}
	switch {
	case ok:
		condition.Status = corev1.ConditionTrue
	case kind == corev1.ContainersReady || kind == corev1.PodReady:
		condition.Reason = "ContainersNotReady"
	}
	same := func(c corev1.PodCondition) bool { return c.Type == kind && c.Status == condition.Status }
	if i := slices.IndexFunc(pod.Status.Conditions, same); i >= 0 {
		condition.LastTransitionTime = pod.Status.Conditions[i].LastTransitionTime
	}
	return condition
}

// readyNode is a bare Node. It has no heartbeat: the node lifecycle controller must not
// run, or it takes the pods for lost.
func readyNode(name string, now metav1.Time) *corev1.Node {
	return &corev1.Node{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: NodeIP}},
			Conditions: []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "StandIn",
				Message: "a bare Node without a kubelet", LastHeartbeatTime: now, LastTransitionTime: now,
			}},
		},
	}
}

// Addresses of pods: two ranges that no Service range of a test control plane is in,
// and that nobody routes.
const (
	playedPods = 10<<24 | 128<<16 // 10.128.0.0/9, pods the stand-in marks Running
	bulkPods   = 10 << 24         // 10.0.0.0/10, pods made by Populate
)

// addresses hands out pod addresses, each once.
type addresses struct {
	last atomic.Uint32
}

func newAddresses(base uint32) *addresses {
	a := &addresses{}
	a.last.Store(base)
	return a
}

// taken keeps the pod's own address from being handed out again, after a restart of the
// stand-in.
func (a *addresses) taken(pod *corev1.Pod) {
	ip := net.ParseIP(pod.Status.PodIP).To4()
	if ip == nil {
		return
	}
	if n := binary.BigEndian.Uint32(ip); n >= playedPods && n < 11<<24 && n > a.last.Load() {
		a.last.Store(n)
	}
}

func (a *addresses) next() string {
	ip := make(net.IP, 4)
	binary.BigEndian.PutUint32(ip, a.last.Add(1))
	return ip.String()
}
