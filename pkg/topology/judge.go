package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// judge returns what is wrong with a cluster: errors first, and of the same severity
// the mirror before the pods and the Services. No two findings say the same.
func (inv *inventory) judge(c *irisCluster) []finding.Finding {
	found := judgeResource(c)
	if inv.read.pods {
		found = append(found, inv.judgeMissing(c)...)
		found = append(found, judgeMirror(c)...)
		found = append(found, inv.judgeMembers(c)...)
		found = append(found, inv.notCreated(c)...)
		found = append(found, inv.judgePods(c)...)
	}
	found = append(found, inv.judgeServices(c)...)
	finding.Sort(found)
	return found
}

func judgeResource(c *irisCluster) []finding.Finding {
	switch {
	case c.isOrphaned:
		return []finding.Finding{{
			Code:  finding.NoIrisCluster,
			Brief: fmt.Sprintf("there is no IrisCluster %q", c.name),
			Why:   fmt.Sprintf("its labels are on %d of the pods here, which no operator manages", len(c.pods)),
			Hint:  "see what created them: " + describePod(c.pods[0]),
		}}
	case c.Resource.Deleting:
		return []finding.Finding{{
			Code:  finding.BeingDeleted,
			Brief: "the IrisCluster is being deleted",
			Hint:  fmt.Sprintf("see what it waits for: kubectl get irisclusters.%s %s -o jsonpath={.metadata.finalizers} -n %s", iris.Group, c.name, c.namespace),
		}}
	}
	return nil
}

func describePod(pod *iris.Pod) string {
	return fmt.Sprintf("kubectl describe pod %s -n %s", pod.Name, pod.Namespace)
}

func object(kind, name string) string { return kind + "/" + name }

// judgeMirror returns at most one finding about the roles of each shard.
func judgeMirror(c *irisCluster) []finding.Finding {
	if !c.isMirrored || c.isAsyncOnly {
		return nil
	}
	var found []finding.Finding
	for _, s := range c.shards {
		if f := judgeRoles(c, s); f.Code != "" {
			found = append(found, f)
		}
	}
	return found
}

// judgeRoles returns what is wrong with a shard's roles, without a code if nothing is.
// A missing primary implies a missing backup.
func judgeRoles(c *irisCluster, s *cluster.Shard) (f finding.Finding) {
	where := c.inShard(s.Name)
	rest := slices.Concat(s.Backups, s.Others)
	cluster.SortMembers(rest)
	switch {
	case len(s.Members) == 0:
	case len(s.Primaries) > 1:
		f = finding.Finding{
			Code:  finding.SeveralPrimaries,
			Brief: fmt.Sprintf("%d primaries%s", len(s.Primaries), where),
			Why:   whoIs(s.Primaries, iris.MirrorPrimary),
			Hint:  askOrLog(s.Primaries),
		}
	case len(s.Primaries) == 0:
		f = finding.Finding{
			Code:  finding.NoPrimary,
			Brief: "no primary" + where,
			Why:   cmp.Or(leavingPrimary(s), noneIs(rest, iris.MirrorPrimary)),
			Hint:  whatOfMembers(c, rest),
		}
	case len(s.Backups) > 1:
		f = finding.Finding{
			Code:  finding.SeveralBackups,
			Brief: fmt.Sprintf("%d backups%s", len(s.Backups), where),
			Why:   whoIs(s.Backups, iris.MirrorBackup) + ": Services for the backup alternate between them",
			Hint:  seeLog(s.Backups[0].Pod),
		}
		if open := filter(s.Backups, func(m *cluster.Member) bool { return !m.Confirmed }); len(open) > 0 {
			f.Hint = askIRIS(open)
		}
	case len(s.Backups) == 0:
		f = finding.Finding{
			Code:  finding.NoBackup,
			Brief: "no backup" + where,
			Why:   fmt.Sprintf("beside the primary %q %s", s.Primaries[0].Name, noneIs(rest, iris.MirrorBackup)),
			Hint:  whatOfMembers(c, rest),
		}
	}
	return f
}

