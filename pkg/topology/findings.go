package topology

import (
	"fmt"
	"slices"
	"strings"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
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
func (inv *inventory) judge(c *cluster) []finding {
	found := inv.judgeCluster(c)
	if inv.read.pods {
		found = append(found, inv.judgeShards(c)...)
		found = append(found, inv.judgeAnswers(c)...)
		found = append(found, inv.judgePods(c)...)
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

func (inv *inventory) judgeShards(c *cluster) []finding {
	var found []finding
	for _, shard := range c.shards {
		where := ""
		if len(c.shards) > 1 {
			where = fmt.Sprintf(" in shard %q", shard.Name)
		}
		switch {
		case len(shard.Members) == 0:
			found = append(found, inv.noPods(c, shard.Name, where))
		case c.isMirrored() && !c.model.IsAsyncOnly():
			found = append(found, judgeMirror(c, shard, where)...)
		}
	}
	if c.further > 0 {
		found = append(found, at(view.NoPods, "", fmt.Sprintf("no data pods in %s", count(c.further, "further shard")), "", whatOfCluster(c)))
	}
	return found
}

// judgeMirror returns at most one finding about a shard's roles. Without a
// primary the backup is not looked for: that would be the same again.
func judgeMirror(c *cluster, s *model.Shard, where string) []finding {
	members := slices.Concat(s.Primaries, s.Backups, s.Others)
	model.SortMembers(members)
	switch {
	case len(s.Primaries) > 1:
		return []finding{at(view.SeveralPrimaries, "",
			fmt.Sprintf("%d primaries%s", len(s.Primaries), where),
			whoIs(s.Primaries, iris.MirrorPrimary),
			askOrLog(s.Primaries))}
	case len(s.Primaries) == 0:
		return []finding{at(view.NoPrimary, "", "no primary"+where, whyNoPrimary(s, members), whatOfMembers(c, members))}
	case len(s.Backups) > 1:
		return []finding{at(view.SeveralBackups, "",
			fmt.Sprintf("%d backups%s", len(s.Backups), where),
			whoIs(s.Backups, iris.MirrorBackup)+": Services for the backup alternate between them",
			severalBackups(s.Backups))}
	case len(s.Backups) == 0:
		others := without(members, s.Primaries[0])
		return []finding{at(view.NoBackup, "", "no backup"+where,
			fmt.Sprintf("beside the primary %q %s", s.Primaries[0].Name, noneIs(others, iris.MirrorBackup)),
			whatOfMembers(c, others))}
	}
	return nil
}

// severalBackups returns the next step: asking IRIS in those that have not said
// that they are the backup.
func severalBackups(backups []*model.Member) string {
	if open := slices.DeleteFunc(slices.Clone(backups), func(m *model.Member) bool { return m.Confirmed }); len(open) > 0 {
		return askIRIS(open)
	}
	return seeLog(backups[0].Pod)
}

func whyNoPrimary(s *model.Shard, members []*model.Member) string {
	for _, m := range s.Leaving {
		if m.Role == iris.MirrorPrimary {
			return fmt.Sprintf("%q, %s, is being deleted", m.Name, asWhom(m))
		}
	}
	return noneIs(members, iris.MirrorPrimary)
}

// whatOfMembers returns the next step if a role is missing: asking IRIS, if a
// member can answer, else looking at the pods.
func whatOfMembers(c *cluster, members []*model.Member) string {
	if ready := slices.DeleteFunc(slices.Clone(members), func(m *model.Member) bool { return !m.Ready }); len(ready) > 0 {
		return askOrLog(ready)
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

// askIRIS returns the command that shows the role as IRIS itself sees it, in the
// first of some members.
func askIRIS(members []*model.Member) string {
	pod, container, also := members[0], "", ""
	if pod.IRIS != nil {
		container = " -c " + pod.IRIS.Name
	}
	if len(members) > 1 {
		also = ", here and in the other members"
	}
	return fmt.Sprintf("see what IRIS itself says%s: kubectl exec %s%s -n %s -- iris list", also, pod.Name, container, pod.Namespace)
}

// podWords is "data pod", or "pod" where the component is not known.
func podWords(pod *iris.Pod) string {
	return strings.TrimSpace(pod.Component() + " pod")
}

func object(kind, name string) string { return kind + "/" + name }

// namesOf returns the names of members, none as an empty list.
func namesOf(members []*model.Member) []string {
	names := make([]string, 0, len(members))
	for _, m := range members {
		names = append(names, m.Name)
	}
	return names
}

func without(members []*model.Member, one *model.Member) []*model.Member {
	return slices.DeleteFunc(slices.Clone(members), func(m *model.Member) bool { return m == one })
}
