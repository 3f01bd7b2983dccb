package expose

import (
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// model returns the cluster's members and roles.
func (f Facts) model() *cluster.Cluster {
	resource := f.Cluster
	resource.Namespace = f.Namespace
	return cluster.New(cluster.Facts{Resource: resource, Read: f.ClusterRead, Pods: f.Pods, Answers: f.Answers})
}

// PortalPort is the port on which a pod serves the portal: its sidecar's, else
// its own web port; 0 for a pod that serves none. The cluster may be the zero
// value.
func PortalPort(p iris.Pod, c iris.Cluster) int32 { return single(p, c).web }

// NamedPort is the port that goes by a name in a pod: one that a container
// declares, or superserver. In words are all names that there are.
func NamedPort(p iris.Pod, name string) (number int32, found bool, inWords string) {
	b := single(p, iris.Cluster{})
	port, found := b.named(name)
	return port.ContainerPort, found, b.names()
}
