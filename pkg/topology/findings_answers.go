package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// judgeAnswers returns what IRIS itself says is wrong: first where it
// contradicts a label, or confirms in another member what a stale label says,
// since Services then reach the wrong pod. A pod that is being deleted has a
// finding of its own.
func (inv *inventory) judgeAnswers(c *cluster) []finding {
	var disagree, unhealthy []finding
	for _, m := range c.model.Members {
		if m.Answer == nil || m.Deleting {
			continue
		}
		if c.isMirrored() {
			switch {
			case m.Successor != nil && m.Said().IsStarting(): // it says for itself that it has to be waited for
			case m.Successor != nil:
				disagree = append(disagree, inv.staleLabel(c, m))
			case m.LabelAgrees() == iris.No:
				disagree = append(disagree, inv.disagrees(c, m))
			}
		}
		if f, ok := judgeInstance(m, c.isMirrored()); ok {
			unhealthy = append(unhealthy, f)
		}
	}
	return append(disagree, unhealthy...)
}

// disagrees returns that a label is wrong, and which Services reach the wrong
// pod because of it.
func (inv *inventory) disagrees(c *cluster, m *model.Member) finding {
	label := m.MirrorRole()
	code := view.RoleDisagrees
	if m.Answer.IsAsync() && label == iris.MirrorBackup {
		code = view.AsyncLabelledBackup
	}
	return at(code, object("pod", m.Name),
		fmt.Sprintf("%s %q is labelled %s, but IRIS says %s", podWords(m.Pod), m.Name, label, inWords(m)),
		inv.misled(c, m.Pod, label), c.relabel())
}

// staleLabel returns that the label of a member that gives no answer is wrong,
// since IRIS confirms its role in another. Looking at the pod goes first if it
// is not ready: relabel waits for its answer.
func (inv *inventory) staleLabel(c *cluster, m *model.Member) finding {
	label := m.MirrorRole()
	hint := c.relabel()
	if !m.Ready {
		hint = fmt.Sprintf("see why it does not answer: kubectl describe pod %s -n %s", m.Name, m.Namespace)
	}
	silence := "does not answer"
	if m.Said().Source != iris.NoAnswer {
		silence = fmt.Sprintf("does not say whether it is the %s (%s)", label, m.Answer.Text())
	}
	brief := fmt.Sprintf("%s %q %s and is labelled %s, but IRIS says %s in %q",
		podWords(m.Pod), m.Name, silence, label, inWords(m.Successor), m.Successor.Name)
	why := cmp.Or(inv.misled(c, m.Pod, label), inv.stranded(c, m.Pod, label))
	return at(view.RoleDisagrees, object("pod", m.Name), brief, why, hint)
}

// stranded names the Services for a role that select a pod which does not hold
// it, and reach nobody.
func (inv *inventory) stranded(c *cluster, pod *iris.Pod, role string) string {
	if !inv.read.slices {
		return ""
	}
	var names []string
	for _, svc := range c.services {
		if svc.Spec.Selector[iris.LabelMirrorRole] == role && slices.Contains(svc.selects[c.Name], pod) && len(svc.reaches[c.Name]) == 0 {
			names = append(names, svc.Name)
		}
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("service %s for the %s leads nowhere", quotedList(names), role)
	}
	return fmt.Sprintf("services %s for the %s lead nowhere", quotedList(names), role)
}

// inWords returns a member's answer within a sentence.
func inWords(m *model.Member) string {
	if m.Answer.Source == iris.FromMirrorStatus {
		return "it is " + m.Answer.Text()
	}
	return m.Answer.Text()
}

// misled names the Services for a role that lead to a pod which does not hold
// it.
func (inv *inventory) misled(c *cluster, pod *iris.Pod, role string) string {
	var names []string
	for _, svc := range c.services {
		if svc.Spec.Selector[iris.LabelMirrorRole] == role && inv.leadsTo(c, svc, pod) {
			names = append(names, svc.Name)
		}
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("service %s for the %s leads to it", quotedList(names), role)
	}
	return fmt.Sprintf("services %s for the %s lead to it", quotedList(names), role)
}

// leadsTo tells whether a Service reaches a pod or, where EndpointSlices were
// not read, selects it.
func (inv *inventory) leadsTo(c *cluster, svc *service, pod *iris.Pod) bool {
	if inv.read.slices {
		return slices.Contains(svc.reaches[c.Name], pod.Name)
	}
	return slices.Contains(svc.selects[c.Name], pod)
}

