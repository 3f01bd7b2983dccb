package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// judgeAnswers finds what IRIS itself says is wrong: first where it contradicts
// a label, or confirms in another member what the label of a silent one says,
// since Services then lead elsewhere than they should. A pod that is being
// deleted has its own finding, and no Service leads to it any more.
func (inv *inventory) judgeAnswers(c *cluster, status view.ClusterStatus) []finding {
	mirrored := status.Mirrored != nil && *status.Mirrored
	var disagree, unwell []finding
	for _, pod := range c.pods {
		a := c.answers[pod.Name]
		if a == nil || pod.Deleting {
			continue
		}
		if heir := c.outlived(pod); mirrored && heir != nil {
			disagree = append(disagree, inv.outlivedLabel(c, pod, heir))
		}
		if mirrored && a.Contradicts(pod.MirrorRole()) {
			disagree = append(disagree, inv.disagrees(c, pod, a))
		}
		if f, ok := instanceUnwell(pod, a, mirrored); ok {
			unwell = append(unwell, f)
		}
	}
	return append(disagree, unwell...)
}

// disagrees says that a label is wrong, and which Services lead to the wrong
// pod for it.
func (inv *inventory) disagrees(c *cluster, pod *iris.Pod, a *iris.Answer) finding {
	label := pod.MirrorRole()
	code := view.RoleDisagrees
	if a.IsAsync() && label == iris.MirrorBackup {
		code = view.AsyncLabelledBackup
	}
	return at(code, object("pod", pod.Name),
		fmt.Sprintf("%s %q is labelled %s, but IRIS says %s", podWords(pod), pod.Name, label, inWords(a)),
		inv.misled(c, pod, label), c.relabel())
}

// outlivedLabel says that the label of a member that gives no answer is wrong,
// since IRIS confirms its role in another. Looking at the pod goes first where it
// is not well: relabel waits for its answer.
func (inv *inventory) outlivedLabel(c *cluster, pod, heir *iris.Pod) finding {
	label := pod.MirrorRole()
	hint := c.relabel()
	if !pod.Ready {
		hint = fmt.Sprintf("see why it does not answer: kubectl describe pod %s -n %s", pod.Name, pod.Namespace)
	}
	brief := fmt.Sprintf("%s %q does not answer and is labelled %s, but IRIS says %s in %q",
		podWords(pod), pod.Name, label, inWords(c.answers[heir.Name]), heir.Name)
	why := cmp.Or(inv.misled(c, pod, label), inv.stranded(c, pod, label))
	return at(view.RoleDisagrees, object("pod", pod.Name), brief, why, hint)
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

// inWords is an answer within a sentence.
func inWords(a *iris.Answer) string {
	if a.Source == iris.FromMirrorStatus {
		return "it is " + a.Text()
	}
	return a.Text()
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

// relabel is the command that sets the labels as IRIS says, with what it waits
// for: one primary at most in each shard, and an answer of every failover member.
func (c *cluster) relabel() string {
	first, twice := "", ""
	primaries := map[string]int{}
	for _, pod := range c.pods {
		a := c.answers[pod.Name]
		if a == nil {
			continue
		}
		if a.Role() == iris.MirrorPrimary {
			primaries[pod.Shard()]++
		}
		if primaries[pod.Shard()] > 1 {
			twice = fmt.Sprintf("once IRIS says Primary in one pod only%s, ", c.where(pod))
		}
		if !relabel.Lacks(*pod, *a) {
			continue
		}
		first = "once iris qlist answers in all failover members, "
		if len(a.Refused) > 0 && a.Refused[0].Resource != "" {
			first = fmt.Sprintf("with the right %s %s, ", a.Refused[0].Resource, a.Refused[0].Verb)
		}
	}
	return fmt.Sprintf("%sset the labels as IRIS says: kubectl iris relabel %s -n %s", cmp.Or(twice, first), c.Name, c.Namespace)
}

// where names the shard of a pod, where there are several.
func (c *cluster) where(pod *iris.Pod) string {
	if c.Shards < 2 {
		return ""
	}
	return fmt.Sprintf(" in shard %q", pod.Shard())
}

// instanceUnwell says at most one thing of an instance: that it is down rather
// than what its mirror therefore lacks.
func instanceUnwell(pod *iris.Pod, a *iris.Answer, mirrored bool) (finding, bool) {
	i := a.Instance
	if i == nil {
		return finding{}, false
	}
	where := fmt.Sprintf("%s %q", podWords(pod), pod.Name)
	found := func(code view.FindingCode, brief, why string) (finding, bool) {
		return at(code, object("pod", pod.Name), brief, why, seeLog(pod)), true
	}
	switch {
	case !i.Running:
		return found(view.InstanceDown, fmt.Sprintf("%s: IRIS is %s", where, a.Text()), lastUsed(i))
	case strings.EqualFold(i.State, "hung"):
		return found(view.InstanceHung, where+": IRIS hangs", "its state is "+i.State)
	case !mirrored:
		return finding{}, false
	case i.MemberType == "":
		return found(view.MemberNotConnected, where+": IRIS is no member of a mirror", "")
	}
	code, ok := memberTrouble(i.MirrorStatus)
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

// memberTrouble knows the statuses of a mirror member that is not as it should
// be (GHA_mirror_set_status, and for the last five words other pages). A status
// that is none of them is shown and not judged.
func memberTrouble(status string) (view.FindingCode, bool) {
	for code, words := range map[view.FindingCode][]string{
		view.MemberInTrouble:    {"In Trouble"},
		view.MemberInTransition: {"Transition", "Synchronizing", "Waiting"},
		view.MemberNotConnected: {"Not Initialized", "Disconnected", "Down", "Stopped", "Crashed", "Error"},
	} {
		if slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, status) }) {
			return code, true
		}
	}
	return "", false
}

// needsLabel tells whether a pod without a role label should have one: IRIS
// says so, or the pod is one of those that IKO is known to label and IRIS does
// not say otherwise.
func (c *cluster) needsLabel(pod *iris.Pod) bool {
	if c.answered(pod) {
		return c.role(pod) != ""
	}
	return c.role(pod) != "" || isFailoverMember(pod)
}

func (c *cluster) labelMissing(pod *iris.Pod) finding {
	brief := fmt.Sprintf("%s %q has no role label", podWords(pod), pod.Name)
	nobody := fmt.Sprintf("without %s no Service for a role reaches it", iris.LabelMirrorRole)
	if c.role(pod) != "" {
		return at(view.RoleLabelMissing, object("pod", pod.Name), brief,
			fmt.Sprintf("IRIS says %s, but %s", inWords(c.answers[pod.Name]), nobody), c.relabel())
	}
	return at(view.RoleLabelMissing, object("pod", pod.Name), brief, "it is ready, but "+nobody, askIRIS([]*iris.Pod{pod}))
}
