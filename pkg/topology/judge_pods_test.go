package topology_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// pod is one of the cluster simple by its labels.
func pod(name, component, shard string) iris.Pod {
	labels := map[string]string{iris.LabelKind: iris.Kind, iris.LabelName: "simple", iris.LabelComponent: component}
	if shard != "" {
		labels[iris.LabelShard] = shard
	}
	return iris.Pod{Namespace: "iko", Name: name, Labels: labels, Ready: true}
}

func TestHasMissingPods(t *testing.T) {
	node := map[string]iris.Node{iris.ComponentCompute: {}}
	first, second, third := pod("simple-data-0-0", "data", "0"), pod("simple-data-0-1", "data", "0"), pod("simple-data-1-0", "data", "1")
	compute := pod("simple-compute-5d8f7c9b4-x7k2p", "compute", "")
	elsewhere := second
	elsewhere.Namespace = "other"
	for name, test := range map[string]struct {
		cluster iris.Cluster
		pods    []iris.Pod
		want    bool
	}{
		"no pods":               {iris.Cluster{Shards: 1}, nil, true},
		"no data pods":          {iris.Cluster{Shards: 1}, []iris.Pod{compute}, true},
		"one is enough":         {iris.Cluster{Shards: 1}, []iris.Pod{first}, false},
		"a member missing":      {iris.Cluster{Shards: 1, Mirrored: true}, []iris.Pod{first}, true},
		"a member elsewhere":    {iris.Cluster{Shards: 1, Mirrored: true}, []iris.Pod{first, elsewhere}, true},
		"a mirror":              {iris.Cluster{Shards: 1, Mirrored: true}, []iris.Pod{first, second}, false},
		"a shard missing":       {iris.Cluster{Shards: 2, Mirrored: true}, []iris.Pod{first, second}, true},
		"half a shard missing":  {iris.Cluster{Shards: 2, Mirrored: true}, []iris.Pod{first, second, third}, true},
		"no mirror, one short":  {iris.Cluster{Shards: 2}, []iris.Pod{first}, true},
		"no mirror, no shards":  {iris.Cluster{Shards: 2}, []iris.Pod{pod("iris-data-0", "data", ""), pod("iris-data-1", "data", "")}, false},
		"no compute pods":       {iris.Cluster{Shards: 1, Nodes: node}, []iris.Pod{first}, true},
		"of a Deployment":       {iris.Cluster{Shards: 1, Nodes: node}, []iris.Pod{first, compute}, false},
		"shards without number": {iris.Cluster{Shards: 1 << 40, Mirrored: true}, []iris.Pod{first, second}, true},
	} {
		test.cluster.Namespace, test.cluster.Name = "iko", "simple"
		s := topology.Snapshot{Clusters: []iris.Cluster{test.cluster}, Pods: test.pods}
		if got := topology.HasMissingPods(s); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
		s.Unread = []view.Unread{{Resource: "pods"}}
		if topology.HasMissingPods(s) {
			t.Errorf("%s: missing pods, though pods were not read", name)
		}
	}
}

// A view for which no Warnings are read, because no pods are missing, has the same
// findings as one of a watch, which always has them.
func TestRefusalsNeedMissingPods(t *testing.T) {
	past := 0
	for _, name := range scenarios(t) {
		s := load(t, name)
		if topology.HasMissingPods(s) {
			continue
		}
		past += len(s.Events)
		for _, c := range topology.Statuses(s).Items {
			for _, f := range c.Findings {
				if f.Code == finding.PodNotCreated {
					t.Errorf("%s: %s", name, f.Message)
				}
			}
		}
	}
	if past == 0 {
		t.Error("no Warnings")
	}
}

// Pods that no operator made, and Warnings of any kind, break nothing and do not
// make a view grow without bound.
func TestPodsMadeByHand(t *testing.T) {
	long := strings.Repeat("x\n", 10_000)
	s := topology.Snapshot{Clusters: []iris.Cluster{{Namespace: "iko", Name: "simple", Mirrored: true, Shards: 1}}}
	for _, name := range []string{"", "-", "simple", "simple-", "simple-data-", "simple-data-99999999999999999999", "data-0", "a-b-c-d-e"} {
		for _, shard := range []string{"", "0", "-1", "x", "99999999999999999999"} {
			for _, component := range []string{"", "data", "made-up"} {
				made := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: name, Labels: pod(name, component, shard).Labels}}
				made.Status.Reason, made.Status.Message = long, long
				s.Pods = append(s.Pods, iris.PodFrom(made))
			}
		}
	}
	for _, kind := range []string{"", "StatefulSet", "ReplicaSet", "Pod"} {
		for _, name := range []string{"", "simple", "simple-data", "simple-data-", "simple-data-x", "simple-data-99999999999999999999", "simple-"} {
			s.Events = append(s.Events, corev1.Event{
				Type: corev1.EventTypeWarning, Reason: "FailedCreate", Message: long,
				InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: "iko", Name: name}, LastTimestamp: metav1.Now(),
			})
		}
	}
	c, ok := statusOf(s, "iko", "simple")
	if !ok || len(c.Findings) == 0 {
		t.Fatal("no findings")
	}
	for _, f := range c.Findings {
		if len(f.Message) > 1000 || strings.Contains(f.Message, "\n") {
			t.Errorf("%s: message of %d bytes", f.Object, len(f.Message))
		}
	}
}
