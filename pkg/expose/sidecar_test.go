package expose_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

func TestSidecarOfTheArticleIsItsService(t *testing.T) {
	facts, want := article(t)
	plan, err := planSidecar(sidecarRequest{
		Role:      "backup",
		Component: "data",
		Options:   expose.Options{Name: "sidecar-service", OwnerReference: true},
	}, facts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Spec, plan.Service.Spec); diff != "" {
		t.Errorf("spec differs from the article's (-article +ours):\n%s", diff)
	}
	if got := plan.Service.Name; got != want.Name {
		t.Errorf("name %q, want %q", got, want.Name)
	}
	if diff := cmp.Diff([]string{"simple-data-0-1"}, plan.Selects); diff != "" {
		t.Errorf("selects (-want +got):\n%s", diff)
	}
}

// wanted is a Service of the tool for a cluster, before what a case adds.
func wanted(name, cluster string, labels, selector map[string]string, change ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "prod",
			Name:      name,
			Labels: union(map[string]string{
				"app.kubernetes.io/managed-by": "kubectl-iris",
				"kubectl-iris/cluster":         cluster,
			}, labels),
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "intersystems.com/v1alpha1", Kind: "IrisCluster", Name: cluster, UID: types.UID("uid-of-" + cluster),
			}},
		},
		Spec: corev1.ServiceSpec{
			Type:  corev1.ServiceTypeClusterIP,
			Ports: []corev1.ServicePort{tcp("http", 81, 80)},
			Selector: union(map[string]string{
				"intersystems.com/kind": "IrisCluster",
				"intersystems.com/name": cluster,
				"intersystems.com/role": "iris",
			}, selector),
		},
	}
	for _, f := range change {
		f(s)
	}
	return s
}

// wantedSidecar is the Service for the sidecars of a data node.
func wantedSidecar(name, cluster, role, shard string, change ...func(*corev1.Service)) *corev1.Service {
	labels := map[string]string{"kubectl-iris/target": "sidecar", "kubectl-iris/component": "data"}
	selector := map[string]string{"intersystems.com/component": "data"}
	if role != "" {
		labels["kubectl-iris/role"], selector["intersystems.com/mirrorRole"] = role, role
	}
	if shard != "" {
		labels["kubectl-iris/shard"], selector["intersystems.com/shard"] = shard, shard
	}
	return wanted(name, cluster, labels, selector, change...)
}

func tcp(name string, number, target int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: number, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(target)}
}

func hasPorts(ports ...corev1.ServicePort) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.Ports = ports }
}

func isLoadBalancer(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeLoadBalancer }

func holdsClients(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP }

func orphan(s *corev1.Service) { s.OwnerReferences = nil }

const (
	warnBackup = "InterSystems does not support running application code on a backup (GHA_mirror_set): use this Service for administration only"
	warnNobody = "no pod matches the selector; the Service has no endpoints until one does"
)

