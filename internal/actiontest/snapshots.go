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
