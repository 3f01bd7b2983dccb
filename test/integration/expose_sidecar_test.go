package integration_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

const backupWarning = "warning: InterSystems does not support running application code on a backup (GHA_mirror_set): use this Service for administration only"

// planned is the Service that a command would apply.
func (e *env) planned(args ...string) *corev1.Service {
	e.Helper()
	r := e.run(append(args, "--dry-run=client", "-o", "yaml")...).exits(0)
	var service corev1.Service
	e.must(yaml.UnmarshalStrict([]byte(r.stdout), &service))
	return &service
}

// The article's Service, as it is printed there, is what one command makes of
// the article's cluster.
func TestArticleService(t *testing.T) {
	t.Parallel()
	e := article(t)
	before := e.versions()
	r := e.run("expose-sidecar", "--role", "backup", "--name", "sidecar-service", "--dry-run=client", "-o", "yaml").exits(0).warns(backupWarning)
	const printed = `
apiVersion: v1
kind: Service
metadata:
  name: sidecar-service
spec:
  ports:
  - name: http
    port: 81
    protocol: TCP
    targetPort: 80
  selector:
    intersystems.com/component: data
    intersystems.com/kind: IrisCluster
    intersystems.com/mirrorRole: backup
    intersystems.com/name: simple
    intersystems.com/role: iris
  type: LoadBalancer
`
	var want, got map[string]any
	e.must(yaml.Unmarshal([]byte(printed), &want))
	e.must(yaml.Unmarshal([]byte(r.stdout), &got))
	equal(t, "spec", want["spec"], got["spec"])
	delete(want, "spec")
	delete(got, "spec")
	equal(t, "metadata", map[string]any{
		"apiVersion": "v1", "kind": "Service",
		"metadata": map[string]any{
			"name": "sidecar-service", "namespace": e.namespace,
			"labels": map[string]any{
				"app.kubernetes.io/managed-by": "kubectl-iris", "kubectl-iris/cluster": "simple",
				"kubectl-iris/target": "sidecar", "kubectl-iris/component": "data", "kubectl-iris/role": "backup",
			},
		},
	}, got)
	e.unchanged(before)
}

func (e *env) uid(name string) string {
	e.Helper()
	return string(e.status(name).Metadata.UID)
}

// What is printed with a dry run is what is applied, and is there afterwards.
func TestDryRunEqualsApply(t *testing.T) {
	t.Parallel()
	e := article(t)
	want := e.planned("expose-sidecar", "--role=backup", "--label=team=blue", "--annotation=example.com/note=a b", "--owner-reference")
	e.run("expose-sidecar", "--role=backup", "--label=team=blue", "--annotation=example.com/note=a b").exits(0).
		prints("service/simple-sidecar-backup created").warns(backupWarning)
	got := e.service("simple-sidecar-backup")
	equal(t, "labels", want.Labels, got.Labels)
	equal(t, "annotations", want.Annotations, got.Annotations)
	equal(t, "owners", want.OwnerReferences, got.OwnerReferences)
	equal(t, "selector", want.Spec.Selector, got.Spec.Selector)
	equal(t, "type", want.Spec.Type, got.Spec.Type)
	got.Spec.Ports[0].NodePort = 0
	equal(t, "ports", want.Spec.Ports, got.Spec.Ports)
	managers := []string{}
	for _, entry := range got.ManagedFields {
		managers = append(managers, entry.Manager+" "+string(entry.Operation))
	}
	equal(t, "field managers", []string{"kubectl-iris Apply"}, managers)
}

