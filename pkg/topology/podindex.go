package topology

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// A podIndex finds the pods of one namespace by name, label and address.
type podIndex struct {
	byName  map[string]*iris.Pod
	byLabel map[label][]*iris.Pod
	byIP    map[string]*iris.Pod
}

type label struct{ key, value string }

func (index *podIndex) add(pod *iris.Pod) {
	index.byName[pod.Name] = pod
	if pod.IP != "" {
		index.byIP[pod.IP] = pod
	}
	for k, v := range pod.Labels {
		index.byLabel[label{k, v}] = append(index.byLabel[label{k, v}], pod)
	}
}

// selected returns the pods that a Service's selector matches. It starts from
// the rarest label, so that a selector that names a cluster or a pod looks at no
// other pods.
func (index *podIndex) selected(selector map[string]string) []*iris.Pod {
	var rarest []*iris.Pod
	for k, v := range selector {
		pods := index.byLabel[label{k, v}]
		if len(pods) == 0 {
			return nil
		}
		if rarest == nil || len(pods) < len(rarest) {
			rarest = pods
		}
	}
	selects := cluster.Selector(selector)
	return filter(rarest, func(p *iris.Pod) bool { return selects.Matches(labels.Set(p.Labels)) })
}

// filter returns the items for which keep reports true.
func filter[T any](items []T, keep func(T) bool) []T {
	var kept []T
	for _, item := range items {
		if keep(item) {
			kept = append(kept, item)
		}
	}
	return kept
}

// Named returns the pod of that name, or nil if it is not known.
func (index *podIndex) Named(name string) *iris.Pod { return index.byName[name] }

// At returns the pod with an IP address, or nil if none is known.
func (index *podIndex) At(ip string) *iris.Pod { return index.byIP[ip] }

// noCluster stands for the cluster of pods that belong to none, or were not read.
const noCluster = ""

// byCluster groups pods, given by their names, by their clusters, in order.
func (index *podIndex) byCluster(names []string) map[string][]string {
	groups := map[string][]string{}
	for _, name := range names {
		of := noCluster
		if pod := index.Named(name); pod != nil {
			of = pod.Cluster()
		}
		groups[of] = append(groups[of], name)
	}
	for _, names := range groups {
		slices.SortFunc(names, func(a, b string) int {
			if p, q := index.Named(a), index.Named(b); p != nil && q != nil {
				return cluster.ComparePods(p, q)
			}
			return cmp.Compare(a, b)
		})
	}
	return groups
}
