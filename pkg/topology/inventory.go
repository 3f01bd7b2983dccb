package topology

import (
	"cmp"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/endpoints"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// key names an object of one kind across namespaces.
type key struct{ namespace, name string }

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
}

// read tells which parts of the snapshot were read at all. Nothing is found
// wrong for want of what was not read.
type read struct{ clusters, pods, services, slices, events bool }

// inventory is a snapshot sorted by what belongs together: each pod, Service,
// EndpointSlice and event is looked at once, however many clusters there are.
type inventory struct {
	read     read
	unread   []view.Unread
	clusters map[key]*cluster
	services []*service
	// pods are by namespace.
	pods     map[string]*podIndex
	slices   map[key][]*discoveryv1.EndpointSlice
	warnings map[eventKey]*corev1.Event
	// normal are the newest Normal events.
	normal map[eventKey]*corev1.Event
	// refusals are by namespace.
	refusals map[string][]*corev1.Event
}

// cluster is one IrisCluster with all that has to do with it.
type cluster struct {
	// Cluster has no more than its names where it is known from labels only.
	iris.Cluster
	source view.Source
	// orphaned: IrisClusters were read and this one is not among them.
	orphaned bool
	pods     []*iris.Pod
	services []*service
	// model has the members and their roles, and shards the members by shard;
	// further counts shards without pods that are not among these.
	model   *model.Cluster
	shards  []*model.Shard
	further int
}

// service is a Service with the pods that it selects and reaches.
type service struct {
	*corev1.Service
	target *view.Target
	// owners are the clusters for which IKO manages it.
	owners []string
	// selects and reaches are pods by the cluster that they belong to.
	selects map[string][]*iris.Pod
	reaches map[string][]string
	// terminating are the pods that take connections while they terminate, by
	// their cluster.
	terminating map[string][]string
	// reach says of each port who takes its connections; zero if EndpointSlices
	// were not read.
	reach endpoints.Reach
}

// take sorts a snapshot.
func take(s Snapshot) *inventory {
	inv := &inventory{
		read: read{
			clusters: !s.Lacks(resourceClusters),
			pods:     !s.Lacks(resourcePods),
			services: !s.Lacks(resourceServices),
			slices:   !s.Lacks(resourceSlices),
			events:   !s.Lacks(resourceEvents),
		},
		unread:   slices.SortedStableFunc(slices.Values(s.Unread), compareUnread),
		clusters: make(map[key]*cluster, len(s.Clusters)),
		pods:     map[string]*podIndex{},
		slices:   make(map[key][]*discoveryv1.EndpointSlice, len(s.Services)),
		warnings: newestEvents(s.Events, corev1.EventTypeWarning),
		normal:   newestEvents(s.Events, corev1.EventTypeNormal),
		refusals: newestRefusals(s.Events),
	}
	for _, c := range s.Clusters {
		inv.clusters[key{c.Namespace, c.Name}] = &cluster{Cluster: c, source: view.FromIrisCluster}
	}
	inv.addPods(s)
	inv.resolveMembers(s.Answers)
	for i := range s.Slices {
		slice := &s.Slices[i]
		if name := slice.Labels[discoveryv1.LabelServiceName]; name != "" {
			of := key{slice.Namespace, name}
			inv.slices[of] = append(inv.slices[of], slice)
		}
	}
	inv.addServices(s.Services)
	return inv
}

// compareUnread gives failed reads an order of their own: that of their coming
// is no news.
func compareUnread(a, b view.Unread) int {
	return cmp.Or(
		cmp.Compare(a.Resource, b.Resource),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Verb, b.Verb),
		cmp.Compare(a.Message, b.Message),
	)
}

func (inv *inventory) addPods(s Snapshot) {
	for i := range s.Pods {
		pod := &s.Pods[i]
		index := inv.pods[pod.Namespace]
		if index == nil {
			index = newPodIndex()
			inv.pods[pod.Namespace] = index
		}
		index.add(pod)
		of := key{pod.Namespace, pod.Cluster()}
		c := inv.clusters[of]
		if c == nil {
			c = &cluster{
				Cluster:  iris.Cluster{Namespace: of.namespace, Name: of.name},
				source:   view.FromLabels,
				orphaned: inv.read.clusters,
			}
			inv.clusters[of] = c
		}
		c.pods = append(c.pods, pod)
	}
	for _, c := range inv.clusters {
		slices.SortFunc(c.pods, model.ComparePods)
	}
}

