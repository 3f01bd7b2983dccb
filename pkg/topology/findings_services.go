package topology

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	model "github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/endpoints"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func (inv *inventory) judgeServices(c *cluster) []finding {
	var found []finding
	for _, svc := range c.services {
		if svc.DeletionTimestamp != nil {
			continue // its endpoints go before it does
		}
		if svc.serves(c.Name) {
			found = append(found, inv.blamePods(c, svc, inv.judgeReach(c, svc))...)
		}
		if AddressIsPending(*svc.Service) && (svc.serves(c.Name) || namedCluster(svc.Spec.Selector) == c.Name) {
			found = append(found, inv.addressPending(svc))
		}
		if inv.read.pods && svc.isTooWide() {
			found = append(found, tooWide(svc, c.Name))
		}
	}
	return found
}

// judgeReach returns at most one finding about whom a Service reaches: the target
// that is gone rather than the endpoints that are therefore missing.
func (inv *inventory) judgeReach(c *cluster, svc *service) []finding {
	if c.isServedElsewhere(svc) {
		return nil
	}
	if inv.read.pods && svc.target != nil {
		if f, ok := inv.podGone(svc); ok {
			return []finding{f}
		}
		if f, ok := sidecarMissing(c, svc); ok {
			return []finding{f}
		}
	}
	if !inv.read.slices {
		return nil
	}
	reach := inv.reachIn(c, svc)
	unserved, terminating := reach.Unserved(), reach.Terminating()
	switch {
	case reach.IsReady():
		return nil
	case len(unserved) == 0:
		return []finding{at(view.ServiceReachesTerminating, object("service", svc.Name),
			fmt.Sprintf("service %q reaches %s while it terminates", svc.Name, listOf(terminating)),
			"no pod is ready "+atPorts(svc, reach.Unready()), describeService(svc))}
	}
	why, hint := inv.whyUnserved(c, svc, reach)
	if len(unserved) < len(reach.Ports) {
		return []finding{at(view.PortReachesNothing, object("service", svc.Name),
			fmt.Sprintf("service %q reaches no pod at %s", svc.Name, endpoints.Numbers(unserved)), why, hint)}
	}
	return []finding{at(view.ServiceReachesNothing, object("service", svc.Name),
		fmt.Sprintf("service %q reaches no pod", svc.Name), why, hint)}
}

// reachIn returns the part of a Service's reach in one cluster. If pods could not
// be read, whose they are is not known and the whole is returned.
func (inv *inventory) reachIn(c *cluster, svc *service) endpoints.Reach {
	if !inv.read.pods {
		return svc.reach
	}
	index := inv.pods[svc.Namespace]
	return svc.reach.Among(func(pod string) bool { return index.clusterOf(pod) == c.Name })
}

// whyUnserved says why no pod serves some or all ports of a Service, as far as
// pods were read, and what to look at.
func (inv *inventory) whyUnserved(c *cluster, svc *service, reach endpoints.Reach) (why, hint string) {
	switch {
	case !inv.read.pods:
		return "", describeService(svc)
	case len(svc.Spec.Selector) == 0:
		return "it has no selector", describeService(svc)
	}
	return whyNothing(c, svc, reach)
}

func describeService(svc *service) string {
	return fmt.Sprintf("kubectl describe service %s -n %s", svc.Name, svc.Namespace)
}

// atPorts names ports if they are some of several.
func atPorts(svc *service, ports []corev1.ServicePort) string {
	if len(ports) == 0 || len(ports) == len(svc.Spec.Ports) {
		return "now"
	}
	return "at " + endpoints.Numbers(ports)
}

func (inv *inventory) podGone(svc *service) (finding, bool) {
	if svc.target.Kind != view.TargetPod || inv.pods[svc.Namespace].has(svc.target.Pod) {
		return finding{}, false
	}
	return at(view.ExposedPodGone, object("service", svc.Name),
		fmt.Sprintf("service %q has lost its pod", svc.Name),
		fmt.Sprintf("it was made for %q, which is gone", svc.target.Pod),
		fmt.Sprintf("if the pod is not to come back: kubectl iris unexpose %s -n %s", svc.Name, svc.Namespace)), true
}

