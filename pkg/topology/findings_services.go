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
	"k8s.io/apimachinery/pkg/util/intstr"

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
			found = append(found, inv.judgeReach(c, svc)...)
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

// judgeReach says at most one thing of where a Service leads: the target that
// is gone rather than the endpoints that are therefore missing.
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
	if !inv.read.slices || len(svc.reaches[inv.reachedAs(c)]) > 0 {
		return nil
	}
	why, hint := "", fmt.Sprintf("kubectl describe service %s -n %s", svc.Name, svc.Namespace)
	if inv.read.pods && len(svc.Spec.Selector) == 0 {
		why = "it has no selector"
	} else if inv.read.pods {
		why, hint = whyNothing(c, svc)
	}
	return []finding{at(view.ServiceReachesNothing, object("service", svc.Name),
		fmt.Sprintf("service %q reaches no pod", svc.Name), why, hint)}
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

// needsSidecar tells whether a Service for one pod leads to a web gateway's
// port that no container of the pod declares: only a sidecar would answer.
func needsSidecar(service *corev1.Service, pod *iris.Pod) bool {
	return slices.ContainsFunc(service.Spec.Ports, func(port corev1.ServicePort) bool {
		number := targetPort(port)
		return isGatewayPort(number) && !slices.ContainsFunc(pod.Ports(), func(p corev1.ContainerPort) bool {
			return strconv.Itoa(int(p.ContainerPort)) == number
		})
	})
}

func isGatewayPort(number string) bool {
	return number == strconv.Itoa(iris.PortGateway) || number == strconv.Itoa(iris.PortGatewayTLS)
}

// whyNothing says why a Service reaches none of a cluster's pods, and what to
// look at.
func whyNothing(c *cluster, svc *service) (why, hint string) {
	selected := svc.selects[c.Name]
	if len(selected) == 0 {
		return whySelectsNothing(c, svc.Spec.Selector),
			fmt.Sprintf("compare the labels: kubectl get pods -l %s=%s --show-labels -n %s", iris.LabelName, c.Name, svc.Namespace)
	}
	names := podNames(selected)
	describe := fmt.Sprintf("kubectl describe pod %s -n %s", names[0], svc.Namespace)
	ready := slices.ContainsFunc(selected, func(p *iris.Pod) bool { return p.Ready && !p.Deleting })
	switch {
	case !ready:
		return "it selects " + quotedList(names) + ", not ready", describe
	case svc.unserved:
		return fmt.Sprintf("no container of %s declares its target port %s", quotedList(names), quotedList(namedTargets(svc.Service))),
			"compare the ports: " + describe
	}
	return "it selects " + quotedList(names) + ", but has no ready endpoint yet",
		fmt.Sprintf("kubectl get endpointslices -l %s=%s -o yaml -n %s", discoveryv1.LabelServiceName, svc.Name, svc.Namespace)
}

func namedTargets(service *corev1.Service) []string {
	var names []string
	for _, port := range service.Spec.Ports {
		if port.TargetPort.Type == intstr.String {
			names = append(names, port.TargetPort.StrVal)
		}
	}
	return names
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
		left = slices.DeleteFunc(slices.Clone(left), func(p *iris.Pod) bool { return !matches(one, p) })
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

func (inv *inventory) addressPending(svc *service) finding {
	why := ""
	hint := fmt.Sprintf("kubectl describe service %s -n %s", svc.Name, svc.Namespace)
	if inv.read.events {
		why = inv.warning("Service", key{svc.Namespace, svc.Name}, svc.UID)
		if why == "" {
			why = "no Warning event says why"
			hint = "check that a load-balancer controller runs here; " + hint
		}
	}
	return at(view.AddressPending, object("service", svc.Name),
		fmt.Sprintf("service %q waits for its load balancer's address", svc.Name), why, hint)
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