// What is exposed of clusters of each kind, without further flags.
func TestSidecarDefaults(t *testing.T) {
	t.Parallel()
	type plan struct {
		Name     string
		Type     corev1.ServiceType
		Ports    string
		Selector string
		Affinity corev1.ServiceAffinity
	}
	planOf := func(s *corev1.Service) plan {
		p := plan{Name: s.Name, Type: s.Spec.Type, Affinity: s.Spec.SessionAffinity}
		for _, port := range s.Spec.Ports {
			p.Ports += fmt.Sprintf("%s %d->%s", port.Name, port.Port, port.TargetPort.String())
		}
		selector := strings.NewReplacer("intersystems.com/kind=IrisCluster,", "", ",intersystems.com/role=iris", "", "intersystems.com/", "")
		p.Selector = selector.Replace(metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Spec.Selector}))
		return p
	}
	const sharded = `
apiVersion: intersystems.com/v1alpha1
kind: IrisCluster
metadata: {name: many}
spec: {topology: {data: {image: "iris:1", mirrored: true, shards: 2, webgateway: {image: "gateway:1"}}}}
`
	sessions := "warning: the Service selects 2 pods, each with its own portal sessions: session affinity ClientIP keeps a client at one of them"
	for name, test := range map[string]struct {
		scenario string
		args     []string
		want     plan
		warnings []string
	}{
		"primary": {
			scenario: "article", args: []string{"--role=primary"},
			want: plan{Name: "simple-sidecar-primary", Type: "LoadBalancer", Ports: "http 81->80", Selector: "component=data,mirrorRole=primary,name=simple"},
		},
		"not mirrored": {
			scenario: "istio-unmirrored",
			want:     plan{Name: "iris-sidecar", Type: "LoadBalancer", Ports: "http 81->80", Selector: "component=data,name=iris"},
		},
		"compute": {
			scenario: "compute-sidecars", args: []string{"iris-vs2021", "--component=compute"},
			want:     plan{Name: "iris-vs2021-sidecar-compute", Type: "LoadBalancer", Ports: "http 81->80", Selector: "component=compute,name=iris-vs2021", Affinity: "ClientIP"},
			warnings: []string{sessions},
		},
		"locked down": {
			scenario: "locked-down",
			want:     plan{Name: "locked-sidecar", Type: "NodePort", Ports: "http 52774->52773", Selector: "component=data,name=locked"},
		},
		"no ports declared": {
			scenario: "undeclared-ports", args: []string{"--role=backup"},
			want:     plan{Name: "bare-sidecar-backup", Type: "ClusterIP", Ports: "http 81->80", Selector: "component=data,mirrorRole=backup,name=bare"},
			warnings: []string{"warning: no container declares the target port 80/TCP", backupWarning},
		},
		"sharded": {
			scenario: sharded, args: []string{"--role=backup", "--shard=1"},
			want:     plan{Name: "many-sidecar-backup-1", Type: "ClusterIP", Ports: "http 81->80", Selector: "component=data,mirrorRole=backup,name=many,shard=1"},
			warnings: []string{backupWarning},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			if strings.Contains(test.scenario, "\n") {
				e.applyDocument(test.scenario)
			} else {
				e.apply(test.scenario)
			}
			args := append([]string{"expose-sidecar"}, test.args...)
			equal(t, "plan", test.want, planOf(e.planned(args...)))
			e.run(args...).exits(0).warns(test.warnings...)
			if service := e.service(test.want.Name); service == nil || service.Spec.Type != test.want.Type {
				t.Errorf("service %q is not there as it was planned: %v", test.want.Name, service)
			}
			if name == "sharded" {
				e.run("expose-sidecar", "--role=backup").fails(2, "--shard", "0, 1")
			}
			if name == "locked down" {
				service := e.service("locked-sidecar")
				equal(t, "label and annotation of the template", "iris internal", service.Labels["team"]+" "+service.Annotations["example.com/pool"])
			}
		})
	}
}

