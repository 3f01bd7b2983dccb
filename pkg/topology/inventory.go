package topology

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/endpoints"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// read holds which parts of the snapshot were read. There is no finding because of
// what was not read.
type read struct{ pods, services, slices, events bool }

// An inventory is a snapshot sorted by what belongs together: each pod, Service,
// EndpointSlice and event is looked at once, however many clusters there are.
type inventory struct {
	read   read
	unread []view.Unread
	// clusters are in order of namespace and name.
	clusters []*irisCluster
	services []*service
	// pods are by namespace.
	pods   map[string]*podIndex
	events eventIndex
	// refusals are by namespace.
	refusals map[string][]refusal
}

// An irisCluster is one IrisCluster with its members, pods and Services.
type irisCluster struct {
	*cluster.Cluster
	name, namespace string
	// isOrphaned reports whether IrisClusters were read without this one.
	isOrphaned bool
	// isMirrored reports whether it is known to be mirrored, and isAsyncOnly
	// whether all failover members of that mirror are elsewhere.
	isMirrored, isAsyncOnly bool
	// warning is what the newest Warning about the IrisCluster says, or "".
	warning string
	// shards are the members by shard; further counts shards without pods that
	// are not among these.
	shards  []*cluster.Shard
	further int
	pods    []*iris.Pod
	// services are those that IKO manages, those that this tool created, others.
	services []*service
}

// A service is a Service with the pods that it selects and reaches.
type service struct {
	*corev1.Service
	origin view.Origin
	target *view.Target
	// namedAfter are the clusters for which IKO manages it, named is the one that its
	// selector names, or "".
	namedAfter []string
	named      string
	// pending reports whether it waits for a load balancer's address; warning is
	// then what its newest Warning says, and reaction a controller's finalizer or its
	// newest Normal event.
	pending           bool
	warning, reaction string
	addresses         []string
	// selects, reaches and terminating are pods by the cluster that they belong to,
	// in order; terminating pods take connections while they terminate.
	selects              map[string][]*iris.Pod
	reaches, terminating map[string][]string
	// reach has the pods that take the connections of each port; zero if
	// EndpointSlices were not read.
	reach endpoints.Reach
}

// newInventory sorts a snapshot.
func newInventory(s Snapshot) *inventory {
	inv := &inventory{
		read: read{
			pods:     !s.IsUnread("pods"),
			services: !s.IsUnread("services"),
			slices:   !s.IsUnread("endpointslices"),
			events:   !s.IsUnread("events"),
		},
		unread:   slices.SortedStableFunc(slices.Values(s.Unread), compareUnread),
		pods:     map[string]*podIndex{},
		events:   newEventIndex(s.Events),
		refusals: newestRefusals(s.Events),
	}
	clusters := inv.addClusters(s)
	inv.addServices(s, clusters)
	return inv
}

// compareUnread orders failed reads by what was read, not by when they failed.
func compareUnread(a, b view.Unread) int {
	return cmp.Or(
		cmp.Compare(a.Resource, b.Resource),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Verb, b.Verb),
		cmp.Compare(a.Message, b.Message),
	)
}

// addClusters adds the IrisClusters, and those that only the labels of pods
// name, each with its pods, members and shards.
func (inv *inventory) addClusters(s Snapshot) map[types.NamespacedName]*irisCluster {
	pods := s.podsByCluster()
	for i := range s.Pods {
		inv.podsOf(s.Pods[i].Namespace).add(&s.Pods[i])
	}
	answers := cluster.AnswersOf(s.Answers)
	clusters := make(map[types.NamespacedName]*irisCluster, len(s.Clusters))
	add := func(resource iris.Cluster, isRead bool) {
		of := types.NamespacedName{Namespace: resource.Namespace, Name: resource.Name}
		own := slices.SortedFunc(slices.Values(pods[of]), cluster.ComparePods)
		c := &irisCluster{
			Cluster: cluster.Of(resource, isRead, own, answers),
			name:    resource.Name, namespace: resource.Namespace,
			isOrphaned: !isRead && !s.IsUnread(iris.Resource),
			pods:       own,
		}
		c.isMirrored = c.Mirrored == iris.Yes
		c.isAsyncOnly = c.isMirrored && c.IsAsyncOnly()
		c.shards, c.further = c.Shards()
		c.warning = inv.events.text(corev1.EventTypeWarning, iris.Kind, of, resource.UID)
		clusters[of] = c
	}
	for _, resource := range s.Clusters {
		add(resource, true)
	}
	for of := range pods {
		if clusters[of] == nil {
			add(iris.Cluster{Namespace: of.Namespace, Name: of.Name}, false)
		}
	}
	inv.clusters = slices.SortedFunc(maps.Values(clusters), func(a, b *irisCluster) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	return clusters
}

func (inv *inventory) podsOf(namespace string) *podIndex {
	if inv.pods[namespace] == nil {
		inv.pods[namespace] = &podIndex{byName: map[string]*iris.Pod{}, byLabel: map[label][]*iris.Pod{}, byIP: map[string]*iris.Pod{}}
	}
	return inv.pods[namespace]
}

// addServices adds the Services, to their related clusters too.
func (inv *inventory) addServices(s Snapshot, clusters map[types.NamespacedName]*irisCluster) {
	slicesOf := make(map[types.NamespacedName][]*discoveryv1.EndpointSlice, len(s.Services))
	for i := range s.Slices {
		of := types.NamespacedName{Namespace: s.Slices[i].Namespace, Name: s.Slices[i].Labels[discoveryv1.LabelServiceName]}
		slicesOf[of] = append(slicesOf[of], &s.Slices[i])
	}
	// By IKO's rule for names, the clusters that a Service of a name may belong to.
	named := make(map[types.NamespacedName][]string, 2*len(clusters))
	for of := range clusters {
		for _, name := range iris.ServiceNames(of.Name) {
			owned := types.NamespacedName{Namespace: of.Namespace, Name: name}
			named[owned] = append(named[owned], of.Name)
		}
	}
	for i := range s.Services {
		if s.Services[i].Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		of := types.NamespacedName{Namespace: s.Services[i].Namespace, Name: s.Services[i].Name}
		svc := inv.newService(&s.Services[i], named[of], slicesOf[of])
		inv.services = append(inv.services, svc)
		for _, name := range svc.related() {
			if c := clusters[types.NamespacedName{Namespace: of.Namespace, Name: name}]; c != nil {
				c.services = append(c.services, svc)
			}
		}
	}
	for _, c := range inv.clusters {
		slices.SortFunc(c.services, func(a, b *service) int {
			return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Name, b.Name))
		})
	}
}

