package expose_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// checkError holds an error against its line, its hint and its exit code.
func checkError(t *testing.T, err error, message, hint string, code int) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if got := err.Error(); got != message {
		t.Errorf("message\n%s\nwant\n%s", got, message)
	}
	if got := problem.HintOf(err); got == "" || !strings.Contains(got, hint) || strings.Contains(got, "\n") {
		t.Errorf("hint %q, want one line with %q", got, hint)
	}
	if got := problem.ExitCode(err); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	long := strings.Repeat("n", 64)
	for name, test := range map[string]struct {
		options       expose.Options
		message, hint string
	}{
		"name with a capital": {
			expose.Options{Name: "Sidecar"},
			`invalid name "Sidecar": must be a Service's name`, "lower-case",
		},
		"name too long": {
			expose.Options{Name: long},
			`invalid name "` + long + `": must be a Service's name`, "63",
		},
		"name with a digit first": {
			expose.Options{Name: "1st"},
			`invalid name "1st": must be a Service's name`, "a letter first",
		},
		"name of the namespace's headless Service": {
			expose.Options{Name: "iris-svc"},
			`invalid name "iris-svc": IKO manages a Service of that name`, "another name",
		},
		"class with a cluster IP": {
			expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, LoadBalancerClass: ptr("a")}},
			`load-balancer-class cannot be used with a Service of type ClusterIP`, "type=LoadBalancer",
		},
		"ranges with a node port": {
			expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort, LoadBalancerSourceRanges: []string{"10.0.0.0/8"}}},
			`load-balancer-source-ranges cannot be used with a Service of type NodePort`, "type=LoadBalancer",
		},
		"traffic policy with a cluster IP": {
			expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal}},
			`external-traffic-policy cannot be used with a Service of type ClusterIP`, "type=NodePort",
		},
		"node port with a cluster IP": {
			expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP}, NodePort: 30000},
			`node-port cannot be used with a Service of type ClusterIP`, "type=NodePort",
		},
		"class": {
			expose.Options{Spec: corev1.ServiceSpec{LoadBalancerClass: ptr("")}},
			`invalid load-balancer-class "": must have the form of a label key`, "example.com/internal",
		},
		"a label that cannot be left out": {
			expose.Options{Labels: []expose.Edit{{Key: "app.kubernetes.io/managed-by", Remove: true}}},
			`invalid label "app.kubernetes.io/managed-by-": this tool sets the label itself`, "another key",
		},
		"no key to leave out": {
			expose.Options{Annotations: []expose.Edit{{Key: "", Remove: true}}},
			`invalid annotation "-": "" is not a key`, "KEY-",
		},
		"an annotation both set and left out": {
			expose.Options{Annotations: []expose.Edit{{Key: "a", Remove: true}, {Key: "a", Value: "b"}}},
			`annotation a- and annotation a=... cannot be used together`, "annotation a=VALUE",
		},
		"source range": {
			expose.Options{Spec: corev1.ServiceSpec{LoadBalancerSourceRanges: []string{"10.0.0.0/8", "10.0.0.1"}}},
			`invalid load-balancer-source-ranges "10.0.0.1": must be a CIDR`, "10.0.0.0/8",
		},
		"node port out of range": {
			expose.Options{NodePort: 65536},
			`invalid node-port "65536": must be between 1 and 65535`, "30000",
		},
		"negative node port": {
			expose.Options{NodePort: -1},
			`invalid node-port "-1": must be between 1 and 65535`, "30000",
		},
		"node port for several": {
			expose.Options{NodePort: 30000, Ports: ports(t, "81", "82")},
			`node-port requires exactly one port, got 2`, "omit node-port",
		},
		"port twice": {
			expose.Options{Ports: ports(t, "81:80", "81:443/TCP")},
			`invalid port: 81/TCP is given twice`, "once per protocol",
		},
		"port name twice": {
			expose.Options{Ports: ports(t, "a=81", "a=82/UDP")},
			`invalid port: two ports are named "a"`, "a different name",
		},
		"label of the tool": {
			expose.Options{Labels: []expose.Edit{{Key: "kubectl-iris/role", Value: "primary"}}},
			`invalid label "kubectl-iris/role=primary": this tool sets the label itself`, "another key",
		},
		"label of the tool's kind": {
			expose.Options{Labels: []expose.Edit{{Key: "app.kubernetes.io/managed-by", Value: "Helm"}}},
			`invalid label "app.kubernetes.io/managed-by=Helm": this tool sets the label itself`, "another key",
		},
		"label key": {
			expose.Options{Labels: []expose.Edit{{Key: "a b", Value: "c"}}},
			`invalid label "a b=c": "a b" is not a key`, "KEY=VALUE",
		},
		"label value": {
			expose.Options{Labels: []expose.Edit{{Key: "a", Value: "b c"}}},
			`invalid label "a=b c": "b c" is not a label value`, "annotation",
		},
		"annotation key": {
			expose.Options{Annotations: []expose.Edit{{Key: "a/b/c", Value: "d"}}},
			`invalid annotation "a/b/c=...": "a/b/c" is not a key`, "KEY=VALUE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := expose.NewPodRequest(test.options, false)
			checkError(t, err, test.message, test.hint, problem.ExitUsage)
			_, err = expose.NewSidecarRequest(test.options, "", "", "")
			checkError(t, err, test.message, test.hint, problem.ExitUsage)
		})
	}
}

