package topology

import (
	"cmp"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Exposed is what this tool made, by namespace and name. It needs Services and
// EndpointSlices, and pods only for the addresses of nodes: what a Service
// reaches is told by its endpoints, and what it selects is left out.
func Exposed(s Snapshot) view.ExposedServiceList {
	inv := take(Snapshot{Services: s.Services, Slices: s.Slices, Unread: s.Unread})
	list := view.ExposedServiceList{
		APIVersion: view.APIVersion,
		Kind:       view.KindExposedServiceList,
		Items:      []view.ExposedService{},
		Unread:     inv.unread,
	}
	for _, svc := range inv.services {
		if svc.target != nil {
			list.Items = append(list.Items, inv.exposedView(svc, s.Pods))
		}
	}
	slices.SortFunc(list.Items, func(a, b view.ExposedService) int {
		return cmp.Or(
			cmp.Compare(a.Metadata.Namespace, b.Metadata.Namespace),
			cmp.Compare(a.Metadata.Name, b.Metadata.Name),
		)
	})
	return list
}

func (inv *inventory) exposedView(svc *service, pods []iris.Pod) view.ExposedService {
	v := view.ExposedService{
		APIVersion: view.APIVersion,
		Kind:       view.KindExposedService,
		Metadata: view.Metadata{
			Name:              svc.Name,
			Namespace:         svc.Namespace,
			UID:               svc.UID,
			CreationTimestamp: svc.CreationTimestamp,
		},
		Service: describe(svc),
		URLs:    URLs(svc.Service, iris.NodeIPs(reached(svc, pods))),
	}
	if inv.read.slices {
		v.Reaches = orEmpty(svc.reaches[""])
		v.Terminating = svc.terminating[""]
	}
	return v
}

// reached are those of the pods that a Service reaches.
func reached(svc *service, pods []iris.Pod) []iris.Pod {
	var behind []iris.Pod
	for _, pod := range pods {
		if pod.Namespace == svc.Namespace && slices.Contains(svc.reaches[""], pod.Name) {
			behind = append(behind, pod)
		}
	}
	return behind
}