// Run again, a Service is unchanged; type, ports, selector, labels and owner
// change both ways.
func TestSidecarChanges(t *testing.T) {
	t.Parallel()
	e := article(t)
	expose := func(outcome string, flags ...string) *corev1.Service {
		t.Helper()
		r := e.run(append([]string{"expose-sidecar", "simple", "--role=backup"}, flags...)...).exits(0)
		if first, _, _ := strings.Cut(r.stdout, "\n"); first != "service/simple-sidecar-backup "+outcome {
			t.Errorf("%q printed %q, want %s", flags, r.stdout, outcome)
		}
		return e.service("simple-sidecar-backup")
	}
	ports := func(s *corev1.Service) string {
		var words []string
		for _, p := range s.Spec.Ports {
			words = append(words, fmt.Sprintf("%s=%d:%s/%s", p.Name, p.Port, p.TargetPort.String(), p.Protocol))
		}
		return strings.Join(words, " ")
	}
	first := expose("created")
	expose("unchanged")

	for _, step := range []struct {
		kind corev1.ServiceType
		flag string
	}{{"ClusterIP", "--type=ClusterIP"}, {"NodePort", "--type=NodePort"}, {"LoadBalancer", ""}, {"ClusterIP", "--type=ClusterIP"}, {"LoadBalancer", "--type=LoadBalancer"}, {"NodePort", "--type=NodePort"}} {
		flags := []string{}
		if step.flag != "" {
			flags = append(flags, step.flag)
		}
		s := expose("configured", flags...)
		equal(t, "type", step.kind, s.Spec.Type)
		equal(t, "cluster IP", first.Spec.ClusterIP, s.Spec.ClusterIP)
		expose("unchanged", flags...)
	}
	const kind = "--type=ClusterIP"
	equal(t, "ports", "http=81:80/TCP", ports(expose("configured", kind)))
	equal(t, "ports", "a=8080:80/TCP superserver=1972:1972/TCP", ports(expose("configured", kind, "--port=a=8080", "--port=superserver")))
	equal(t, "ports", "a=8080:webserver/TCP", ports(expose("configured", kind, "--port=a=8080:webserver")))
	equal(t, "ports", "http=8080:80/TCP", ports(expose("configured", kind, "--port=8080")))
	equal(t, "ports", "http=81:80/TCP", ports(expose("configured", kind)))

	s := expose("configured", kind, "--selector=tier=gold", "--label=team=blue", "--annotation=example.com/note=x", "--publish-not-ready", "--session-affinity=ClientIP")
	equal(t, "selector key", "gold", s.Spec.Selector["tier"])
	equal(t, "label, annotation", "blue x", s.Labels["team"]+" "+s.Annotations["example.com/note"])
	equal(t, "not ready", true, s.Spec.PublishNotReadyAddresses)
	equal(t, "affinity", corev1.ServiceAffinityClientIP, s.Spec.SessionAffinity)
	s = expose("configured", kind)
	equal(t, "selector", map[string]string{
		"intersystems.com/component": "data", "intersystems.com/kind": "IrisCluster", "intersystems.com/name": "simple",
		"intersystems.com/role": "iris", "intersystems.com/mirrorRole": "backup",
	}, s.Spec.Selector)
	equal(t, "label, annotation", " ", s.Labels["team"]+" "+s.Annotations["example.com/note"])
	equal(t, "not ready", false, s.Spec.PublishNotReadyAddresses)
	equal(t, "affinity", corev1.ServiceAffinityNone, s.Spec.SessionAffinity)

	equal(t, "owners", 0, len(expose("configured", kind, "--owner-reference=false").OwnerReferences))
	equal(t, "owners", 1, len(expose("configured", kind).OwnerReferences))

	s = expose("configured", "--load-balancer-source-ranges=10.0.0.0/8,192.0.2.0/24", "--external-traffic-policy=Local")
	equal(t, "source ranges", []string{"10.0.0.0/8", "192.0.2.0/24"}, s.Spec.LoadBalancerSourceRanges)
	equal(t, "traffic policy", corev1.ServiceExternalTrafficPolicyLocal, s.Spec.ExternalTrafficPolicy)
	s = expose("configured")
	equal(t, "source ranges", 0, len(s.Spec.LoadBalancerSourceRanges))
	equal(t, "traffic policy", corev1.ServiceExternalTrafficPolicyCluster, s.Spec.ExternalTrafficPolicy)
	equal(t, "uid", first.UID, s.UID)
}

// Fields that can be set once only, and a chosen node port.
func TestSidecarFields(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("expose-sidecar", "--role=backup", "--load-balancer-class=example.com/internal", "--ip-family-policy=SingleStack", "--port=81:80").exits(0)
	service := e.service("simple-sidecar-backup")
	equal(t, "class", "example.com/internal", *service.Spec.LoadBalancerClass)
	equal(t, "IP families", corev1.IPFamilyPolicySingleStack, *service.Spec.IPFamilyPolicy)
	r := e.run("expose-sidecar", "--role=primary", "--type=NodePort").exits(0)
	assigned := e.service("simple-sidecar-primary").Spec.Ports[0].NodePort
	r.prints("service/simple-sidecar-primary created", e.nodeURL("simple-sidecar-primary"))
	e.run("expose-sidecar", "--role=primary", "--type=NodePort", fmt.Sprintf("--node-port=%d", assigned)).exits(0)
	equal(t, "node port", assigned, e.service("simple-sidecar-primary").Spec.Ports[0].NodePort)
}

