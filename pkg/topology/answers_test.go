package topology_test

import (
	"cmp"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// answer is what IRIS said in a pod, or why it said nothing.
type answer struct {
	// Qlist is the output of iris qlist.
	Qlist string `json:"qlist"`
	// Metrics is the text of the mirror metrics.
	Metrics string `json:"metrics"`
	// MirrorStatus is primary or not primary, if the page said so.
	MirrorStatus string         `json:"mirrorStatus"`
	Refused      []iris.Refusal `json:"refused"`
	// UID is that of the pod asked, if it is not that of the snapshot.
	UID types.UID `json:"uid"`
}

func answersOf(pods []iris.Pod, said map[string]answer) []iris.Answer {
	var answers []iris.Answer
	for _, pod := range pods {
		a, ok := said[pod.Name]
		if !ok {
			continue
		}
		out := iris.Answer{Namespace: pod.Namespace, Pod: pod.Name, UID: cmp.Or(a.UID, pod.UID), Refused: a.Refused}
		switch {
		case a.Qlist != "":
			out.Source, out.Instance = iris.FromQlist, iris.MainInstance(iris.ParseQlist(a.Qlist))
		case a.Metrics != "":
			out.Source, out.Metrics = iris.FromMetrics, iris.ParseMetrics(a.Metrics)
		case a.MirrorStatus != "":
			out.Source, out.Primary = iris.FromMirrorStatus, a.MirrorStatus == "primary"
		}
		answers = append(answers, out)
	}
	return answers
}
