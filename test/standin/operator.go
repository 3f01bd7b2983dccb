package standin

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	appsinformers "k8s.io/client-go/informers/apps/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
)

// Run plays the operator for all IrisClusters of a control plane until ctx ends; it
// installs the CRD first. It returns nil when ctx has ended, with nothing left running.
func Run(ctx context.Context, cfg *rest.Config, options Options) error {
	cfg = clientConfig(cfg)
	http, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return fmt.Errorf("start the stand-in operator: %w", err)
	}
	defer http.CloseIdleConnections()
	core, err := kubernetes.NewForConfigAndClient(cfg, http)
	if err != nil {
		return fmt.Errorf("start the stand-in operator: %w", err)
	}
	dyn, err := dynamic.NewForConfigAndClient(cfg, http)
	if err != nil {
		return fmt.Errorf("start the stand-in operator: %w", err)
	}
	if err := installCRD(ctx, dyn); err != nil {
		return fmt.Errorf("start the stand-in operator: %w", err)
	}
	if err := newOperator(core, dyn, options.withDefaults()).run(ctx); err != nil {
		return fmt.Errorf("run the stand-in operator: %w", err)
	}
	return nil
}

// clientConfig is cfg under the stand-in's name and without a rate limit: the control
// plane is the test's own.
func clientConfig(cfg *rest.Config) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	cfg.UserAgent = fieldManager
	cfg.QPS = -1
	cfg.WarningHandler = rest.NoWarnings{} // of the name of the finalizer
	return cfg
}

// operator is a running stand-in.
type operator struct {
	options Options
	core    kubernetes.Interface
	dynamic dynamic.Interface
	log     *slog.Logger

	clusters     cache.SharedIndexInformer
	pods         cache.SharedIndexInformer
	services     cache.SharedIndexInformer
	statefulSets cache.SharedIndexInformer

	makeLoop   *loop
	mirrorLoop *loop
	podLoop    *loop
	addresses  *addresses

	// sink takes the Events about IrisClusters that events records.
	sink   record.EventBroadcaster
	events record.EventRecorder

	mu       sync.Mutex
	synced   map[types.NamespacedName]synced
	progress map[types.NamespacedName]progress
	labelers map[types.NamespacedName]labeler
	uids     map[types.NamespacedName]types.UID
}

// byCluster is the name of the index of pods by "namespace/cluster".
const byCluster = "cluster"

func newOperator(core kubernetes.Interface, dyn dynamic.Interface, options Options) *operator {
	made := func(list *metav1.ListOptions) { list.LabelSelector = labelKind + "=IrisCluster" }
	o := &operator{
		options: options, core: core, dynamic: dyn, log: options.Log,
		clusters:     dynamicinformer.NewFilteredDynamicInformer(dyn, Resource, "", 0, nil, nil).Informer(),
		pods:         coreinformers.NewPodInformer(core, "", 0, cache.Indexers{byCluster: clusterIndex}),
		services:     coreinformers.NewFilteredServiceInformer(core, "", 0, nil, made),
		statefulSets: appsinformers.NewFilteredStatefulSetInformer(core, "", 0, nil, made),
		addresses:    newAddresses(playedPods),
		synced:       map[types.NamespacedName]synced{},
		progress:     map[types.NamespacedName]progress{},
		labelers:     map[types.NamespacedName]labeler{},
		uids:         map[types.NamespacedName]types.UID{},
	}
	o.sink = record.NewBroadcaster()
	o.events = o.sink.NewRecorder(scheme.Scheme, corev1.EventSource{Component: fieldManager})
	o.makeLoop = newLoop("make objects", o.log, o.syncObjects)
	o.mirrorLoop = newLoop("mirror roles", o.log, o.syncMirrors)
	o.podLoop = newLoop("play kubelet", o.log, o.syncPod)
	return o
}

func (o *operator) run(ctx context.Context) error {
	if err := o.watch(); err != nil {
		return err
	}
	if !o.options.RealNode {
		if err := o.makeNode(ctx); err != nil {
			return err
		}
	}
	o.sink.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: o.core.CoreV1().Events("")})
	defer o.sink.Shutdown()
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, informer := range []cache.SharedIndexInformer{o.clusters, o.pods, o.services, o.statefulSets} {
		running.Go(func() { informer.RunWithContext(ctx) })
	}
	if !cache.WaitForCacheSync(ctx.Done(), o.clusters.HasSynced, o.pods.HasSynced) {
		return nil
	}
	running.Go(func() { o.makeLoop.run(ctx, 4) })
	running.Go(func() { o.mirrorLoop.run(ctx, 4) })
	if !o.options.RealNode {
		for _, pod := range o.pods.GetStore().List() {
			o.addresses.taken(pod.(*corev1.Pod))
		}
		running.Go(func() { o.podLoop.run(ctx, 8) })
	}
	if o.options.LoadBalancer.IsValid() {
		balancer := newBalancer(o.core, o.options.LoadBalancer, o.log)
		running.Go(func() { balancer.run(ctx) })
	}
	o.log.Info("watching IrisClusters")
	<-ctx.Done()
	return nil
}