// Warnings that do not keep the Service from being made.
func TestSidecarWarnings(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.annotate("simple", "stand-in.kubectl-iris/paused", "true")
	e.labelRole("simple-data-0-1", "")
	const nowhere = "warning: no pod matches the selector; the Service has no endpoints until one does"
	r := e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").exits(0).warns(nowhere, backupWarning)
	if !strings.HasPrefix(r.stdout, "service/simple-sidecar-backup created\n") {
		t.Errorf("the Service is not made: %s", r.stdout)
	}
	r = e.run("expose-sidecar", "--role=primary", "--port=81:8443", "--type=ClusterIP").exits(0)
	if !strings.Contains(r.stderr, "warning: no container declares the target port 8443/TCP") {
		t.Errorf("a target that no container declares is not warned of: %s", r.stderr)
	}
}

// A dry run on the server and a diff change nothing, and tell what would change.
func TestSidecarTriesOut(t *testing.T) {
	t.Parallel()
	e := article(t)
	before := e.versions()
	e.run("expose-sidecar", "--role=backup", "--dry-run=server").exits(0).prints("service/simple-sidecar-backup created (server dry run)")
	e.run("expose-sidecar", "--role=backup", "--dry-run=client").exits(0).prints("service/simple-sidecar-backup created (dry run)")
	r := e.run("expose-sidecar", "--role=backup", "--dry-run=server", "-o", "yaml").exits(0)
	var dry corev1.Service
	e.must(yaml.UnmarshalStrict([]byte(r.stdout), &dry))
	if dry.Spec.ClusterIP == "" && len(dry.Spec.ClusterIPs) == 0 && dry.UID == "" {
		t.Errorf("this is not what the server answered:\n%s", r.stdout)
	}
	added := e.run("expose-sidecar", "--role=backup", "--diff").exits(0)
	for _, want := range []string{"--- live/simple-sidecar-backup\n", "+++ planned/simple-sidecar-backup\n", "\n+  - name: http\n", "\n+    intersystems.com/mirrorRole: backup\n"} {
		if !strings.Contains(added.stdout, want) {
			t.Errorf("%q is not in the diff:\n%s", want, added.stdout)
		}
	}
	e.unchanged(before)

	e.run("expose-sidecar", "--role=backup").exits(0)
	before = e.versions()
	e.run("expose-sidecar", "--role=backup", "--diff").exits(0).prints()
	e.run("expose-sidecar", "--role=backup", "--dry-run=server").exits(0).prints("service/simple-sidecar-backup unchanged (server dry run)")
	changed := e.run("expose-sidecar", "--role=backup", "--port=8080", "--type=ClusterIP", "--diff").exits(0)
	for _, want := range []string{"\n-    port: 81\n", "\n+    port: 8080\n", "\n-  type: LoadBalancer\n", "\n+  type: ClusterIP\n"} {
		if !strings.Contains(changed.stdout, want) {
			t.Errorf("%q is not in the diff:\n%s", want, changed.stdout)
		}
	}
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP", "--dry-run=server").exits(0).prints("service/simple-sidecar-backup configured (server dry run)")
	e.unchanged(before)
}

// What is printed of the Service.
func TestSidecarOutput(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("expose-sidecar", "--role=backup", "-o", "name").exits(0).prints("service/simple-sidecar-backup")
	e.run("expose-sidecar", "--role=backup", "-o", "url").exits(0).prints()
	e.giveAddress("simple-sidecar-backup", "192.0.2.7")
	e.run("expose-sidecar", "--role=backup", "-o", "url").exits(0).prints("http://192.0.2.7:81/csp/sys/UtilHome.csp")
	e.run("expose-sidecar", "--role=backup").exits(0).prints("service/simple-sidecar-backup unchanged", "http://192.0.2.7:81/csp/sys/UtilHome.csp")
	equal(t, "jsonpath", "81", e.run("expose-sidecar", "--role=backup", "-o", "jsonpath={.spec.ports[0].port}").exits(0).stdout)
	for shown, args := range map[bool][]string{false: nil, true: {"--show-managed-fields"}} {
		printed := e.run(append([]string{"expose-sidecar", "--role=backup", "-o", "yaml"}, args...)...).exits(0).stdout
		equal(t, "managed fields are printed", shown, strings.Contains(printed, "managedFields:"))
	}
	service := decoded[corev1.Service](e.run("expose-sidecar", "--role=backup", "-o", "json").exits(0))
	equal(t, "kind, address", "Service 192.0.2.7", service.Kind+" "+service.Status.LoadBalancer.Ingress[0].IP)
}

