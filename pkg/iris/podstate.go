package iris

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// reasonNodeLost is the reason that the node controller writes to a pod whose
// node does not answer (kubernetes, pkg/util/node).
const reasonNodeLost = "NodeLost"

// isReady reports whether the pod's Ready condition is true.
func isReady(pod *corev1.Pod) bool { return isTrue(pod, corev1.PodReady) }

// isTrue reports whether the pod has the condition and it is true.
func isTrue(pod *corev1.Pod, kind corev1.PodConditionType) bool {
	c := conditionOf(pod, kind)
	return c != nil && c.Status == corev1.ConditionTrue
}

// conditionOf returns the pod's condition of a type, nil if it has none.
func conditionOf(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// isNodeLost reports whether Kubernetes noted that the pod's node is lost.
func isNodeLost(pod *corev1.Pod) bool { return pod.Status.Reason == reasonNodeLost }

// stateOf returns the word that kubectl get pods shows: the first init container
// that is not done, else the first container that is waiting or ended, else the
// pod's own reason or phase. A pod that is being deleted is Terminating, or
// Unknown if its node is lost.
func stateOf(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		if isNodeLost(pod) {
			return "Unknown"
		}
		if !hasEnded(pod.Status.Phase) {
			return "Terminating"
		}
	}
	initializing := initState(pod)
	if initializing != "" && !isTrue(pod, corev1.PodInitialized) {
		return initializing
	}
	state, running := "", false
	for _, s := range pod.Status.ContainerStatuses {
		running = running || s.State.Running != nil && s.Ready
		if state == "" {
			state = containerState(s.State)
		}
	}
	if state == "Completed" && running {
		if isReady(pod) {
			return string(corev1.PodRunning)
		}
		return "NotReady"
	}
	if state != "" {
		return state
	}
	if isGated(pod) {
		return corev1.PodReasonSchedulingGated
	}
	return cmp.Or(initializing, pod.Status.Reason, string(pod.Status.Phase))
}

