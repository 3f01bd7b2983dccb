package reach

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Holder is the pod that a target means at a time.
type Holder struct {
	iris.Pod
	// Source says how IRIS told that the pod holds the role; NoAnswer where
	// its label does. A target that is a pod has no use for it.
	Source iris.AnswerSource
}

// Why says who tells that the pod holds the role.
func (h Holder) Why() string {
	if h.Source == iris.NoAnswer {
		return "by its label"
	}
	return "as IRIS says"
}

// Answers are what IRIS said in pods, by the pod's uid.
type Answers map[types.UID]iris.Answer

// Find says which pod the target means now. A pod that runs in no container,
// or is on its way out, is none. Where nobody, or more than one pod, holds the
// role, the error says so.
func (t Target) Find(pods []iris.Pod, answers Answers) (Holder, error) {
	holders := t.holders(pods, answers)
	switch {
	case len(holders) == 1:
		return holders[0], nil
	case t.Pod != "":
		return Holder{}, t.notRunning(pods)
	case len(holders) == 0:
		return Holder{}, problem.New("no running pod holds the role %s in %s (namespace %q)%s", t.Role, t.place(), t.Namespace, t.others(pods, answers)).
			Hint("kubectl iris status %s -n %s shows each pod's role; to reach a pod whatever its role, name the pod", t.Cluster.Name, t.Namespace)
	}
	var claiming []string
	for _, h := range holders {
		claiming = append(claiming, h.Name)
	}
	return Holder{}, problem.New("several pods hold the role %s in %s (namespace %q): %s", t.Role, t.place(), t.Namespace, listed(claiming)).
		Hint("name the pod that you mean; kubectl iris status %s -n %s shows what IRIS says in each", t.Cluster.Name, t.Namespace)
}

// holders are the pods that the target means; more than one where the role is
// claimed twice. What IRIS says in a pod goes before its label.
func (t Target) holders(pods []iris.Pod, answers Answers) []Holder {
	var holders []Holder
	for _, p := range t.Members(pods) {
		a := answers[p.UID]
		switch {
		case !running(p):
		case t.Pod != "":
			holders = append(holders, Holder{Pod: p})
		case a.Role() == t.Role:
			holders = append(holders, Holder{Pod: p, Source: a.Source})
		case roleOf(p, a) == t.Role:
			holders = append(holders, Holder{Pod: p})
		}
	}
	return confirmed(holders)
}

// confirmed are those holders of whom IRIS says so, where there are any: the
// label of a pod in which IRIS says nothing may be of before.
func confirmed(holders []Holder) []Holder {
	byLabel := func(h Holder) bool { return h.Source == iris.NoAnswer }
	if said := slices.DeleteFunc(slices.Clone(holders), byLabel); len(said) > 0 {
		return said
	}
	return holders
}

// Members are the pods among which the target is.
func (t Target) Members(pods []iris.Pod) []iris.Pod {
	members := only(pods, func(p iris.Pod) bool {
		if t.Pod != "" {
			return p.Name == t.Pod
		}
		return p.Cluster() == t.Cluster.Name && p.Component() == iris.ComponentData && (t.Shard == "" || p.Shard() == t.Shard)
	})
	slices.SortFunc(members, func(a, b iris.Pod) int { return a.Ordinal() - b.Ordinal() })
	return members
}

// running tells whether there is something in a pod to connect to.
func running(p iris.Pod) bool {
	runs := func(c *iris.Container) bool { return c != nil && !c.Started.IsZero() }
	return !p.Deleting && (runs(p.IRIS) || runs(p.Sidecar))
}

// roleOf is a pod's mirror role as IRIS says, else as its label does; "" where
// IRIS says that it has none. A label that IRIS's answer has no word for counts
// where the answer leaves room for it.
func roleOf(p iris.Pod, a iris.Answer) string {
	if role := a.Role(); role != "" {
		return role
	}
	label := p.MirrorRole()
	_, known := a.IsBackup()
	if a.Contradicts(label) || known && (label == iris.MirrorPrimary || label == iris.MirrorBackup) {
		return ""
	}
	return label
}

func (t Target) notRunning(pods []iris.Pod) error {
	members := t.Members(pods)
	if len(members) == 0 {
		return problem.New("pod %q in namespace %q is gone", t.Pod, t.Namespace).
			Hint("kubectl iris status %s -n %s shows the pods that there are", t.Cluster.Name, t.Namespace)
	}
	return problem.New("pod %q in namespace %q does not run: %s", t.Pod, t.Namespace, members[0].State).
		Hint("kubectl describe pod %s -n %s shows why", t.Pod, t.Namespace)
}

// others says in a few words what the members are instead.
func (t Target) others(pods []iris.Pod, answers Answers) string {
	var words []string
	for _, p := range t.Members(pods) {
		role := roleOf(p, answers[p.UID])
		switch {
		case !running(p):
			role = p.State
		case role == "":
			role = "no role"
		}
		words = append(words, fmt.Sprintf("%s: %s", p.Name, role))
	}
	if len(words) == 0 {
		return ": it has no data pod"
	}
	return "; " + listed(words)
}
