package standin

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
)

// balance has a balancer of the network run until the test ends; the Services are in
// namespace "n".
func balance(t *testing.T, network string, services ...*corev1.Service) (kubernetes.Interface, func()) {
	t.Helper()
	client := fake.NewClientset()
	for _, service := range services {
		if _, err := client.CoreV1().Services("n").Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		newBalancer(client, netip.MustParsePrefix(network), slog.New(slog.DiscardHandler)).run(ctx)
	}()
	stop := func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return client, stop
}

// balancedService is a Service with that name and type.
func balancedService(name string, kind corev1.ServiceType) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name}, Spec: corev1.ServiceSpec{Type: kind}}
}

// soon waits until get gives want.
func soon(t *testing.T, what string, want []string, get func() []string) {
	t.Helper()
	var got []string
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) {
		got = get()
		return slices.Equal(want, got), nil
	})
	if err != nil {
		t.Fatalf("%s (-want +got):\n%s", what, cmp.Diff(want, got))
	}
}

// states are the Services in short: "name address finalizers".
func states(t *testing.T, client kubernetes.Interface) func() []string {
	return func() []string {
		list, err := client.CoreV1().Services("n").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, service := range list.Items {
			words := []string{service.Name}
			for _, ingress := range service.Status.LoadBalancer.Ingress {
				words = append(words, ingress.IP, string(*ingress.IPMode))
			}
			lines = append(lines, strings.Join(append(words, service.Finalizers...), " "))
		}
		return lines
	}
}

// happened are the reasons of the Service's events.
func happened(t *testing.T, client kubernetes.Interface, name string) func() []string {
	return func() []string {
		list, err := client.CoreV1().Events("n").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return a.FirstTimestamp.Compare(b.FirstTimestamp.Time) })
		var reasons []string
		for _, event := range list.Items {
			if event.InvolvedObject.Name == name && !slices.Contains(reasons, event.Reason) {
				reasons = append(reasons, event.Reason)
			}
		}
		slices.Sort(reasons)
		return reasons
	}
}

func TestBalancer(t *testing.T) {
	t.Parallel()
	foreign := balancedService("foreign", corev1.ServiceTypeLoadBalancer)
	foreign.Spec.LoadBalancerClass = new("example.com/other")
	client, _ := balance(t, "192.0.2.0/24", balancedService("plain", corev1.ServiceTypeClusterIP), foreign)
	services := client.CoreV1().Services("n")
	const finalizer = " service.kubernetes.io/load-balancer-cleanup"
	for i, name := range []string{"a", "b"} {
		if _, err := services.Create(t.Context(), balancedService(name, corev1.ServiceTypeLoadBalancer), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		all := []string{"a 192.0.2.1 VIP" + finalizer, "b 192.0.2.2 VIP" + finalizer}
		soon(t, "Services", append(slices.Clone(all[:i+1]), "foreign", "plain"), states(t, client))
	}
	soon(t, "events", []string{"EnsuredLoadBalancer", "EnsuringLoadBalancer"}, happened(t, client, "a"))

	// Another type: the address goes, and somebody else can have it.
	a, err := services.Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a.Spec.Type = corev1.ServiceTypeClusterIP
	if _, err := services.Update(t.Context(), a, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	soon(t, "Services", []string{"a", "b 192.0.2.2 VIP" + finalizer, "foreign", "plain"}, states(t, client))
	soon(t, "events", []string{"DeletedLoadBalancer", "DeletingLoadBalancer", "EnsuredLoadBalancer", "EnsuringLoadBalancer"}, happened(t, client, "a"))
	if _, err := services.Create(t.Context(), balancedService("c", corev1.ServiceTypeLoadBalancer), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	soon(t, "Services", []string{"a", "b 192.0.2.2 VIP" + finalizer, "c 192.0.2.1 VIP" + finalizer, "foreign", "plain"}, states(t, client))
}

func TestBalancerKeepsAddressesOverARestart(t *testing.T) {
	t.Parallel()
	kept := balancedService("a", corev1.ServiceTypeLoadBalancer)
	kept.Finalizers = []string{balancerFinalizer}
	kept.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1", IPMode: new(corev1.LoadBalancerIPModeVIP)}}
	going := balancedService("going", corev1.ServiceTypeLoadBalancer)
	going.Finalizers = []string{balancerFinalizer}
	going.DeletionTimestamp = new(metav1.Now())
	client, _ := balance(t, "192.0.2.0/24", kept, going, balancedService("new", corev1.ServiceTypeLoadBalancer))
	soon(t, "Services", []string{
		"a 192.0.2.1 VIP " + balancerFinalizer, "going", "new 192.0.2.2 VIP " + balancerFinalizer,
	}, states(t, client))
}

func TestBalancerSaysThatNoAddressIsLeft(t *testing.T) {
	t.Parallel()
	// Of four addresses, two can be given.
	client, _ := balance(t, "192.0.2.4/30")
	for i := range 3 {
		if _, err := client.CoreV1().Services("n").Create(t.Context(), balancedService(fmt.Sprintf("s%d", i), corev1.ServiceTypeLoadBalancer), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			soon(t, "events", []string{"EnsuredLoadBalancer", "EnsuringLoadBalancer"}, happened(t, client, fmt.Sprintf("s%d", i)))
		}
	}
	soon(t, "events", []string{"EnsuringLoadBalancer", "SyncLoadBalancerFailed"}, happened(t, client, "s2"))
}