// inShard names a shard if there are several.
func (c *irisCluster) inShard(shard string) string {
	if len(c.shards) < 2 {
		return ""
	}
	return fmt.Sprintf(" in shard %q", shard)
}

// whoIs returns what gives a role to each of several members, IRIS or the label, and
// what IRIS says in those that have it by label.
func whoIs(members []*cluster.Member, role string) string {
	var said, labelled []string
	word := ""
	for _, m := range members {
		switch {
		case m.Confirmed:
			said, word = append(said, strconv.Quote(m.Name)), m.Says
		case m.Answer == nil:
			labelled = append(labelled, strconv.Quote(m.Name))
		case m.Answer.Source == iris.NoAnswer:
			labelled = append(labelled, strconv.Quote(m.Name)+" (IRIS does not answer)")
		default:
			labelled = append(labelled, fmt.Sprintf("%q (IRIS says %s)", m.Name, m.Says))
		}
	}
	var parts []string
	if len(said) > 0 {
		parts = append(parts, fmt.Sprintf("IRIS says %s in %s", word, listOf(said)))
	}
	if len(labelled) > 0 {
		parts = append(parts, fmt.Sprintf("%s %s labelled %s", listOf(labelled), plural(len(labelled), "is", "are"), role))
	}
	return strings.Join(parts, ", and ")
}