// relabel returns the command that sets the labels as IRIS says, with what it
// waits for: one primary at most in each shard, and a conclusive answer of every
// failover member.
func (c *cluster) relabel() string {
	first, twice := "", ""
	primaries := map[string]int{}
	for _, m := range c.model.Members {
		a := m.Said()
		if a.IsPrimary() == iris.Yes {
			primaries[m.Shard()]++
		}
		if primaries[m.Shard()] > 1 {
			twice = fmt.Sprintf("once IRIS says Primary in one pod only%s, ", c.where(m.Pod))
		}
		if !m.IsUndecided() {
			continue
		}
		first = "once IRIS answers conclusively in all failover members, "
		if len(a.Refused) > 0 && a.Refused[0].Resource != "" {
			first = fmt.Sprintf("with the right %s %s, ", a.Refused[0].Resource, a.Refused[0].Verb)
		}
	}
	return fmt.Sprintf("%sset the labels as IRIS says: kubectl iris relabel %s -n %s", cmp.Or(twice, first), c.Name, c.Namespace)
}

// where names the shard of a pod if there are several.
func (c *cluster) where(pod *iris.Pod) string {
	if len(c.shards) < 2 {
		return ""
	}
	return fmt.Sprintf(" in shard %q", pod.Shard())
}

// judgeInstance returns at most one finding about an instance: that it is down
// rather than what its mirror therefore misses.
func judgeInstance(m *model.Member, mirrored bool) (finding, bool) {
	where := fmt.Sprintf("%s %q", podWords(m.Pod), m.Name)
	found := func(code view.FindingCode, brief, why string) (finding, bool) {
		return at(code, object("pod", m.Name), brief, why, seeLog(m.Pod)), true
	}
	a := m.Answer
	if i := a.Instance; i != nil {
		switch {
		case i.Condition == iris.Down:
			return found(view.InstanceDown, where+": IRIS is "+a.Text(), lastUsed(i))
		case i.Condition == iris.Inhibited:
			return at(view.SignOnInhibited, object("pod", m.Name), where+": IRIS is up and accepts no sign-ons yet", i.Status,
				"wait until it does; if it stays, "+seeLog(m.Pod)), true
		case strings.EqualFold(i.State, "hung"):
			return found(view.InstanceHung, where+": IRIS hangs", "its state is "+i.State)
		}
	}
	switch {
	case !mirrored || a.Mirror() == nil:
		return finding{}, false
	case a.IsOutsideMirror():
		return found(view.MemberNotConnected, where+": IRIS is not a member of a mirror", "")
	}
	code, ok := memberTrouble(a.Mirror().Status)
	if !ok {
		return finding{}, false
	}
	return found(code, fmt.Sprintf("%s: IRIS says %s", where, a.Text()), "")
}

func lastUsed(i *iris.Instance) string {
	if i.Since == "" {
		return ""
	}
	return "last used " + i.Since
}

// memberTrouble returns the finding about a mirror member that is not as it
// should be (GHA_mirror_set_status; Stopped and Crashed from the mirror metrics,
// the last three words from other pages). A status that is none of them is shown
// and not judged.
func memberTrouble(status string) (view.FindingCode, bool) {
	for code, words := range map[view.FindingCode][]string{
		view.MemberInTrouble:    {iris.StatusInTrouble},
		view.MemberInTransition: {iris.StatusTransition, iris.StatusSynchronizing, iris.StatusWaiting},
		view.MemberNotConnected: {iris.StatusNotInitialized, iris.StatusStopped, iris.StatusCrashed, "Disconnected", "Down", "Error"},
	} {
		if slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, status) }) {
			return code, true
		}
	}
	return "", false
}

// lacksLabel reports whether a member without a role label should have one:
// IRIS says that it has a role, or the member is one of the two that IKO is
// known to label and IRIS does not say that it has none.
func lacksLabel(m *model.Member) bool {
	if m == nil || m.MirrorRole() != "" {
		return false
	}
	return m.Role != "" || m.Failover == iris.Yes && !m.Said().IsConclusive() && !m.Said().IsStarting()
}

func (c *cluster) labelMissing(m *model.Member) finding {
	brief := fmt.Sprintf("%s %q has no role label", podWords(m.Pod), m.Name)
	effect := fmt.Sprintf("without %s no Service for a role reaches it", iris.LabelMirrorRole)
	if m.Role != "" {
		return at(view.RoleLabelMissing, object("pod", m.Name), brief,
			fmt.Sprintf("IRIS says %s, but %s", inWords(m), effect), c.relabel())
	}
	return at(view.RoleLabelMissing, object("pod", m.Name), brief, "it is ready, but "+effect, askIRIS([]*model.Member{m}))
}
