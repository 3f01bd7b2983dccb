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
			`--name "Sidecar" is not a Service's name`, "lower-case",
		},
		"name too long": {
			expose.Options{Name: long},
			`--name "` + long + `" is not a Service's name`, "63",
		},
		"name with a digit first": {
			expose.Options{Name: "1st"},
			`--name "1st" is not a Service's name`, "a letter first",
		},
		"name of the namespace's headless Service": {
			expose.Options{Name: "iris-svc"},
			`--name "iris-svc": IKO keeps a Service of that name`, "another name",
		},
		"type": {
			expose.Options{Type: "ExternalName"},
			`--type "ExternalName" is not known`, "ClusterIP, NodePort, LoadBalancer",
		},
		"class with a cluster IP": {
			expose.Options{Type: corev1.ServiceTypeClusterIP, LoadBalancerClass: ptr("a")},
			`--load-balancer-class does not go with a Service of type ClusterIP`, "--type=LoadBalancer",
		},
		"ranges with a node port": {
			expose.Options{Type: corev1.ServiceTypeNodePort, LoadBalancerSourceRanges: []string{"10.0.0.0/8"}},
			`--load-balancer-source-ranges does not go with a Service of type NodePort`, "--type=LoadBalancer",
		},
		"traffic policy with a cluster IP": {
			expose.Options{Type: corev1.ServiceTypeClusterIP, ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal},
			`--external-traffic-policy does not go with a Service of type ClusterIP`, "--type=NodePort",
		},
		"node port with a cluster IP": {
			expose.Options{Type: corev1.ServiceTypeClusterIP, NodePort: 30000},
			`--node-port does not go with a Service of type ClusterIP`, "--type=NodePort",
		},
		"class": {
			expose.Options{LoadBalancerClass: ptr("")},
			`--load-balancer-class "" is not a class name`, "label key",
		},
		"a label that cannot be left out": {
			expose.Options{DropLabels: []string{"app.kubernetes.io/managed-by"}},
			`--label app.kubernetes.io/managed-by-: the tool sets this label itself`, "exposed and unexpose",
		},
		"no key to leave out": {
			expose.Options{DropAnnotations: []string{""}},
			`--annotation -: "" is not a key`, "KEY-",
		},
		"an annotation both set and left out": {
			expose.Options{DropAnnotations: []string{"a"}, Annotations: map[string]string{"a": "b"}},
			`--annotation a- and --annotation a=... cannot be used together`, "--annotation a=VALUE",
		},
		"source range": {
			expose.Options{LoadBalancerSourceRanges: []string{"10.0.0.0/8", "10.0.0.1"}},
			`--load-balancer-source-ranges: "10.0.0.1" is not an address range`, "10.0.0.0/8",
		},
		"traffic policy": {
			expose.Options{ExternalTrafficPolicy: "local"},
			`--external-traffic-policy "local" is not known`, "Cluster, Local",
		},
		"affinity": {
			expose.Options{SessionAffinity: "Cookie"},
			`--session-affinity "Cookie" is not known`, "None, ClientIP",
		},
		"IP family policy": {
			expose.Options{IPFamilyPolicy: "Dual"},
			`--ip-family-policy "Dual" is not known`, "SingleStack, PreferDualStack, RequireDualStack",
		},
		"node port out of range": {
			expose.Options{NodePort: 65536},
			`--node-port 65536 is not a port number from 1 to 65535`, "30000",
		},
		"negative node port": {
			expose.Options{NodePort: -1},
			`--node-port -1 is not a port number from 1 to 65535`, "30000",
		},
		"node port for several": {
			expose.Options{NodePort: 30000, Ports: ports(t, "81", "82")},
			`--node-port goes with one port, but there are 2`, "leave --node-port out",
		},
		"port twice": {
			expose.Options{Ports: ports(t, "81:80", "81:443/TCP")},
			`--port: 81/TCP is there twice`, "once per protocol",
		},
		"port name twice": {
			expose.Options{Ports: ports(t, "a=81", "a=82/UDP")},
			`--port: two ports are named "a"`, "a name of its own",
		},
		"label of the tool": {
			expose.Options{Labels: map[string]string{"kubectl-iris/role": "primary"}},
			`--label kubectl-iris/role=primary: the tool sets this label itself`, "another key",
		},
		"label of the tool's kind": {
			expose.Options{Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}},
			`--label app.kubernetes.io/managed-by=Helm: the tool sets this label itself`, "another key",
		},
		"label key": {
			expose.Options{Labels: map[string]string{"a b": "c"}},
			`--label: "a b" is not a label key`, "KEY=VALUE",
		},
		"label value": {
			expose.Options{Labels: map[string]string{"a": "b c"}},
			`--label a: "b c" is not a label value`, "--annotation",
		},
		"annotation key": {
			expose.Options{Annotations: map[string]string{"a/b/c": "d"}},
			`--annotation: "a/b/c" is not an annotation key`, "KEY=VALUE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			checkError(t, test.options.Validate(), test.message, test.hint, problem.ExitUsage)
		})
	}
}

