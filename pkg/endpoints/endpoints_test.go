package endpoints_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/endpoints"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// known are pods by name; each has its name as its address, too.
type known map[string]*iris.Pod

func (k known) Named(name string) *iris.Pod { return k[name] }
func (k known) At(ip string) *iris.Pod      { return k[ip] }

// pods are one that the Service selects, one that it does not, and one without
// the label that it selects by.
var pods = known{
	"primary":    {Name: "primary", UID: "1", Labels: map[string]string{"role": "primary"}},
	"backup":     {Name: "backup", UID: "2", Labels: map[string]string{"role": "backup"}},
	"unlabelled": {Name: "unlabelled", UID: "3"},
}

func to(selector map[string]string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.1", Selector: selector, Ports: ports}}
}

func headless(service *corev1.Service) *corev1.Service {
	service.Spec.ClusterIP = corev1.ClusterIPNone
	return service
}

func port(name string, protocol corev1.Protocol) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: 81, Protocol: protocol}
}

// slice has ports by name; UDP ones are written as name/UDP.
func slice(ports []string, points ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{Endpoints: points}
	for _, name := range ports {
		p := discoveryv1.EndpointPort{Name: &name}
		if name == "dns" {
			udp := corev1.ProtocolUDP
			p.Protocol = &udp
		}
		s.Ports = append(s.Ports, p)
	}
	return s
}

func at(pod string, conditions discoveryv1.EndpointConditions) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{pod}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: pod}, Conditions: conditions}
}

func yes() *bool { v := true; return &v }
func no() *bool  { v := false; return &v }

var (
	ready       = discoveryv1.EndpointConditions{Ready: yes(), Serving: yes(), Terminating: no()}
	unready     = discoveryv1.EndpointConditions{Ready: no(), Serving: no(), Terminating: no()}
	terminating = discoveryv1.EndpointConditions{Ready: no(), Serving: yes(), Terminating: yes()}
	ended       = discoveryv1.EndpointConditions{Ready: no(), Serving: no(), Terminating: yes()}
)

