package topology

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// addAnswers gives each cluster what IRIS said in its pods. What was said in an
// earlier pod of the same name is passed over.
func (inv *inventory) addAnswers(answers []iris.Answer) {
	for i := range answers {
		answer := &answers[i]
		index := inv.pods[answer.Namespace]
		if !index.has(answer.Pod) || index.byName[answer.Pod].UID != answer.UID {
			continue
		}
		c := inv.clusters[key{answer.Namespace, index.clusterOf(answer.Pod)}]
		if c.answers == nil {
			c.answers = map[string]*iris.Answer{}
		}
		c.answers[answer.Pod] = answer
	}
}

// ownAnswers are the answers in the order of the pods.
func (c *cluster) ownAnswers() []iris.Answer {
	var own []iris.Answer
	for _, pod := range c.pods {
		if a := c.answers[pod.Name]; a != nil {
			own = append(own, *a)
		}
	}
	return own
}

// role is a pod's mirror role as IRIS says, else as its label does; "" where
// IRIS says that it has none, or where the label is outlived. What
// mirror_status.cxw leaves open, the label of a pod that it does not contradict
// may tell.
func (c *cluster) role(pod *iris.Pod) string {
	label, a := pod.MirrorRole(), c.answers[pod.Name]
	if a == nil || a.Source == iris.NoAnswer {
		if c.outlived(pod) != nil {
			return ""
		}
		return label
	}
	if role := a.Role(); role != "" {
		return role
	}
	if _, known := a.IsBackup(); known || a.Contradicts(label) {
		return ""
	}
	return label
}

// outlived is the member of the same shard in which IRIS confirms the role that
// the label gives a pod without an answer; nil where there is none. A shard has
// one primary and one backup, so that such a label was true once: its pod
// crashed, or its node was lost, before anybody took it away.
func (c *cluster) outlived(pod *iris.Pod) *iris.Pod {
	label, a := pod.MirrorRole(), c.answers[pod.Name]
	if label == "" || len(c.answers) == 0 || a != nil && a.Source != iris.NoAnswer {
		return nil
	}
	for _, other := range c.pods {
		said := c.answers[other.Name]
		if other != pod && said != nil && !other.Deleting && other.Shard() == pod.Shard() && said.Role() == label {
			return other
		}
	}
	return nil
}

// answered tells whether IRIS said in a pod what the pod's role is, or that it
// has none.
func (c *cluster) answered(pod *iris.Pod) bool {
	a := c.answers[pod.Name]
	return a != nil && a.Source == iris.FromQlist
}

// answerView is what IRIS said in a pod. Outside a mirror no label is
// contradicted: it means nothing there.
func (c *cluster) answerView(pod *iris.Pod) *view.Answer {
	a := c.answers[pod.Name]
	if a == nil {
		return nil
	}
	mirrored := c.mirrored()
	v := &view.Answer{
		Text:        a.Text(),
		Source:      view.AnswerSource(a.Source),
		Role:        a.Role(),
		Contradicts: mirrored != nil && *mirrored && a.Contradicts(pod.MirrorRole()),
		Why:         a.Why(),
	}
	if i := a.Instance; i != nil {
		v.Instance = &view.Instance{
			Name:            i.Name,
			Version:         i.Version,
			Status:          i.Status,
			Since:           i.Since,
			State:           i.State,
			MemberType:      i.MemberType,
			MirrorStatus:    i.MirrorStatus,
			SuperserverPort: i.SuperserverPort,
			WebPort:         i.WebPort,
		}
	}
	return v
}

// unanswered says in which pods IRIS did not answer as asked, and why: a line
// for each reason.
func unanswered(answers []iris.Answer) []view.Unread {
	type group struct {
		first iris.Answer
		pods  []string
	}
	var groups []*group
	for _, a := range answers {
		if len(a.Refused) == 0 {
			continue
		}
		at := slices.IndexFunc(groups, func(g *group) bool {
			return g.first.Namespace == a.Namespace && g.first.Source == a.Source && slices.Equal(g.first.Refused, a.Refused)
		})
		if at < 0 {
			at = len(groups)
			groups = append(groups, &group{first: a})
		}
		groups[at].pods = append(groups[at].pods, a.Pod)
	}
	var unread []view.Unread
	for _, g := range groups {
		unread = append(unread, unreadOf(g.first, g.pods))
	}
	return unread
}

// unreadOf is why some pods did not answer as asked, all for one reason.
func unreadOf(a iris.Answer, pods []string) view.Unread {
	u := view.Unread{Verb: "create", Resource: "pods/exec", Namespace: a.Namespace, Reason: view.Failed}
	if a.Refused[0].Resource != "" {
		u.Reason = view.Forbidden
	}
	where := fmt.Sprintf("%s (namespace %q)", quotedList(pods), a.Namespace)
	if a.Source == iris.FromMirrorStatus {
		u.Message = fmt.Sprintf("iris qlist did not answer in %s: %s; mirror_status.cxw did, which tells the primary from the others and no more",
			where, a.Refused[0].Why)
		return u
	}
	u.Message = fmt.Sprintf("IRIS did not answer in %s: %s", where, a.Why())
	return u
}

// asWhom says what makes a pod the holder of a role: IRIS's words, or its label.
func (c *cluster) asWhom(pod *iris.Pod, role string) string {
	if a := c.answers[pod.Name]; a != nil && a.Role() == role {
		return "where IRIS says " + a.Text()
	}
	return "which is labelled " + role
}

// whoIs says of several pods what makes each the holder of a role.
func (c *cluster) whoIs(pods []*iris.Pod, role string) string {
	var said, labelled []string
	word := ""
	for _, pod := range pods {
		if a := c.answers[pod.Name]; a != nil && a.Role() == role {
			said, word = append(said, pod.Name), a.Text()
		} else {
			labelled = append(labelled, pod.Name)
		}
	}
	var parts []string
	if len(said) > 0 {
		parts = append(parts, fmt.Sprintf("IRIS says %s in %s", word, quotedList(said)))
	}
	if len(labelled) > 0 {
		parts = append(parts, fmt.Sprintf("%s %s labelled %s", quotedList(labelled), areIs(labelled), role))
	}
	return strings.Join(parts, ", and ")
}

func areIs(names []string) string {
	if len(names) == 1 {
		return "is"
	}
	return "are"
}

// noneIs says of several pods that none holds a role, and who says so.
func (c *cluster) noneIs(pods []*iris.Pod, role string) string {
	var said []string
	for _, pod := range pods {
		if c.answered(pod) {
			said = append(said, fmt.Sprintf("%s in %q", c.answers[pod.Name].Text(), pod.Name))
		}
	}
	if len(said) == 0 {
		return "none of its data pods is labelled " + role
	}
	words := "IRIS says " + listOf(said)
	if len(said) < len(pods) {
		words += ", and no other data pod is labelled " + role
	}
	return words
}

// askOrLog is the next step where a role is missing or doubled: asking IRIS in
// the first of some pods or, where it has answered, its log.
func (c *cluster) askOrLog(pods []*iris.Pod) string {
	if c.answered(pods[0]) {
		return seeLog(pods[0])
	}
	return askIRIS(pods)
}

// seeLog is the command that shows what IRIS wrote of late.
func seeLog(pod *iris.Pod) string {
	return fmt.Sprintf("see what IRIS logged: kubectl logs %s -c %s --tail 50 -n %s", pod.Name, pod.IRIS.Name, pod.Namespace)
}
