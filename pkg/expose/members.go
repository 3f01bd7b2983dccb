package expose

import (
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
)

// model returns the cluster's members and roles.
func (f Facts) model() *cluster.Cluster {
	resource := f.Cluster
	resource.Namespace = f.Namespace
	return cluster.New(cluster.Facts{Resource: resource, Read: f.ClusterRead, Pods: f.Pods, Answers: f.Answers})
}