func TestSidecar(t *testing.T) {
	mirror := []iris.Pod{
		pod("c", "data-0-0", role("primary"), sidecar(80)),
		pod("c", "data-0-1", role("backup"), sidecar(80)),
		pod("c", "data-0-2", sidecar(80)),
		pod("c", "arbiter-0"),
	}
	single := []iris.Pod{pod("c", "data-0", sidecar(80))}
	class := "example.com/internal"
	full := corev1.ServiceSpec{
		Type:                     corev1.ServiceTypeLoadBalancer,
		ExternalTrafficPolicy:    corev1.ServiceExternalTrafficPolicyLocal,
		LoadBalancerClass:        &class,
		LoadBalancerSourceRanges: []string{"10.0.0.0/8"},
		LoadBalancerIP:           "192.0.2.1",
		SessionAffinity:          corev1.ServiceAffinityClientIP,
	}
	own := expose.Options{OwnerReference: true}
	notTaken := func(what string) string {
		return `not taken over from the serviceTemplate of IrisCluster "c" in namespace "prod", because only one Service may have it or another tool recognises its objects by it: ` + what
	}

	for name, test := range map[string]struct {
		request  sidecarRequest
		cluster  iris.Cluster
		unread   bool
		pods     []iris.Pod
		foreign  []iris.Pod
		want     *corev1.Service
		selects  []string
		warnings []string
	}{
		"primary of a mirror": {
			request: sidecarRequest{Role: "primary", Options: own},
			cluster: resource("c", "apache", isMirrored), pods: mirror,
			want:    wantedSidecar("c-sidecar-primary", "c", "primary", ""),
			selects: []string{"c-data-0-0"},
		},
		"backup of a mirror": {
			request: sidecarRequest{Role: "backup", Options: own},
			cluster: resource("c", "apache", isMirrored), pods: mirror,
			want:     wantedSidecar("c-sidecar-backup", "c", "backup", ""),
			selects:  []string{"c-data-0-1"},
			warnings: []string{warnBackup},
		},
		"no pod has the role yet": {
			request: sidecarRequest{Role: "primary", Options: own},
			cluster: resource("c", "apache", isMirrored), pods: mirror[2:],
			want:     wantedSidecar("c-sidecar-primary", "c", "primary", ""),
			selects:  []string{},
			warnings: []string{warnNobody},
		},
		"no pods yet, sidecar by spec": {
			request: sidecarRequest{Role: "primary", Options: own},
			cluster: resource("c", "apache-lockeddown", isMirrored),
			want: wantedSidecar("c-sidecar-primary", "c", "primary", "",
				hasPorts(tcp("http", 52774, 52773))),
			selects:  []string{},
			warnings: []string{warnNobody},
		},
		"no pod has the role yet, ports as the other members declare them": {
			request: sidecarRequest{Role: "primary", Options: own},
			cluster: resource("c", "apache", isMirrored), pods: []iris.Pod{pod("c", "data-0-1", role("backup"), sidecar(8080))},
			want:     wantedSidecar("c-sidecar-primary", "c", "primary", "", hasPorts(tcp("http", 8081, 8080))),
			selects:  []string{},
			warnings: []string{warnNobody},
		},
		"members that declare different ports": {
			request: sidecarRequest{Role: "primary", Options: own},
			cluster: resource("c", "apache", isMirrored),
			pods:    []iris.Pod{pod("c", "data-0-0", role("backup"), sidecar(80)), pod("c", "data-0-1", role("primary"), sidecar(8080))},
			want:    wantedSidecar("c-sidecar-primary", "c", "primary", "", hasPorts(tcp("http", 8081, 8080))),
			selects: []string{"c-data-0-1"},
		},
		"no pods yet, to doubt the target by": {
			request:  sidecarRequest{Role: "primary", Options: expose.Options{Ports: ports(t, "81:8080"), OwnerReference: true}},
			cluster:  resource("c", "apache", isMirrored),
			want:     wantedSidecar("c-sidecar-primary", "c", "primary", "", hasPorts(tcp("port-81", 81, 8080))),
			selects:  []string{},
			warnings: []string{warnNobody},
		},
		"a role that a pod carries": {
			request: sidecarRequest{Role: "drasync", Options: own},
			cluster: resource("c", "apache", isMirrored),
			pods: append([]iris.Pod{
				pod("c", "data-0-4", role("drasync"), sidecar(80)), pod("c", "data-0-3", role("drasync"), sidecar(80)),
			}, mirror...),
			want:     wantedSidecar("c-sidecar-drasync", "c", "drasync", "", holdsClients),
			selects:  []string{"c-data-0-3", "c-data-0-4"},
			warnings: []string{"the Service selects 2 pods, each with its own portal sessions: session affinity ClientIP keeps a client at one of them"},
		},
		"role by selector": {
			request: sidecarRequest{Options: expose.Options{OwnerReference: true, Selector: edits(t, "intersystems.com/mirrorRole=backup")}},
			cluster: resource("c", "apache", isMirrored), pods: mirror,
			want:     wantedSidecar("c-sidecar-backup", "c", "backup", ""),
			selects:  []string{"c-data-0-1"},
			warnings: []string{warnBackup},
		},
		"every member, by leaving the role out of the selector": {
			request: sidecarRequest{Options: expose.Options{OwnerReference: true, Selector: edits(t, "intersystems.com/mirrorRole-")}},
			cluster: resource("c", "apache", isMirrored), pods: mirror,
			want:     wantedSidecar("c-sidecar", "c", "", "", holdsClients),
			selects:  []string{"c-data-0-0", "c-data-0-1", "c-data-0-2"},
			warnings: []string{"the Service selects 3 pods, each with its own portal sessions: session affinity ClientIP keeps a client at one of them"},
		},
		"component by selector": {
			request: sidecarRequest{Component: "data", Options: expose.Options{OwnerReference: true, Selector: edits(t, "intersystems.com/component=data")}},
			cluster: resource("c", ""), pods: single,
			want:    wantedSidecar("c-sidecar", "c", "", ""),
			selects: []string{"c-data-0"},
		},
		"not mirrored": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", ""), pods: single,
			want:    wantedSidecar("c-sidecar", "c", "", ""),
			selects: []string{"c-data-0"},
		},
		"not mirrored, though labelled": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar(80), role("primary"))},
			want:    wantedSidecar("c-sidecar", "c", "", ""),
			selects: []string{"c-data-0"},
		},
		"a shard of several": {
			request: sidecarRequest{Role: "primary", Shard: "1", Options: own},
			cluster: resource("c", "apache", isMirrored, shards(2)),
			pods: []iris.Pod{
				pod("c", "data-0-0", role("primary"), shard("0"), sidecar(80)),
				pod("c", "data-1-0", role("primary"), shard("1"), sidecar(80)),
			},
			want:    wantedSidecar("c-sidecar-primary-1", "c", "primary", "1"),
			selects: []string{"c-data-1-0"},
		},
		"the only shard, named": {
			request: sidecarRequest{Shard: "0", Options: own},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", shard("0"), sidecar(80))},
			want:    wantedSidecar("c-sidecar-0", "c", "", "0"),
			selects: []string{"c-data-0"},
		},
		"the only shard, not named": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", shard("0"), sidecar(80))},
			want:    wantedSidecar("c-sidecar", "c", "", ""),
			selects: []string{"c-data-0"},
		},
		"shards without a label": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", "", shards(2)), pods: []iris.Pod{pod("c", "data-0", sidecar(80)), pod("c", "data-1", sidecar(80))},
			want:     wantedSidecar("c-sidecar", "c", "", "", holdsClients),
			selects:  []string{"c-data-0", "c-data-1"},
			warnings: []string{"the Service selects 2 pods, each with its own portal sessions: session affinity ClientIP keeps a client at one of them"},
		},
		"compute, with affinity None": {
			request: sidecarRequest{Component: "compute", Options: expose.Options{Spec: corev1.ServiceSpec{SessionAffinity: corev1.ServiceAffinityNone}, OwnerReference: true}},
			cluster: resource("c", ""),
			pods:    []iris.Pod{pod("c", "compute-0", sidecar(80)), pod("c", "compute-1", sidecar(80)), pod("c", "data-0")},
			want: wanted("c-sidecar-compute", "c",
				map[string]string{"kubectl-iris/target": "sidecar", "kubectl-iris/component": "compute"},
				map[string]string{"intersystems.com/component": "compute"},
				func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityNone }),
			selects:  []string{"c-compute-0", "c-compute-1"},
			warnings: []string{"the Service selects 2 pods, each with its own portal sessions: without session affinity ClientIP a login is lost between them"},
		},
		"several pods behind a port that is no portal": {
			request: sidecarRequest{Component: "compute", Options: expose.Options{Ports: ports(t, "superserver"), OwnerReference: true}},
			cluster: resource("c", ""),
			pods:    []iris.Pod{pod("c", "compute-0", sidecar(80)), pod("c", "compute-1", sidecar(80))},
			want: wanted("c-sidecar-compute", "c",
				map[string]string{"kubectl-iris/target": "sidecar", "kubectl-iris/component": "compute"},
				map[string]string{"intersystems.com/component": "compute"},
				hasPorts(tcp("superserver", 1972, 1972))),
			selects: []string{"c-compute-0", "c-compute-1"},
		},
		"cluster not read": {
			request: sidecarRequest{Role: "primary", Options: own},
			cluster: iris.Cluster{Name: "c"}, unread: true, pods: mirror,
			want:     wantedSidecar("c-sidecar-primary", "c", "primary", "", orphan),
			selects:  []string{"c-data-0-0"},
			warnings: []string{`IrisCluster "c" in namespace "prod" could not be read: the Service has no owner, so it remains when the cluster is deleted, and takes nothing over from its serviceTemplate`},
		},
		"cluster not read, no owner wanted": {
			request: sidecarRequest{},
			cluster: iris.Cluster{Name: "c"}, unread: true, pods: single,
			want:     wantedSidecar("c-sidecar", "c", "", "", orphan),
			selects:  []string{"c-data-0"},
			warnings: []string{`IrisCluster "c" in namespace "prod" could not be read: the Service takes nothing over from its serviceTemplate`},
		},
		"no owner wanted": {
			request: sidecarRequest{},
			cluster: resource("c", ""), pods: single,
			want:    wantedSidecar("c-sidecar", "c", "", "", orphan),
			selects: []string{"c-data-0"},
		},
		"cluster on its way out": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", "", func(c *iris.Cluster) { c.Deleting = true }), pods: single,
			want:     wantedSidecar("c-sidecar", "c", "", ""),
			selects:  []string{"c-data-0"},
			warnings: []string{`IrisCluster "c" in namespace "prod" is being deleted, and the Service with it`},
		},

		"declared port before the type's": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", "apache-lockeddown"), pods: []iris.Pod{pod("c", "data-0", sidecar(443, 8080))},
			want:    wantedSidecar("c-sidecar", "c", "", "", hasPorts(tcp("http", 8081, 8080))),
			selects: []string{"c-data-0"},
		},
		"TLS only": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar(443))},
			want:    wantedSidecar("c-sidecar", "c", "", "", hasPorts(tcp("https", 444, 443))),
			selects: []string{"c-data-0"},
		},
		"nothing declared, locked down": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", "apache-lockeddown"), pods: []iris.Pod{pod("c", "data-0", sidecar(), noPorts)},
			want:    wantedSidecar("c-sidecar", "c", "", "", hasPorts(tcp("http", 52774, 52773))),
			selects: []string{"c-data-0"},
		},
		"nothing declared, nginx": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", "nginx"), pods: []iris.Pod{pod("c", "data-0", sidecar(), noPorts)},
			want:    wantedSidecar("c-sidecar", "c", "", ""),
			selects: []string{"c-data-0"},
		},
		"target by type that the containers do not declare": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar())},
			want:     wantedSidecar("c-sidecar", "c", "", ""),
			selects:  []string{"c-data-0"},
			warnings: []string{"no container declares the target port 80/TCP"},
		},
		"last port of all": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar(65535))},
			want:    wantedSidecar("c-sidecar", "c", "", "", hasPorts(tcp("http", 1, 65535))),
			selects: []string{"c-data-0"},
		},

		"port without a target": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "8080"), OwnerReference: true}},
			cluster: resource("c", ""), pods: single,
			want:    wantedSidecar("c-sidecar", "c", "", "", hasPorts(tcp("http", 8080, 80))),
			selects: []string{"c-data-0"},
		},
		"ports without targets that the sidecar and the superserver have": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "80", "443", "1972"), OwnerReference: true}},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar(80, 443))},
			want: wantedSidecar("c-sidecar", "c", "", "",
				hasPorts(tcp("http", 80, 80), tcp("https", 443, 443), tcp("superserver", 1972, 1972))),
			selects: []string{"c-data-0"},
		},
		"names are made unique": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "81", "82", "http-82=83", "53:53/udp", "53:53", "9:9/sctp"), OwnerReference: true}},
			cluster: resource("c", ""), pods: single,
			want: wantedSidecar("c-sidecar", "c", "", "", hasPorts(
				tcp("http", 81, 80), tcp("http-82-tcp", 82, 80), tcp("http-82", 83, 80),
				corev1.ServicePort{Name: "port-53", Port: 53, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromInt32(53)},
				tcp("port-53-tcp", 53, 53),
				corev1.ServicePort{Name: "port-9", Port: 9, Protocol: corev1.ProtocolSCTP, TargetPort: intstr.FromInt32(9)},
			)),
			selects: []string{"c-data-0"},
			warnings: []string{
				"no container declares the target port 53/UDP",
				"no container declares the target port 53/TCP",
				"no container declares the target port 9/SCTP",
			},
		},
		"target by name": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "88:webserver", "89:nowhere"), OwnerReference: true}},
			cluster: resource("c", ""), pods: single,
			want: wantedSidecar("c-sidecar", "c", "", "", hasPorts(
				corev1.ServicePort{Name: "webserver", Port: 88, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("webserver")},
				corev1.ServicePort{Name: "nowhere", Port: 89, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("nowhere")},
			)),
			selects:  []string{"c-data-0"},
			warnings: []string{"no container declares the target port nowhere/TCP"},
		},
		"ports by name": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "webserver", "sql=superserver"), OwnerReference: true}},
			cluster: resource("c", ""), pods: single,
			want: wantedSidecar("c-sidecar", "c", "", "",
				hasPorts(tcp("webserver", 52773, 52773), tcp("sql", 1972, 1972))),
			selects: []string{"c-data-0"},
		},
		"superserver, no port declared": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "superserver"), OwnerReference: true}},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar(), noPorts)},
			want:    wantedSidecar("c-sidecar", "c", "", "", hasPorts(tcp("superserver", 1972, 1972))),
			selects: []string{"c-data-0"},
		},
		"chosen target, no port declared": {
			request: sidecarRequest{Options: expose.Options{Ports: ports(t, "81:8080"), OwnerReference: true}},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar(), noPorts)},
			want:     wantedSidecar("c-sidecar", "c", "", "", hasPorts(tcp("port-81", 81, 8080))),
			selects:  []string{"c-data-0"},
			warnings: []string{"no container declares the target port 8080/TCP"},
		},

		"everything of the template": {
			request: sidecarRequest{Options: expose.Options{OwnerReference: true, Labels: []expose.Edit{{Key: "team", Value: "blue"}}, Annotations: []expose.Edit{{Key: "example.com/note", Value: "ours"}}}},
			cluster: resource("c", "", template(full), func(c *iris.Cluster) {
				c.ServiceTemplate.Labels = map[string]string{"team": "red", "tier": "db", "kubectl-iris/pod": "x"}
				c.ServiceTemplate.Annotations = map[string]string{"example.com/note": "theirs", "metallb.io/allow-shared-ip": "iris"}
			}),
			pods: single,
			want: wantedSidecar("c-sidecar", "c", "", "", isLoadBalancer, func(s *corev1.Service) {
				s.Labels["team"], s.Labels["tier"] = "blue", "db"
				s.Annotations = map[string]string{"example.com/note": "ours", "metallb.io/allow-shared-ip": "iris"}
				s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
				s.Spec.LoadBalancerClass = &class
				s.Spec.LoadBalancerSourceRanges = []string{"10.0.0.0/8"}
				s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
			}),
			selects:  []string{"c-data-0"},
			warnings: []string{notTaken("label kubectl-iris/pod, spec.loadBalancerIP")},
		},
		"of the template what fits a node port": {
			request: sidecarRequest{Options: expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort}, NodePort: 30081, OwnerReference: true}},
			cluster: resource("c", "", template(full)), pods: single,
			want: wantedSidecar("c-sidecar", "c", "", "", func(s *corev1.Service) {
				s.Spec.Type = corev1.ServiceTypeNodePort
				s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
				s.Spec.Ports[0].NodePort = 30081
				s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
			}),
			selects:  []string{"c-data-0"},
			warnings: []string{notTaken("spec.loadBalancerIP")},
		},
		"of the template what fits a cluster IP": {
			request: sidecarRequest{Options: expose.Options{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP}, OwnerReference: true}},
			cluster: resource("c", "", template(full)), pods: single,
			want:     wantedSidecar("c-sidecar", "c", "", "", holdsClients),
			selects:  []string{"c-data-0"},
			warnings: []string{notTaken("spec.loadBalancerIP")},
		},
		"template of a type that this tool does not make": {
			request: sidecarRequest{Options: own},
			cluster: resource("c", "", template(corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName})), pods: single,
			want:     wantedSidecar("c-sidecar", "c", "", ""),
			selects:  []string{"c-data-0"},
			warnings: []string{notTaken("spec.type ExternalName")},
		},
		"the user's choice before the template's": {
			request: sidecarRequest{Options: expose.Options{Spec: corev1.ServiceSpec{LoadBalancerClass: ptr("example.com/public"), LoadBalancerSourceRanges: []string{"192.0.2.0/24"}, ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyCluster, SessionAffinity: corev1.ServiceAffinityNone, IPFamilyPolicy: ptr(corev1.IPFamilyPolicyPreferDualStack)}, PublishNotReady: ptr(true), OwnerReference: true}},
			cluster: resource("c", "", template(full)), pods: single,
			want: wantedSidecar("c-sidecar", "c", "", "", isLoadBalancer, func(s *corev1.Service) {
				s.Spec.LoadBalancerClass = ptr("example.com/public")
				s.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"}
				s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyCluster
				s.Spec.IPFamilyPolicy = ptr(corev1.IPFamilyPolicyPreferDualStack)
				s.Spec.PublishNotReadyAddresses = true
				s.Spec.SessionAffinity = corev1.ServiceAffinityNone
			}),
			selects:  []string{"c-data-0"},
			warnings: []string{notTaken("spec.loadBalancerIP")},
		},

		"selector with a key more and one less": {
			request: sidecarRequest{Options: expose.Options{Selector: edits(t, "zone=a", "intersystems.com/role-", "intersystems.com/component=data"), OwnerReference: true}},
			cluster: resource("c", ""), pods: []iris.Pod{pod("c", "data-0", sidecar(80), label("zone", "a"))},
			want: wantedSidecar("c-sidecar", "c", "", "", func(s *corev1.Service) {
				s.Spec.Selector["zone"] = "a"
				delete(s.Spec.Selector, "intersystems.com/role")
			}),
			selects: []string{"c-data-0"},
		},
		"selector without the cluster, which reaches no other": {
			request: sidecarRequest{Options: expose.Options{Selector: edits(t, "intersystems.com/name-", "zone=a"), OwnerReference: true}},
			cluster: resource("c", ""),
			pods:    []iris.Pod{pod("c", "data-0", sidecar(80), label("zone", "a"))},
			foreign: []iris.Pod{pod("d", "data-0", sidecar(80), label("zone", "b"))},
			want: wantedSidecar("c-sidecar", "c", "", "", func(s *corev1.Service) {
				s.Spec.Selector["zone"] = "a"
				delete(s.Spec.Selector, "intersystems.com/name")
			}),
			selects:  []string{"c-data-0"},
			warnings: []string{`the selector names neither a cluster nor a pod: the Service may come to select pods of other clusters than IrisCluster "c" in namespace "prod"`},
		},
		"selector without the cluster, pinned to a pod": {
			request: sidecarRequest{Options: expose.Options{Selector: edits(t, "intersystems.com/name-", "statefulset.kubernetes.io/pod-name=c-data-0"), OwnerReference: true}},
			cluster: resource("c", ""), pods: single,
			foreign: []iris.Pod{pod("d", "data-0", sidecar(80))},
			want: wantedSidecar("c-sidecar", "c", "", "", func(s *corev1.Service) {
				s.Spec.Selector["statefulset.kubernetes.io/pod-name"] = "c-data-0"
				delete(s.Spec.Selector, "intersystems.com/name")
			}),
			selects: []string{"c-data-0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := planSidecar(test.request, expose.Facts{
				Namespace: "prod", Cluster: test.cluster, ClusterRead: !test.unread, Pods: test.pods, Foreign: test.foreign,
			})
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, plan, test.want, test.selects, test.warnings)
		})
	}
}

// checkPlan compares a plan, and its target with its labels.
func checkPlan(t *testing.T, plan expose.Plan, service *corev1.Service, selects, warnings []string) {
	t.Helper()
	if diff := cmp.Diff(service, plan.Service, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(selects, plan.Selects); diff != "" {
		t.Errorf("selects (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(warnings, plan.Warnings(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&plan.Target, cluster.TargetOf(plan.Service)); diff != "" {
		t.Errorf("the labels do not give the target back (-plan +labels):\n%s", diff)
	}
}

func ptr[T any](v T) *T { return &v }
