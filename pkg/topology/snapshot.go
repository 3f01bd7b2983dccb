// Package topology works out what a cluster is and what is wrong with it. It
// is pure: a Snapshot goes in, a view comes out.
//
// Data goes one way: inventory.go sorts the snapshot by cluster and has pkg/cluster
// work out the members, judge*.go and missing.go return findings, views.go what is
// printed.
package topology

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Snapshot is what was read of one namespace, or of all.
type Snapshot struct {
	Clusters []iris.Cluster
	// Pods are pods of IrisClusters only: all of the namespace, or those of the
	// requested clusters. One without an IrisCluster in Clusters is an orphan.
	Pods []iris.Pod
	// Services are all of the namespace: any of them may select IRIS's pods.
	Services []corev1.Service
	// Slices are the EndpointSlices of (at least) the Services that matter.
	Slices []discoveryv1.EndpointSlice
	// Events are those about Services, pods, and what creates pods.
	Events []corev1.Event
	// Unread are the reads that failed; what they would have returned is empty above.
	Unread []view.Unread
	// Answers are what IRIS said in the data pods, or why it said nothing; nil if
	// it was not asked. Roles follow an answer rather than the label.
	Answers []iris.Answer
}

// UnreadOf returns the failed read of a resource (plural, without group); nil if
// it was read.
func (s Snapshot) UnreadOf(resource string) *view.Unread {
	for i, u := range s.Unread {
		if name, _, _ := strings.Cut(u.Resource, "."); name == resource {
			return &s.Unread[i]
		}
	}
	return nil
}

// IsUnread reports whether the read of a resource (plural, without group) failed.
func (s Snapshot) IsUnread(resource string) bool { return s.UnreadOf(resource) != nil }

// podsByCluster returns the pods by the cluster in their labels.
func (s Snapshot) podsByCluster() map[types.NamespacedName][]*iris.Pod {
	pods := map[types.NamespacedName][]*iris.Pod{}
	for i := range s.Pods {
		of := types.NamespacedName{Namespace: s.Pods[i].Namespace, Name: s.Pods[i].Cluster()}
		pods[of] = append(pods[of], &s.Pods[i])
	}
	return pods
}

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
