// Package topology works out what a cluster is and what is wrong with it. It
// is pure: a Snapshot of what the API server said goes in, a view comes out.
//
// The way goes forward: inventory.go sorts the snapshot by what belongs together
// and has pkg/cluster work out the members, judge*.go find what is wrong with
// them, views.go returns both as they are printed.
package topology

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Snapshot is what was read of one namespace, or of all.
type Snapshot struct {
	Clusters []iris.Cluster
	// Pods are pods of IrisClusters only: all of the namespace, or those of the
	// clusters that are asked for. One without an IrisCluster in Clusters is an
	// orphan.
	Pods []iris.Pod
	// Services are all of the namespace: any of them may select IRIS's pods.
	Services []corev1.Service
	// Slices are the EndpointSlices of (at least) the Services that matter.
	Slices []discoveryv1.EndpointSlice
	// Events are those about Services, pods, and what creates pods.
	Events []corev1.Event
	// Unread are the reads that failed. What they would have returned is empty
	// above, and not known.
	Unread []view.Unread
	// Answers are what IRIS said in the data pods, or why it said nothing; nil if
	// it was not asked. Roles follow an answer rather than the label.
	Answers []iris.Answer
}

// Missing returns the failed read of a resource (plural, without group); nil if
// it was read.
func (s Snapshot) Missing(resource string) *view.Unread {
	for i, u := range s.Unread {
		if name, _, _ := strings.Cut(u.Resource, "."); name == resource {
			return &s.Unread[i]
		}
	}
	return nil
}

// Lacks reports whether the read of a resource (plural, without group) failed.
func (s Snapshot) Lacks(resource string) bool { return s.Missing(resource) != nil }

// The resources of a snapshot, as Missing and Lacks take them.
const (
	resourceClusters = iris.Resource
	resourcePods     = "pods"
	resourceServices = "services"
	resourceSlices   = "endpointslices"
	resourceEvents   = "events"
)

// Statuses returns every cluster of a snapshot by namespace and name: those whose
// IrisCluster was read, and those that only the labels of pods name.
func Statuses(s Snapshot) view.ClusterStatusList {
	inv := newInventory(s)
	list := view.ClusterStatusList{
		APIVersion: view.APIVersion,
		Kind:       view.KindClusterStatusList,
		Items:      make([]view.ClusterStatus, 0, len(inv.clusters)),
	}
	for _, c := range inv.clusters {
		found := inv.judge(c)
		list.Items = append(list.Items, inv.clusterView(c, found))
	}
	list.Unread = inv.unreadOf(inv.clusters...)
	return list
}
