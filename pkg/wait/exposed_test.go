package wait

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// applied is when the Services of these tests were last applied.
var applied = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const lbFinalizer = "service.kubernetes.io/load-balancer-cleanup"

func TestExposedSettled(t *testing.T) {
	t.Parallel()
	ready, unready := []*discoveryv1.EndpointSlice{slice("web-0", true)}, []*discoveryv1.EndpointSlice{slice("web-0", false)}
	portless := slice("web-0", true)
	portless.Ports = nil
	clusterIP, balancer, addressed := serviceOf(corev1.ServiceTypeClusterIP), serviceOf(corev1.ServiceTypeLoadBalancer), serviceOf(corev1.ServiceTypeLoadBalancer, "192.0.2.1")
	deleted := serviceOf(corev1.ServiceTypeClusterIP)
	deleted.DeletionTimestamp = &metav1.Time{Time: applied}
	named := serviceOf(corev1.ServiceTypeClusterIP)
	named.Spec.Ports[0].TargetPort = intstr.FromString("webserver")
	both := serviceOf(corev1.ServiceTypeClusterIP)
	both.Spec.Ports = append(both.Spec.Ports, corev1.ServicePort{Name: "metrics", Port: 9090, TargetPort: intstr.FromInt32(9090)})

	const undeclared = `service "web" in namespace "prod": no endpoint serves port 81, since no container of web-0 declares "webserver"`
	const gone = `service "web" in namespace "prod" was deleted while it was waited for`
	for name, test := range map[string]struct {
		service *corev1.Service
		slices  []*discoveryv1.EndpointSlice
		pods    []*corev1.Pod
		unread  bool
		events  []*corev1.Event
		after   time.Duration
		done    bool
		wantErr string
	}{
		"cluster IP with an endpoint":            {service: clusterIP, slices: ready, done: true},
		"cluster IP without an endpoint":         {service: clusterIP, slices: unready, after: time.Hour},
		"cluster IP without a slice":             {service: clusterIP},
		"an endpoint of the pod selected before": {service: clusterIP, slices: []*discoveryv1.EndpointSlice{slice("other-0", true)}},
		"that one, beside the new one":           {service: clusterIP, slices: []*discoveryv1.EndpointSlice{slice("other-0", true), slice("web-0", true)}, done: true},
		"pods may not be read":                   {service: clusterIP, slices: []*discoveryv1.EndpointSlice{slice("other-0", true)}, unread: true, done: true},
		"a slice without the port":               {service: clusterIP, slices: []*discoveryv1.EndpointSlice{portless}, after: time.Hour},
		"one of two ports":                       {service: both, slices: ready, after: time.Hour},
		"an endpoint that only terminates":       {service: clusterIP, slices: []*discoveryv1.EndpointSlice{terminatingSlice("web-0")}},
		"load balancer with its address":         {service: addressed, slices: ready, done: true},
		"address, but no endpoint":               {service: addressed, slices: unready, after: time.Hour},
		"no sign of a controller":                {service: balancer, slices: ready, after: time.Hour},
		"a Warning":                              {service: balancer, slices: ready, events: eventsOf(warning("quota", applied))},
		"a Warning, but the address came":        {service: addressed, slices: ready, events: eventsOf(warning("quota", applied)), done: true},

		"a named port that no pod declares":       {service: named, slices: []*discoveryv1.EndpointSlice{portless}, wantErr: undeclared},
		"no slice yet, but no pod can serve it":   {service: named, wantErr: undeclared},
		"a named port that is served":             {service: named, slices: ready, done: true},
		"a named port, while a pod is not ready":  {service: named, pods: []*corev1.Pod{podOf("web-0", true), podOf("web-1", false)}},
		"a named port, while a pod is going":      {service: named, pods: []*corev1.Pod{podOf("web-0", true), ending(podOf("web-1", true))}},
		"a named port that one declares":          {service: named, pods: []*corev1.Pod{podOf("web-0", true), podOf("web-1", true, "webserver")}},
		"a named port, without a pod":             {service: named, pods: []*corev1.Pod{}},
		"a named port, and pods may not be read":  {service: named, slices: []*discoveryv1.EndpointSlice{portless}, unread: true},
		"a named port that only others do not do": {service: named, pods: []*corev1.Pod{podOf("other-0", true)}},

		"gone":          {wantErr: gone},
		"being deleted": {service: deleted, slices: ready, wantErr: gone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := exposedOf(test.service, test.slices, test.events, test.after)
			if test.pods != nil {
				e.pods = test.pods
			}
			if test.unread {
				e.pods, e.podsRead = nil, false
			}
			done, err := e.settled()
			if done != test.done {
				t.Errorf("done %v, want %v", done, test.done)
			}
			if said := wordsOf(err); said != test.wantErr {
				t.Errorf("error %q, want %q", said, test.wantErr)
			}
		})
	}
}

