package wait

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/endpoints"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// loadBalancerGrace is how long a load balancer may go without any sign of a
// controller (no event, no finalizer) before that is reported. Leader election alone
// can take longer, so the wait goes on.
const loadBalancerGrace = 10 * time.Second

// exposed is what a wait judges: a Service and what belongs to it at one moment.
type exposed struct {
	name, namespace string
	// judged is false until everything that the wait needs was read once.
	judged bool
	// service is nil if it is not there.
	service *corev1.Service
	slices  []*discoveryv1.EndpointSlice
	// pods are those that the selector matches, and podsRead whether they could
	// be read.
	pods     []*corev1.Pod
	podsRead bool
	// events are all events about the Service, and eventsRead whether they could
	// be read.
	events     []*corev1.Event
	eventsRead bool
	// began and now are by the clock of this machine.
	began, now time.Time
}

// appliedAt returns when this tool last changed a Service, else when the Service
// was created, by the server's clock, which events use too.
func appliedAt(service *corev1.Service) time.Time {
	last := service.CreationTimestamp.Time
	for _, entry := range service.ManagedFields {
		if entry.Manager == cluster.ManagedBy && entry.Subresource == "" && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}

// settled reports whether the wait is over, or returns an error that says why
// what is missing can never come.
func (e *exposed) settled() (bool, error) {
	if e.service == nil || e.service.DeletionTimestamp != nil {
		return false, problem.New("service %q in namespace %q was deleted while it was waited for", e.name, e.namespace).
			Hint("run the command again to have it recreated")
	}
	reach := e.reach()
	if undeclared, pods := e.undeclared(reach); len(undeclared) > 0 {
		return false, problem.New("service %q in namespace %q: %s", e.name, e.namespace, endpoints.NoneDeclares(undeclared, pods)).
			Hint("give the port's number as its target, as in %s %d:NUMBER; kubectl describe pod %s -n %s shows what is declared",
				problem.Field("port"), undeclared[0].Port, pods[0].Name, e.namespace)
	}
	return reach.IsReady() && !cluster.AddressIsPending(*e.service), nil
}

// reach returns which pods take the Service's connections.
func (e *exposed) reach() endpoints.Reach {
	if !e.podsRead {
		return endpoints.Of(e.service, e.slices, nil)
	}
	return endpoints.Of(e.service, e.slices, readPodsOf(e.namespace, e.pods))
}

// readPods holds the pods that the selector matches, by name and by address.
type readPods struct {
	namespace    string
	byName, byIP map[string]*iris.Pod
}

func readPodsOf(namespace string, pods []*corev1.Pod) readPods {
	r := readPods{namespace, map[string]*iris.Pod{}, map[string]*iris.Pod{}}
	for _, pod := range pods {
		slim := iris.PodFrom(pod)
		r.byName[pod.Name] = &slim
		for _, ip := range pod.Status.PodIPs {
			r.byIP[ip.IP] = &slim
		}
	}
	return r
}

// Named returns the pod of that name. If the selector does not match it, it was
// not read: then it returns a pod without labels, which no selector matches.
func (r readPods) Named(name string) *iris.Pod {
	if pod := r.byName[name]; pod != nil {
		return pod
	}
	return &iris.Pod{Namespace: r.namespace, Name: name}
}

// At returns the pod with an IP address, or nil if none of those that the selector
// matches has it.
func (r readPods) At(ip string) *iris.Pod { return r.byIP[ip] }

// selected returns the pods that the selector matches now, by name.
func (e *exposed) selected() []iris.Pod {
	var pods []iris.Pod
	selector := labels.SelectorFromSet(e.service.Spec.Selector)
	for _, pod := range e.pods {
		if selector.Matches(labels.Set(pod.Labels)) {
			pods = append(pods, iris.PodFrom(pod))
		}
	}
	slices.SortFunc(pods, func(a, b iris.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods
}

// undeclared returns the ports that no endpoint can come to serve, since all
// selected pods are there and ready, and none declares the target's name.
func (e *exposed) undeclared(reach endpoints.Reach) ([]corev1.ServicePort, []iris.Pod) {
	pods := e.selected()
	if slices.ContainsFunc(pods, func(p iris.Pod) bool { return !p.Ready || p.Deleting }) {
		return nil, nil
	}
	return endpoints.Undeclared(reach.Unready(), pods), pods
}

// note returns what the Service waits for and may still get, and the key under which it
// is reported once; no line if there is nothing to say.
func (e *exposed) note() (key, line string) {
	if !cluster.AddressIsPending(*e.service) {
		return "", ""
	}
	const pending = "service %q in namespace %q has no address yet: %s"
	if w := e.newestWarning(); w != nil {
		return w.Reason, fmt.Sprintf(pending, e.name, e.namespace, textOf(w))
	}
	if since := e.now.Sub(e.began); e.isIgnored() && since >= loadBalancerGrace {
		return "", fmt.Sprintf(pending+" for %s", e.name, e.namespace, noReaction, since.Round(time.Second))
	}
	return "", ""
}

const noReaction = "no load-balancer controller has reacted to it"

func textOf(event *corev1.Event) string { return text.Excerpt(event.Reason + ": " + event.Message) }

// isIgnored reports whether no controller has shown a sign of looking after the
// load balancer. If events could not be read, that is not known.
func (e *exposed) isIgnored() bool {
	return e.eventsRead && len(e.service.Finalizers) == 0 && !slices.ContainsFunc(e.events, e.isOwn)
}

// isOwn reports whether an event is about this Service, and not about an earlier
// one of the same name.
func (e *exposed) isOwn(event *corev1.Event) bool {
	uid := event.InvolvedObject.UID
	return uid == "" || uid == e.service.UID
}

// newestWarning returns the newest Warning since the Service was last applied, or
// nil. Both times are in whole seconds. Warnings of the controllers of endpoints
// have nothing to do with an address.
func (e *exposed) newestWarning() *corev1.Event {
	applied := appliedAt(e.service).Truncate(time.Second)
	var newest *corev1.Event
	for _, event := range e.events {
		at := topology.EventTime(*event)
		if event.Type != corev1.EventTypeWarning || !e.isOwn(event) || at.Before(applied) || strings.HasPrefix(event.Reason, "FailedToUpdateEndpoint") {
			continue
		}
		if newest == nil || topology.EventTime(*newest).Before(at) {
			newest = event
		}
	}
	return newest
}

// timedOut returns the error at the timeout: what is missing, and the newest reason
// that is known. clash is what portClash returned.
func (e *exposed) timedOut(after time.Duration, clash error) error {
	var missing, reasons []string
	var hint error
	because := func(why string, next error) {
		if why != "" {
			reasons = append(reasons, why)
		}
		if hint == nil {
			hint = next
		}
	}
	if reach := e.reach(); !reach.IsReady() {
		endpoint := "no ready endpoint"
		if unready := reach.Unready(); len(unready) < len(reach.Ports) { // others have one
			endpoint += " at " + endpoints.Numbers(unready)
		}
		missing = append(missing, endpoint)
		because(e.whyUnready(reach))
	}
	if cluster.AddressIsPending(*e.service) {
		missing = append(missing, "no load-balancer address")
		because(e.whyPending(clash))
	}
	message := fmt.Sprintf("service %q in namespace %q has %s after %s", e.name, e.namespace, strings.Join(missing, " and "), after)
	if len(reasons) > 0 {
		message += ": " + strings.Join(reasons, "; ")
	}
	if hint == nil {
		hint = problem.New("kubectl describe service %s -n %s shows its endpoints and events; %s allows more time", e.name, e.namespace, problem.Field("timeout"))
	}
	return problem.New("%s", message).Hint("%w", hint)
}

// whyUnready returns why the Service has no ready endpoint, as far as its pods were
// read, and the next step, as a sentence that may name fields of the request. Both may
// be missing.
func (e *exposed) whyUnready(reach endpoints.Reach) (why string, hint error) {
	if stale := reach.Stale(); len(stale) > 0 && len(reach.Unserved()) > 0 {
		return "its endpoints are still those of " + strings.Join(text.Quote(stale), ", "), nil
	}
	if terminating := reach.Terminating(); len(terminating) > 0 {
		return fmt.Sprintf("it reaches %s while it terminates", strings.Join(terminating, ", ")), nil
	}
	selected := e.selected()
	if e.podsRead && len(selected) == 0 {
		return "no pod matches its selector", nil
	}
	if undeclared := endpoints.Undeclared(reach.Unready(), selected); len(undeclared) > 0 {
		return endpoints.NoneDeclares(undeclared, selected), nil
	}
	return e.whyNotReady(selected)
}

// whyNotReady returns why the first of the selected pods that is not ready is not; one
// that only a readiness gate keeps goes first, since the Service can reach it anyway.
func (e *exposed) whyNotReady(selected []iris.Pod) (why string, hint error) {
	i := slices.IndexFunc(selected, func(p iris.Pod) bool { return p.AwaitsGates })
	if i >= 0 && !e.service.Spec.PublishNotReadyAddresses {
		hint = problem.New("expose it again with %s to have it reach pods that are not ready", problem.Field("publish-not-ready"))
	}
	if i < 0 {
		i = slices.IndexFunc(selected, func(p iris.Pod) bool { return !p.Ready })
	}
	if i < 0 {
		return "", nil
	}
	return fmt.Sprintf("pod %q is not ready: %s", selected[i].Name, selected[i].NotReady()), hint
}

// whyPending returns why a load balancer has no address.
func (e *exposed) whyPending(clash error) (why string, hint error) {
	switch w := e.newestWarning(); {
	case w != nil:
		return textOf(w), problem.New("kubectl describe service %s -n %s shows all its events", e.name, e.namespace)
	case e.isIgnored():
		return noReaction, problem.New("this Kubernetes cluster may have no load-balancer controller; %s NodePort and ClusterIP need none", problem.Field("type"))
	}
	return "", clash
}

// portClash returns the hint that another load balancer of the namespace has a
// port of a pending one, which some load balancers can give only once; nil if none
// has, or if that could not be read.
func (w *Waiter) portClash(ctx context.Context, e *exposed) error {
	if !cluster.AddressIsPending(*e.service) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, clashTimeout)
	defer cancel()
	others, err := w.client.Services(ctx, e.namespace)
	if err != nil {
		return nil
	}
	return clashOf(e.service, slices.DeleteFunc(others, func(other corev1.Service) bool {
		return other.Spec.Type != corev1.ServiceTypeLoadBalancer || other.Name == e.name
	}))
}

func clashOf(service *corev1.Service, others []corev1.Service) error {
	slices.SortFunc(others, func(a, b corev1.Service) int { return strings.Compare(a.Name, b.Name) })
	for _, port := range service.Spec.Ports {
		for i := range others {
			if other := &others[i]; !cluster.AddressIsPending(*other) && hasPort(other, port.Port, port.Protocol) {
				return problem.New("service %q has port %d here, too, which some load balancers give only once: use %s %s",
					other.Name, port.Port, problem.Field("port"), freePort(port, others))
			}
		}
	}
	return nil
}

func hasPort(service *corev1.Service, number int32, protocol corev1.Protocol) bool {
	return slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == number && p.Protocol == protocol })
}

// freePort returns the value of the field port for the same target at the next number
// that no load balancer has.
func freePort(port corev1.ServicePort, others []corev1.Service) string {
	number := port.Port
	for taken := true; taken; {
		number = number%65535 + 1
		taken = number != port.Port && slices.ContainsFunc(others, func(s corev1.Service) bool { return hasPort(&s, number, port.Protocol) })
	}
	value := strconv.Itoa(int(number)) + ":" + port.TargetPort.String()
	if port.Protocol != "" && port.Protocol != corev1.ProtocolTCP {
		value += "/" + string(port.Protocol)
	}
	return value
}
