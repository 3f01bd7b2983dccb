package topology

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// ownAnswers returns the cluster's answers in the order of its members.
func (c *cluster) ownAnswers() []iris.Answer {
	var own []iris.Answer
	for _, m := range c.model.Members {
		if m.Answer != nil {
			own = append(own, *m.Answer)
		}
	}
	return own
}

// isMirrored reports whether the cluster is known to be mirrored.
func (c *cluster) isMirrored() bool { return c.model.Mirrored == iris.Yes }

// isServedElsewhere reports whether a Service is for the primary or the backup of
// a mirror whose failover members are elsewhere: it is to select no pod here.
func (c *cluster) isServedElsewhere(svc *service) bool {
	role := svc.Spec.Selector[iris.LabelMirrorRole]
	return (role == iris.MirrorPrimary || role == iris.MirrorBackup) && len(svc.selects[c.Name]) == 0 &&
		c.isMirrored() && c.model.IsAsyncOnly()
}

// answerView returns what IRIS said in a pod; nil if it was not asked. Outside
// a mirror no label is contradicted: it means nothing there.
func (c *cluster) answerView(pod *iris.Pod) *view.Answer {
	m := c.model.Member(pod)
	if m == nil || m.Answer == nil {
		return nil
	}
	a := m.Answer
	v := &view.Answer{
		Text:        a.Text(),
		Source:      view.AnswerSource(a.Source),
		Role:        a.Role(),
		Conclusive:  a.IsConclusive(),
		Contradicts: c.isMirrored() && a.Contradicts(pod.MirrorRole()),
		Stale:       a.Stale,
		Why:         a.Why(),
	}
	if i := a.Instance; i != nil {
		v.Instance = &view.Instance{
			Name:            i.Name,
			Version:         i.Version,
			Status:          i.Status,
			Since:           i.Since,
			State:           i.State,
			SuperserverPort: i.SuperserverPort,
			WebPort:         i.WebPort,
		}
		if i.Mirror != nil {
			v.Instance.MemberType, v.Instance.MirrorStatus = i.Mirror.MemberType, i.Mirror.Status
		}
	}
	return v
}

// unanswered returns in which pods IRIS did not answer as asked, and why: one
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

// unreadOf returns why some pods did not answer as asked, all for one reason.
func unreadOf(a iris.Answer, pods []string) view.Unread {
	u := view.Unread{Verb: "create", Resource: "pods/exec", Namespace: a.Namespace, Reason: view.Failed}
	if a.Refused[0].Resource != "" {
		u.Reason = view.Forbidden
	}
	where := fmt.Sprintf("%s (namespace %q)", quotedList(pods), a.Namespace)
	switch {
	case a.Stale:
		u.Message = fmt.Sprintf("no newer answer in %s than the one that is shown: %s", where, a.Why())
	case a.Source == iris.FromMirrorStatus:
		u.Message = fmt.Sprintf("no conclusive answer in %s from %s; mirror_status.cxw answered, which distinguishes the primary from the others and no more",
			where, a.Why())
	case a.Source == iris.FromMetrics:
		u.Message = fmt.Sprintf("no conclusive answer in %s from %s; %s answered instead", where, a.Why(), iris.MetricsPath)
	default:
		u.Message = fmt.Sprintf("IRIS did not answer in %s: %s", where, a.Why())
	}
	return u
}

// asWhom returns what gives a member its role: IRIS's words, or its label.
func asWhom(m *model.Member) string {
	if m.Confirmed {
		return "where IRIS says " + m.Answer.Text()
	}
	return "which is labelled " + m.Role
}

// whoIs returns of several members with a role what gives it to each, and what
// IRIS says in those that have it by their label.
func whoIs(members []*model.Member, role string) string {
	var said, labelled []string
	word := ""
	for _, m := range members {
		if m.Confirmed {
			said, word = append(said, strconv.Quote(m.Name)), m.Answer.Text()
		} else {
			labelled = append(labelled, strconv.Quote(m.Name)+inBrackets(m))
		}
	}
	var parts []string
	if len(said) > 0 {
		parts = append(parts, fmt.Sprintf("IRIS says %s in %s", word, listOf(said)))
	}
	if len(labelled) > 0 {
		parts = append(parts, fmt.Sprintf("%s %s labelled %s", listOf(labelled), areIs(labelled), role))
	}
	return strings.Join(parts, ", and ")
}

// inBrackets returns what IRIS says in a member; "" if it was not asked.
func inBrackets(m *model.Member) string {
	switch {
	case m.Answer == nil:
		return ""
	case m.Answer.Source == iris.NoAnswer:
		return " (IRIS does not answer)"
	}
	return fmt.Sprintf(" (IRIS says %s)", m.Answer.Text())
}

func areIs(names []string) string {
	if len(names) == 1 {
		return "is"
	}
	return "are"
}

// noneIs returns of several members why none has a role, and who says so.
func noneIs(members []*model.Member, role string) string {
	var said []string
	for _, m := range members {
		if hasSpoken(m) {
			said = append(said, fmt.Sprintf("%s in %q", m.Answer.Text(), m.Name))
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

// hasSpoken reports whether IRIS described itself in a member, in its own
// words.
func hasSpoken(m *model.Member) bool {
	source := m.Said().Source
	return source == iris.FromQlist || source == iris.FromMetrics
}

// askOrLog returns the next step if a role is missing or doubled: asking IRIS in
// the first of some members or, if it has answered, reading its log.
func askOrLog(members []*model.Member) string {
	if hasSpoken(members[0]) {
		return seeLog(members[0].Pod)
	}
	return askIRIS(members)
}

// seeLog returns the command that shows what IRIS wrote last.
func seeLog(pod *iris.Pod) string {
	container := ""
	if pod.IRIS != nil {
		container = " -c " + pod.IRIS.Name
	}
	return fmt.Sprintf("see what IRIS logged: kubectl logs %s%s --tail 50 -n %s", pod.Name, container, pod.Namespace)
}