func TestOf(t *testing.T) {
	t.Parallel()
	primary := map[string]string{"role": "primary"}
	web, super := port("web", ""), port("super", corev1.ProtocolTCP)
	both := []string{"web", "super"}
	for name, test := range map[string]struct {
		service *corev1.Service
		slices  []*discoveryv1.EndpointSlice
		podless bool // no pods are known

		ready                    bool
		pods, terminating, stale []string
		unready, unserved        []corev1.ServicePort
	}{
		"ready at its port": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("primary", ready))},
			ready: true, pods: []string{"primary"},
		},
		"a missing condition is ready": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("primary", discoveryv1.EndpointConditions{}))},
			ready: true, pods: []string{"primary"},
		},
		"not ready": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("primary", unready))},
			unready: []corev1.ServicePort{web}, unserved: []corev1.ServicePort{web},
		},
		"no slice": {
			service: to(primary, web),
			unready: []corev1.ServicePort{web}, unserved: []corev1.ServicePort{web},
		},
		"a slice without ports": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(nil, at("primary", ready))},
			unready: []corev1.ServicePort{web}, unserved: []corev1.ServicePort{web},
		},
		"one of two ports": {
			service: to(primary, web, super), slices: []*discoveryv1.EndpointSlice{slice([]string{"web"}, at("primary", ready))},
			pods: []string{"primary"}, unready: []corev1.ServicePort{super}, unserved: []corev1.ServicePort{super},
		},
		"each port by another pod": {
			service: to(map[string]string{}, web, super), slices: []*discoveryv1.EndpointSlice{
				slice([]string{"web"}, at("primary", ready)), slice([]string{"super"}, at("backup", ready)),
			},
			ready: true, pods: []string{"primary", "backup"},
		},
		"a port of that name with another protocol": {
			service: to(primary, port("dns", corev1.ProtocolTCP)), slices: []*discoveryv1.EndpointSlice{slice([]string{"dns"}, at("primary", ready))},
			unready: []corev1.ServicePort{port("dns", corev1.ProtocolTCP)}, unserved: []corev1.ServicePort{port("dns", corev1.ProtocolTCP)},
		},
		"UDP": {
			service: to(primary, port("dns", corev1.ProtocolUDP)), slices: []*discoveryv1.EndpointSlice{slice([]string{"dns"}, at("primary", ready))},
			ready: true, pods: []string{"primary"},
		},
		"one port without a name": {
			service: to(primary, port("", "")), slices: []*discoveryv1.EndpointSlice{slice([]string{""}, at("primary", ready))},
			ready: true, pods: []string{"primary"},
		},
		"two address families": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("primary", ready)), slice(both, at("primary", ready))},
			ready: true, pods: []string{"primary"},
		},
		"a pod that is no longer selected": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("backup", ready))},
			pods: []string{"backup"}, stale: []string{"backup"}, unready: []corev1.ServicePort{web}, unserved: []corev1.ServicePort{web},
		},
		"the stale one beside the new one": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("backup", ready), at("primary", ready))},
			ready: true, pods: []string{"primary", "backup"}, stale: []string{"backup"},
		},
		"a selector's empty value and a missing label": {
			service: to(map[string]string{"role": ""}, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("unlabelled", ready))},
			pods: []string{"unlabelled"}, stale: []string{"unlabelled"}, unready: []corev1.ServicePort{web}, unserved: []corev1.ServicePort{web},
		},
		"an earlier pod of the same name": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, withUID(at("primary", ready), "0"))},
			pods: []string{"primary"}, stale: []string{"primary"}, unready: []corev1.ServicePort{web}, unserved: []corev1.ServicePort{web},
		},
		"a pod that is not known": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("elsewhere", ready))},
			ready: true, pods: []string{"elsewhere"},
		},
		"no pods are known": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("backup", ready))}, podless: true,
			ready: true, pods: []string{"backup"},
		},
		"no reference, but a pod's address": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, discoveryv1.Endpoint{Addresses: []string{"primary"}, Conditions: ready})},
			ready: true, pods: []string{"primary"},
		},
		"no pod's endpoint": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, discoveryv1.Endpoint{Addresses: []string{"192.0.2.1"}, Conditions: ready})},
			unready: []corev1.ServicePort{web}, unserved: []corev1.ServicePort{web},
		},
		"without a selector every pod counts": {
			service: to(nil, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("backup", ready))},
			ready: true, pods: []string{"backup"},
		},
		"serving while it terminates": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("primary", terminating))},
			terminating: []string{"primary"}, unready: []corev1.ServicePort{web},
		},
		"terminating beside a ready one takes no connections": {
			service: to(map[string]string{}, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("primary", terminating), at("backup", ready))},
			ready: true, pods: []string{"backup"},
		},
		"terminating and no longer serving": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("primary", ended))},
			unready: []corev1.ServicePort{web}, unserved: []corev1.ServicePort{web},
		},
		"ready while it terminates, as publishNotReadyAddresses has it": {
			service: to(primary, web), slices: []*discoveryv1.EndpointSlice{slice(both, at("primary", discoveryv1.EndpointConditions{Ready: yes(), Serving: no(), Terminating: yes()}))},
			ready: true, pods: []string{"primary"},
		},
		"headless, ports do not matter": {
			service: headless(to(primary, web)), slices: []*discoveryv1.EndpointSlice{slice(nil, at("primary", ready))},
			ready: true, pods: []string{"primary"},
		},
		"headless, terminating ones are not in DNS": {
			service: headless(to(primary, web)), slices: []*discoveryv1.EndpointSlice{slice(both, at("primary", terminating))},
			unready: []corev1.ServicePort{{}}, unserved: []corev1.ServicePort{{}},
		},
		"without ports": {
			service: headless(to(primary)), slices: []*discoveryv1.EndpointSlice{slice(nil, at("primary", ready))},
			ready: true, pods: []string{"primary"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var index endpoints.Pods = pods
			if test.podless {
				index = nil
			}
			got := endpoints.Of(test.service, test.slices, index)
			equal(t, "ready", test.ready, got.IsReady())
			equal(t, "pods", test.pods, got.Pods())
			equal(t, "terminating", test.terminating, got.Terminating())
			equal(t, "stale", test.stale, got.Stale())
			equal(t, "unready ports", test.unready, got.Unready())
			equal(t, "unserved ports", test.unserved, got.Unserved())
		})
	}
}

func withUID(e discoveryv1.Endpoint, uid types.UID) discoveryv1.Endpoint {
	e.TargetRef.UID = uid
	return e
}

