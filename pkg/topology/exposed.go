package topology

import (
	"cmp"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Exposed returns the Services that this tool created, by namespace and name, without
// the pods that they select. It uses pods only for the addresses of nodes.
func Exposed(s Snapshot) view.ExposedServiceList {
	inv := newInventory(Snapshot{Services: s.Services, Slices: s.Slices, Unread: s.Unread})
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
		return cmp.Or(cmp.Compare(a.Metadata.Namespace, b.Metadata.Namespace), cmp.Compare(a.Metadata.Name, b.Metadata.Name))
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
		Service: serviceOf(svc),
	}
	if inv.read.slices {
		v.Reaches, v.Terminating = orEmpty(svc.reaches[noCluster]), svc.terminating[noCluster]
	}
	reached := filter(pods, func(p iris.Pod) bool {
		return p.Namespace == svc.Namespace && slices.Contains(v.Reaches, p.Name)
	})
	v.URLs = cluster.URLs(svc.Service, iris.NodeIPs(reached))
	return v
}
