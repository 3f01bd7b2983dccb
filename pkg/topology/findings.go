package topology

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// finding is a Finding with the few words that stand for it in a verdict.
type finding struct {
	view.Finding
	brief string
}

// at makes a finding about an object ("" for the cluster itself); why follows
// the few words in the message.
func at(code view.FindingCode, object, brief, why, hint string) finding {
	message := brief
	if why != "" {
		message += ": " + why
	}
	return finding{view.Finding{Code: code, Object: object, Message: message, Hint: hint}, brief}
}

// judge finds what is wrong with a cluster, what matters most first. Each
// finding says something that no other does: the state of the mirror, the pod
// that is the cause, the Service that suffers.
func (inv *inventory) judge(c *cluster, status view.ClusterStatus) []finding {
	found := inv.judgeCluster(c)
	if inv.read.pods {
		found = append(found, inv.judgeShards(c, status)...)
		found = append(found, inv.judgeAnswers(c, status)...)
		found = append(found, inv.judgePods(c, status)...)
	}
	return append(found, inv.judgeServices(c)...)
}

func (inv *inventory) judgeCluster(c *cluster) []finding {
	switch {
	case c.orphaned:
		return []finding{at(view.NoIrisCluster, "",
			fmt.Sprintf("there is no IrisCluster %q", c.Name),
			fmt.Sprintf("its labels are on %s that no operator keeps", count(len(c.pods), "pod")),
			fmt.Sprintf("see what made them: kubectl describe pod %s -n %s", c.pods[0].Name, c.Namespace))}
	case c.Deleting:
		return []finding{at(view.BeingDeleted, "", "the IrisCluster is being deleted", "",
			fmt.Sprintf("see what it waits for: kubectl get irisclusters.%s %s -o jsonpath={.metadata.finalizers} -n %s", iris.Group, c.Name, c.Namespace))}
	}
	return nil
}

// mirror is one shard's failover set. Pods that are being deleted are apart: no
// Service leads to them any more, whatever their label.
type mirror struct {
	members, primaries, backups, leaving []*iris.Pod
}

func mirrorOf(c *cluster, shard string) mirror {
	var m mirror
	for _, pod := range c.pods {
		if pod.Component() != iris.ComponentData || pod.Shard() != shard {
			continue
		}
		switch {
		case pod.Deleting:
			m.leaving = append(m.leaving, pod)
			continue
		case c.role(pod) == iris.MirrorPrimary:
			m.primaries = append(m.primaries, pod)
		case c.role(pod) == iris.MirrorBackup:
			m.backups = append(m.backups, pod)
		}
		m.members = append(m.members, pod)
	}
	return m
}

func (inv *inventory) judgeShards(c *cluster, status view.ClusterStatus) []finding {
	var found []finding
	for _, shard := range status.Shards {
		where := ""
		if len(status.Shards) > 1 {
			where = fmt.Sprintf(" in shard %q", shard.Name)
		}
		switch {
		case shard.Members == 0:
			found = append(found, inv.noPods(c, shard.Name, where))
		case status.Mirrored != nil && *status.Mirrored:
			found = append(found, judgeMirror(c, mirrorOf(c, shard.Name), where)...)
		}
	}
	return found
}

// judgeMirror says at most one thing of a shard's roles. Without a primary the
// backup is not looked for: that would be the same again.
func judgeMirror(c *cluster, m mirror, where string) []finding {
	switch {
	case len(m.primaries) > 1:
		names := namesOf(m.primaries)
		return []finding{at(view.SeveralPrimaries, "",
			fmt.Sprintf("%d primaries%s", len(names), where),
			c.whoIs(m.primaries, iris.MirrorPrimary),
			c.askOrLog(m.primaries))}
	case len(m.primaries) == 0:
		return []finding{at(view.NoPrimary, "", "no primary"+where, c.whyNoPrimary(m), whatOfMembers(c, m))}
	case len(m.backups) == 0:
		return []finding{at(view.NoBackup, "", "no backup"+where,
			fmt.Sprintf("beside the primary %q %s", m.primaries[0].Name, c.noneIs(without(m.members, m.primaries[0]), iris.MirrorBackup)),
			whatOfMembers(c, mirror{members: without(m.members, m.primaries[0]), leaving: m.leaving}))}
	}
	return nil
}

func (c *cluster) whyNoPrimary(m mirror) string {
	for _, pod := range m.leaving {
		if c.role(pod) == iris.MirrorPrimary {
			return fmt.Sprintf("%q, %s, is being deleted", pod.Name, c.asWhom(pod, iris.MirrorPrimary))
		}
	}
	return c.noneIs(m.members, iris.MirrorPrimary)
}

// whatOfMembers is the next step where a role is missing: asking IRIS, if a
// member can answer, else looking at the pods.
func whatOfMembers(c *cluster, m mirror) string {
	if ready := slices.DeleteFunc(slices.Clone(m.members), func(p *iris.Pod) bool { return !p.Ready }); len(ready) > 0 {
		return c.askOrLog(ready)
	}
	return lookAtPods(c)
}

// whatOfCluster is the next step where pods are missing.
func whatOfCluster(c *cluster) string {
	if c.source == view.FromLabels {
		return lookAtPods(c)
	}
	return fmt.Sprintf("see what the operator says: kubectl describe irisclusters.%s %s -n %s", iris.Group, c.Name, c.Namespace)
}

func lookAtPods(c *cluster) string {
	return fmt.Sprintf("look at its pods: kubectl get pods -l %s=%s -L %s,%s -n %s",
		iris.LabelName, c.Name, iris.LabelComponent, iris.LabelMirrorRole, c.Namespace)
}

// askIRIS is the command that shows the role as IRIS itself sees it, in the
// first of some pods.
func askIRIS(pods []*iris.Pod) string {
	pod, container, also := pods[0], "", ""
	if pod.IRIS != nil {
		container = " -c " + pod.IRIS.Name
	}
	if len(pods) > 1 {
		also = ", here and in the other members"
	}
	return fmt.Sprintf("see what IRIS itself says%s: kubectl exec %s%s -n %s -- iris list", also, pod.Name, container, pod.Namespace)
}

// isFailoverMember tells the first two of a mirrored StatefulSet, whose label
// IKO is known to set. That of async members is not established.
func isFailoverMember(pod *iris.Pod) bool {
	return pod.Component() == iris.ComponentData && (pod.Ordinal() == 0 || pod.Ordinal() == 1)
}

// podWords is "data pod", or "pod" where the component is not known.
func podWords(pod *iris.Pod) string {
	return strings.TrimSpace(pod.Component() + " pod")
}

func object(kind, name string) string { return kind + "/" + name }

func namesOf(pods []*iris.Pod) []string {
	var names []string
	for _, pod := range pods {
		names = append(names, pod.Name)
	}
	return names
}

func without(pods []*iris.Pod, one *iris.Pod) []*iris.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p *iris.Pod) bool { return p == one })
}
