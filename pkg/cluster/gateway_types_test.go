package cluster_test

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Everything that deals with web ports knows each type of web gateway from the
// one table: a type that is added there needs no other change.
func TestEveryGatewayTypeIsKnownEverywhere(t *testing.T) {
	for _, gateway := range iris.GatewayTypes() {
		t.Run(gateway.Name, func(t *testing.T) {
			checkGateway(t, gateway.Name, cluster.WebPort{Number: gateway.Port, HTTPS: gateway.HTTPS})
		})
	}
}

func checkGateway(t *testing.T, gatewayType string, want cluster.WebPort) {
	c := iris.Cluster{
		Namespace: "ns", Name: "c", Shards: 1,
		Nodes: map[string]iris.Node{"data": {Sidecar: &iris.Gateway{Type: gatewayType}}},
	}
	silent := dataPod(&iris.Container{Name: "webgateway"})
	declaring := dataPod(&iris.Container{Name: "webgateway", Ports: []corev1.ContainerPort{{ContainerPort: want.Number}}})
	for name, p := range map[string]iris.Pod{"undeclared": silent, "declared": declaring} {
		equal(t, name+": portal", want, cluster.PortalPort(p, c))
		number, err := reach.Port{Remote: reach.NamePortal}.In(running(p), c)
		must(t, err)
		equal(t, name+": port-forward", uint16(want.Number), number)

		facts := expose.Facts{Namespace: "ns", Cluster: c, ClusterRead: true, Pods: []iris.Pod{p}}
		plan, err := expose.Pod(podRequest(t), p, facts)
		must(t, err)
		checkService(t, name+": expose-pod", plan.Service, want)
		request, err := expose.NewSidecarRequest(expose.Options{}, iris.ComponentData, "", "")
		must(t, err)
		plan, err = expose.Sidecar(request, facts)
		must(t, err)
		checkService(t, name+": expose-sidecar", plan.Service, want)

		status := topology.Statuses(topology.Snapshot{Clusters: []iris.Cluster{c}, Pods: []iris.Pod{p}})
		equal(t, name+": status", want.Number, status.Items[0].Pods[0].Sidecar.Port)
	}

	// The same Service after the sidecar is gone.
	plan, err := expose.Pod(podRequest(t), silent, expose.Facts{Namespace: "ns", Cluster: c, ClusterRead: true})
	must(t, err)
	bare := dataPod(nil)
	status := topology.Statuses(topology.Snapshot{Clusters: []iris.Cluster{c}, Pods: []iris.Pod{bare}, Services: []corev1.Service{*plan.Service}})
	missing := slices.ContainsFunc(status.Items[0].Findings, func(f view.Finding) bool { return f.Code == finding.ExposedSidecarMissing })
	// IRIS itself serves pages at its own port, with or without a sidecar.
	equal(t, "a finding that the sidecar is missing", want.Number != iris.PortWeb, missing)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkService checks the default port of a Service, and that its number alone
// shows that it serves pages.
func checkService(t *testing.T, name string, service *corev1.Service, want cluster.WebPort) {
	t.Helper()
	equal(t, name+": ports", 1, len(service.Spec.Ports))
	port := service.Spec.Ports[0]
	equal(t, name+": target", want.Number, port.TargetPort.IntVal)
	equal(t, name+": name", want.Scheme(), port.Name)

	nameless := service.DeepCopy()
	nameless.Spec.ClusterIP = "10.0.0.1"
	nameless.Spec.Ports[0].Name = "a"
	nameless.Spec.Ports = append(nameless.Spec.Ports, corev1.ServicePort{Name: "b", Port: 5})
	url := fmt.Sprintf("%s://10.0.0.1:%d%s", want.Scheme(), want.Number+1, iris.PortalPath)
	equal(t, name+": URLs", []string{url}, cluster.URLs(nameless, nil))
}

// dataPod is a pod whose IRIS declares no ports. The sidecar may be nil.
func dataPod(sidecar *iris.Container) iris.Pod {
	p := pod("data", &iris.Container{Name: "iris"}, sidecar)
	p.Namespace, p.Name, p.Ready = "ns", "c-data-0", true
	p.Labels[iris.LabelKind], p.Labels[iris.LabelName], p.Labels[iris.LabelPodName] = iris.Kind, "c", p.Name
	p.Labels[iris.LabelRole] = iris.RoleIRIS
	return p
}

// running is the pod with a sidecar that runs.
func running(p iris.Pod) iris.Pod {
	sidecar := *p.Sidecar
	sidecar.Started = started
	p.Sidecar = &sidecar
	return p
}

func podRequest(t *testing.T) expose.PodRequest {
	t.Helper()
	request, err := expose.NewPodRequest(expose.Options{}, false)
	must(t, err)
	return request
}