func TestOptionsThatAreRight(t *testing.T) {
	for name, options := range map[string]expose.Options{
		"none":                {},
		"node port of a port": {NodePort: 30081, Ports: ports(t, "81")},
		"protocols of a port": {Ports: ports(t, "53", "53/UDP", "superserver")},
		"64 bits of address":  {LoadBalancerSourceRanges: []string{"2001:db8::/32"}},
		"annotation":          {Annotations: map[string]string{"Example.com/Note": "any text, even a long one"}},
	} {
		if err := options.Validate(); err != nil {
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
	edit := func(all ...string) expose.SidecarRequest {
		return expose.SidecarRequest{Options: expose.Options{Selector: edits(t, all...)}}
	}
	var many []iris.Pod
	for _, name := range []string{"d", "e", "f", "g", "h", "i", "j"} {
		many = append(many, pod(name, "data-0-0", role("primary")))
	}
	long := strings.Repeat("c", 64)

	for name, test := range map[string]struct {
		request       expose.SidecarRequest
		cluster       iris.Cluster
		unread        bool
		pods, foreign []iris.Pod
		message, hint string
		code          int
	}{
		"wrong option": {
			request: expose.SidecarRequest{Options: expose.Options{Name: "X"}},
			cluster: resource("c", ""), pods: single,
			message: `--name "X" is not a Service's name`, hint: "lower-case", code: 2,
		},
		"component": {
			request: expose.SidecarRequest{Component: "arbiter"},
			cluster: resource("c", ""), pods: single,
			message: `--component "arbiter" is not known`, hint: "data, compute", code: 2,
		},
		"role of compute": {
			request: expose.SidecarRequest{Component: "compute", Role: "primary"},
			cluster: resource("c", ""), pods: single,
			message: "--role does not go with --component=compute: compute nodes are neither mirrored nor sharded", hint: "leave --role out", code: 2,
		},
		"shard of compute": {
			request: expose.SidecarRequest{Component: "compute", Shard: "0"},
			cluster: resource("c", ""), pods: single,
			message: "--shard does not go with --component=compute: compute nodes are neither mirrored nor sharded", hint: "leave --shard out", code: 2,
		},
		"cluster that nothing shows": {
			cluster: iris.Cluster{Name: "c"}, unread: true,
			message: `IrisCluster "c" (namespace "prod"): it could not be read, and no pod carries its name`, hint: "kubectl get pods", code: 1,
		},
		"cluster with a name that no label holds": {
			cluster: resource(long, ""),
			message: `IrisCluster "` + long + `" (namespace "prod"): no pod can carry a name as long as this in a label`, hint: "expose-pod", code: 1,
		},
		"no compute": {
			request: expose.SidecarRequest{Component: "compute"},
			cluster: resource("c", ""), pods: single,
			message: `IrisCluster "c" (namespace "prod") has no compute nodes`, hint: "spec.topology.compute", code: 1,
		},
		"no sidecar": {
			cluster: resource("c", "", noSidecar), pods: []iris.Pod{pod("c", "data-0")},
			message: `IrisCluster "c" (namespace "prod") has no sidecar in its data pods`, hint: "spec.topology.data.webgateway", code: 1,
		},
		"no sidecar in compute, one in data": {
			request: expose.SidecarRequest{Component: "compute"},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar(80)), pod("c", "compute-0")},
			message: `IrisCluster "c" (namespace "prod") has no sidecar in its compute pods`, hint: "spec.topology.compute.webgateway", code: 1,
		},
		"role missing": {
			cluster: resource("c", "", isMirrored), pods: mirror,
			message: `--role is required because IrisCluster "c" in namespace "prod" is mirrored`, hint: "one of primary, backup, drasync", code: 2,
		},
		"role missing, by label alone": {
			cluster: iris.Cluster{Name: "c"}, unread: true, pods: mirror,
			message: `--role is required because IrisCluster "c" in namespace "prod" is mirrored`, hint: "one of primary, backup, drasync", code: 2,
		},
		"role missing, by name alone": {
			cluster: iris.Cluster{Name: "c"}, unread: true, pods: []iris.Pod{pod("c", "data-0-0", sidecar(80))},
			message: `--role is required because IrisCluster "c" in namespace "prod" is mirrored`, hint: "one of primary, backup", code: 2,
		},
		"unknown role": {
			request: expose.SidecarRequest{Role: "Backup"},
			cluster: resource("c", "", isMirrored), pods: mirror,
			message: `--role "Backup": no pod of IrisCluster "c" in namespace "prod" has this role, and it is neither primary nor backup`, hint: "one of primary, backup, drasync", code: 2,
		},
		"role of a cluster that is not mirrored": {
			request: expose.SidecarRequest{Role: "primary"},
			cluster: resource("c", ""), pods: single,
			message: `--role "primary": IrisCluster "c" in namespace "prod" is not mirrored`, hint: "leave --role out", code: 2,
		},
		"shard missing": {
			cluster: resource("c", "", shards(3)), pods: []iris.Pod{pod("c", "data-10", shard("10"), sidecar(80))},
			message: `--shard is required because IrisCluster "c" in namespace "prod" has the shards 0, 1, 2, 10`, hint: "--shard 0", code: 2,
		},
		"shard missing, by label alone": {
			cluster: iris.Cluster{Name: "c"}, unread: true,
			pods:    []iris.Pod{pod("c", "data-0", shard("0"), sidecar(80)), pod("c", "data-1", shard("1"), sidecar(80))},
			message: `--shard is required because IrisCluster "c" in namespace "prod" has the shards 0, 1`, hint: "--shard 0", code: 2,
		},
		"unknown shard": {
			request: expose.SidecarRequest{Shard: "2"},
			cluster: resource("c", "", shards(2)),
			message: `--shard "2": IrisCluster "c" in namespace "prod" has no such shard`, hint: "0, 1", code: 2,
		},
		"shard without labels": {
			request: expose.SidecarRequest{Shard: "0"},
			cluster: resource("c", ""), pods: single,
			message: `--shard "0": the data pods of IrisCluster "c" in namespace "prod" bear no shard label`, hint: "leave --shard out", code: 2,
		},
		"name of the cluster's Service": {
			request: expose.SidecarRequest{Options: expose.Options{Name: "c"}},
			cluster: resource("c", ""), pods: single,
			message: `--name "c": IKO keeps a Service of that name`, hint: "another name", code: 2,
		},
		"name of the web gateway's Service": {
			request: expose.SidecarRequest{Options: expose.Options{Name: "c-webgateway"}},
			cluster: resource("c", ""), pods: single,
			message: `--name "c-webgateway": IKO keeps a Service of that name`, hint: "another name", code: 2,
		},
		"option that the template's type does not take": {
			request: expose.SidecarRequest{Options: expose.Options{LoadBalancerClass: ptr("a")}},
			cluster: resource("c", "", template(corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort})), pods: single,
			message: "--load-balancer-class does not go with a Service of type NodePort", hint: "--type=LoadBalancer", code: 2,
		},
		"port by an unknown name": {
			request: expose.SidecarRequest{Options: expose.Options{Ports: ports(t, "web")}},
			cluster: resource("c", ""), pods: single,
			message: "--port web: no container declares a port of that name", hint: "there are superserver, webserver", code: 2,
		},
		"port twice, once by name": {
			request: expose.SidecarRequest{Options: expose.Options{Ports: ports(t, "1972:80", "superserver")}},
			cluster: resource("c", ""), pods: single,
			message: "--port: 1972/TCP is there twice", hint: "once per protocol", code: 2,
		},
		"port name twice, once by name": {
			request: expose.SidecarRequest{Options: expose.Options{Ports: ports(t, "superserver=81", "superserver")}},
			cluster: resource("c", ""), pods: single,
			message: `--port: two ports are named "superserver"`, hint: "a name of its own", code: 2,
		},
		"selector without the cluster": {
			request: edit("intersystems.com/name-"),
			cluster: resource("c", ""), pods: single,
			foreign: []iris.Pod{pod("d", "data-0"), pod("d", "compute-0"), pod("c-data", "data-0-0", role("primary"))},
			message: `--selector: the Service would also lead to pods of another cluster than IrisCluster "c" (namespace "prod"): c-data-data-0-0, d-data-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector without the cluster, and foreign pods in another role": {
			request: expose.SidecarRequest{Role: "backup", Options: expose.Options{Selector: edits(t, "intersystems.com/name-")}},
			cluster: resource("c", "", isMirrored), pods: mirror, foreign: many,
			message: `--selector: the Service would also lead to pods of another cluster than IrisCluster "c" (namespace "prod"): d-data-0-0, e-data-0-0, f-data-0-0, g-data-0-0, h-data-0-0 and 2 more`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector without the cluster, and as many foreign pods as are listed": {
			request: expose.SidecarRequest{Role: "primary", Options: expose.Options{Selector: edits(t, "intersystems.com/name-")}},
			cluster: resource("c", "", isMirrored), pods: mirror, foreign: many[:5],
			message: `--selector: the Service would also lead to pods of another cluster than IrisCluster "c" (namespace "prod"): d-data-0-0, e-data-0-0, f-data-0-0, g-data-0-0, h-data-0-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector that is all the user's": {
			request: edit("intersystems.com/name-", "intersystems.com/kind-", "intersystems.com/role-", "zone=a"),
			cluster: resource("c", ""), pods: single, foreign: []iris.Pod{pod("d", "data-0", label("zone", "a"))},
			message: `--selector: the Service would also lead to pods of another cluster than IrisCluster "c" (namespace "prod"): d-data-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector with another cluster": {
			request: edit("intersystems.com/name=d"),
			cluster: resource("c", ""), pods: single, foreign: []iris.Pod{pod("d", "data-0")},
			message: `--selector: the Service would also lead to pods of another cluster than IrisCluster "c" (namespace "prod"): d-data-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector with a cluster that there is not": {
			request: edit("intersystems.com/name=e"),
			cluster: resource("c", ""), pods: single,
			message: `--selector intersystems.com/name=e: the Service would not lead to pods of IrisCluster "c" (namespace "prod")`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"selector pinned to a foreign pod": {
			request: edit("intersystems.com/name-", "statefulset.kubernetes.io/pod-name=d-data-0"),
			cluster: resource("c", ""), pods: single, foreign: []iris.Pod{pod("d", "data-0")},
			message: `--selector: the Service would also lead to pods of another cluster than IrisCluster "c" (namespace "prod"): d-data-0`,
			hint:    "keep intersystems.com/name=c", code: 2,
		},
		"role by selector where there is no mirror": {
			request: edit("intersystems.com/mirrorRole=primary"),
			cluster: resource("c", ""), pods: single,
			message: `--role "primary": IrisCluster "c" in namespace "prod" is not mirrored`, hint: "leave --role out", code: 2,
		},
		"two roles": {
			request: expose.SidecarRequest{Role: "backup", Options: edit("intersystems.com/mirrorRole=primary").Options},
			cluster: resource("c", "", isMirrored), pods: single,
			message: "--selector intersystems.com/mirrorRole=primary contradicts --role=backup", hint: "leave one of them out", code: 2,
		},
		"a role and none": {
			request: expose.SidecarRequest{Role: "backup", Options: edit("intersystems.com/mirrorRole-").Options},
			cluster: resource("c", "", isMirrored), pods: single,
			message: "--selector intersystems.com/mirrorRole- contradicts --role=backup", hint: "leave one of them out", code: 2,
		},
		"two components": {
			request: expose.SidecarRequest{Component: "compute", Options: edit("intersystems.com/component=data").Options},
			cluster: resource("c", ""), pods: single,
			message: "--selector intersystems.com/component=data contradicts --component=compute", hint: "leave one of them out", code: 2,
		},
		"unknown component by selector": {
			request: edit("intersystems.com/component=arbiter"),
			cluster: resource("c", ""), pods: single,
			message: `--component "arbiter" is not known`, hint: "data", code: 2,
		},
		"selector that nothing is left of": {
			request: edit("intersystems.com/name-", "intersystems.com/kind-", "intersystems.com/role-", "intersystems.com/component-"),
			cluster: resource("c", ""), pods: single,
			message: "--selector intersystems.com/component-: this key is not for --selector", hint: "--component", code: 2,
		},
		"empty role by selector": {
			request: edit("intersystems.com/mirrorRole="),
			cluster: resource("c", ""), pods: single,
			message: "--selector intersystems.com/mirrorRole=: no pod carries this key without a value", hint: "--role", code: 2,
		},
		"component by selector": {
			request: edit("intersystems.com/component-"),
			cluster: resource("c", ""), pods: single,
			message: "--selector intersystems.com/component-: this key is not for --selector", hint: "--component", code: 2,
		},
		"shard by selector": {
			request: edit("intersystems.com/shard=0"),
			cluster: resource("c", ""), pods: single,
			message: `--shard "0": the data pods of IrisCluster "c" in namespace "prod" bear no shard label`, hint: "leave --shard out", code: 2,
		},
		"key that the selector does not have": {
			request: edit("intersystem.com/name-"),
			cluster: resource("c", ""), pods: single,
			message: "--selector intersystem.com/name-: the selector has no such key", hint: "intersystems.com/component, intersystems.com/kind, intersystems.com/name, intersystems.com/role", code: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.request.Component == "" {
				test.request.Component = "data"
			}
			_, err := expose.Sidecar(test.request, expose.Facts{
				Namespace: "prod", Cluster: test.cluster, ClusterRead: !test.unread, Pods: test.pods, Foreign: test.foreign,
			})
			checkError(t, err, test.message, test.hint, test.code)
		})
	}
}