// A selector that other clusters' pods match is refused, and one that only may
// come to match them is warned of.
func TestSidecarSelectorGuard(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.applyDocument(strings.ReplaceAll(otherMirror, "NAME", "other"))
	e.labelPod("simple-data-0-0", "tier", "gold")
	e.labelPod("simple-data-0-1", "tier", "gold")
	before := e.versions()
	e.run("expose-sidecar", "simple", "--role=backup", "--selector=intersystems.com/name-").
		fails(2, "--selector", "other-data-0-1")
	e.run("expose-sidecar", "simple", "--role=backup", "--selector=intersystems.com/name=other").fails(2, "--selector", "other-data-0-1")
	e.run("expose-sidecar", "simple", "--role=backup", "--selector=intersystems.com/mirrorRole-").fails(2, "--role")
	e.unchanged(before)
	r := e.run("expose-sidecar", "simple", "--role=backup", "--selector=intersystems.com/name-", "--selector=tier=gold").exits(0)
	if !strings.Contains(r.stderr, "warning: ") || e.service("simple-sidecar-backup") == nil {
		t.Errorf("a selector that reaches no other cluster: %s%s", r.stdout, r.stderr)
	}
	e.serviceReaches("simple-sidecar-backup", "simple-data-0-1")
}

// otherMirror is a mirrored IrisCluster with sidecars.
const otherMirror = `
apiVersion: intersystems.com/v1alpha1
kind: IrisCluster
metadata: {name: NAME}
spec: {topology: {data: {image: "iris:1", mirrored: true, webgateway: {image: "gateway:1"}}}}
`

func (e *env) labelPod(pod, key, value string) {
	e.Helper()
	e.patchPod(pod, fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, key, value))
}

// After a failover the Service for a role leads to another pod, and the one for
// a pod to the same.
func TestFailover(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("expose-sidecar", "--role=backup", "--type=ClusterIP").exits(0)
	e.run("expose-sidecar", "--role=primary", "--type=ClusterIP").exits(0)
	e.run("expose-pod", "data-0-1", "--type=ClusterIP").exits(0)
	targets := map[string]intstr.IntOrString{}
	for _, name := range []string{"simple-sidecar-backup", "simple-pod-data-0-1"} {
		targets[name] = e.service(name).Spec.Ports[0].TargetPort
	}
	equal(t, "target ports", map[string]intstr.IntOrString{"simple-sidecar-backup": intstr.FromInt32(80), "simple-pod-data-0-1": intstr.FromInt32(80)}, targets)
	e.serviceReaches("simple-sidecar-backup", "simple-data-0-1")
	e.serviceReaches("simple-sidecar-primary", "simple-data-0-0")
	e.serviceReaches("simple-pod-data-0-1", "simple-data-0-1")
	equal(t, "exposed", [][]string{
		{"simple-pod-data-0-1", "simple-data-0-1"}, {"simple-sidecar-backup", "simple-data-0-1"}, {"simple-sidecar-primary", "simple-data-0-0"},
	}, exposedReach(e))

	e.deletePod("simple-data-0-0") // an unplanned failover
	e.serviceReaches("simple-sidecar-backup", "simple-data-0-0")
	e.serviceReaches("simple-sidecar-primary", "simple-data-0-1")
	e.serviceReaches("simple-pod-data-0-1", "simple-data-0-1")
	equal(t, "exposed", [][]string{
		{"simple-pod-data-0-1", "simple-data-0-1"}, {"simple-sidecar-backup", "simple-data-0-0"}, {"simple-sidecar-primary", "simple-data-0-1"},
	}, exposedReach(e))
	equal(t, "roles", view.Shard{
		Name: "0", Primaries: []string{"simple-data-0-1"}, Backups: []string{"simple-data-0-0"}, Others: []string{}, Ready: 2, Members: 2,
	}, e.status("simple").Shards[0])
}

// exposedReach is the name of each Service that the tool made, with what it reaches.
func exposedReach(e *env) [][]string {
	e.Helper()
	var reach [][]string
	for _, item := range decoded[view.ExposedServiceList](e.run("exposed", "-o", "json").exits(0)).Items {
		reach = append(reach, append([]string{item.Metadata.Name}, item.Reaches...))
	}
	return reach
}