// watch has the loops told of what changes.
func (o *operator) watch() error {
	clusterChanged := func(object any) {
		o.makeLoop.add(object)
		o.mirrorLoop.add(object)
		if name, err := cache.DeletionHandlingObjectToName(object); err == nil {
			for _, pod := range o.podsOf(types.NamespacedName(name)) {
				o.podLoop.add(pod) // it may no longer be held
			}
		}
	}
	podChanged := func(object any) {
		o.podLoop.add(object)
		if pod, ok := lastState(object).(*corev1.Pod); ok && pod.Labels[labelKind] == "IrisCluster" {
			o.mirrorLoop.queue.Add(types.NamespacedName{Namespace: pod.Namespace, Name: pod.Labels[labelName]})
		}
	}
	// What someone deletes is made again, also when it was the deletion of the
	// cluster's predecessor of the same name that took it along.
	ownedDeleted := func(object any) {
		owned, ok := lastState(object).(metav1.Object)
		if !ok {
			return
		}
		name := types.NamespacedName{Namespace: owned.GetNamespace(), Name: owned.GetLabels()[labelName]}
		o.mu.Lock()
		delete(o.synced, name)
		o.mu.Unlock()
		o.makeLoop.queue.Add(name)
	}
	for _, w := range []struct {
		informer cache.SharedIndexInformer
		handler  cache.ResourceEventHandlerFuncs
	}{
		{o.clusters, handlers(clusterChanged)},
		{o.pods, handlers(podChanged)},
		{o.services, cache.ResourceEventHandlerFuncs{DeleteFunc: ownedDeleted}},
		{o.statefulSets, cache.ResourceEventHandlerFuncs{DeleteFunc: ownedDeleted}},
	} {
		if err := w.informer.SetTransform(withoutManagedFields); err != nil {
			return err
		}
		if err := w.informer.SetWatchErrorHandlerWithContext(o.watchFailed); err != nil {
			return err
		}
		if _, err := w.informer.AddEventHandler(w.handler); err != nil {
			return err
		}
	}
	return nil
}

// watchFailed logs an error of a watch that is tried again; while the API server
// restarts there are many.
func (o *operator) watchFailed(ctx context.Context, _ *cache.Reflector, err error) {
	if ctx.Err() == nil {
		o.log.Warn("try again", "what", "watch", "error", err)
	}
}

func handlers(changed func(any)) cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: changed, DeleteFunc: changed, UpdateFunc: func(_, object any) { changed(object) },
	}
}

// lastState is the object of an event, also where its deletion was missed.
func lastState(object any) any {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		return gone.Obj
	}
	return object
}

// withoutManagedFields drops the larger half of an object, which nobody here reads.
func withoutManagedFields(object any) (any, error) {
	if o, ok := object.(metav1.Object); ok {
		o.SetManagedFields(nil)
	}
	return object, nil
}

func clusterIndex(object any) ([]string, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.Labels[labelKind] != "IrisCluster" {
		return nil, nil
	}
	return []string{pod.Namespace + "/" + pod.Labels[labelName]}, nil
}

// podsOf are the pods of a cluster.
func (o *operator) podsOf(name types.NamespacedName) []*corev1.Pod {
	objects, err := o.pods.GetIndexer().ByIndex(byCluster, name.String())
	if err != nil {
		o.log.Error("look up pods", "cluster", name.String(), "error", err)
	}
	pods := make([]*corev1.Pod, 0, len(objects))
	for _, object := range objects {
		pods = append(pods, object.(*corev1.Pod))
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods
}

// read returns the IrisCluster of that name, or nil if there is none.
func (o *operator) read(name types.NamespacedName) (*cluster, error) {
	object, exists, err := o.clusters.GetStore().GetByKey(name.String())
	if err != nil || !exists {
		return nil, err
	}
	return parseCluster(object.(*unstructured.Unstructured))
}

// cluster returns the IrisCluster of that name, or nil if there is none to care for.
func (o *operator) cluster(name types.NamespacedName) (*cluster, error) {
	c, err := o.read(name)
	if err != nil || c == nil || c.DeletionTimestamp != nil || c.controls.paused {
		return nil, err
	}
	return c, nil
}