func sidecarMissing(c *cluster, svc *service) (finding, bool) {
	targets := svc.selects[c.Name]
	if svc.target.Kind == view.TargetPod {
		targets = slices.DeleteFunc(slices.Clone(targets), func(p *iris.Pod) bool { return !needsSidecar(svc.Service, p) })
	}
	bare := podNames(slices.DeleteFunc(slices.Clone(targets), func(p *iris.Pod) bool { return p.Sidecar != nil }))
	if len(bare) == 0 {
		return finding{}, false
	}
	component := cmp.Or(svc.target.Component, iris.ComponentData)
	return at(view.ExposedSidecarMissing, object("service", svc.Name),
		fmt.Sprintf("service %q leads to a sidecar that is missing", svc.Name),
		fmt.Sprintf("%s has no container %q", quotedList(bare), iris.SidecarContainer),
		fmt.Sprintf("set spec.topology.%s.webgateway in the IrisCluster, or: kubectl iris unexpose %s -n %s", component, svc.Name, svc.Namespace)), true
}

// needsSidecar reports whether a Service for one pod targets a web gateway's
// port that no container of the pod declares: only a sidecar would answer.
func needsSidecar(service *corev1.Service, pod *iris.Pod) bool {
	return slices.ContainsFunc(service.Spec.Ports, func(port corev1.ServicePort) bool {
		target := model.Target(port)
		return model.IsGatewayPort(target.IntVal) && !model.Declares(pod.Ports(), target, port.Protocol)
	})
}

// whyNothing says why none of a cluster's pods serves some or all ports of a
// Service, and what to look at.
func whyNothing(c *cluster, svc *service, reach endpoints.Reach) (why, hint string) {
	selected := svc.selects[c.Name]
	if len(selected) == 0 {
		return whySelectsNothing(c, svc.Spec.Selector),
			fmt.Sprintf("compare the labels: kubectl get pods -l %s=%s --show-labels -n %s", iris.LabelName, c.Name, svc.Namespace)
	}
	names := podNames(selected)
	describe := fmt.Sprintf("kubectl describe pod %s -n %s", names[0], svc.Namespace)
	ready := slices.ContainsFunc(selected, func(p *iris.Pod) bool { return p.Ready && !p.Deleting })
	undeclared := endpoints.Undeclared(reach.Unserved(), valuesOf(selected))
	slicesOf := fmt.Sprintf("kubectl get endpointslices -l %s=%s -o yaml -n %s", discoveryv1.LabelServiceName, svc.Name, svc.Namespace)
	switch {
	case !ready && !svc.Spec.PublishNotReadyAddresses:
		return "it selects " + quotedList(names) + ", not ready", describe
	case len(undeclared) > 0:
		return endpoints.NoneDeclares(undeclared, valuesOf(selected)), "compare the ports: " + describe
	case len(reach.Stale()) > 0:
		return fmt.Sprintf("it selects %s, but its endpoints are still those of %s", quotedList(names), earlier(reach.Stale(), names)), slicesOf
	}
	return "it selects " + quotedList(names) + ", but has no ready endpoint yet", slicesOf
}

// earlier names the pods of stale endpoints. One that goes by the name of a
// selected pod was replaced by it.
func earlier(stale, selected []string) string {
	words := make([]string, len(stale))
	for i, name := range stale {
		words[i] = strconv.Quote(name)
		if slices.Contains(selected, name) {
			words[i] = "an earlier " + words[i]
		}
	}
	return listOf(words)
}

func valuesOf(pods []*iris.Pod) []iris.Pod {
	values := make([]iris.Pod, len(pods))
	for i, pod := range pods {
		values[i] = *pod
	}
	return values
}

