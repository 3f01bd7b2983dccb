package topology

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// judgePods returns a finding for each pod that could not be created, and for
// each that is there and not ready or else lacks its role label: the label of
// one that is starting is not due yet.
func (inv *inventory) judgePods(c *cluster) []finding {
	found := inv.notCreated(c)
	for _, pod := range c.pods {
		switch {
		case pod.Deleting:
			found = append(found, beingDeleted(pod))
		case !pod.Ready:
			found = append(found, inv.notReady(pod))
		case c.isMirrored() && lacksLabel(c.model.Member(pod)):
			found = append(found, c.labelMissing(c.model.Member(pod)))
		}
	}
	return found
}

func beingDeleted(pod *iris.Pod) finding {
	hint := "if it does not come back: " + describePod(pod)
	if pod.NodeLost {
		hint = fmt.Sprintf("it cannot end before its node is back or removed: kubectl get node %s; %s", pod.Node, describePod(pod))
	}
	return at(view.PodNotReady, object("pod", pod.Name),
		fmt.Sprintf("%s %q is being deleted", podWords(pod), pod.Name), pod.Why, hint)
}

// notReady says why a pod is not ready: its state, what its status tells, and the
// newest Warning about it unless that is the same again.
func (inv *inventory) notReady(pod *iris.Pod) finding {
	why := fmt.Sprintf("%s, %d/%d containers ready", pod.State, pod.ContainersReady, pod.Containers)
	if pod.Why != "" && pod.Why != pod.State {
		why += "; " + pod.Why
	}
	if event := inv.warningOf("Pod", key{pod.Namespace, pod.Name}, pod.UID); event != nil && !says(pod.Why, event.Message) {
		why += "; " + eventText(event)
	}
	return at(view.PodNotReady, object("pod", pod.Name), fmt.Sprintf("%s %q is not ready", podWords(pod), pod.Name), why, whatOfPod(pod))
}

// comparedText is how much of a message is compared, in bytes: each may be cut.
const comparedText = 100

// says reports whether a text of bounded length holds a message.
func says(why, message string) bool {
	message = strings.TrimSuffix(text.Excerpt(message), "…")
	return message != "" && strings.Contains(why, message[:min(len(message), comparedText)])
}

// whatOfPod returns the next step for a pod that is not ready.
func whatOfPod(pod *iris.Pod) string {
	switch {
	case pod.NodeLost:
		return fmt.Sprintf("see whether its node is there: kubectl get node %s; %s", pod.Node, describePod(pod))
	case pod.Crash.Restarted:
		return fmt.Sprintf("kubectl logs %s -c %s --previous -n %s", pod.Name, pod.Crash.Container, pod.Namespace)
	case pod.Crash.Container != "":
		return fmt.Sprintf("kubectl logs %s -c %s -n %s", pod.Name, pod.Crash.Container, pod.Namespace)
	}
	return describePod(pod)
}

func describePod(pod *iris.Pod) string {
	return fmt.Sprintf("kubectl describe pod %s -n %s", pod.Name, pod.Namespace)
}

// noPods reports a data node, or one shard of it, without any pods, with the
// reason why none was created as far as a Warning tells.
func (inv *inventory) noPods(c *cluster, shard, where string) finding {
	why, hint := "", whatOfCluster(c)
	refused := inv.refusalsOf(c, iris.ComponentData)
	if shard != "" {
		refused = slices.DeleteFunc(refused, func(e *corev1.Event) bool { return !strings.HasSuffix(e.InvolvedObject.Name, "-"+shard) })
	}
	if len(refused) > 0 {
		newest := slices.MaxFunc(refused, compareEvents)
		why, hint = controllerWords(newest)+": "+refusalText(newest), describeController(newest)
	} else if c.source == view.FromIrisCluster {
		why = inv.warning(iris.Kind, key{c.Namespace, c.Name}, c.UID)
	}
	return at(view.NoPods, "", "no data pods"+where, why, hint)
}

// notCreated returns a finding for each StatefulSet or ReplicaSet of the cluster
// that cannot create a pod that is missing. Those of data nodes without any pods have
// NoPods.
func (inv *inventory) notCreated(c *cluster) []finding {
	var found []finding
	for _, component := range c.components() {
		for _, event := range inv.lastingRefusals(c, component) {
			if component == iris.ComponentData && len(c.createdBy(event.InvolvedObject.Name)) == 0 {
				continue
			}
			found = append(found, at(view.PodNotCreated, object(strings.ToLower(event.InvolvedObject.Kind), event.InvolvedObject.Name),
				controllerWords(event)+" cannot create a pod", refusalText(event), describeController(event)))
		}
	}
	return found
}