func TestExposedNotes(t *testing.T) {
	t.Parallel()
	normal := &corev1.Event{Type: corev1.EventTypeNormal, Reason: "EnsuringLoadBalancer", LastTimestamp: metav1.NewTime(applied)}
	earlier := &corev1.Event{Type: corev1.EventTypeNormal, Reason: "EnsuringLoadBalancer", InvolvedObject: corev1.ObjectReference{UID: "an earlier one"}}
	endpoints := warning("conflict", applied)
	endpoints.Reason = "FailedToUpdateEndpointSlices"
	held := serviceOf(corev1.ServiceTypeLoadBalancer)
	held.Finalizers = []string{lbFinalizer}
	balancer := serviceOf(corev1.ServiceTypeLoadBalancer)
	const has = `service "web" in namespace "prod" has no address yet: `
	for name, test := range map[string]struct {
		service *corev1.Service
		events  []*corev1.Event
		unread  bool
		after   time.Duration
		want    string
	}{
		"within the grace":                 {service: balancer, after: 9 * time.Second},
		"no reaction":                      {service: balancer, after: 10 * time.Second, want: has + "no load-balancer controller has reacted to it for 10s"},
		"a controller holds it":            {service: held, after: time.Hour},
		"a controller has said something":  {service: balancer, events: eventsOf(normal), after: time.Hour},
		"that was about an earlier one":    {service: balancer, events: eventsOf(earlier), after: time.Hour, want: has + "no load-balancer controller has reacted to it for 1h0m0s"},
		"events may not be read":           {service: balancer, unread: true, after: time.Hour},
		"a Warning":                        {service: held, events: eventsOf(warning("quota", applied)), want: has + "SyncLoadBalancerFailed: quota"},
		"the newest Warning":               {service: held, events: eventsOf(warning("new", applied.Add(time.Minute)), warning("old", applied)), want: has + "SyncLoadBalancerFailed: new"},
		"a Warning of the very second":     {service: held, events: eventsOf(warning("quota", applied.Truncate(time.Second))), want: has + "SyncLoadBalancerFailed: quota"},
		"a Warning from before the apply":  {service: held, events: eventsOf(warning("subnet", applied.Add(-time.Minute)))},
		"a Warning about endpoints":        {service: held, events: eventsOf(endpoints)},
		"control characters in a Warning":  {service: held, events: eventsOf(warning("a\x1b[2Jb\nc", applied)), want: has + "SyncLoadBalancerFailed: a?[2Jb c"},
		"a Warning, and the address came":  {service: serviceOf(corev1.ServiceTypeLoadBalancer, "192.0.2.1"), events: eventsOf(warning("quota", applied))},
		"a Service that needs no balancer": {service: serviceOf(corev1.ServiceTypeClusterIP), after: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := exposedOf(test.service, nil, test.events, test.after)
			e.eventsRead = !test.unread
			if _, got := e.note(); got != test.want {
				t.Errorf("note %q, want %q", got, test.want)
			}
		})
	}
}

func TestTimeoutSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	clusterIP, balancer := serviceOf(corev1.ServiceTypeClusterIP), serviceOf(corev1.ServiceTypeLoadBalancer)
	held := serviceOf(corev1.ServiceTypeLoadBalancer)
	held.Finalizers = []string{lbFinalizer}
	both := serviceOf(corev1.ServiceTypeClusterIP)
	both.Spec.Ports = append(both.Spec.Ports, corev1.ServicePort{Name: "metrics", Port: 9090, TargetPort: intstr.FromString("metrics")})
	published := serviceOf(corev1.ServiceTypeClusterIP)
	published.Spec.PublishNotReadyAddresses = true
	ready, unready := []*discoveryv1.EndpointSlice{slice("web-0", true)}, []*discoveryv1.EndpointSlice{slice("web-0", false)}
	gated := podOf("web-0", false)
	gated.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "target-health/x"}}
	gated.Status.Conditions = []corev1.PodCondition{
		{Type: "target-health/x", Status: corev1.ConditionFalse, Reason: "Target.ResponseCodeMismatch", Message: "codes: [503]"},
		{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ReadinessGatesNotReady"},
	}
	gated.Status.Phase = corev1.PodRunning
	gated.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "iris", Ready: true}}
	unset := podOf("web-0", false)
	unset.Spec.ReadinessGates, unset.Status = gated.Spec.ReadinessGates, *gated.Status.DeepCopy()
	unset.Status.Conditions = unset.Status.Conditions[1:]
	other := podOf("other-0", false)
	other.Spec.ReadinessGates, other.Status = gated.Spec.ReadinessGates, gated.Status
	crashing := podOf("web-0", false)
	crashing.Spec.ReadinessGates = gated.Spec.ReadinessGates
	crashing.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "iris", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 3}},
	}}
	gatedToo := gated.DeepCopy()
	gatedToo.Name = "web-1"
	unplaced := podOf("web-0", false)
	unplaced.Status.Conditions = append(unplaced.Status.Conditions, corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available",
	})
	lost := podOf("web-0", false)
	lost.Spec.NodeName, lost.Status.Phase, lost.Status.ContainerStatuses = "node-1", corev1.PodRunning, gated.Status.ContainerStatuses

	const status, gateHint = "kubectl describe service web -n prod shows its endpoints and events; timeout allows more time", "expose it again with publish-not-ready to have it reach pods that are not ready"
	for name, test := range map[string]struct {
		service    *corev1.Service
		slices     []*discoveryv1.EndpointSlice
		pods       []*corev1.Pod
		events     []*corev1.Event
		unread     bool
		clash      error
		want, hint string
	}{
		"nothing is known of pods": {service: clusterIP, unread: true, want: "no ready endpoint after 1m0s", hint: status},
		"no pod":                   {service: clusterIP, pods: []*corev1.Pod{}, want: "no ready endpoint after 1m0s: no pod matches its selector", hint: status},
		"a pod is not ready": {
			service: clusterIP, slices: unready, pods: []*corev1.Pod{podOf("web-0", false)},
			want: `no ready endpoint after 1m0s: pod "web-0" is not ready: Pending, 0/1 containers ready`, hint: status,
		},
		"a readiness gate": {
			service: clusterIP, slices: unready, pods: []*corev1.Pod{gated},
			want: `no ready endpoint after 1m0s: pod "web-0" is not ready: Running, 1/1 containers ready; readiness gate "target-health/x": Target.ResponseCodeMismatch: codes: [503]`, hint: gateHint,
		},
		"a readiness gate that nothing has set": {
			service: clusterIP, slices: unready, pods: []*corev1.Pod{unset},
			want: `no ready endpoint after 1m0s: pod "web-0" is not ready: Running, 1/1 containers ready; readiness gate "target-health/x": nothing has set it yet`, hint: gateHint,
		},
		"a readiness gate that does not matter": {
			service: published, slices: unready, pods: []*corev1.Pod{gated},
			want: `no ready endpoint after 1m0s: pod "web-0" is not ready: Running, 1/1 containers ready; readiness gate "target-health/x": Target.ResponseCodeMismatch: codes: [503]`, hint: status,
		},
		"a readiness gate of a pod that is selected no longer": {
			service: clusterIP, slices: unready, pods: []*corev1.Pod{other, podOf("web-0", false)},
			want: `no ready endpoint after 1m0s: pod "web-0" is not ready: Pending, 0/1 containers ready`, hint: status,
		},
		"a container that does not stay up": {
			service: clusterIP, slices: unready, pods: []*corev1.Pod{crashing},
			want: `no ready endpoint after 1m0s: pod "web-0" is not ready: CrashLoopBackOff, 0/1 containers ready; container "iris": CrashLoopBackOff, last ended with Error, exit code 3`, hint: status,
		},
		"a container that does not stay up, and a readiness gate": {
			service: clusterIP, slices: unready, pods: []*corev1.Pod{crashing, gatedToo},
			want: `no ready endpoint after 1m0s: pod "web-1" is not ready: Running, 1/1 containers ready; readiness gate "target-health/x": Target.ResponseCodeMismatch: codes: [503]`, hint: gateHint,
		},
		"a pod without a node": {
			service: clusterIP, slices: unready, pods: []*corev1.Pod{unplaced},
			want: `no ready endpoint after 1m0s: pod "web-0" is not ready: Pending, 0/1 containers ready; Unschedulable: 0/3 nodes are available`, hint: status,
		},
		"a node that may be lost": {
			service: clusterIP, slices: unready, pods: []*corev1.Pod{lost},
			want: `no ready endpoint after 1m0s: pod "web-0" is not ready: Running, 1/1 containers ready; node "node-1" may be lost: the containers were ready when it last reported`, hint: status,
		},
		"stale endpoints": {
			service: clusterIP, slices: []*discoveryv1.EndpointSlice{slice("other-0", true)}, pods: []*corev1.Pod{podOf("web-0", true)},
			want: `no ready endpoint after 1m0s: its endpoints are still those of "other-0"`, hint: status,
		},
		"an endpoint that terminates": {
			service: clusterIP, slices: []*discoveryv1.EndpointSlice{terminatingSlice("web-0")},
			want: `no ready endpoint after 1m0s: it reaches web-0 while it terminates`, hint: status,
		},
		"one of two ports": {
			service: both, slices: ready, pods: []*corev1.Pod{podOf("web-0", true), podOf("web-1", false)},
			want: `no ready endpoint at port 9090 after 1m0s: no endpoint serves port 9090, since no container of web-0, web-1 declares "metrics"`, hint: status,
		},
		"neither endpoint nor address": {
			service: held, slices: unready, unread: true,
			want: "no ready endpoint and no load-balancer address after 1m0s", hint: status,
		},
		"the newest Warning": {
			service: balancer, slices: ready, events: eventsOf(warning("new", applied.Add(time.Minute)), warning("old", applied)), clash: errors.New("another port"),
			want: "no load-balancer address after 1m0s: SyncLoadBalancerFailed: new", hint: "kubectl describe service web -n prod shows all its events",
		},
		"a Warning from before the apply": {
			service: held, slices: ready, events: eventsOf(warning("subnet", applied.Add(-time.Minute))),
			want: "no load-balancer address after 1m0s", hint: status,
		},
		"no reaction": {
			service: balancer, slices: ready,
			want: "no load-balancer address after 1m0s: no load-balancer controller has reacted to it", hint: "this Kubernetes cluster may have no load-balancer controller; type NodePort and ClusterIP need none",
		},
		"the port is taken": {service: held, slices: ready, clash: errors.New("another port"), want: "no load-balancer address after 1m0s", hint: "another port"},
		"a slow one":        {service: held, slices: ready, want: "no load-balancer address after 1m0s", hint: status},
		"the endpoint first": {
			service: held, slices: unready, pods: []*corev1.Pod{gated}, clash: errors.New("another port"), hint: gateHint,
			want: `no ready endpoint and no load-balancer address after 1m0s: pod "web-0" is not ready: Running, 1/1 containers ready; readiness gate "target-health/x": Target.ResponseCodeMismatch: codes: [503]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := exposedOf(test.service, test.slices, test.events, time.Minute)
			e.podsRead = !test.unread
			if e.pods = test.pods; test.pods == nil {
				e.pods = []*corev1.Pod{podOf("web-0", true)}
			}
			if test.unread {
				e.pods = nil
			}
			err := e.timedOut(time.Minute, test.clash)
			if want := `service "web" in namespace "prod" has ` + test.want; err.Error() != want {
				t.Errorf("error %q\n     want %q", err, want)
			}
			if got := problem.HintOf(err); got != test.hint {
				t.Errorf("hint %q, want %q", got, test.hint)
			}
		})
	}
}

func TestClash(t *testing.T) {
	t.Parallel()
	balancer := func(name, address string, ports ...corev1.ServicePort) corev1.Service {
		s := *serviceOf(corev1.ServiceTypeLoadBalancer)
		s.Name, s.Spec.Ports = name, ports
		if address != "" {
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
		}
		return s
	}
	port := func(number int32, protocol corev1.Protocol) corev1.ServicePort {
		return corev1.ServicePort{Port: number, Protocol: protocol, TargetPort: intstr.FromInt32(80)}
	}
	tcp := func(number int32) corev1.ServicePort { return port(number, corev1.ProtocolTCP) }
	for name, test := range map[string]struct {
		port   corev1.ServicePort
		others []corev1.Service
		want   string
	}{
		"none":              {port: tcp(81)},
		"another port":      {port: tcp(81), others: []corev1.Service{balancer("a", "192.0.2.1", tcp(80))}},
		"another protocol":  {port: tcp(81), others: []corev1.Service{balancer("a", "192.0.2.1", port(81, corev1.ProtocolUDP))}},
		"one that waits":    {port: tcp(81), others: []corev1.Service{balancer("a", "", tcp(81))}},
		"taken":             {port: tcp(81), others: []corev1.Service{balancer("a", "192.0.2.1", tcp(81))}, want: `service "a" has port 81 here, too, which some load balancers give only once: use port 82:80`},
		"the next is taken": {port: tcp(81), others: []corev1.Service{balancer("b", "192.0.2.2", tcp(82)), balancer("a", "192.0.2.1", tcp(81))}, want: `service "a" has port 81 here, too, which some load balancers give only once: use port 83:80`},
		"the last one":      {port: tcp(65535), others: []corev1.Service{balancer("a", "192.0.2.1", tcp(65535))}, want: `service "a" has port 65535 here, too, which some load balancers give only once: use port 1:80`},
		"UDP":               {port: port(53, corev1.ProtocolUDP), others: []corev1.Service{balancer("a", "192.0.2.1", port(53, corev1.ProtocolUDP))}, want: `service "a" has port 53 here, too, which some load balancers give only once: use port 54:80/UDP`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pending := balancer("web", "", test.port)
			if got := clashOf(&pending, test.others); (got == nil) != (test.want == "") || got != nil && got.Error() != test.want {
				t.Errorf("got %v, want %q", got, test.want)
			}
		})
	}
}

func TestAppliedAt(t *testing.T) {
	t.Parallel()
	made, first, last := metav1.Unix(100, 0), metav1.Unix(200, 0), metav1.Unix(300, 0)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: made}}
	if got := appliedAt(service); !got.Equal(made.Time) {
		t.Errorf("without our entry %v, want %v", got, made)
	}
	later := metav1.Unix(400, 0)
	service.ManagedFields = []metav1.ManagedFieldsEntry{
		{Manager: "other", Time: &later},
		{Manager: cluster.ManagedBy, Time: &first},
		{Manager: cluster.ManagedBy, Time: &last},
		{Manager: cluster.ManagedBy, Time: &later, Subresource: "status"},
		{Manager: cluster.ManagedBy},
	}
	if got := appliedAt(service); !got.Equal(last.Time) {
		t.Errorf("with our entries %v, want %v", got, last)
	}
}

// exposedOf is what a wait judges: web-0 is the one pod that is selected.
func exposedOf(service *corev1.Service, slices []*discoveryv1.EndpointSlice, events []*corev1.Event, after time.Duration) *exposed {
	began := applied.Add(time.Hour) // the clocks need not agree
	return &exposed{
		name: "web", namespace: "prod", judged: true, service: service, slices: slices, events: events, eventsRead: true,
		pods: []*corev1.Pod{podOf("web-0", true)}, podsRead: true, began: began, now: began.Add(after),
	}
}

func wordsOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// serviceOf is a Service that selects the pods web-…, with port 81.
func serviceOf(kind corev1.ServiceType, addresses ...string) *corev1.Service {
	at := metav1.NewTime(applied.Add(500 * time.Millisecond))
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web", Namespace: "prod", UID: "1", CreationTimestamp: metav1.NewTime(applied.Add(-time.Hour)),
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: cluster.ManagedBy, Time: &at}},
		},
		Spec: corev1.ServiceSpec{
			Type: kind, ClusterIP: "10.96.0.1", Selector: map[string]string{"app": "web"},
			Ports: []corev1.ServicePort{{Name: "http", Port: 81, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(80)}},
		},
	}
	for _, address := range addresses {
		service.Status.LoadBalancer.Ingress = append(service.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: address})
	}
	return service
}

func podOf(name string, ready bool, ports ...string) *corev1.Pod {
	app, _, _ := strings.Cut(name, "-")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "prod", Labels: map[string]string{"app": app}}}
	pod.Spec.Containers = []corev1.Container{{Name: "iris"}}
	for _, port := range ports {
		pod.Spec.Containers[0].Ports = append(pod.Spec.Containers[0].Ports, corev1.ContainerPort{Name: port, ContainerPort: 52773, Protocol: corev1.ProtocolTCP})
	}
	pod.Status.Phase, pod.Status.Conditions = corev1.PodPending, []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
	if ready {
		pod.Status.Phase, pod.Status.Conditions[0].Status = corev1.PodRunning, corev1.ConditionTrue
	}
	return pod
}

func ending(pod *corev1.Pod) *corev1.Pod {
	pod.DeletionTimestamp = &metav1.Time{Time: applied}
	return pod
}

func slice(pod string, ready bool) *discoveryv1.EndpointSlice {
	http, tcp, number := "http", corev1.ProtocolTCP, int32(80)
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Name: "web-" + pod, Namespace: "prod", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
		Ports:      []discoveryv1.EndpointPort{{Name: &http, Protocol: &tcp, Port: &number}},
		Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{"10.1.0.1"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: pod},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		}},
	}
}

func terminatingSlice(pod string) *discoveryv1.EndpointSlice {
	yes, s := true, slice(pod, false)
	s.Endpoints[0].Conditions.Serving, s.Endpoints[0].Conditions.Terminating = &yes, &yes
	return s
}

func eventsOf(events ...*corev1.Event) []*corev1.Event { return events }

func warning(message string, at time.Time) *corev1.Event {
	return &corev1.Event{Type: corev1.EventTypeWarning, Reason: "SyncLoadBalancerFailed", Message: message, LastTimestamp: metav1.NewTime(at)}
}