// whySelectsNothing finds the label that leaves no pod: the labels of a
// selector are tried from the most general on.
func whySelectsNothing(c *cluster, selector map[string]string) string {
	order := []string{
		iris.LabelKind, iris.LabelName, iris.LabelRole, iris.LabelComponent,
		iris.LabelShard, iris.LabelMirrorRole, iris.LabelPodName,
	}
	for _, k := range slices.Sorted(maps.Keys(selector)) {
		if !slices.Contains(order, k) {
			order = append(order, k)
		}
	}
	if len(c.pods) == 0 {
		return "the cluster has no pods"
	}
	left, subject := c.pods, "pod"
	for _, k := range order {
		v, ok := selector[k]
		if !ok {
			continue
		}
		one := map[string]string{k: v}
		left = slices.DeleteFunc(slices.Clone(left), func(p *iris.Pod) bool { return !model.Selects(one, *p) })
		if len(left) == 0 {
			return fmt.Sprintf("no %s carries %s=%s", subject, k, v)
		}
		switch k {
		case iris.LabelComponent, iris.LabelMirrorRole:
			subject = v + " " + subject
		case iris.LabelShard:
			subject += fmt.Sprintf(" of shard %q", v)
		}
	}
	return "no pod carries all labels of its selector"
}

// addressPending reports a load balancer's missing address. The hint asks for a
// controller only if none has reacted, as far as events were read.
func (inv *inventory) addressPending(svc *service) finding {
	brief := fmt.Sprintf("service %q waits for its load balancer's address", svc.Name)
	why, hint := "", describeService(svc)
	if inv.read.events {
		why = inv.warning("Service", key{svc.Namespace, svc.Name}, svc.UID)
	}
	switch sign := inv.reaction(svc); {
	case why != "" || !inv.read.events && sign == "":
	case sign != "":
		why = "a load-balancer controller has reacted (" + sign + "), but has given none yet"
	default:
		why, hint = "no Warning event says why", "check that a load-balancer controller runs here; "+hint
	}
	return at(view.AddressPending, object("service", svc.Name), brief, why, hint)
}

// reaction returns the sign of a controller that looks after a load balancer: its
// finalizer or its newest Normal event; "" if there is none.
func (inv *inventory) reaction(svc *service) string {
	if len(svc.Finalizers) > 0 {
		return "finalizer " + svc.Finalizers[0]
	}
	return inv.normalEvent("Service", key{svc.Namespace, svc.Name}, svc.UID)
}

// isTooWide tells whether the Service selects by IKO's labels, but not by the
// cluster's name, and so mixes pods of several clusters. Those of others may
// not be in the snapshot: then the endpoints tell of them. A Service that could
// mix, in a namespace with a single cluster, does no harm and is none.
func (svc *service) isTooWide() bool {
	_, named := svc.Spec.Selector[iris.LabelName]
	return svc.origin() != view.OriginIKO && !named && selectsByIKO(svc.Spec.Selector) &&
		(len(svc.selects) > 1 || len(svc.reaches[""]) > 0)
}

func selectsByIKO(selector map[string]string) bool {
	for k := range selector {
		if strings.HasPrefix(k, iris.Group+"/") {
			return true
		}
	}
	return false
}

func tooWide(svc *service, cluster string) finding {
	var others string
	if clusters := slices.Sorted(maps.Keys(svc.selects)); len(clusters) > 1 {
		others = "it selects pods of " + quotedList(clusters)
	} else {
		others = fmt.Sprintf("beside those of %q it reaches %s", cluster, quotedList(svc.reaches[""]))
	}
	return at(view.SelectorTooWide, object("service", svc.Name),
		fmt.Sprintf("service %q mixes pods of several clusters", svc.Name),
		fmt.Sprintf("%s, since its selector lacks %s", others, iris.LabelName),
		fmt.Sprintf("add %s to its selector: kubectl edit service %s -n %s", iris.LabelName, svc.Name, svc.Namespace))
}