// lastingRefusals returns the refusals of a component since which no pod of the
// same StatefulSet or ReplicaSet was created, and only while pods are missing: a
// StatefulSet that was scaled back, or the ReplicaSet of a rollout that was
// undone, is refused no more. The condition is that of LacksPods, so that a view
// for which no Warnings were read has the same findings.
func (inv *inventory) lastingRefusals(c *cluster, component string) []*corev1.Event {
	count := newPodCount()
	for _, pod := range c.pods {
		count.add(pod)
	}
	return slices.DeleteFunc(inv.refusalsOf(c, component), func(e *corev1.Event) bool {
		isCreatedSince := func(p *iris.Pod) bool { return !EventTime(*e).After(p.Created.Time) }
		_, shard, _ := strings.Cut(strings.TrimPrefix(e.InvolvedObject.Name, c.Name+"-"), iris.ComponentData+"-")
		return !count.lacks(&c.Cluster, component, shard) || slices.ContainsFunc(c.createdBy(e.InvolvedObject.Name), isCreatedSince)
	})
}

// refusalText returns why a pod was refused, without the words that name the pod
// and its StatefulSet once more.
func refusalText(event *corev1.Event) string {
	message := event.Message
	if _, why, ok := strings.Cut(message, " failed error: "); ok {
		message = why
	}
	return text.Excerpt(event.Reason + ": " + message)
}

// controllerWords names what was to create a pod: statefulset simple-data-0.
func controllerWords(event *corev1.Event) string {
	return strings.ToLower(event.InvolvedObject.Kind) + " " + text.OneLine(event.InvolvedObject.Name)
}

func describeController(event *corev1.Event) string {
	return fmt.Sprintf("kubectl describe %s -n %s", controllerWords(event), event.InvolvedObject.Namespace)
}

// components returns the components that the cluster has or may have, in order.
func (c *cluster) components() []string {
	all := components()
	for _, component := range slices.Sorted(maps.Keys(c.Nodes)) {
		if !slices.Contains(all, component) {
			all = append(all, component)
		}
	}
	return all
}

// components returns the components that are known, in order.
func components() []string {
	return []string{iris.ComponentData, iris.ComponentCompute, iris.ComponentWebGateway, iris.ComponentArbiter}
}

// createdBy returns the cluster's pods that a StatefulSet or ReplicaSet of that
// name created, by their names.
func (c *cluster) createdBy(controller string) []*iris.Pod {
	return slices.DeleteFunc(slices.Clone(c.pods), func(p *iris.Pod) bool {
		rest, ok := strings.CutPrefix(p.Name, controller+"-")
		return !ok || strings.Contains(rest, "-")
	})
}

// reasonNotCreated is the reason of a Warning about a StatefulSet or ReplicaSet
// whose pod was refused: by a quota, Pod Security admission, a webhook, or for
// its name.
const reasonNotCreated = "FailedCreate"

// newestRefusals returns, by namespace and then by name, the newest Warning about
// each StatefulSet or ReplicaSet that could not create a pod.
func newestRefusals(events []corev1.Event) map[string][]*corev1.Event {
	newest := map[eventKey]*corev1.Event{}
	for i := range events {
		event := &events[i]
		object := event.InvolvedObject
		creates := object.Kind == kindStatefulSet || object.Kind == kindReplicaSet
		if event.Type != corev1.EventTypeWarning || event.Reason != reasonNotCreated || !creates {
			continue
		}
		about := eventKey{object.Kind, key{object.Namespace, object.Name}, ""}
		if old := newest[about]; old == nil || compareEvents(old, event) < 0 {
			newest[about] = event
		}
	}
	refusals := map[string][]*corev1.Event{}
	for _, event := range newest {
		refusals[event.InvolvedObject.Namespace] = append(refusals[event.InvolvedObject.Namespace], event)
	}
	for _, events := range refusals {
		slices.SortFunc(events, func(a, b *corev1.Event) int {
			return cmp.Or(cmp.Compare(a.InvolvedObject.Name, b.InvolvedObject.Name), cmp.Compare(a.InvolvedObject.Kind, b.InvolvedObject.Kind))
		})
	}
	return refusals
}

const (
	kindStatefulSet = "StatefulSet"
	kindReplicaSet  = "ReplicaSet"
)