// resolveMembers works out each cluster's members and shards. What IRIS said in
// an earlier pod of the same name has another uid, and no member.
func (inv *inventory) resolveMembers(answers []iris.Answer) {
	byUID := model.AnswersOf(answers)
	for _, c := range inv.clusters {
		c.model = model.Of(c.Cluster, c.source == view.FromIrisCluster, c.pods, byUID)
		c.shards, c.further = c.model.Shards()
	}
}

func (inv *inventory) addServices(all []corev1.Service) {
	owners := inv.owners()
	for i := range all {
		svc := &service{Service: &all[i], target: model.TargetOf(&all[i])}
		if svc.Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		for _, owner := range owners[key{svc.Namespace, svc.Name}] {
			if model.IsOperatorsOf(svc.Service, owner) {
				svc.owners = append(svc.owners, owner)
			}
		}
		svc.selects = map[string][]*iris.Pod{}
		for _, pod := range inv.pods[svc.Namespace].selected(svc.Spec.Selector) {
			svc.selects[pod.Cluster()] = append(svc.selects[pod.Cluster()], pod)
		}
		inv.resolveEndpoints(svc)
		inv.services = append(inv.services, svc)
		for _, name := range svc.concerns() {
			if c := inv.clusters[key{svc.Namespace, name}]; c != nil {
				c.services = append(c.services, svc)
			}
		}
	}
}

// owners returns, by the name of a Service, the clusters that it may belong to by
// IKO's rule for names.
func (inv *inventory) owners() map[key][]string {
	owners := make(map[key][]string, 2*len(inv.clusters))
	for of := range inv.clusters {
		for _, name := range iris.ServiceNames(of.name) {
			owned := key{of.namespace, name}
			owners[owned] = append(owners[owned], of.name)
		}
	}
	return owners
}

// resolveEndpoints finds the pods that take a Service's connections.
func (inv *inventory) resolveEndpoints(svc *service) {
	if !inv.read.slices {
		return
	}
	index := inv.pods[svc.Namespace]
	svc.reach = endpoints.Of(svc.Service, inv.slices[key{svc.Namespace, svc.Name}], index)
	svc.reaches = index.byCluster(svc.reach.Pods())
	svc.terminating = index.byCluster(svc.reach.Terminating())
}

// concerns names the clusters that the Service has to do with.
func (svc *service) concerns() []string {
	names := slices.Clone(svc.owners)
	if svc.target != nil {
		names = append(names, svc.target.Cluster)
	}
	if named := namedCluster(svc.Spec.Selector); named != "" {
		names = append(names, named)
	}
	names = slices.AppendSeq(names, maps.Keys(svc.selects))
	names = slices.AppendSeq(names, maps.Keys(svc.reaches))
	slices.Sort(names)
	return slices.Compact(names)
}

// namedCluster is the cluster that a selector names, or "".
func namedCluster(selector map[string]string) string {
	if kind, ok := selector[iris.LabelKind]; ok && kind != iris.Kind {
		return ""
	}
	return selector[iris.LabelName]
}

// podIndex finds the pods of one namespace by name, label and address. A nil
// one holds none.
type podIndex struct {
	byName  map[string]*iris.Pod
	byLabel map[label][]*iris.Pod
	byIP    map[string]*iris.Pod
}

type label struct{ key, value string }

func newPodIndex() *podIndex {
	return &podIndex{
		byName:  map[string]*iris.Pod{},
		byLabel: map[label][]*iris.Pod{},
		byIP:    map[string]*iris.Pod{},
	}
}

func (index *podIndex) add(pod *iris.Pod) {
	index.byName[pod.Name] = pod
	if pod.IP != "" {
		index.byIP[pod.IP] = pod
	}
	for k, v := range pod.Labels {
		index.byLabel[label{k, v}] = append(index.byLabel[label{k, v}], pod)
	}
}