// plural returns the first word for one thing, else the second.
func plural(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// leavingPrimary returns that a pod with the role is being deleted; "" if none is.
func leavingPrimary(s *cluster.Shard) string {
	for _, m := range s.Leaving {
		switch {
		case m.Role != iris.MirrorPrimary:
		case m.Confirmed:
			return fmt.Sprintf("%q, where IRIS says %s, is being deleted", m.Name, m.Says)
		default:
			return fmt.Sprintf("%q, which is labelled %s, is being deleted", m.Name, m.Role)
		}
	}
	return ""
}

// noneIs returns why none of several members has a role.
func noneIs(members []*cluster.Member, role string) string {
	var said []string
	for _, m := range members {
		if hasSpoken(m) {
			said = append(said, fmt.Sprintf("%s in %q", m.Says, m.Name))
		}
	}
	if len(said) == 0 {
		return "none of its data pods is labelled " + role
	}
	words := "IRIS says " + listOf(said)
	if len(said) < len(members) {
		words += ", and no other data pod is labelled " + role
	}
	return words
}

// hasSpoken reports whether IRIS described itself in a member, in its own words.
func hasSpoken(m *cluster.Member) bool {
	source := m.Said().Source
	return source == iris.FromQlist || source == iris.FromMetrics
}

// whatOfMembers returns the next step if a role is missing: asking IRIS in a ready
// member, else looking at the pods.
func whatOfMembers(c *irisCluster, members []*cluster.Member) string {
	if ready := filter(members, isReady); len(ready) > 0 {
		return askOrLog(ready)
	}
	return lookAtPods(c)
}

func isReady(m *cluster.Member) bool { return m.Ready }

// describeCluster returns the next step if pods are missing.
func (c *irisCluster) describeCluster() string {
	if !c.Read {
		return lookAtPods(c)
	}
	return fmt.Sprintf("see what the operator says: kubectl describe irisclusters.%s %s -n %s", iris.Group, c.name, c.namespace)
}

func lookAtPods(c *irisCluster) string {
	return fmt.Sprintf("look at its pods: kubectl get pods -l %s=%s -L %s,%s -n %s",
		iris.LabelName, c.name, iris.LabelComponent, iris.LabelMirrorRole, c.namespace)
}

// askOrLog returns the command that asks IRIS in the first of some members or, if it
// has answered, shows its log.
func askOrLog(members []*cluster.Member) string {
	if hasSpoken(members[0]) {
		return seeLog(members[0].Pod)
	}
	return askIRIS(members)
}

// askIRIS returns the command that shows the role as IRIS itself sees it, in the
// first of some members.
func askIRIS(members []*cluster.Member) string {
	also := ""
	if len(members) > 1 {
		also = ", here and in the other members"
	}
	pod := members[0].Pod
	return fmt.Sprintf("see what IRIS itself says%s: kubectl exec %s%s -n %s -- iris list", also, pod.Name, ofIRIS(pod), pod.Namespace)
}

// seeLog returns the command that shows what IRIS wrote last.
func seeLog(pod *iris.Pod) string {
	return fmt.Sprintf("see what IRIS logged: kubectl logs %s%s --tail 50 -n %s", pod.Name, ofIRIS(pod), pod.Namespace)
}

// ofIRIS returns the flag that selects IRIS's container, if it is known.
func ofIRIS(pod *iris.Pod) string {
	if pod.IRIS == nil {
		return ""
	}
	return " -c " + pod.IRIS.Name
}

// judgeMembers returns what IRIS's answers show to be wrong: first labels, since
// Services then reach the wrong pod. judgePods reports pods that are being deleted.
func (inv *inventory) judgeMembers(c *irisCluster) []finding.Finding {
	var labels, instances []finding.Finding
	for _, m := range c.Members {
		if m.Answer == nil || m.Deleting {
			continue
		}
		isReported := m.Successor != nil && m.Answer.IsStarting() // by judgeInstance
		if c.isMirrored && m.LabelAgrees == iris.No && !isReported {
			labels = append(labels, inv.wrongLabel(c, m))
		}
		instances = append(instances, judgeInstance(m, c.isMirrored)...)
	}
	return append(labels, instances...)
}

// wrongLabel returns that IRIS contradicts the label in the pod or, if it does not
// confirm the role there, that it confirms it in a successor. The hint for a pod that is
// not ready is to see why, because relabel needs its answer.
func (inv *inventory) wrongLabel(c *irisCluster, m *cluster.Member) finding.Finding {
	label := m.MirrorRole()
	f := finding.Finding{
		Code:   finding.RoleDisagrees,
		Object: object("pod", m.Name),
		Why:    inv.affected(c, m.Pod, label),
		Hint:   c.relabel(),
	}
	if m.Successor == nil {
		f.Brief = fmt.Sprintf("%s is labelled %s, but IRIS says %s", nameOf(m), label, inWords(m))
		if m.Answer.IsAsync() && label == iris.MirrorBackup {
			f.Code = finding.AsyncLabelledBackup
		}
		return f
	}
	silence := "does not answer"
	if m.Answer.Source != iris.NoAnswer {
		silence = fmt.Sprintf("does not say whether it is the %s (%s)", label, m.Says)
	}
	f.Brief = fmt.Sprintf("%s %s and is labelled %s, but IRIS says %s in %q", nameOf(m), silence, label, inWords(m.Successor), m.Successor.Name)
	if !m.Ready {
		f.Hint = "see why it does not answer: " + describePod(m.Pod)
	}
	return f
}

// nameOf returns a member within a sentence: data pod "simple-data-0-0".
func nameOf(m *cluster.Member) string { return fmt.Sprintf("%s pod %q", iris.ComponentData, m.Name) }

// inWords returns a member's answer within a sentence.
func inWords(m *cluster.Member) string {
	if m.Answer.Source == iris.FromMirrorStatus {
		return "it is " + m.Says
	}
	return m.Says
}

// affected names the Services for a role that reach a pod which does not have it, else
// those that select it and reach no pod, or that select it if EndpointSlices were not
// read.
func (inv *inventory) affected(c *irisCluster, pod *iris.Pod, role string) string {
	var reach, stranded, selects []string
	for _, svc := range c.services {
		selected := slices.Contains(svc.selects[c.name], pod)
		switch {
		case svc.Spec.Selector[iris.LabelMirrorRole] != role:
		case slices.Contains(svc.reaches[c.name], pod.Name):
			reach = append(reach, svc.Name)
		case selected && !inv.read.slices:
			selects = append(selects, svc.Name)
		case selected && len(svc.reaches[c.name]) == 0:
			stranded = append(stranded, svc.Name)
		}
	}
	words := func(names []string, one, several, what string) string {
		if len(names) == 0 {
			return ""
		}
		return fmt.Sprintf("%s %s for the %s %s %s", plural(len(names), "service", "services"), quotedList(names), role, plural(len(names), one, several), what)
	}
	return cmp.Or(words(reach, "reaches", "reach", "it"), words(selects, "selects", "select", "it"), words(stranded, "reaches", "reach", "no pod"))
}

// relabel returns the command that sets the labels to IRIS's answers, and what it
// requires: at most one primary in each shard, and a conclusive answer of every
// failover member.
func (c *irisCluster) relabel() string {
	command := fmt.Sprintf("set the labels as IRIS says: kubectl iris relabel %s -n %s", c.name, c.namespace)
	isPrimary := func(m *cluster.Member) bool { return m.Confirmed && m.Role == iris.MirrorPrimary }
	for _, s := range c.shards {
		if len(filter(s.Members, isPrimary)) > 1 {
			return fmt.Sprintf("once IRIS says Primary in one pod only%s, %s", c.inShard(s.Name), command)
		}
	}
	i := slices.IndexFunc(c.Members, (*cluster.Member).IsUndecided)
	if i < 0 {
		return command
	}
	if refused := c.Members[i].Said().Refused; len(refused) > 0 && refused[0].Resource != "" {
		return fmt.Sprintf("with the right %s %s, %s", refused[0].Resource, refused[0].Verb, command)
	}
	return "once IRIS answers conclusively in all failover members, " + command
}

// judgeInstance returns at most one finding about an instance; its condition comes
// before the mirror's.
func judgeInstance(m *cluster.Member, isMirrored bool) []finding.Finding {
	f := finding.Finding{Object: object("pod", m.Name), Hint: seeLog(m.Pod)}
	i, mirror := m.Answer.Instance, m.Answer.Mirror()
	switch {
	case i != nil && i.Condition == iris.Down:
		f.Code, f.Brief = finding.InstanceDown, nameOf(m)+": IRIS is "+m.Says
		if i.Since != "" {
			f.Why = "last used " + i.Since
		}
	case i != nil && i.Condition == iris.Inhibited:
		f.Code, f.Brief, f.Why = finding.SignOnInhibited, nameOf(m)+": IRIS is up and accepts no sign-ons yet", i.Status
		f.Hint = "if it stays so, " + f.Hint
	case i != nil && strings.EqualFold(i.State, "hung"):
		f.Code, f.Brief, f.Why = finding.InstanceHung, nameOf(m)+": IRIS hangs", "its state is "+i.State
	case !isMirrored || mirror == nil:
		return nil
	case m.Answer.IsOutsideMirror():
		f.Code, f.Brief = finding.MemberNotConnected, nameOf(m)+": IRIS is not a member of a mirror"
	default:
		f.Code, f.Brief = codeOf(mirror.Status), fmt.Sprintf("%s: IRIS says %s", nameOf(m), m.Says)
	}
	if f.Code == "" {
		return nil
	}
	return []finding.Finding{f}
}

// codeOf returns the finding for a status of a mirror member; "" for a good or an
// unknown one (GHA_mirror_set_status; Stopped and Crashed from the mirror metrics, the
// last three words from other pages).
func codeOf(status string) view.FindingCode {
	is := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, status) })
	}
	switch {
	case is(iris.StatusInTrouble):
		return finding.MemberInTrouble
	case is(iris.StatusTransition, iris.StatusSynchronizing, iris.StatusWaiting):
		return finding.MemberInTransition
	case is(iris.StatusNotInitialized, iris.StatusStopped, iris.StatusCrashed, "Disconnected", "Down", "Error"):
		return finding.MemberNotConnected
	}
	return ""
}

// maxNamed bounds how many objects a sentence names.
const maxNamed = 3

// listOf joins texts for a sentence.
func listOf(texts []string) string { return text.List(texts, maxNamed) }

// quotedList returns names for a sentence: "a", "b" and 4 more.
func quotedList(names []string) string { return listOf(text.Quote(names)) }