// refusalsOf returns the refusals of what creates the pods of a cluster's
// component: the StatefulSets simple-data and simple-data-0, or a Deployment's
// ReplicaSet simple-compute-5d8f7c9b4.
func (inv *inventory) refusalsOf(c *cluster, component string) []*corev1.Event {
	return slices.DeleteFunc(slices.Clone(inv.refusals[c.Namespace]), func(e *corev1.Event) bool {
		rest, ok := strings.CutPrefix(e.InvolvedObject.Name, c.Name+"-"+component)
		if !ok || rest == "" {
			return !ok
		}
		suffix, ok := strings.CutPrefix(rest, "-")
		if e.InvolvedObject.Kind == kindReplicaSet {
			return !ok || strings.Contains(suffix, "-")
		}
		_, err := strconv.Atoi(suffix)
		return !ok || err != nil
	})
}

// blamePods returns what was found of a Service's reach. If the pods that it
// selects do not exist, that is the reason and not their labels: NoPods or
// PodNotCreated say it, or else the finding does.
func (inv *inventory) blamePods(c *cluster, svc *service, found []finding) []finding {
	reachesNothing := len(found) == 1 && found[0].Code == view.ServiceReachesNothing
	if !reachesNothing || !inv.read.pods || len(svc.Spec.Selector) == 0 || len(svc.selects[c.Name]) > 0 {
		return found
	}
	component, shard := svc.Spec.Selector[iris.LabelComponent], svc.Spec.Selector[iris.LabelShard]
	lacking := c.lacks(component, shard)
	switch {
	case lacking && (component == "" || component == iris.ComponentData), len(inv.lastingRefusals(c, component)) > 0:
		return nil
	case lacking:
		return []finding{at(found[0].Code, found[0].Object, found[0].brief, fmt.Sprintf("the cluster has no %s pods", component), whatOfCluster(c))}
	}
	return found
}

// lacks reports whether the cluster has no pods of a component ("" for any), or
// none of a shard that its data node is to have.
func (c *cluster) lacks(component, shard string) bool {
	unlabelled := func(p *iris.Pod) bool { return p.Component() == iris.ComponentData && p.Shard() == "" }
	if n, err := strconv.Atoi(shard); err != nil || !c.Mirrored || n < 0 || n >= c.Shards || slices.ContainsFunc(c.pods, unlabelled) {
		shard = ""
	}
	return !slices.ContainsFunc(c.pods, func(p *iris.Pod) bool {
		return (component == "" || p.Component() == component) && (shard == "" || p.Shard() == shard)
	})
}

// LacksPods reports whether one of the snapshot's clusters has fewer pods than
// its IrisCluster asks for at the least, so that a Warning may say why: no pods
// of a component, or only one member of a mirror.
func LacksPods(s Snapshot) bool {
	if s.Lacks(resourcePods) {
		return false
	}
	counts := map[key]podCount{}
	for i := range s.Pods {
		of := key{s.Pods[i].Namespace, s.Pods[i].Cluster()}
		if counts[of].components == nil {
			counts[of] = newPodCount()
		}
		counts[of].add(&s.Pods[i])
	}
	for i := range s.Clusters {
		c := &s.Clusters[i]
		count := counts[key{c.Namespace, c.Name}]
		for _, component := range components() {
			if count.lacks(c, component, "") {
				return true
			}
		}
	}
	return false
}

// A podCount is the number of a cluster's pods, by component and by shard of the
// data node. The zero value has none.
type podCount struct{ components, shards map[string]int }

func newPodCount() podCount { return podCount{map[string]int{}, map[string]int{}} }

func (n podCount) add(pod *iris.Pod) {
	n.components[pod.Component()]++
	if pod.Component() == iris.ComponentData {
		n.shards[pod.Shard()]++
	}
}

// lacks reports whether there are fewer pods of a component, or of one shard of
// its data node, than the IrisCluster asks for at the least.
func (n podCount) lacks(c *iris.Cluster, component, shard string) bool {
	if component != iris.ComponentData {
		_, wanted := c.Nodes[component]
		return wanted && n.components[component] == 0
	}
	data := n.components[component]
	switch {
	case data == 0:
		return true
	case !c.Mirrored:
		return data < c.Shards
	case shard != "":
		number, err := strconv.Atoi(shard)
		return err == nil && number < c.Shards && n.shards[shard] < membersOfMirror && n.lacks(c, component, "")
	case len(n.shards) < c.Shards:
		return true
	}
	for _, members := range n.shards {
		if members < membersOfMirror {
			return true
		}
	}
	return false
}

// membersOfMirror is the number of a mirror's failover members.
const membersOfMirror = 2