// selected are the pods that a Service's selector matches. It starts from the
// rarest label, so that a selector that names a cluster or a pod looks at no
// other pods.
func (index *podIndex) selected(selector map[string]string) []*iris.Pod {
	if index == nil || len(selector) == 0 {
		return nil
	}
	var rarest []*iris.Pod
	first := true
	for k, v := range selector {
		pods := index.byLabel[label{k, v}]
		if first || len(pods) < len(rarest) {
			rarest, first = pods, false
		}
	}
	selects := model.Selector(selector)
	var matched []*iris.Pod
	for _, pod := range rarest {
		if selects.Matches(labels.Set(pod.Labels)) {
			matched = append(matched, pod)
		}
	}
	return matched
}

// Named returns the pod of that name, or nil if it is not known.
func (index *podIndex) Named(name string) *iris.Pod {
	if index == nil {
		return nil
	}
	return index.byName[name]
}

// At returns the pod with an IP address, or nil if none is known.
func (index *podIndex) At(ip string) *iris.Pod {
	if index == nil {
		return nil
	}
	return index.byIP[ip]
}

// byCluster sorts pods, given by their names, by the cluster that they belong to.
func (index *podIndex) byCluster(names []string) map[string][]string {
	sorted := map[string][]string{}
	for _, name := range names {
		of := index.clusterOf(name)
		sorted[of] = append(sorted[of], name)
	}
	for _, names := range sorted {
		slices.SortFunc(names, index.compareNames)
	}
	return sorted
}

// has tells whether a pod is there.
func (index *podIndex) has(pod string) bool { return index != nil && index.byName[pod] != nil }

// clusterOf is the cluster of a pod by the pod's name, "" where it is none of
// an IrisCluster, or pods were not read.
func (index *podIndex) clusterOf(pod string) string {
	if index.has(pod) {
		return index.byName[pod].Cluster()
	}
	return ""
}

// compareNames orders pods by their names as model.ComparePods does, where they are
// known.
func (index *podIndex) compareNames(a, b string) int {
	if index.has(a) && index.has(b) {
		return model.ComparePods(index.byName[a], index.byName[b])
	}
	return cmp.Compare(a, b)
}

// eventKey names the object that an event is about, by its uid too: a
// StatefulSet's pods come again under the same name.
type eventKey struct {
	kind string
	key
	uid types.UID
}

// newestEvents returns the newest event of a type for each object. Times are in
// whole seconds: of two in the same one the name decides, which ends in the time
// too.
func newestEvents(events []corev1.Event, kind string) map[eventKey]*corev1.Event {
	newest := map[eventKey]*corev1.Event{}
	for i := range events {
		event := &events[i]
		if event.Type != kind {
			continue
		}
		object := event.InvolvedObject
		about := eventKey{object.Kind, key{object.Namespace, object.Name}, object.UID}
		if old := newest[about]; old == nil || compareEvents(old, event) < 0 {
			newest[about] = event
		}
	}
	return newest
}

func compareEvents(a, b *corev1.Event) int {
	return cmp.Or(EventTime(*a).Compare(EventTime(*b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
}

// EventTime is when an event last happened. Which of its times are set depends
// on who wrote it.
func EventTime(event corev1.Event) time.Time {
	last := event.CreationTimestamp.Time
	times := []time.Time{event.LastTimestamp.Time, event.EventTime.Time}
	if event.Series != nil {
		times = append(times, event.Series.LastObservedTime.Time)
	}
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// warning returns the newest Warning about an object as one line, or "".
func (inv *inventory) warning(kind string, object key, uid types.UID) string {
	if event := inv.warningOf(kind, object, uid); event != nil {
		return eventText(event)
	}
	return ""
}

// warningOf returns the newest Warning about an object, or nil.
func (inv *inventory) warningOf(kind string, object key, uid types.UID) *corev1.Event {
	if event := inv.warnings[eventKey{kind, object, uid}]; event != nil {
		return event
	}
	return inv.warnings[eventKey{kind, object, ""}]
}

// normalEvent returns the newest Normal event about an object as one line, or "".
func (inv *inventory) normalEvent(kind string, object key, uid types.UID) string {
	event := inv.normal[eventKey{kind, object, uid}]
	if event == nil {
		event = inv.normal[eventKey{kind, object, ""}]
	}
	if event == nil {
		return ""
	}
	return eventText(event)
}

// eventText returns what an event says as one line of bounded length.
func eventText(event *corev1.Event) string {
	return text.Excerpt(event.Reason + ": " + event.Message)
}
