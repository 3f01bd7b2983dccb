package reach

import (
	"strings"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// In a cluster whose failover members are elsewhere, its name means the only
// member, and nothing else does.
func TestOnlyAsync(t *testing.T) {
	one, other := data("dr", "data-0-0", ""), data("dr", "data-0-1", "")
	stopped := other
	stopped.IRIS, stopped.Sidecar = &iris.Container{Name: "iris"}, nil
	leaving := other
	leaving.Deleting = true
	async := func(p iris.Pod) iris.Answer { return said(p, "Disaster Recovery", "Connected") }
	for name, test := range map[string]struct {
		request Request
		pods    []iris.Pod
		answers cluster.Answers
		// want is the pod, or message the error and hint a part of its hint.
		want, message, hint string
	}{
		"the only member":          {pods: []iris.Pod{one}, answers: answers(async(one)), want: "dr-data-0-0"},
		"the other member ends":    {pods: []iris.Pod{one, leaving}, answers: answers(async(one)), want: "dr-data-0-0"},
		"the other is not running": {pods: []iris.Pod{one, stopped}, answers: answers(async(one), async(stopped)), want: "dr-data-0-0"},
		"IRIS does not answer": {
			pods:    []iris.Pod{one},
			message: `no running pod has the role primary in IrisCluster "dr" in namespace "ns"; dr-data-0-0: no role`, hint: "as in dr-data-0-0",
		},
		"a role was named": {
			request: Request{role: "primary"}, pods: []iris.Pod{one}, answers: answers(async(one)),
			message: `no pod has the role primary in IrisCluster "dr" in namespace "ns": IRIS says that each is an async member, and the failover members of its mirror are elsewhere`,
			hint:    "name one of the pods: dr-data-0-0",
		},
		"two members": {
			pods: []iris.Pod{one, other}, answers: answers(async(one), async(other)),
			message: `no pod has the role primary in IrisCluster "dr" in namespace "ns": IRIS says that each is an async member, and the failover members of its mirror are elsewhere`,
			hint:    "dr-data-0-0, dr-data-0-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.request.namespace = "ns"
			target, err := Choose(test.request, cluster.Namespace{Name: "ns", ClustersRead: true, Clusters: []iris.Cluster{mirrored("dr")}, Pods: test.pods})
			if err != nil {
				t.Fatal(err)
			}
			if only, ok := target.OnlyAsync(test.pods, test.answers); ok {
				target = only
			}
			got, err := target.Resolve(test.pods, test.answers)
			if test.message != "" {
				if err == nil || err.Error() != test.message || !strings.Contains(problem.HintOf(err), test.hint) {
					t.Errorf("error %v (hint %q)", err, problem.HintOf(err))
				}
				return
			}
			if err != nil || got.Name != test.want || target.String() != `pod "`+test.want+`"` {
				t.Errorf("%s is %q, error %v", target, got.Name, err)
			}
		})
	}
}
