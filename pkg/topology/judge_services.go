package topology

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/endpoints"
	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// judgeServices returns what is wrong with the cluster's Services, and with others that
// select pods of several clusters.
func (inv *inventory) judgeServices(c *irisCluster) []finding.Finding {
	var found []finding.Finding
	for _, svc := range c.services {
		if svc.DeletionTimestamp != nil {
			continue // its endpoints are removed first
		}
		serves := svc.serves(c.name)
		if serves {
			found = append(found, inv.judgeReach(c, svc)...)
		}
		if svc.pending && (serves || svc.named == c.name) {
			found = append(found, inv.addressPending(svc))
		}
		if inv.read.pods && svc.isTooWide() {
			found = append(found, tooWide(svc, c.name))
		}
	}
	return found
}

// serves reports whether IKO manages the Service for the cluster, or this tool created
// it for it.
func (svc *service) serves(cluster string) bool {
	if svc.target != nil {
		return svc.target.Cluster == cluster
	}
	return slices.Contains(svc.namedAfter, cluster)
}

// judgeReach returns at most one finding about which pods a Service reaches; a missing
// target comes before missing endpoints.
func (inv *inventory) judgeReach(c *irisCluster, svc *service) []finding.Finding {
	if inv.read.pods && svc.target != nil {
		if found := inv.judgeTarget(c, svc); len(found) > 0 {
			return found
		}
	}
	if !inv.read.slices || c.isServedElsewhere(svc) {
		return nil
	}
	f := finding.Finding{Object: object("service", svc.Name), Hint: describeService(svc)}
	reach := svc.reach
	if inv.read.pods { // else it is not known whose pods these are
		reach = reach.Among(func(pod string) bool {
			return slices.ContainsFunc(c.pods, func(p *iris.Pod) bool { return p.Name == pod })
		})
	}
	unserved, unready, terminating, stale := reach.Unserved(), reach.Unready(), reach.Terminating(), reach.Stale()
	switch {
	case reach.IsReady():
		return nil
	case len(unserved) == 0:
		f.Code = finding.ServiceReachesTerminating
		f.Brief = fmt.Sprintf("service %q reaches %s while it terminates", svc.Name, listOf(terminating))
		f.Why = "no pod is ready now"
		if len(unready) < len(reach.Ports) {
			f.Why = "no pod is ready at " + endpoints.Numbers(unready)
		}
		return []finding.Finding{f}
	case len(unserved) < len(reach.Ports):
		f.Code = finding.PortReachesNothing
		f.Brief = fmt.Sprintf("service %q reaches no pod at %s", svc.Name, endpoints.Numbers(unserved))
	default:
		f.Code = finding.ServiceReachesNothing
		f.Brief = fmt.Sprintf("service %q reaches no pod", svc.Name)
	}
	switch selected := svc.selects[c.name]; {
	case !inv.read.pods:
	case len(svc.Spec.Selector) == 0:
		f.Why = "it has no selector"
	case len(selected) > 0:
		f.Why, f.Hint = whyUnserved(svc, c.name, unserved, stale)
	default:
		f.Why, f.Hint = inv.whySelectsNothing(c, svc.Spec.Selector)
		if f.Why == "" {
			return nil
		}
	}
	return []finding.Finding{f}
}

// isServedElsewhere reports whether a Service selects no pod here because it is for a
// failover member, and those are in another Kubernetes cluster.
func (c *irisCluster) isServedElsewhere(svc *service) bool {
	role := svc.Spec.Selector[iris.LabelMirrorRole]
	return c.isAsyncOnly && (role == iris.MirrorPrimary || role == iris.MirrorBackup) && len(svc.selects[c.name]) == 0
}

func describeService(svc *service) string {
	return fmt.Sprintf("kubectl describe service %s -n %s", svc.Name, svc.Namespace)
}

// judgeTarget returns that the pod that a Service of this tool is for is gone, or that
// its pods have no sidecar.
func (inv *inventory) judgeTarget(c *irisCluster, svc *service) []finding.Finding {
	unexpose := fmt.Sprintf("kubectl iris unexpose %s -n %s", svc.Name, svc.Namespace)
	isForPod := svc.target.Kind == view.TargetPod
	if isForPod && inv.pods[svc.Namespace].Named(svc.target.Pod) == nil {
		return []finding.Finding{{
			Code:   finding.ExposedPodGone,
			Object: object("service", svc.Name),
			Brief:  fmt.Sprintf("service %q selects a pod that is gone", svc.Name),
			Why:    fmt.Sprintf("pod %q does not exist", svc.target.Pod),
			Hint:   "if the pod is not to come back: " + unexpose,
		}}
	}
	bare := filter(svc.selects[c.name], func(p *iris.Pod) bool {
		return p.Sidecar == nil && (!isForPod || needsSidecar(svc.Service, p))
	})
	if len(bare) == 0 {
		return nil
	}
	return []finding.Finding{{
		Code:   finding.ExposedSidecarMissing,
		Object: object("service", svc.Name),
		Brief:  fmt.Sprintf("service %q selects pods without a sidecar", svc.Name),
		Why:    fmt.Sprintf("%s %s no container %q", quotedList(podNames(bare)), plural(len(bare), "has", "have"), iris.SidecarContainer),
		Hint:   "if the sidecar is not to come back: " + unexpose,
	}}
}