func equal[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAmong(t *testing.T) {
	t.Parallel()
	web := port("web", "")
	all := endpoints.Of(to(map[string]string{}, web), []*discoveryv1.EndpointSlice{slice([]string{"web"}, at("primary", ready), at("elsewhere", ready))}, pods)
	one := all.Among(func(pod string) bool { return pod == "elsewhere" })
	equal(t, "among", []string{"elsewhere"}, one.Pods())
	equal(t, "none", []corev1.ServicePort{web}, all.Among(func(string) bool { return false }).Unserved())
	equal(t, "the whole is left alone", []string{"primary", "elsewhere"}, all.Pods())
}

// The work grows with the number of endpoints, and not with its square, which
// would take minutes here.
func TestManyEndpoints(t *testing.T) {
	t.Parallel()
	const n = 100_000
	var points []discoveryv1.Endpoint
	var names []string
	for i := range n {
		name := fmt.Sprintf("shop-frontend-5d8f7c6b9d-%06d", i)
		names = append(names, name)
		points = append(points, at(name, ready), at(name, ready))
	}
	many := []*discoveryv1.EndpointSlice{slice([]string{"web", "metrics"}, points...)}
	service := to(map[string]string{"app": "shop"}, port("web", ""), port("metrics", ""))
	stale := make(known, n)
	for _, name := range names {
		stale[name] = &iris.Pod{Name: name}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		all := endpoints.Of(service, many, nil)
		for what, pods := range map[string][]string{"pods": all.Pods(), "ready": all.Ports[1].Ready, "stale": endpoints.Of(service, many, stale).Stale()} {
			if !slices.Equal(pods, names) {
				t.Errorf("%s: %d pods, want %d in their order", what, len(pods), n)
			}
		}
		equal(t, "stale", nil, all.Stale())
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("still not done after 20 seconds")
	}
}

func TestUndeclared(t *testing.T) {
	t.Parallel()
	named := func(number int32, name string, protocol corev1.Protocol) corev1.ServicePort {
		return corev1.ServicePort{Port: number, TargetPort: intstr.FromString(name), Protocol: protocol}
	}
	pod := func(name string, ports ...corev1.ContainerPort) iris.Pod {
		return iris.Pod{Name: name, IRIS: &iris.Container{Ports: ports}}
	}
	web := corev1.ContainerPort{Name: "webserver", ContainerPort: 52773}
	webserver, metrics, dns := named(81, "webserver", ""), named(9090, "metrics", corev1.ProtocolTCP), named(53, "dns", corev1.ProtocolUDP)
	for name, test := range map[string]struct {
		ports []corev1.ServicePort
		pods  []iris.Pod
		want  []corev1.ServicePort
		words string
	}{
		"declared":                  {ports: []corev1.ServicePort{webserver}, pods: []iris.Pod{pod("a", web)}},
		"declared by one of two":    {ports: []corev1.ServicePort{webserver}, pods: []iris.Pod{pod("a"), pod("b", web)}},
		"a number needs no name":    {ports: []corev1.ServicePort{{Port: 81, TargetPort: intstr.FromInt32(80)}}, pods: []iris.Pod{pod("a")}},
		"no pods, nothing is known": {ports: []corev1.ServicePort{webserver}},
		"undeclared": {
			ports: []corev1.ServicePort{webserver}, pods: []iris.Pod{pod("simple-data-0-1")}, want: []corev1.ServicePort{webserver},
			words: `no endpoint serves port 81, since no container of simple-data-0-1 declares "webserver"`,
		},
		"two of three": {
			ports: []corev1.ServicePort{webserver, metrics, dns}, pods: []iris.Pod{pod("b", web), pod("a")}, want: []corev1.ServicePort{metrics, dns},
			words: `no endpoint serves ports 9090, 53/UDP, since no container of a, b declares "metrics" or "dns"/UDP`,
		},
		"many pods": {
			ports: []corev1.ServicePort{metrics}, pods: []iris.Pod{pod("a"), pod("b"), pod("c"), pod("d"), pod("e")}, want: []corev1.ServicePort{metrics},
			words: `no endpoint serves port 9090, since no container of a, b, c and 2 more declares "metrics"`,
		},
		"another protocol": {
			ports: []corev1.ServicePort{named(53, "webserver", corev1.ProtocolUDP)}, pods: []iris.Pod{pod("a", web)}, want: []corev1.ServicePort{named(53, "webserver", corev1.ProtocolUDP)},
			words: `no endpoint serves port 53/UDP, since no container of a declares "webserver"/UDP`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := endpoints.Undeclared(test.ports, test.pods)
			if len(got) != len(test.want) {
				t.Fatalf("%d ports, want %d", len(got), len(test.want))
			}
			if len(got) == 0 {
				return
			}
			equal(t, "ports", test.want, got)
			equal(t, "words", test.words, endpoints.NoneDeclares(got, test.pods))
		})
	}
}
