package actiontest

import (
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Lacking returns a snapshot without the right to read resources.
func Lacking(s topology.Snapshot, resources ...string) topology.Snapshot {
	for _, resource := range resources {
		switch resource {
		case iris.Resource:
			s.Clusters = nil
		case "pods":
			s.Pods = nil
		}
		s.Unread = append(s.Unread, view.Unread{Verb: "list", Resource: resource, Reason: view.Forbidden, Message: "cannot list " + resource})
	}
	return s
}

// SnapshotOf returns a snapshot that has a cluster without a mirror for each pod, which
// is ready or not.
func SnapshotOf(ready map[string]bool) topology.Snapshot {
	var s topology.Snapshot
	for name, is := range ready {
		s.Clusters = append(s.Clusters, iris.Cluster{Namespace: "iko", Name: name, Shards: 1})
		s.Pods = append(s.Pods, iris.Pod{
			Namespace: "iko", Name: name + "-data-0", Ready: is, State: "Running", Containers: 1,
			Labels: map[string]string{iris.LabelName: name, iris.LabelKind: iris.Kind, iris.LabelComponent: iris.ComponentData},
		})
	}
	return s
}