// newService returns a Service with the pods that it selects and reaches; named has
// the clusters that it may belong to by its name.
func (inv *inventory) newService(s *corev1.Service, named []string, all []*discoveryv1.EndpointSlice) *service {
	pods := inv.podsOf(s.Namespace)
	svc := &service{
		Service:    s,
		namedAfter: filter(named, func(name string) bool { return cluster.IsOperatorsOf(s, name) }),
		named:      namedCluster(s.Spec.Selector),
		target:     cluster.TargetOf(s),
		addresses:  cluster.Addresses(s),
		pending:    cluster.AddressIsPending(*s),
		selects:    map[string][]*iris.Pod{},
	}
	switch {
	case svc.target != nil:
		svc.origin = view.OriginTool
	case s.Name == iris.HeadlessService, len(svc.namedAfter) > 0:
		svc.origin = view.OriginIKO
	default:
		svc.origin = view.OriginOther
	}
	selected := pods.selected(s.Spec.Selector)
	slices.SortFunc(selected, cluster.ComparePods)
	for _, pod := range selected {
		svc.selects[pod.Cluster()] = append(svc.selects[pod.Cluster()], pod)
	}
	if inv.read.slices {
		svc.reach = endpoints.Of(s, all, pods)
		svc.reaches = pods.byCluster(svc.reach.Pods())
		svc.terminating = pods.byCluster(svc.reach.Terminating())
	}
	if svc.pending {
		of := types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
		svc.warning = inv.events.text(corev1.EventTypeWarning, "Service", of, s.UID)
		svc.reaction = inv.events.text(corev1.EventTypeNormal, "Service", of, s.UID)
		if len(s.Finalizers) > 0 {
			svc.reaction = "finalizer " + s.Finalizers[0]
		}
	}
	return svc
}

// rank orders a cluster's Services.
func (svc *service) rank() int {
	if svc.Name == iris.HeadlessService {
		return 1
	}
	return slices.Index([]view.Origin{view.OriginIKO, "", view.OriginTool, view.OriginOther}, svc.origin)
}

// related returns the clusters that the Service is named after, was created for,
// names in its selector, selects or reaches.
func (svc *service) related() []string {
	names := slices.Clone(svc.namedAfter)
	if svc.target != nil {
		names = append(names, svc.target.Cluster)
	}
	if svc.named != "" {
		names = append(names, svc.named)
	}
	names = slices.AppendSeq(names, maps.Keys(svc.selects))
	names = slices.AppendSeq(names, maps.Keys(svc.reaches))
	slices.Sort(names)
	return slices.Compact(names)
}

// namedCluster returns the cluster that a selector names, or "".
func namedCluster(selector map[string]string) string {
	if kind, ok := selector[iris.LabelKind]; ok && kind != iris.Kind {
		return ""
	}
	return selector[iris.LabelName]
}

// IsRelevant reports whether a Service has one of IKO's names for a cluster, was
// created for it by this tool, names it in its selector, or selects one of the pods.
// The EndpointSlices of other Services need not be read.
func IsRelevant(service *corev1.Service, name string, pods []iris.Pod) bool {
	if slices.Contains(iris.ServiceNames(name), service.Name) || namedCluster(service.Spec.Selector) == name {
		return true
	}
	if target := cluster.TargetOf(service); target != nil && target.Cluster == name {
		return true
	}
	selects := cluster.Selector(service.Spec.Selector)
	return slices.ContainsFunc(pods, func(p iris.Pod) bool {
		return p.Namespace == service.Namespace && selects.Matches(labels.Set(p.Labels))
	})
}