func hasEnded(phase corev1.PodPhase) bool {
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

// isGated reports whether the pod waits for its scheduling gates.
func isGated(pod *corev1.Pod) bool {
	c := conditionOf(pod, corev1.PodScheduled)
	return c != nil && c.Reason == corev1.PodReasonSchedulingGated
}

// initState returns the word while init containers run, else "".
func initState(pod *corev1.Pod) string {
	for i, s := range pod.Status.InitContainerStatuses {
		if isInitDone(pod, s) {
			continue
		}
		if state := containerState(s.State); s.State.Running == nil && state != "" && state != waitsForInit {
			return "Init:" + state
		}
		return fmt.Sprintf("Init:%d/%d", i, len(pod.Spec.InitContainers))
	}
	return ""
}

// isInitDone reports whether an init container no longer keeps others waiting.
func isInitDone(pod *corev1.Pod, s corev1.ContainerStatus) bool {
	return s.State.Terminated != nil && s.State.Terminated.ExitCode == 0 ||
		s.Started != nil && *s.Started && restarts(pod, s.Name)
}

// containerState returns why a container waits or how it ended, else "".
func containerState(state corev1.ContainerState) string {
	if state.Waiting != nil {
		return state.Waiting.Reason
	}
	if state.Terminated == nil {
		return ""
	}
	if state.Terminated.Reason != "" {
		return state.Terminated.Reason
	}
	if state.Terminated.Signal != 0 {
		return fmt.Sprintf("Signal:%d", state.Terminated.Signal)
	}
	return fmt.Sprintf("ExitCode:%d", state.Terminated.ExitCode)
}

// Reasons of a waiting container that say no more than that it has not started.
const (
	waitsForInit   = "PodInitializing"
	waitsForStart  = "ContainerCreating"
	waitsToRestart = "CrashLoopBackOff"
)

const (
	// maxWhy bounds Pod.Why, and maxReason each reason in it, in characters.
	maxWhy    = 300
	maxReason = 200
	// maxReasons bounds how many containers and readiness gates are named.
	maxReasons = 3
)

// whyNotReady returns why the pod is not ready or is being deleted; "" if its
// status does not say. It goes from the most general cause to the most
// special: without a node there are no containers, and readiness gates count
// only once all containers are ready.
func whyNotReady(pod *corev1.Pod) string {
	var reasons []string
	switch {
	case isNodeLost(pod):
		reasons = []string{sentence(fmt.Sprintf("node %q is lost", pod.Spec.NodeName), pod.Status.Message)}
	case pod.DeletionTimestamp != nil:
		reasons = disruption(pod)
	case isReady(pod):
	case pod.Status.Reason != "":
		reasons = []string{sentence(pod.Status.Reason, pod.Status.Message)}
	case pod.Spec.NodeName == "" && isUnscheduled(pod):
		c := conditionOf(pod, corev1.PodScheduled)
		reasons = []string{sentence(c.Reason, c.Message)}
	default:
		reasons = containerReasons(pod)
		if len(reasons) == 0 {
			reasons = gateReasons(pod)
		}
		if len(reasons) == 0 {
			reasons = conditionReasons(pod)
		}
	}
	if more := len(reasons) - maxReasons; more > 0 {
		reasons = append(reasons[:maxReasons], fmt.Sprintf("and %d more", more))
	}
	return text.Cut(strings.Join(reasons, "; "), maxWhy)
}

// disruption returns why the pod is being deleted, if it is not by a user or the
// pod's controller: an eviction, a taint of its node, a preemption.
func disruption(pod *corev1.Pod) []string {
	if c := conditionOf(pod, corev1.DisruptionTarget); c != nil && c.Status == corev1.ConditionTrue {
		return []string{sentence(c.Reason, c.Message)}
	}
	return nil
}

func isUnscheduled(pod *corev1.Pod) bool {
	c := conditionOf(pod, corev1.PodScheduled)
	return c != nil && c.Status == corev1.ConditionFalse
}

// containerReasons returns what keeps containers from being ready: those of init
// containers if one is not done, else those of the others.
func containerReasons(pod *corev1.Pod) []string {
	for _, s := range pod.Status.InitContainerStatuses {
		if !isInitDone(pod, s) && !isTrue(pod, corev1.PodInitialized) {
			return nonEmpty(containerReason("init container", s))
		}
	}
	var reasons []string
	for _, s := range pod.Status.InitContainerStatuses {
		if restarts(pod, s.Name) && !s.Ready {
			reasons = append(reasons, nonEmpty(containerReason("container", s))...)
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		if !s.Ready {
			reasons = append(reasons, nonEmpty(containerReason("container", s))...)
		}
	}
	return reasons
}

// containerReason returns why one container is not ready; "" if its status says
// no more than that it has not started.
func containerReason(kind string, s corev1.ContainerStatus) string {
	name := fmt.Sprintf("%s %q", kind, s.Name)
	last := ended(s.LastTerminationState.Terminated)
	if w := s.State.Waiting; w != nil {
		if w.Reason == waitsToRestart && last != "" {
			return sentence(name, waitsToRestart+", last ended with "+last)
		}
		if w.Message == "" && (w.Reason == "" || w.Reason == waitsForStart || w.Reason == waitsForInit) {
			return ""
		}
		return sentence(name, w.Reason, w.Message)
	}
	if s.State.Terminated != nil {
		return sentence(name, "ended with "+ended(s.State.Terminated))
	}
	if s.State.Running == nil {
		return ""
	}
	if kind != "container" {
		return sentence(name, "running")
	}
	if last != "" {
		return sentence(name, "running, not ready, last ended with "+last)
	}
	return sentence(name, "running, not ready")
}

// ended returns how a container ended: its reason, exit code and last words; ""
// without an end.
func ended(t *corev1.ContainerStateTerminated) string {
	if t == nil {
		return ""
	}
	how := fmt.Sprintf("exit code %d", t.ExitCode)
	switch {
	case t.Reason != "":
		how = t.Reason + ", " + how
	case t.Signal != 0:
		how = fmt.Sprintf("signal %d", t.Signal)
	}
	return sentence(how, t.Message)
}

// gateReasons returns the readiness gates that are not met, with what their
// conditions say.
func gateReasons(pod *corev1.Pod) []string {
	var reasons []string
	for _, gate := range pod.Spec.ReadinessGates {
		name := fmt.Sprintf("readiness gate %q", string(gate.ConditionType))
		switch c := conditionOf(pod, gate.ConditionType); {
		case c == nil:
			reasons = append(reasons, sentence(name, "nothing has set it yet"))
		case c.Status != corev1.ConditionTrue:
			reasons = append(reasons, sentence(name, cmp.Or(c.Reason, string(c.Status)), c.Message))
		}
	}
	return reasons
}

// awaitsGates reports whether readiness gates alone keep the pod from being ready.
func awaitsGates(pod *corev1.Pod) bool {
	ready, all := containersReady(pod)
	return ready == all && all > 0 && !isReady(pod) && !isNodeLost(pod) && pod.DeletionTimestamp == nil && len(gateReasons(pod)) > 0
}

// NotReady returns in words why the pod is not ready: its state, how many of its
// containers are ready, and Why.
func (p Pod) NotReady() string {
	words := fmt.Sprintf("%s, %d/%d containers ready", p.State, p.ContainersReady, p.Containers)
	if p.Why != "" && p.Why != p.State {
		words += "; " + p.Why
	}
	return words
}

// conditionReasons returns what the Ready condition itself says. If it is false
// although all containers are ready, the node controller may have set it, since
// the kubelet no longer reports.
func conditionReasons(pod *corev1.Pod) []string {
	c := conditionOf(pod, corev1.PodReady)
	if c == nil {
		return nil
	}
	if ready, all := containersReady(pod); ready == all && all > 0 && pod.Spec.NodeName != "" && c.Reason == "" {
		return []string{fmt.Sprintf("node %q may be lost: the containers were ready when it last reported", pod.Spec.NodeName)}
	}
	return nonEmpty(sentence(c.Reason, c.Message))
}

// A Crash names a container that does not stay up. The zero value is none.
type Crash struct {
	Container string
	// Restarted reports whether it was started again since it first ended, so that
	// a previous log exists.
	Restarted bool
}

// firstCrash returns the first container, init containers first, that ended with an
// error or is waiting to be restarted.
func firstCrash(pod *corev1.Pod) Crash {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		t := s.State.Terminated
		waits := s.State.Waiting != nil && s.State.Waiting.Reason == waitsToRestart
		if waits || t != nil && t.ExitCode != 0 {
			return Crash{Container: s.Name, Restarted: waits || s.RestartCount > 0}
		}
	}
	return Crash{}
}

// sentence joins the parts that are not empty, each bounded, by colons.
func sentence(parts ...string) string {
	var kept []string
	for _, part := range parts {
		kept = append(kept, nonEmpty(text.Cut(part, maxReason))...)
	}
	return text.Cut(strings.Join(kept, ": "), maxReason)
}

func nonEmpty(part string) []string {
	if part == "" {
		return nil
	}
	return []string{part}
}
