package topology_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// BenchmarkStatuses works out 1,000 clusters of 6 pods and 3 Services each,
// spread over namespaces, or all in one.
func BenchmarkStatuses(b *testing.B) {
	for name, namespaces := range map[string]int{"100 namespaces": 100, "1 namespace": 1} {
		s := large(1000, namespaces)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n := len(topology.Statuses(s).Items); n != 1000 {
					b.Fatalf("%d clusters", n)
				}
			}
		})
	}
}

// large is a snapshot of mirrored clusters with sidecars, and as many Services
// that have nothing to do with them.
func large(clusters, namespaces int) topology.Snapshot {
	var s topology.Snapshot
	for n := range namespaces {
		pods := podsOfNamespace{namespace: fmt.Sprintf("ns-%03d", n)}
		for i := range clusters / namespaces {
			pods.addCluster(&s, fmt.Sprintf("c-%04d", i))
		}
		s.Services = append(s.Services, serviceFor(pods.namespace, iris.HeadlessService, map[string]string{iris.LabelKind: iris.Kind}))
	}
	for _, pod := range s.Pods {
		s.Slices = append(s.Slices, sliceFor(pod.Namespace, iris.HeadlessService, pod.Name))
	}
	return s
}

type podsOfNamespace struct {
	namespace string
	pods      int
}

func (n *podsOfNamespace) addCluster(s *topology.Snapshot, name string) {
	s.Clusters = append(s.Clusters, iris.Cluster{Namespace: n.namespace, Name: name, Mirrored: true, Shards: 1})
	common := map[string]string{iris.LabelKind: iris.Kind, iris.LabelName: name, iris.LabelRole: iris.RoleIRIS}
	for _, pod := range []struct{ short, component, shard, role string }{
		{"data-0-0", "data", "0", "primary"},
		{"data-0-1", "data", "0", "backup"},
		{"compute-0", "compute", "", ""},
		{"compute-1", "compute", "", ""},
		{"webgateway-0", "webgateway", "", ""},
		{"arbiter-0", "arbiter", "", ""},
	} {
		n.pods++
		labels := map[string]string{
			iris.LabelComponent: pod.component, iris.LabelPodName: name + "-" + pod.short,
			"controller-revision-hash": name + "-" + pod.component,
		}
		for k, v := range common {
			labels[k] = v
		}
		if pod.shard != "" {
			labels[iris.LabelShard], labels[iris.LabelMirrorRole] = pod.shard, pod.role
		}
		s.Pods = append(s.Pods, iris.Pod{
			Namespace: n.namespace, Name: name + "-" + pod.short, UID: types.UID(name + pod.short),
			Labels: labels, Ready: true, State: "Running", ContainersReady: 2, Containers: 2,
			IP: fmt.Sprintf("10.%d.%d.%d", n.pods>>16, n.pods>>8&255, n.pods&255), IRIS: &iris.Container{Name: "iris"}, Sidecar: &iris.Container{Name: "webgateway"},
		})
	}
	with := func(extra ...string) map[string]string {
		selector := map[string]string{}
		for k, v := range common {
			selector[k] = v
		}
		for i := 0; i < len(extra); i += 2 {
			selector[extra[i]] = extra[i+1]
		}
		return selector
	}
	for _, service := range []struct {
		name, pod string
		selector  map[string]string
	}{
		{name, name + "-data-0-0", with(iris.LabelComponent, "data", iris.LabelMirrorRole, "primary")},
		{name + "-webgateway", name + "-webgateway-0", with(iris.LabelComponent, "webgateway")},
		{name + "-backup", name + "-data-0-1", with(iris.LabelComponent, "data", iris.LabelMirrorRole, "backup")},
		{"shop-" + name, "", map[string]string{"app": "shop-" + name}},
	} {
		s.Services = append(s.Services, serviceFor(n.namespace, service.name, service.selector))
		s.Slices = append(s.Slices, sliceFor(n.namespace, service.name, service.pod))
	}
}

func serviceFor(namespace, name string, selector map[string]string) corev1.Service {
	return corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.1", ClusterIPs: []string{"10.96.0.1"},
			Selector: selector, Ports: []corev1.ServicePort{{Port: 80}},
		},
	}
}

func sliceFor(namespace, service, pod string) discoveryv1.EndpointSlice {
	port := int32(80)
	slice := discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: service + "-x", Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		Ports:      []discoveryv1.EndpointPort{{Port: &port}},
	}
	if pod != "" {
		slice.Endpoints = []discoveryv1.Endpoint{{TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: pod}}}
	}
	return slice
}
