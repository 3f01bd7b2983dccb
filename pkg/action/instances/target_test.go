package instances_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/poll"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// reachable is a Kubernetes cluster whose namespace iko has these pods.
type reachable struct {
	mu       sync.Mutex
	clusters []iris.Cluster
	pods     []iris.Pod
	// others are pods of no IrisCluster; podErr is the error of reading one.
	others []iris.Pod
	podErr error
	// unread are resources that may not be read.
	unread []string
	// says holds IRIS's mirror status by the pod's name; refused is why IRIS in
	// other pods cannot be asked.
	says    map[string]string
	refused iris.Refusal
}

// mirroredPair returns a cluster of a primary and a backup, both of which IRIS
// confirms.
func mirroredPair() *reachable {
	return &reachable{
		clusters: []iris.Cluster{{Namespace: "iko", Name: "simple", Mirrored: true, Shards: 1, Nodes: map[string]iris.Node{"data": {}}}},
		pods:     []iris.Pod{dataPod("simple-data-0-0", "primary"), dataPod("simple-data-0-1", "backup")},
		says:     map[string]string{"simple-data-0-0": "Primary", "simple-data-0-1": "Backup"},
	}
}

// dataPod returns a running data pod of cluster simple, with a sidecar.
func dataPod(name, role string) iris.Pod {
	started := metav1.Unix(0, 0)
	pod := iris.Pod{
		Namespace: "iko", Name: name, UID: types.UID("uid of " + name), Ready: true, State: "Running", NodeIP: "192.0.2.7",
		Labels: map[string]string{
			iris.LabelKind: iris.Kind, iris.LabelName: "simple", iris.LabelComponent: iris.ComponentData, iris.LabelRole: iris.RoleIRIS,
		},
		IRIS:    &iris.Container{Name: "iris", Started: started},
		Sidecar: &iris.Container{Name: iris.SidecarContainer, Started: started},
	}
	if role != "" {
		pod.Labels[iris.LabelMirrorRole] = role
	}
	return pod
}

func (c *reachable) ClustersAndPods(context.Context, string) (topology.Snapshot, error) {
	return actiontest.Lacking(topology.Snapshot{Clusters: c.clusters, Pods: c.pods}, c.unread...), nil
}

func (c *reachable) Pod(_ context.Context, _, name string) (*iris.Pod, error) {
	for _, p := range slices.Concat(c.pods, c.others) {
		if p.Name == name {
			return &p, c.podErr
		}
	}
	return nil, c.podErr
}

func (c *reachable) Ask(ctx context.Context, clusters []iris.Cluster, pods []iris.Pod) (answers []iris.Answer) {
	for _, p := range pods {
		answers = append(answers, c.AskPod(ctx, clusters, p, nil).Answer)
	}
	return answers
}

func (c *reachable) AskPod(_ context.Context, _ []iris.Cluster, pod iris.Pod, _ *iris.Refusal) poll.Reply {
	return poll.Reply{Answer: c.AskInstance(context.Background(), pod)}
}

func (c *reachable) AskInstance(_ context.Context, pod iris.Pod) iris.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	status, ok := c.says[pod.Name]
	if !ok {
		return iris.Answer{UID: pod.UID, Refused: []iris.Refusal{c.refused}}
	}
	memberType := "Failover"
	if status == "Connected" {
		memberType = "Disaster Recovery"
	}
	return iris.Answer{UID: pod.UID, At: time.Now(), Source: iris.FromQlist, Instance: &iris.Instance{
		Name: "PROD", Status: "running", Condition: iris.Running, Mirror: &iris.Mirror{MemberType: memberType, Status: status},
	}}
}

// requestFor returns the request for a target.
func requestFor(t *testing.T, role string, name ...string) reach.Request {
	t.Helper()
	r, err := reach.NewRequest("iko", role, "", name...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkError compares an error and its hint.
func checkError(t *testing.T, err error, message, hint string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != message || problem.HintOf(err) != hint {
		t.Errorf("error %q, hint %q\nwant  %q, hint %q", got, problem.HintOf(err), message, hint)
	}
}