func podNames(pods []*iris.Pod) []string {
	names := make([]string, len(pods))
	for i, pod := range pods {
		names[i] = pod.Name
	}
	return names
}

// needsSidecar reports whether a Service for one pod targets a web gateway's
// port that no container of the pod declares: only a sidecar would answer.
func needsSidecar(service *corev1.Service, pod *iris.Pod) bool {
	return slices.ContainsFunc(service.Spec.Ports, func(port corev1.ServicePort) bool {
		target := cluster.Target(port)
		return cluster.IsGatewayPort(target.IntVal) && !cluster.Declares(pod.Ports(), target, port.Protocol)
	})
}

// whyUnserved returns why no selected pod of a cluster serves some ports of a Service,
// and what to look at.
func whyUnserved(svc *service, cluster string, unserved []corev1.ServicePort, stale []string) (why, hint string) {
	names := podNames(svc.selects[cluster])
	old := earlier(stale, names)
	selects := "it selects " + quotedList(names)
	pods, ready := make([]iris.Pod, len(names)), false
	for i, pod := range svc.selects[cluster] {
		pods[i], ready = *pod, ready || pod.Ready && !pod.Deleting
	}
	describe := describePod(&pods[0])
	slicesOf := fmt.Sprintf("kubectl get endpointslices -l %s=%s -o yaml -n %s", discoveryv1.LabelServiceName, svc.Name, svc.Namespace)
	undeclared := endpoints.Undeclared(unserved, pods)
	switch {
	case !ready && !svc.Spec.PublishNotReadyAddresses:
		return selects + ", not ready", describe
	case len(undeclared) > 0:
		return endpoints.NoneDeclares(undeclared, pods), "compare the ports: " + describe
	case len(stale) > 0:
		return selects + ", but its endpoints are still those of " + old, slicesOf
	}
	return selects + ", but has no ready endpoint yet", slicesOf
}

// earlier names the pods of stale endpoints; one was replaced by a selected pod with
// the same name.
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

// addressPending returns that a load balancer's address is missing, and whether a
// controller has reacted, if events were read.
func (inv *inventory) addressPending(svc *service) finding.Finding {
	f := finding.Finding{
		Code:   finding.AddressPending,
		Object: object("service", svc.Name),
		Brief:  fmt.Sprintf("service %q waits for its load balancer's address", svc.Name),
		Hint:   describeService(svc),
	}
	switch {
	case svc.warning != "":
		f.Why = svc.warning
	case svc.reaction != "":
		f.Why = "a load-balancer controller has reacted (" + svc.reaction + "), but has given none yet"
	case inv.read.events:
		f.Why = "there is no sign of a load-balancer controller, and no Warning event"
	}
	return f
}

// isTooWide reports whether the Service selects by IKO's labels, but not by the
// cluster's name, and mixes pods of several clusters. Pods of other clusters may be
// missing in the snapshot, so reaching unknown pods counts.
func (svc *service) isTooWide() bool {
	_, named := svc.Spec.Selector[iris.LabelName]
	mixes := len(svc.selects) > 1 || len(svc.reaches[noCluster]) > 0
	return mixes && !named && svc.origin != view.OriginIKO && slices.ContainsFunc(slices.Collect(maps.Keys(svc.Spec.Selector)),
		func(key string) bool { return strings.HasPrefix(key, iris.Group+"/") })
}

func tooWide(svc *service, cluster string) finding.Finding {
	others := fmt.Sprintf("beside those of %q it reaches %s", cluster, quotedList(svc.reaches[noCluster]))
	if clusters := slices.Sorted(maps.Keys(svc.selects)); len(clusters) > 1 {
		others = "it selects pods of " + quotedList(clusters)
	}
	return finding.Finding{
		Code:   finding.SelectorTooWide,
		Object: object("service", svc.Name),
		Brief:  fmt.Sprintf("service %q mixes pods of several clusters", svc.Name),
		Why:    fmt.Sprintf("%s, since its selector does not have %s", others, iris.LabelName),
		Hint:   fmt.Sprintf("add %s to its selector: kubectl edit service %s -n %s", iris.LabelName, svc.Name, svc.Namespace),
	}
}
