package standin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Population is a number of finished objects for benchmarks, which nothing keeps alive:
// the stand-in need not run, and leaves them alone if it does.
type Population struct {
	// Namespaces are existing or new namespaces over which the objects are spread.
	Namespaces []string
	// Clusters is the number of IrisClusters, each with six ready pods (a mirrored pair
	// with sidecars, two compute pods, an arbiter, a web gateway) and its Services.
	Clusters int
	// ForeignPods is the number of ready pods that belong to no IrisCluster.
	ForeignPods int
	// Workers is the number of requests at a time; 0: 32.
	Workers int
}

// bulkCluster is the IrisCluster that a Population has many of.
const bulkCluster = `
apiVersion: intersystems.com/v1alpha1
kind: IrisCluster
metadata:
  annotations: {stand-in.kubectl-iris/paused: "true"}
spec:
  topology:
    data:
      image: irishealth:2023.3
      mirrored: true
      webgateway: {image: "webgateway:2023.3", type: apache}
    compute: {image: "irishealth:2023.3", replicas: 2}
    arbiter: {image: "arbiter:2023.3"}
    webgateway: {image: "webgateway:2023.3"}
  serviceTemplate: {spec: {type: ClusterIP}}
`

// Populate makes the population, and returns when all of it is there. EndpointSlices
// follow when kube-controller-manager gets to them.
func Populate(ctx context.Context, cfg *rest.Config, population Population) error {
	cfg = clientConfig(cfg)
	protobuf := rest.CopyConfig(cfg)
	protobuf.ContentType = "application/vnd.kubernetes.protobuf" // costs the server much less
	core, err := kubernetes.NewForConfig(protobuf)
	if err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	b := &bulk{core: core, dynamic: dyn, addresses: newAddresses(bulkPods), now: metav1.Now()}
	if err := b.populate(ctx, population); err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	return nil
}

// bulk makes a Population.
type bulk struct {
	core      kubernetes.Interface
	dynamic   dynamic.Interface
	addresses *addresses
	now       metav1.Time
}

func (b *bulk) populate(ctx context.Context, p Population) error {
	if len(p.Namespaces) == 0 {
		return errors.New("no namespaces")
	}
	if _, err := b.core.CoreV1().Nodes().Create(ctx, readyNode(bulkNode, b.now), metav1.CreateOptions{}); ignoreExists(err) != nil {
		return err
	}
	for _, namespace := range p.Namespaces {
		if err := b.makeNamespace(ctx, namespace); err != nil {
			return err
		}
	}
	workers := p.Workers
	if workers == 0 {
		workers = 32
	}
	namespace := func(i int) string { return p.Namespaces[i%len(p.Namespaces)] }
	clusters := make([]*cluster, p.Clusters)
	err := parallel(ctx, workers, p.Clusters+p.ForeignPods, func(ctx context.Context, i int) (err error) {
		if i < p.Clusters {
			clusters[i], err = b.makeCluster(ctx, namespace(i), fmt.Sprintf("cluster-%04d", i))
			return err
		}
		return b.makePod(ctx, foreignPod(namespace(i), fmt.Sprintf("foreign-%05d", i-p.Clusters)))
	})
	if err != nil {
		return err
	}
	// Last, or the EndpointSlice controller would be busy with each pod as it comes.
	return parallel(ctx, workers, p.Clusters, func(ctx context.Context, i int) error {
		return b.makeServices(ctx, clusters[i])
	})
}

// makeNamespace makes a namespace that accepts pods.
func (b *bulk) makeNamespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := b.core.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); ignoreExists(err) != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := b.core.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// makeCluster makes an IrisCluster and its pods.
func (b *bulk) makeCluster(ctx context.Context, namespace, name string) (*cluster, error) {
	templates, err := ReadClusters([]byte(bulkCluster))
	if err != nil {
		return nil, err
	}
	object := templates[0]
	object.SetName(name)
	if err := unstructured.SetNestedField(object.Object, "Running", "status", "phase"); err != nil {
		return nil, err
	}
	object, err = b.dynamic.Resource(Resource).Namespace(namespace).Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	c, err := parseCluster(object)
	if err != nil {
		return nil, err
	}
	for _, object := range c.objects(Options{}.withDefaults()) {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			if err := b.makePods(ctx, set); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// makeServices makes the Services of an IrisCluster.
func (b *bulk) makeServices(ctx context.Context, c *cluster) error {
	for _, object := range c.objects(Options{}.withDefaults()) {
		if service, ok := object.(*corev1.Service); ok {
			// iris-svc is there from the namespace's first cluster on.
			_, err := b.core.CoreV1().Services(c.Namespace).Create(ctx, service, metav1.CreateOptions{})
			if ignoreExists(err) != nil {
				return err
			}
		}
	}
	return nil
}

// makePods makes the pods of a StatefulSet that is not made itself, or its controller
// would be busy with all of them.
func (b *bulk) makePods(ctx context.Context, set *appsv1.StatefulSet) error {
	for ordinal := range *set.Spec.Replicas {
		pod := setPod(set, ordinal)
		if _, mirrored := pod.Labels[labelShard]; mirrored {
			pod.Labels[labelMirrorRole] = []string{"primary", "backup"}[ordinal]
		}
		if err := b.makePod(ctx, pod); err != nil {
			return err
		}
	}
	return nil
}

// setPod is a pod as the StatefulSet controller would make it.
func setPod(set *appsv1.StatefulSet, ordinal int32) *corev1.Pod {
	template := set.Spec.Template.DeepCopy()
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Name, pod.Namespace = fmt.Sprintf("%s-%d", set.Name, ordinal), set.Namespace
	pod.Labels[appsv1.StatefulSetPodNameLabel] = pod.Name
	pod.Labels[appsv1.PodIndexLabel] = fmt.Sprint(ordinal)
	pod.Labels[appsv1.ControllerRevisionHashLabelKey] = set.Name + "-9d88f8994"
	pod.Spec.ServiceAccountName = "" // the labeler's account is not made
	return pod
}

func foreignPod(namespace, name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{"app": "foreign"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "foreign:1"}}},
	}
}

// bulkNode is a bare Node that a running stand-in does not play the kubelet of.
const bulkNode = "stand-in-bulk"

// makePod makes a ready pod. It goes at once when it is deleted.
func (b *bulk) makePod(ctx context.Context, pod *corev1.Pod) error {
	pod.Spec.NodeName, pod.Spec.TerminationGracePeriodSeconds = bulkNode, new(int64)
	pods := b.core.CoreV1().Pods(pod.Namespace)
	made, err := pods.Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.Status = runningStatus(made, b.addresses.next(), b.now)
	_, err = pods.UpdateStatus(ctx, made, metav1.UpdateOptions{})
	return err
}

// parallel calls do for each of 0 to n-1, workers at a time, until one fails.
func parallel(ctx context.Context, workers, n int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for i := range next {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	running.Wait()
	return context.Cause(ctx)
}

func ignoreExists(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