func TestOptionsThatAreRight(t *testing.T) {
	for name, options := range map[string]expose.Options{
		"none":                {},
		"node port of a port": {NodePort: 30081, Ports: ports(t, "81")},
		"protocols of a port": {Ports: ports(t, "53", "53/UDP", "superserver")},
		"64 bits of address":  {Spec: corev1.ServiceSpec{LoadBalancerSourceRanges: []string{"2001:db8::/32"}}},
		"annotation":          {Annotations: []expose.Edit{{Key: "Example.com/Note", Value: "any text, even a long one"}}},
	} {
		if _, err := expose.NewPodRequest(options, false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSidecarThatCannotBe(t *testing.T) {
	mirror := []iris.Pod{
		pod("c", "data-0-0", role("primary"), sidecar(80)),
		pod("c", "data-0-1", role("backup"), sidecar(80)),
		pod("c", "data-0-2", role("drasync"), sidecar(80)),
	}
	single := []iris.Pod{pod("c", "data-0", sidecar(80))}
	edit := func(all ...string) sidecarRequest {
		return sidecarRequest{Options: expose.Options{Selector: edits(t, all...)}}
	}
	var many []iris.Pod
	for _, name := range []string{"d", "e", "f", "g", "h", "i", "j"} {
		many = append(many, pod(name, "data-0-0", role("primary")))
	}
	long := strings.Repeat("c", 64)

	for name, test := range map[string]struct {
		request       sidecarRequest
		cluster       iris.Cluster
		unread        bool
		pods, foreign []iris.Pod
		message, hint string
		code          int
	}{
		"wrong option": {
			request: sidecarRequest{Options: expose.Options{Name: "X"}},
			cluster: resource("c", ""), pods: single,
			message: `invalid name "X": must be a Service's name`, hint: "lower-case", code: 2,
		},
		"component": {
			request: sidecarRequest{Component: "arbiter"},
			cluster: resource("c", ""), pods: single,
			message: `invalid component "arbiter": must be one of: data, compute`, hint: "omit component", code: 2,
		},
		"role of compute": {
			request: sidecarRequest{Component: "compute", Role: "primary"},
			cluster: resource("c", ""), pods: single,
			message: "role cannot be used with component=compute: compute nodes are neither mirrored nor sharded", hint: "omit role", code: 2,
		},
		"shard of compute": {
			request: sidecarRequest{Component: "compute", Shard: "0"},
			cluster: resource("c", ""), pods: single,
			message: "shard cannot be used with component=compute: compute nodes are neither mirrored nor sharded", hint: "omit shard", code: 2,
		},
		"cluster that nothing shows": {
			cluster: iris.Cluster{Name: "c"}, unread: true,
			message: `IrisCluster "c" in namespace "prod" could not be read, and no pod has its name in a label`, hint: "kubectl get pods", code: 1,
		},
		"cluster with a name that no label holds": {
			cluster: resource(long, ""),
			message: `IrisCluster "` + long + `" in namespace "prod": its name is longer than a label's value can be, so no selector can select its pods`, hint: "single pods", code: 1,
		},
		"no compute": {
			request: sidecarRequest{Component: "compute"},
			cluster: resource("c", ""), pods: single,
			message: `IrisCluster "c" in namespace "prod" has no compute nodes`, hint: "spec.topology.compute", code: 1,
		},
		"no sidecar": {
			cluster: resource("c", "", noSidecar), pods: []iris.Pod{pod("c", "data-0")},
			message: `IrisCluster "c" in namespace "prod" has no sidecar in its data pods`, hint: "spec.topology.data.webgateway", code: 1,
		},
		"no sidecar in compute, one in data": {
			request: sidecarRequest{Component: "compute"},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar(80)), pod("c", "compute-0")},
			message: `IrisCluster "c" in namespace "prod" has no sidecar in its compute pods`, hint: "spec.topology.compute.webgateway", code: 1,
		},
		"role missing": {
			cluster: resource("c", "", isMirrored), pods: mirror,
			message: `role is required because IrisCluster "c" in namespace "prod" is mirrored`, hint: "one of primary, backup, drasync", code: 2,
		},
		"role missing, by label alone": {
			cluster: iris.Cluster{Name: "c"}, unread: true, pods: mirror,
			message: `role is required because IrisCluster "c" in namespace "prod" is mirrored`, hint: "one of primary, backup, drasync", code: 2,
		},
		"role missing, by name alone": {
			cluster: iris.Cluster{Name: "c"}, unread: true, pods: []iris.Pod{pod("c", "data-0-0", sidecar(80))},
			message: `role is required because IrisCluster "c" in namespace "prod" is mirrored`, hint: "one of primary, backup", code: 2,
		},
		"unknown role": {
			request: sidecarRequest{Role: "Backup"},
			cluster: resource("c", "", isMirrored), pods: mirror,
			message: `invalid role "Backup": no pod of IrisCluster "c" in namespace "prod" has this role, and it is neither primary nor backup`, hint: "one of primary, backup, drasync", code: 2,
		},
		"role of a cluster that is not mirrored": {
			request: sidecarRequest{Role: "primary"},
			cluster: resource("c", ""), pods: single,
			message: `invalid role "primary": IrisCluster "c" in namespace "prod" is not mirrored`, hint: "omit role", code: 2,
		},
		"shard missing": {
			cluster: resource("c", "", shards(3)), pods: []iris.Pod{pod("c", "data-10", shard("10"), sidecar(80))},
			message: `shard is required because IrisCluster "c" in namespace "prod" has the shards 0, 1, 2, 10`, hint: "shard=0", code: 2,
		},
		"shard missing, by label alone": {
			cluster: iris.Cluster{Name: "c"}, unread: true,
			pods:    []iris.Pod{pod("c", "data-0", shard("0"), sidecar(80)), pod("c", "data-1", shard("1"), sidecar(80))},
			message: `shard is required because IrisCluster "c" in namespace "prod" has the shards 0, 1`, hint: "shard=0", code: 2,
		},
		"unknown shard": {
			request: sidecarRequest{Shard: "2"},
			cluster: resource("c", "", shards(2)),
			message: `invalid shard "2": IrisCluster "c" in namespace "prod" has no such shard`, hint: "0, 1", code: 2,
		},
		"shard without labels": {
			request: sidecarRequest{Shard: "0"},
			cluster: resource("c", ""), pods: single,
			message: `invalid shard "0": the data pods of IrisCluster "c" in namespace "prod" have no shard label`, hint: "omit shard", code: 2,
		},
		"name of the cluster's Service": {
			request: sidecarRequest{Options: expose.Options{Name: "c"}},
			cluster: resource("c", ""), pods: single,
			message: `invalid name "c": IKO manages a Service of that name`, hint: "another name", code: 2,
		},
		"name of the web gateway's Service": {
			request: sidecarRequest{Options: expose.Options{Name: "c-webgateway"}},
			cluster: resource("c", ""), pods: single,
			message: `invalid name "c-webgateway": IKO manages a Service of that name`, hint: "another name", code: 2,
		},
		"option that the template's type does not take": {
			request: sidecarRequest{Options: expose.Options{Spec: corev1.ServiceSpec{LoadBalancerClass: ptr("a")}}},
			cluster: resource("c", "", template(corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort})), pods: single,
			message: "load-balancer-class cannot be used with a Service of type NodePort", hint: "type=LoadBalancer", code: 2,
		},
		"port by an unknown name": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "web")}},
			cluster: resource("c", ""), pods: single,
			message: "invalid port \"web\": no container declares a port of that name", hint: "use one of superserver, webserver", code: 2,
		},
		"port twice, once by name": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "1972:80", "superserver")}},
			cluster: resource("c", ""), pods: single,
			message: "invalid port: 1972/TCP is given twice", hint: "once per protocol", code: 2,
		},
		"port name twice, once by name": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "superserver=81", "superserver")}},
			cluster: resource("c", ""), pods: single,
			message: `invalid port: two ports are named "superserver"`, hint: "a different name", code: 2,
		},
		"selector without the cluster": {
			request: edit("intersystems.com/name-"),
			cluster: resource("c", ""), pods: single,
			foreign: []iris.Pod{pod("d", "data-0"), pod("d", "compute-0"), pod("c-data", "data-0-0", role("primary"))},
			message: `invalid selector: the Service would also select pods of another cluster than IrisCluster "c" in namespace "prod": c-data-data-0-0, d-data-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector without the cluster, and foreign pods in another role": {
			request: sidecarRequest{Role: "backup", Options: expose.Options{Selector: edits(t, "intersystems.com/name-")}},
			cluster: resource("c", "", isMirrored), pods: mirror, foreign: many,
			message: `invalid selector: the Service would also select pods of another cluster than IrisCluster "c" in namespace "prod": d-data-0-0, e-data-0-0, f-data-0-0, g-data-0-0, h-data-0-0 and 2 more`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector without the cluster, and as many foreign pods as are listed": {
			request: sidecarRequest{Role: "primary", Options: expose.Options{Selector: edits(t, "intersystems.com/name-")}},
			cluster: resource("c", "", isMirrored), pods: mirror, foreign: many[:5],
			message: `invalid selector: the Service would also select pods of another cluster than IrisCluster "c" in namespace "prod": d-data-0-0, e-data-0-0, f-data-0-0, g-data-0-0, h-data-0-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector that is all the user's": {
			request: edit("intersystems.com/name-", "intersystems.com/kind-", "intersystems.com/role-", "zone=a"),
			cluster: resource("c", ""), pods: single, foreign: []iris.Pod{pod("d", "data-0", label("zone", "a"))},
			message: `invalid selector: the Service would also select pods of another cluster than IrisCluster "c" in namespace "prod": d-data-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector with another cluster": {
			request: edit("intersystems.com/name=d"),
			cluster: resource("c", ""), pods: single, foreign: []iris.Pod{pod("d", "data-0")},
			message: `invalid selector: the Service would also select pods of another cluster than IrisCluster "c" in namespace "prod": d-data-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector with a cluster that there is not": {
			request: edit("intersystems.com/name=e"),
			cluster: resource("c", ""), pods: single,
			message: `invalid selector "intersystems.com/name=e": the Service would not select pods of IrisCluster "c" in namespace "prod"`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector pinned to a foreign pod": {
			request: edit("intersystems.com/name-", "statefulset.kubernetes.io/pod-name=d-data-0"),
			cluster: resource("c", ""), pods: single, foreign: []iris.Pod{pod("d", "data-0")},
			message: `invalid selector: the Service would also select pods of another cluster than IrisCluster "c" in namespace "prod": d-data-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"role by selector where there is no mirror": {
			request: edit("intersystems.com/mirrorRole=primary"),
			cluster: resource("c", ""), pods: single,
			message: `invalid role "primary": IrisCluster "c" in namespace "prod" is not mirrored`, hint: "omit role", code: 2,
		},
		"two roles": {
			request: sidecarRequest{Role: "backup", Options: edit("intersystems.com/mirrorRole=primary").Options},
			cluster: resource("c", "", isMirrored), pods: single,
			message: "selector intersystems.com/mirrorRole=primary and role=backup contradict each other", hint: "omit one of them", code: 2,
		},
		"a role and none": {
			request: sidecarRequest{Role: "backup", Options: edit("intersystems.com/mirrorRole-").Options},
			cluster: resource("c", "", isMirrored), pods: single,
			message: "selector intersystems.com/mirrorRole- and role=backup contradict each other", hint: "omit one of them", code: 2,
		},
		"two components": {
			request: sidecarRequest{Component: "compute", Options: edit("intersystems.com/component=data").Options},
			cluster: resource("c", ""), pods: single,
			message: "selector intersystems.com/component=data and component=compute contradict each other", hint: "omit one of them", code: 2,
		},
		"unknown component by selector": {
			request: edit("intersystems.com/component=arbiter"),
			cluster: resource("c", ""), pods: single,
			message: `invalid component "arbiter": must be one of: data, compute`, hint: "omit component", code: 2,
		},
		"selector that nothing is left of": {
			request: edit("intersystems.com/name-", "intersystems.com/kind-", "intersystems.com/role-", "intersystems.com/component-"),
			cluster: resource("c", ""), pods: single,
			message: `invalid selector "intersystems.com/component-": this key cannot be changed`, hint: "component chooses the kind", code: 2,
		},
		"empty role by selector": {
			request: edit("intersystems.com/mirrorRole="),
			cluster: resource("c", ""), pods: single,
			message: `invalid selector "intersystems.com/mirrorRole=": no pod has this key without a value`, hint: "use role", code: 2,
		},
		"component by selector": {
			request: edit("intersystems.com/component-"),
			cluster: resource("c", ""), pods: single,
			message: `invalid selector "intersystems.com/component-": this key cannot be changed`, hint: "component chooses the kind", code: 2,
		},
		"shard by selector": {
			request: edit("intersystems.com/shard=0"),
			cluster: resource("c", ""), pods: single,
			message: `invalid shard "0": the data pods of IrisCluster "c" in namespace "prod" have no shard label`, hint: "omit shard", code: 2,
		},
		"key that the selector does not have": {
			request: edit("intersystem.com/name-"),
			cluster: resource("c", ""), pods: single,
			message: `invalid selector "intersystem.com/name-": the selector has no such key`, hint: "intersystems.com/component, intersystems.com/kind, intersystems.com/name, intersystems.com/role", code: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := planSidecar(test.request, expose.Facts{
				Namespace: "prod", Cluster: test.cluster, ClusterRead: !test.unread, Pods: test.pods, Foreign: test.foreign,
			})
			checkError(t, err, test.message, test.hint, test.code)
		})
	}
}

func TestPodThatCannotBe(t *testing.T) {
	data := pod("c", "data-0", sidecar(80))
	for name, test := range map[string]struct {
		request       podRequest
		foreign       []iris.Pod
		message, hint string
		code          int
	}{
		"wrong option": {
			request: podRequest{Pod: data, Options: expose.Options{Name: "X"}},
			message: `invalid name "X": must be a Service's name`, hint: "lower-case", code: 2,
		},
		"not IRIS": {
			request: podRequest{Pod: pod("c", "data-0", without("intersystems.com/kind"))},
			message: `pod "c-data-0" in namespace "prod" is not one of an IrisCluster`, hint: "kubectl", code: 1,
		},
		"of no StatefulSet": {
			request: podRequest{Pod: pod("c", "data-0", without("statefulset.kubernetes.io/pod-name"))},
			message: `pod "c-data-0" in namespace "prod" has no label statefulset.kubernetes.io/pod-name, so no selector selects it alone`, hint: "StatefulSet", code: 1,
		},
		"no web port": {
			request: podRequest{Pod: pod("c", "arbiter-0", func(p *corev1.Pod) {
				p.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "z", ContainerPort: 1}, {Name: "agent", ContainerPort: 2188}, {ContainerPort: 3}, {Name: "z", ContainerPort: 4}}
			})},
			message: "port is required because the pod is not known to serve a portal", hint: "by name are agent, superserver, z", code: 2,
		},
		"no target": {
			request: podRequest{Pod: pod("c", "arbiter-0"), Options: expose.Options{Ports: ports(t, "99")}},
			message: `invalid port "99": a target is required because the pod is not known to serve a portal`, hint: "99:99", code: 2,
		},
		"name of the cluster's Service": {
			request: podRequest{Pod: data, Options: expose.Options{Name: "c"}},
			message: `invalid name "c": IKO manages a Service of that name`, hint: "another name", code: 2,
		},
		"role in the selector": {
			request: podRequest{Pod: data, Options: expose.Options{Selector: edits(t, "intersystems.com/mirrorRole=backup")}},
			message: `invalid selector "intersystems.com/mirrorRole=backup": this key cannot be changed`, hint: "follows the role", code: 2,
		},
		"pod not in the selector": {
			request: podRequest{Pod: data, Options: expose.Options{Selector: edits(t, "statefulset.kubernetes.io/pod-name-")}},
			message: `invalid selector "statefulset.kubernetes.io/pod-name-": this key cannot be changed`, hint: "this one pod", code: 2,
		},
		"another cluster in the selector": {
			request: podRequest{Pod: data, Options: expose.Options{Selector: edits(t, "intersystems.com/name=d")}},
			message: `invalid selector "intersystems.com/name=d": the Service would not select pods of IrisCluster "c" in namespace "prod"`, hint: "keep intersystems.com/name=c", code: 2,
		},
		"two pods of one name": {
			request: podRequest{Pod: data, Options: expose.Options{Selector: edits(t, "intersystems.com/name-")}},
			foreign: []iris.Pod{pod("d", "data-0", label("statefulset.kubernetes.io/pod-name", "c-data-0"))},
			message: `invalid selector: the Service would also select pods of another cluster than IrisCluster "c" in namespace "prod": d-data-0`, hint: "keep intersystems.com/name=c", code: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := planPod(test.request, expose.Facts{
				Namespace: "prod", Cluster: resource("c", ""), ClusterRead: true, Foreign: test.foreign,
			})
			checkError(t, err, test.message, test.hint, test.code)
		})
	}
}

func TestNeedsForeign(t *testing.T) {
	for edit, want := range map[string]bool{
		"intersystems.com/name-":  true,
		"intersystems.com/name=c": true,
		"zone=a":                  false,
	} {
		request, err := expose.NewPodRequest(expose.Options{Selector: edits(t, edit)}, false)
		if err != nil {
			t.Fatal(err)
		}
		sidecar, err := expose.NewSidecarRequest(expose.Options{Selector: edits(t, edit)}, "", "", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := request.NeedsForeign(); got != want || sidecar.NeedsForeign() != want {
			t.Errorf("%s: %v", edit, got)
		}
	}
}
