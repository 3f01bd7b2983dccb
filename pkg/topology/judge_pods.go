package topology

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// judgePods returns a finding for each pod that is not ready or, if it is, has no role
// label.
func (inv *inventory) judgePods(c *irisCluster) []finding.Finding {
	var found []finding.Finding
	for _, pod := range c.pods {
		m := c.Member(pod)
		switch {
		case pod.Deleting, !pod.Ready:
			found = append(found, inv.notReady(pod))
		case c.isMirrored && m != nil && isLabelMissing(m):
			found = append(found, c.labelMissing(m))
		}
	}
	return found
}

// notReady returns why a pod is not ready, with the newest Warning about it unless
// the pod's status says the same.
func (inv *inventory) notReady(pod *iris.Pod) finding.Finding {
	name := fmt.Sprintf("%s %q", strings.TrimSpace(pod.Component()+" pod"), pod.Name)
	f := finding.Finding{Code: finding.PodNotReady, Object: object("pod", pod.Name)}
	if pod.Deleting {
		f.Brief, f.Why, f.Hint = name+" is being deleted", pod.Why, "if it does not come back: "+describePod(pod)
		if pod.NodeLost {
			f.Hint = "it cannot end before its node is back or removed: kubectl get node " + pod.Node
		}
		return f
	}
	f.Brief, f.Why, f.Hint = name+" is not ready", pod.NotReady(), whatOfPod(pod)
	of := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
	if warning := inv.events.text(corev1.EventTypeWarning, "Pod", of, pod.UID); warning != "" && !says(pod.Why, warning) {
		f.Why += "; " + warning
	}
	return f
}

// says reports whether a text contains the message of an event's text. Both may be cut,
// so only the first bytes are compared.
func says(why, event string) bool {
	const compared = 100
	_, message, _ := strings.Cut(strings.TrimSuffix(event, "…"), ": ")
	return message != "" && strings.Contains(why, message[:min(len(message), compared)])
}

// whatOfPod returns the next step for a pod that is not ready.
func whatOfPod(pod *iris.Pod) string {
	switch {
	case pod.NodeLost:
		return "see the state of its node: kubectl get node " + pod.Node
	case pod.Crash.Restarted:
		return fmt.Sprintf("kubectl logs %s -c %s --previous -n %s", pod.Name, pod.Crash.Container, pod.Namespace)
	case pod.Crash.Container != "":
		return fmt.Sprintf("kubectl logs %s -c %s -n %s", pod.Name, pod.Crash.Container, pod.Namespace)
	}
	return describePod(pod)
}

// isLabelMissing reports whether a member has no role label and should have one: IRIS
// says that it has a role, or it is a failover member, which IKO labels, and IRIS does
// not say that it has none.
func isLabelMissing(m *cluster.Member) bool {
	return m.MirrorRole() == "" &&
		(m.Role != "" || m.Failover == iris.Yes && !m.Said().IsConclusive() && !m.Said().IsStarting())
}

func (c *irisCluster) labelMissing(m *cluster.Member) finding.Finding {
	f := finding.Finding{
		Code:   finding.RoleLabelMissing,
		Object: object("pod", m.Name),
		Brief:  nameOf(m) + " has no role label",
		Why:    "it is ready, but",
		Hint:   askIRIS([]*cluster.Member{m}),
	}
	if m.Role != "" {
		f.Why, f.Hint = "IRIS says "+inWords(m)+", but", c.relabel()
	}
	f.Why += fmt.Sprintf(" without %s no Service for a role reaches it", iris.LabelMirrorRole)
	return f
}
