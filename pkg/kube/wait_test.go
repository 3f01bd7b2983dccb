package kube

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
)

func TestExposedSettled(t *testing.T) {
	asked := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ready := []*discoveryv1.EndpointSlice{slice(true)}
	warning := func(at time.Time) []*corev1.Event {
		return []*corev1.Event{{Type: corev1.EventTypeWarning, Reason: "SyncLoadBalancerFailed", Message: "quota", LastTimestamp: metav1.NewTime(at)}}
	}
	normal := []*corev1.Event{{Type: corev1.EventTypeNormal, Reason: "EnsuringLoadBalancer", LastTimestamp: metav1.NewTime(asked)}}

	for name, test := range map[string]struct {
		service    *corev1.Service
		slices     []*discoveryv1.EndpointSlice
		events     []*corev1.Event
		after      time.Duration
		done       bool
		wantErr    string
		finalizers []string
	}{
		"cluster IP with an endpoint":      {service: serviceOf(corev1.ServiceTypeClusterIP), slices: ready, done: true},
		"cluster IP without an endpoint":   {service: serviceOf(corev1.ServiceTypeClusterIP), slices: []*discoveryv1.EndpointSlice{slice(false)}, after: time.Hour},
		"cluster IP without a slice":       {service: serviceOf(corev1.ServiceTypeClusterIP)},
		"load balancer with its address":   {service: serviceOf(corev1.ServiceTypeLoadBalancer, "192.0.2.1"), slices: ready, done: true},
		"address, but no endpoint":         {service: serviceOf(corev1.ServiceTypeLoadBalancer, "192.0.2.1"), after: time.Hour},
		"address pending, within grace":    {service: serviceOf(corev1.ServiceTypeLoadBalancer), slices: ready, after: 9 * time.Second},
		"no sign of a controller":          {service: serviceOf(corev1.ServiceTypeLoadBalancer), slices: ready, after: 10 * time.Second, wantErr: "no load-balancer controller has reacted to it for 10s"},
		"a controller holds it":            {service: serviceOf(corev1.ServiceTypeLoadBalancer), slices: ready, after: time.Hour, finalizers: []string{"service.kubernetes.io/load-balancer-cleanup"}},
		"a controller has said something":  {service: serviceOf(corev1.ServiceTypeLoadBalancer), slices: ready, after: time.Hour, events: normal},
		"a warning since":                  {service: serviceOf(corev1.ServiceTypeLoadBalancer), slices: ready, events: warning(asked), wantErr: "gets no address: SyncLoadBalancerFailed: quota"},
		"a warning about an earlier apply": {service: serviceOf(corev1.ServiceTypeLoadBalancer), slices: ready, events: warning(asked.Add(-time.Second)), after: time.Hour},
		"a warning, but the address came":  {service: serviceOf(corev1.ServiceTypeLoadBalancer, "192.0.2.1"), slices: ready, events: warning(asked), done: true},
		"deleted":                          {wantErr: `service "web" in namespace "prod" was deleted`},
	} {
		t.Run(name, func(t *testing.T) {
			if test.service != nil {
				test.service.Finalizers = test.finalizers
			}
			began := asked.Add(time.Hour) // the clocks need not agree
			e := exposed{
				name: "web", namespace: "prod", service: test.service, slices: test.slices, events: test.events,
				asked: asked.Add(500 * time.Millisecond), began: began, now: began.Add(test.after), grace: 10 * time.Second,
			}
			done, err := e.settled()
			if done != test.done {
				t.Errorf("done %v, want %v", done, test.done)
			}
			switch {
			case test.wantErr == "" && err != nil:
				t.Errorf("unexpected error: %v", err)
			case test.wantErr != "" && (err == nil || !strings.Contains(err.Error(), test.wantErr)):
				t.Errorf("error %v, want one with %q", err, test.wantErr)
			}
		})
	}
}

func TestTimeoutSaysWhatIsMissing(t *testing.T) {
	service := serviceOf(corev1.ServiceTypeLoadBalancer)
	err := exposed{service: service}.timedOut(service, time.Minute)
	if want := `service "web" in namespace "prod" still lacks a ready endpoint and a load-balancer address after 1m0s`; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestAskedAt(t *testing.T) {
	made, applied := metav1.Unix(100, 0), metav1.Unix(200, 0)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: made}}
	if got := askedAt(service); !got.Equal(made.Time) {
		t.Errorf("without our entry %v, want %v", got, made)
	}
	service.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "other", Time: &metav1.Time{}}, {Manager: expose.ManagedBy, Time: &applied}}
	if got := askedAt(service); !got.Equal(applied.Time) {
		t.Errorf("with our entry %v, want %v", got, applied)
	}
}

func serviceOf(kind corev1.ServiceType, addresses ...string) *corev1.Service {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "prod"}, Spec: corev1.ServiceSpec{Type: kind}}
	for _, address := range addresses {
		service.Status.LoadBalancer.Ingress = append(service.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: address})
	}
	return service
}

func slice(ready bool) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{Endpoints: []discoveryv1.Endpoint{{Conditions: discoveryv1.EndpointConditions{Ready: &ready}}}}
}
