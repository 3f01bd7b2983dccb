package standin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
)

// balancerFinalizer is what cloud controllers hold a Service with until its load
// balancer is gone.
const balancerFinalizer = "service.kubernetes.io/load-balancer-cleanup"

// balancer is a stand-in for a cloud's load balancer controller: each Service of type
// LoadBalancer gets an address of its own, with the finalizer and the events that go
// with it. kube-proxy does the rest where the network is routed to a node. A Service
// that names a loadBalancerClass is left alone and stays without an address.
type balancer struct {
	core     kubernetes.Interface
	network  netip.Prefix
	services cache.SharedIndexInformer
	loop     *loop
	sink     record.EventBroadcaster
	events   record.EventRecorder

	mu sync.Mutex
	// taken are the Services that have an address, by the address.
	taken map[netip.Addr]types.NamespacedName
}

func newBalancer(core kubernetes.Interface, network netip.Prefix, log *slog.Logger) *balancer {
	sink := record.NewBroadcaster()
	b := &balancer{
		core: core, network: network.Masked(),
		services: coreinformers.NewServiceInformer(core, "", 0, nil),
		sink:     sink,
		events:   sink.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "service-controller"}),
		taken:    map[netip.Addr]types.NamespacedName{},
	}
	b.loop = newLoop("play load balancer", log, b.sync)
	return b
}

// run gives addresses until ctx ends, and returns when nothing of it runs any more.
func (b *balancer) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	b.sink.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: b.core.CoreV1().Events("")})
	defer b.sink.Shutdown()
	if _, err := b.services.AddEventHandler(handlers(b.loop.add)); err != nil {
		b.loop.log.Error("watch Services", "error", err)
		return
	}
	running.Go(func() { b.services.RunWithContext(ctx) })
	if !cache.WaitForCacheSync(ctx.Done(), b.services.HasSynced) {
		return
	}
	// Addresses from before a restart of the stand-in are kept.
	for _, object := range b.services.GetStore().List() {
		b.keep(object.(*corev1.Service))
	}
	b.loop.run(ctx, 1)
}

// sync brings one Service to its wanted state.
func (b *balancer) sync(ctx context.Context, name types.NamespacedName) (time.Duration, error) {
	object, exists, err := b.services.GetStore().GetByKey(name.String())
	if err != nil {
		return 0, err
	}
	if !exists {
		b.free(name)
		return 0, nil
	}
	service := object.(*corev1.Service).DeepCopy()
	switch {
	case balanced(service) && service.DeletionTimestamp == nil:
		err = b.ensure(ctx, service)
	case slices.Contains(service.Finalizers, balancerFinalizer):
		err = b.remove(ctx, service)
	}
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	return 0, err
}

// balanced tells whether the Service wants a load balancer from here.
func balanced(service *corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer && service.Spec.LoadBalancerClass == nil
}

// ensure gives the Service an address, unless it has one.
func (b *balancer) ensure(ctx context.Context, service *corev1.Service) error {
	if len(service.Status.LoadBalancer.Ingress) > 0 {
		return nil
	}
	if !slices.Contains(service.Finalizers, balancerFinalizer) {
		b.events.Event(service, corev1.EventTypeNormal, "EnsuringLoadBalancer", "Ensuring load balancer")
		service.Finalizers = append(service.Finalizers, balancerFinalizer)
		var err error
		if service, err = b.core.CoreV1().Services(service.Namespace).Update(ctx, service, metav1.UpdateOptions{FieldManager: fieldManager}); err != nil {
			return err
		}
	}
	address, err := b.take(types.NamespacedName{Namespace: service.Namespace, Name: service.Name})
	if err != nil {
		b.events.Eventf(service, corev1.EventTypeWarning, "SyncLoadBalancerFailed", "Error syncing load balancer: failed to ensure load balancer: %v", err)
		return err
	}
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address.String(), IPMode: new(corev1.LoadBalancerIPModeVIP)}}
	if err := b.updateStatus(ctx, service); err != nil {
		return err
	}
	b.events.Event(service, corev1.EventTypeNormal, "EnsuredLoadBalancer", "Ensured load balancer")
	return nil
}

// remove takes the address away from a Service that goes, or wants none any more.
func (b *balancer) remove(ctx context.Context, service *corev1.Service) error {
	b.events.Event(service, corev1.EventTypeNormal, "DeletingLoadBalancer", "Deleting load balancer")
	if len(service.Status.LoadBalancer.Ingress) > 0 && service.DeletionTimestamp == nil {
		service.Status.LoadBalancer = corev1.LoadBalancerStatus{}
		if err := b.updateStatus(ctx, service); err != nil {
			return err
		}
		var err error
		if service, err = b.core.CoreV1().Services(service.Namespace).Get(ctx, service.Name, metav1.GetOptions{}); err != nil {
			return err
		}
	}
	service.Finalizers = slices.DeleteFunc(service.Finalizers, func(f string) bool { return f == balancerFinalizer })
	if _, err := b.core.CoreV1().Services(service.Namespace).Update(ctx, service, metav1.UpdateOptions{FieldManager: fieldManager}); err != nil {
		return err
	}
	b.free(types.NamespacedName{Namespace: service.Namespace, Name: service.Name})
	b.events.Event(service, corev1.EventTypeNormal, "DeletedLoadBalancer", "Deleted load balancer")
	return nil
}

func (b *balancer) updateStatus(ctx context.Context, service *corev1.Service) error {
	_, err := b.core.CoreV1().Services(service.Namespace).UpdateStatus(ctx, service, metav1.UpdateOptions{FieldManager: fieldManager})
	if err != nil {
		return fmt.Errorf("set the address of Service %q (namespace %q): %w", service.Name, service.Namespace, err)
	}
	return nil
}

// keep remembers the address that the Service has.
func (b *balancer) keep(service *corev1.Service) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if address, err := netip.ParseAddr(ingress.IP); err == nil && b.network.Contains(address) {
			b.taken[address] = types.NamespacedName{Namespace: service.Namespace, Name: service.Name}
		}
	}
}

// take finds the Service's address, or one that nobody has: not the first nor the last
// of the network.
func (b *balancer) take(name types.NamespacedName) (netip.Addr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for address, owner := range b.taken {
		if owner == name {
			return address, nil
		}
	}
	for address := b.network.Addr().Next(); b.network.Contains(address.Next()); address = address.Next() {
		if _, found := b.taken[address]; !found {
			b.taken[address] = name
			return address, nil
		}
	}
	return netip.Addr{}, errors.New("no address is left")
}

// free forgets the Service's address.
func (b *balancer) free(name types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for address, owner := range b.taken {
		if owner == name {
			delete(b.taken, address)
		}
	}
}
