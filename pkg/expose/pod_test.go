package expose_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// wantedPod is the Service for a pod.
func wantedPod(name, cluster, component, pod string, change ...func(*corev1.Service)) *corev1.Service {
	return wanted(name, cluster,
		map[string]string{"kubectl-iris/target": "pod", "kubectl-iris/component": component, "kubectl-iris/pod": pod},
		map[string]string{"intersystems.com/component": component, "statefulset.kubernetes.io/pod-name": pod},
		change...)
}

func TestPod(t *testing.T) {
	own := expose.Options{OwnerReference: true}
	for name, test := range map[string]struct {
		request  podRequest
		cluster  iris.Cluster
		unread   bool
		foreign  []iris.Pod
		want     *corev1.Service
		selects  []string
		warnings []string
	}{
		"primary's sidecar, without its role": {
			request: podRequest{Pod: pod("c", "data-0-0", role("primary"), shard("0"), sidecar(80)), Options: own},
			cluster: resource("c", "apache", isMirrored),
			want:    wantedPod("c-pod-data-0-0", "c", "data", "c-data-0-0"),
			selects: []string{"c-data-0-0"},
		},
		"backup's sidecar": {
			request:  podRequest{Pod: pod("c", "data-0-1", role("backup"), sidecar(80)), Options: own},
			cluster:  resource("c", "apache", isMirrored),
			want:     wantedPod("c-pod-data-0-1", "c", "data", "c-data-0-1"),
			selects:  []string{"c-data-0-1"},
			warnings: []string{`pod "c-data-0-1" is labelled backup: InterSystems does not support running application code on a backup (GHA_mirror_set)`},
		},
		"no sidecar, declared web port": {
			request: podRequest{Pod: pod("c", "data-0", func(p *corev1.Pod) { p.Spec.Containers[0].Ports[1].ContainerPort = 8888 }), Options: own},
			cluster: resource("c", "", noSidecar),
			want:    wantedPod("c-pod-data-0", "c", "data", "c-data-0", hasPorts(tcp("http", 8889, 8888))),
			selects: []string{"c-data-0"},
		},
		"no sidecar, web port declared first": {
			request: podRequest{Pod: pod("c", "data-0", func(p *corev1.Pod) {
				p.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "webserver", ContainerPort: 8888}, {Name: "agent", ContainerPort: 2188}}
			}), Options: own},
			cluster: resource("c", "", noSidecar),
			want:    wantedPod("c-pod-data-0", "c", "data", "c-data-0", hasPorts(tcp("http", 8889, 8888))),
			selects: []string{"c-data-0"},
		},
		"protocol that the declared port does not have": {
			request: podRequest{Pod: pod("c", "webgateway-0"), Options: expose.Options{Ports: ports(t, "80:80/UDP", "80:80"), OwnerReference: true}},
			cluster: resource("c", ""),
			want: wantedPod("c-pod-webgateway-0", "c", "webgateway", "c-webgateway-0", hasPorts(
				corev1.ServicePort{Name: "port-80", Port: 80, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromInt32(80)}, tcp("http", 80, 80))),
			selects:  []string{"c-webgateway-0"},
			warnings: []string{"no container declares the target port 80/UDP"},
		},
		"no sidecar, nothing declared": {
			request: podRequest{Pod: pod("c", "compute-1", noPorts), Options: own},
			cluster: resource("c", "", noSidecar),
			want:    wantedPod("c-pod-compute-1", "c", "compute", "c-compute-1", hasPorts(tcp("http", 52774, 52773))),
			selects: []string{"c-compute-1"},
		},
		"no sidecar, port without a target": {
			request: podRequest{Pod: pod("c", "data-0"), Options: expose.Options{Ports: ports(t, "52773", "1972", "80"), OwnerReference: true}},
			cluster: resource("c", "", noSidecar),
			want: wantedPod("c-pod-data-0", "c", "data", "c-data-0",
				hasPorts(tcp("http", 52773, 52773), tcp("superserver", 1972, 1972), tcp("http-80", 80, 52773))),
			selects: []string{"c-data-0"},
		},
		"web gateway": {
			request: podRequest{Pod: pod("c", "webgateway-0"), Options: own},
			cluster: resource("c", ""),
			want:    wantedPod("c-pod-webgateway-0", "c", "webgateway", "c-webgateway-0"),
			selects: []string{"c-webgateway-0"},
		},
		"arbiter, with a port": {
			request: podRequest{Pod: pod("c", "arbiter-0"), Options: expose.Options{Ports: ports(t, "2188"), OwnerReference: true}},
			cluster: resource("c", ""),
			want:    wantedPod("c-pod-arbiter-0", "c", "arbiter", "c-arbiter-0", hasPorts(tcp("port-2188", 2188, 2188))),
			selects: []string{"c-arbiter-0"},
		},
		"port by the name that the pod gives it": {
			request: podRequest{Pod: pod("c", "arbiter-0"), Options: expose.Options{Ports: ports(t, "agent"), OwnerReference: true}},
			cluster: resource("c", ""),
			want:    wantedPod("c-pod-arbiter-0", "c", "arbiter", "c-arbiter-0", hasPorts(tcp("agent", 2188, 2188))),
			selects: []string{"c-arbiter-0"},
		},
		"old superserver": {
			request: podRequest{
				Pod:     pod("c", "data-0", sidecar(80), func(p *corev1.Pod) { p.Spec.Containers[0].Ports[0].ContainerPort = 51773 }),
				Options: expose.Options{Ports: ports(t, "superserver"), OwnerReference: true},
			},
			cluster: resource("c", ""),
			want:    wantedPod("c-pod-data-0", "c", "data", "c-data-0", hasPorts(tcp("superserver", 51773, 51773))),
			selects: []string{"c-data-0"},
		},
		"superserver behind a mesh's proxy": {
			request: podRequest{
				Pod:     pod("c", "data-0", sidecar(80), before("linkerd-proxy", 4143)),
				Options: expose.Options{Ports: ports(t, "superserver"), OwnerReference: true},
			},
			cluster: resource("c", ""),
			want:    wantedPod("c-pod-data-0", "c", "data", "c-data-0", hasPorts(tcp("superserver", 1972, 1972))),
			selects: []string{"c-data-0"},
		},
		"superserver that IRIS does not declare, though a mesh's proxy declares its own": {
			request: podRequest{
				Pod:     pod("c", "data-0", noPorts, before("linkerd-proxy", 4143)),
				Options: expose.Options{Ports: ports(t, "superserver"), OwnerReference: true},
			},
			cluster: resource("c", ""),
			want:    wantedPod("c-pod-data-0", "c", "data", "c-data-0", hasPorts(tcp("superserver", 1972, 1972))),
			selects: []string{"c-data-0"},
		},
		"port of a native sidecar by its name": {
			request: podRequest{Pod: pod("c", "data-0", sidecar(80), exporter), Options: expose.Options{Ports: ports(t, "metrics", "91:metrics"), OwnerReference: true}},
			cluster: resource("c", ""),
			want: wantedPod("c-pod-data-0", "c", "data", "c-data-0", hasPorts(
				tcp("metrics", 9090, 9090),
				corev1.ServicePort{Name: "metrics-91", Port: 91, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("metrics")})),
			selects: []string{"c-data-0"},
		},
		"portal over TLS by the name alone": {
			request: podRequest{Pod: pod("c", "data-0", sidecar(), namedPort("https", 8443)), Options: own},
			cluster: resource("c", ""),
			want:    wantedPod("c-pod-data-0", "c", "data", "c-data-0", hasPorts(tcp("https", 8444, 8443))),
			selects: []string{"c-data-0"},
		},
		"TLS port of the sidecar by the name alone": {
			request: podRequest{
				Pod:     pod("c", "data-0", sidecar(80), namedPort("webserver-tls", 8443)),
				Options: expose.Options{Ports: ports(t, "8443"), OwnerReference: true},
			},
			cluster: resource("c", ""),
			want:    wantedPod("c-pod-data-0", "c", "data", "c-data-0", hasPorts(tcp("https", 8443, 8443))),
			selects: []string{"c-data-0"},
		},
		"cluster not read": {
			request:  podRequest{Pod: pod("c", "data-0", sidecar(80)), Options: own},
			unread:   true,
			want:     wantedPod("c-pod-data-0", "c", "data", "c-data-0", orphan),
			selects:  []string{"c-data-0"},
			warnings: []string{`IrisCluster "c" in namespace "prod" could not be read: the Service has no owner, so it remains when the cluster is deleted, and takes nothing over from its serviceTemplate`},
		},
		"template": {
			request: podRequest{Pod: pod("c", "data-0", sidecar(80)), Options: own},
			cluster: resource("c", "", template(corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer})),
			want:    wantedPod("c-pod-data-0", "c", "data", "c-data-0", isLoadBalancer),
			selects: []string{"c-data-0"},
		},
		"cluster whose name holds a component": {
			request: podRequest{Pod: pod("c-data-0", "data-0", sidecar(80)), Options: own},
			cluster: resource("c-data-0", ""),
			want:    wantedPod("c-data-0-pod-data-0", "c-data-0", "data", "c-data-0-data-0"),
			selects: []string{"c-data-0-data-0"},
		},
		"label that the pod does not carry": {
			request: podRequest{Pod: pod("c", "data-0", sidecar(80)), Options: expose.Options{Selector: edits(t, "zone=a"), OwnerReference: true}},
			cluster: resource("c", ""),
			want: wantedPod("c-pod-data-0", "c", "data", "c-data-0",
				func(s *corev1.Service) { s.Spec.Selector["zone"] = "a" }),
			selects:  []string{},
			warnings: []string{warnNobody},
		},
		"without the cluster's name, since the pod's is enough": {
			request: podRequest{Pod: pod("c", "data-0", sidecar(80)), Options: expose.Options{Selector: edits(t, "intersystems.com/name-"), OwnerReference: true}},
			cluster: resource("c", ""),
			foreign: []iris.Pod{pod("d", "data-0", sidecar(80))},
			want: wantedPod("c-pod-data-0", "c", "data", "c-data-0",
				func(s *corev1.Service) { delete(s.Spec.Selector, "intersystems.com/name") }),
			selects: []string{"c-data-0"},
		},
		"pod without a role label": {
			request: podRequest{Pod: pod("c", "data-0", sidecar(80), without("intersystems.com/role")), Options: own},
			cluster: resource("c", ""),
			want: wantedPod("c-pod-data-0", "c", "data", "c-data-0",
				func(s *corev1.Service) { delete(s.Spec.Selector, "intersystems.com/role") }),
			selects: []string{"c-data-0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := planPod(test.request, expose.Facts{
				Namespace: "prod", Cluster: test.cluster, ClusterRead: !test.unread, Foreign: test.foreign,
			})
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, plan, test.want, test.selects, test.warnings)
		})
	}
}