func TestPodThatCannotBe(t *testing.T) {
	data := pod("c", "data-0", sidecar(80))
	for name, test := range map[string]struct {
		request       expose.PodRequest
		foreign       []iris.Pod
		message, hint string
		code          int
	}{
		"wrong option": {
			request: expose.PodRequest{Pod: data, Options: expose.Options{Name: "X"}},
			message: `--name "X" is not a Service's name`, hint: "lower-case", code: 2,
		},
		"not IRIS": {
			request: expose.PodRequest{Pod: pod("c", "data-0", without("intersystems.com/kind"))},
			message: `pod "c-data-0" in namespace "prod" is not one of an IrisCluster`, hint: "kubectl", code: 1,
		},
		"of no StatefulSet": {
			request: expose.PodRequest{Pod: pod("c", "data-0", without("statefulset.kubernetes.io/pod-name"))},
			message: `pod "c-data-0" (namespace "prod") carries no label statefulset.kubernetes.io/pod-name, so no selector leads to it alone`, hint: "StatefulSet", code: 1,
		},
		"no web port": {
			request: expose.PodRequest{Pod: pod("c", "arbiter-0", func(p *corev1.Pod) {
				p.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "z", ContainerPort: 1}, {Name: "agent", ContainerPort: 2188}, {ContainerPort: 3}, {Name: "z", ContainerPort: 4}}
			})},
			message: "--port is missing: the pod is not known to serve a portal", hint: "by name there are agent, superserver, z", code: 2,
		},
		"no target": {
			request: expose.PodRequest{Pod: pod("c", "arbiter-0"), Options: expose.Options{Ports: ports(t, "99")}},
			message: "--port 99: the target is missing, since the pod is not known to serve a portal", hint: "99:99", code: 2,
		},
		"name of the cluster's Service": {
			request: expose.PodRequest{Pod: data, Options: expose.Options{Name: "c"}},
			message: `--name "c": IKO keeps a Service of that name`, hint: "another name", code: 2,
		},
		"role in the selector": {
			request: expose.PodRequest{Pod: data, Options: expose.Options{Selector: edits(t, "intersystems.com/mirrorRole=backup")}},
			message: "--selector intersystems.com/mirrorRole=backup: this key is not for --selector", hint: "expose-sidecar --role", code: 2,
		},
		"pod not in the selector": {
			request: expose.PodRequest{Pod: data, Options: expose.Options{Selector: edits(t, "statefulset.kubernetes.io/pod-name-")}},
			message: "--selector statefulset.kubernetes.io/pod-name-: this key is not for --selector", hint: "this one pod", code: 2,
		},
		"another cluster in the selector": {
			request: expose.PodRequest{Pod: data, Options: expose.Options{Selector: edits(t, "intersystems.com/name=d")}},
			message: `--selector intersystems.com/name=d: the Service would not lead to pods of IrisCluster "c" (namespace "prod")`, hint: "keep intersystems.com/name=c", code: 2,
		},
		"two pods of one name": {
			request: expose.PodRequest{Pod: data, Options: expose.Options{Selector: edits(t, "intersystems.com/name-")}},
			foreign: []iris.Pod{pod("d", "data-0", label("statefulset.kubernetes.io/pod-name", "c-data-0"))},
			message: `--selector: the Service would also lead to pods of another cluster than IrisCluster "c" (namespace "prod"): d-data-0`, hint: "keep intersystems.com/name=c", code: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := expose.Pod(test.request, expose.Facts{
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
		if got := (expose.Options{Selector: edits(t, edit)}).NeedsForeign(); got != want {
			t.Errorf("%s: %v", edit, got)
		}
	}
}
