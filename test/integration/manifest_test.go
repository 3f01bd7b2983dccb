package integration_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// gitOps applies a manifest as a tool that keeps it in Git does.
func (e *env) gitOps(manifest string) *corev1.Service {
	e.Helper()
	body, err := yaml.YAMLToJSON([]byte(manifest))
	e.must(err)
	var service corev1.Service
	e.must(json.Unmarshal(body, &service))
	applied, err := e.core.CoreV1().Services(e.namespace).
		Patch(e.ctx, service.Name, types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "git-ops"})
	e.must(err)
	return applied
}

// A printed manifest holds nothing that is true of one cluster at one time only.
// Applied to a cluster that was recreated it makes the Service, which stays.
func TestManifestOutlivesTheCluster(t *testing.T) {
	t.Parallel()
	e := article(t)
	uid := e.uid("simple")
	manifests := map[string]string{}
	for name, args := range map[string][]string{
		exposed:               {"expose-sidecar", "simple", "--role=backup"},
		"simple-pod-data-0-1": {"expose-pod", "data-0-1"},
	} {
		for _, format := range []string{"yaml", "json"} {
			with := append(args, "--dry-run=client", "-o", format)
			manifest := e.run(with...).exits(0).stdout
			for _, part := range []string{uid, "uid", "ownerReferences", "resourceVersion", "creationTimestamp", "status", "clusterIP", "nodePort"} {
				if strings.Contains(manifest, part) {
					t.Errorf("%q: %q is in\n%s", with, part, manifest)
				}
			}
			manifests[name] = manifest
			owned := e.run(append(with, "--owner-reference")...).exits(0).stdout
			if !strings.Contains(owned, uid) {
				t.Errorf("%q with --owner-reference: no owner in\n%s", with, owned)
			}
		}
	}
	e.run("expose-pod", "data-0-0", "--type=ClusterIP").exits(0) // has an owner: it shows when the collector has been

	e.deleteCluster("simple")
	becomes(e, "the Service that has an owner", (*corev1.Service)(nil), func() *corev1.Service { return e.service("simple-pod-data-0-0") })
	becomes(e, "pods of the deleted IrisCluster", 0, func() int {
		pods, err := e.core.CoreV1().Pods(e.namespace).List(e.ctx, metav1.ListOptions{})
		e.must(err)
		return len(pods.Items)
	})
	e.apply("article")
	if uid == e.uid("simple") {
		t.Fatal("the IrisCluster is not another one")
	}
	uids := map[string]types.UID{}
	for name, manifest := range manifests {
		first := e.gitOps(manifest)
		equal(t, "resource version after a second apply", first.ResourceVersion, e.gitOps(manifest).ResourceVersion)
		uids[name] = first.UID
	}
	for name := range manifests { // which pod is the backup now does not matter
		becomes(e, "number of pods that service "+name+" reaches", 1, func() int { return len(e.reached(name)) })
	}

	// The collector has looked at owners once more when it has deleted this one.
	e.run("expose-pod", "data-0-0", "--type=ClusterIP").exits(0)
	e.patchService("simple-pod-data-0-0", fmt.Sprintf(`{"metadata":{"ownerReferences":[
		{"apiVersion":"intersystems.com/v1alpha1","kind":"IrisCluster","name":"simple","uid":%q}]}}`, uid))
	becomes(e, "the Service whose owner is gone", (*corev1.Service)(nil), func() *corev1.Service { return e.service("simple-pod-data-0-0") })
	for name, uid := range uids {
		if service := e.service(name); service == nil || service.UID != uid {
			t.Errorf("service %q did not stay: %v", name, service)
		}
	}
	// The tool knows such a Service for one of its own.
	equal(t, "exposed", "service/simple-pod-data-0-1\nservice/"+exposed+"\n", e.run("exposed", "-o", "name").exits(0).stdout)
	e.run("expose-sidecar", "--role=backup", "--dry-run=client").exits(0).prints("service/" + exposed + " configured (dry run)")
	e.run("expose-sidecar", "--role=backup").exits(0).prints("service/" + exposed + " configured")
	equal(t, "owners", 1, len(e.service(exposed).OwnerReferences))
}

// Asked for or not, a dry run on the server shows the owner that the real run
// would set.
func TestServerDryRunHasTheOwner(t *testing.T) {
	t.Parallel()
	e := article(t)
	service := decoded[corev1.Service](e.run("expose-sidecar", "--role=backup", "--dry-run=server", "-o", "json").exits(0))
	equal(t, "owners", 1, len(service.OwnerReferences))
	service = decoded[corev1.Service](e.run("expose-sidecar", "--role=backup", "--dry-run=server", "-o", "json", "--owner-reference=false").exits(0))
	equal(t, "owners", 0, len(service.OwnerReferences))
}

// A client dry run has the word of the real run that follows it.
func TestClientDryRunForetells(t *testing.T) {
	t.Parallel()
	e := article(t)
	both := func(outcome string, args ...string) {
		t.Helper()
		before := e.versions()
		dry := e.run(append(args, "--dry-run=client")...).exits(0).prints("service/" + exposed + " " + outcome + " (dry run)")
		e.unchanged(before)
		r := e.run(args...).exits(0)
		if first, _, _ := strings.Cut(r.stdout, "\n"); first != "service/"+exposed+" "+outcome {
			t.Errorf("%q: foretold was %q, but: %s", args, outcome, r.stdout)
		}
		r.warns(strings.Split(strings.TrimSuffix(dry.stderr, "\n"), "\n")...)
	}
	sidecar := func(flags ...string) []string { return append([]string{"expose-sidecar", "--role=backup"}, flags...) }
	both("created", sidecar()...)
	both("unchanged", sidecar()...)
	both("configured", sidecar("--type=ClusterIP", "--port=8080", "--port=superserver")...)
	both("unchanged", sidecar("--type=ClusterIP", "--port=8080", "--port=superserver")...)
	both("configured", sidecar("--type=ClusterIP", "--session-affinity=None")...)
	both("unchanged", sidecar("--type=ClusterIP", "--session-affinity=None")...)
	both("configured", sidecar("--type=ClusterIP", "--owner-reference=false")...)
	both("configured", sidecar("--type=ClusterIP", "--label=team=blue", "--annotation=example.com/note=x", "--selector=tier=gold")...)
	both("unchanged", sidecar("--type=ClusterIP", "--label=team=blue", "--annotation=example.com/note=x", "--selector=tier=gold")...)
	both("configured", "expose-pod", "data-0-1", "--type=ClusterIP", "--name="+exposed)
	both("unchanged", "expose-pod", "data-0-1", "--type=ClusterIP", "--name="+exposed)
	e.patchService(exposed, `{"spec":{"sessionAffinity":"ClientIP"}}`)
	both("unchanged", "expose-pod", "data-0-1", "--type=ClusterIP", "--name="+exposed)
	both("configured", "expose-pod", "data-0-1", "--type=ClusterIP", "--name="+exposed, "--force-conflicts")
	both("unchanged", "expose-pod", "data-0-1", "--type=ClusterIP", "--name="+exposed, "--force-conflicts")
	e.must(e.core.CoreV1().Services(e.namespace).Delete(e.ctx, exposed, metav1.DeleteOptions{}))
	service := foreign(exposed)
	service.Finalizers = nil
	e.makeService(service)
	e.run(sidecar("--dry-run=client")...).fails(1, notMade, "not created by kubectl-iris", notMadeHint)
	both("adopted", sidecar("--adopt")...)

	e.run("expose-pod", "data-0-0", "data-0-1", "--dry-run=client").exits(0).
		prints("service/simple-pod-data-0-0 created (dry run)", "service/simple-pod-data-0-1 created (dry run)")
}

// If the Service may not be read, a client dry run says so.
func TestClientDryRunWithoutServices(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("expose-sidecar", "--role=backup").exits(0)
	user := e.user("no-services", exposeRights().without("services"))
	r := user.run("expose-sidecar", "simple", "--role=backup", "--dry-run=client").exits(0).prints("service/" + exposed + " created (dry run)")
	if !strings.Contains(r.stderr, `warning: whether service "`+exposed+`" exists in namespace "`+e.namespace+`" is unknown: cannot get services`) {
		t.Errorf("nothing is said of what is not known: %s", r.stderr)
	}
	user.run("expose-sidecar", "simple", "--role=backup", "--dry-run=client", "-o", "name").exits(0).prints("service/" + exposed)
}

// A dry run on the server shows what the real run makes, also of a Service that
// is adopted or whose fields are taken over; so does its diff.
func TestServerDryRunTakesOver(t *testing.T) {
	t.Parallel()
	both := func(t *testing.T, e *env, outcome string, diff []string, args ...string) {
		t.Helper()
		before := e.versions()
		live := e.service(exposed)
		shown := func(s corev1.Service) corev1.Service {
			s.TypeMeta, s.ManagedFields, s.ResourceVersion, s.Generation = metav1.TypeMeta{}, nil, "", 0
			for i, port := range s.Spec.Ports {
				same := func(p corev1.ServicePort) bool { return p.NodePort == port.NodePort }
				if !slices.ContainsFunc(live.Spec.Ports, same) { // a new one: the dry run's is not that of the real run
					s.Spec.Ports[i].NodePort = 1
				}
			}
			return s
		}
		text := e.run(append(args, "--dry-run=server")...).exits(0).prints("service/" + exposed + " " + outcome + " (server dry run)")
		if strings.Contains(text.stderr, "which another client has set") {
			t.Errorf("it warns of what the real run removes:\n%s", text.stderr)
		}
		dry := decoded[corev1.Service](e.run(append(args, "--dry-run=server", "-o", "json")...).exits(0))
		changes := e.run(append(args, "--dry-run=server", "--diff")...).exits(0).stdout
		for _, part := range diff {
			if !strings.Contains(changes, part) {
				t.Errorf("%q is not in the diff:\n%s", part, changes)
			}
		}
		e.unchanged(before)
		real := decoded[corev1.Service](e.run(append(args, "-o", "json")...).exits(0))
		equal(t, "the Service of the dry run and of the real run", shown(real), shown(dry))
		e.run(append(args, "--dry-run=server", "--diff")...).exits(0).prints()
	}
	t.Run("adopted", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		service := foreign(exposed)
		service.Spec.ExternalIPs = []string{"192.0.2.7"}
		e.makeService(service)
		both(t, e, "adopted", []string{"\n-    port: 8080\n", "\n-  externalIPs:\n", "\n-    app: web\n", "\n+  type: LoadBalancer\n", "\n+    kubectl-iris/cluster: simple\n"},
			"expose-sidecar", "--role=backup", "--adopt")
		e.patchService(exposed, `{"metadata":{"finalizers":null}}`)
	})
	t.Run("applied by another, to the same port", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		service := foreign(exposed)
		service.APIVersion, service.Kind, service.Finalizers = "v1", "Service", nil
		service.Spec.Ports = service.Spec.Ports[1:]
		// The server gives out the first 86 node ports last, so that no other
		// test's Service has this one.
		service.Spec.Ports[0].NodePort = 30042
		body, err := json.Marshal(service)
		e.must(err)
		_, err = e.core.CoreV1().Services(e.namespace).Patch(e.ctx, exposed, types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "kubectl"})
		e.must(err)
		both(t, e, "adopted", []string{"\n-  - name: admin\n", "\n+    targetPort: 80\n"}, "expose-sidecar", "--role=backup", "--adopt")
	})
	t.Run("by force", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.run("expose-sidecar", "--role=backup").exits(0)
		live := e.service(exposed)
		live.Spec.Ports = append(live.Spec.Ports, corev1.ServicePort{Name: "extra", Port: 9999, TargetPort: intstr.FromInt32(9)})
		live.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
		_, err := e.core.CoreV1().Services(e.namespace).Update(e.ctx, live, metav1.UpdateOptions{FieldManager: "another-client"})
		e.must(err)
		e.run("expose-sidecar", "--role=backup", "--force-conflicts", "--diff").exits(0)
		both(t, e, "configured", []string{"\n-    port: 9999\n", "\n-  sessionAffinity: ClientIP\n"}, "expose-sidecar", "--role=backup", "--force-conflicts")
		e.run("expose-sidecar", "--role=backup", "--force-conflicts", "--dry-run=server").exits(0).prints("service/" + exposed + " unchanged (server dry run)")
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		e.makeService(foreign(exposed))
		before := e.versions()
		for _, flags := range [][]string{{"--dry-run=server"}, {"--dry-run=server", "--diff"}} {
			e.run(append([]string{"expose-sidecar", "--role=backup", "--adopt", "--ip-family-policy=RequireDualStack"}, flags...)...).
				fails(1, notMade, "ipFamilyPolicy", "RequireDualStack")
		}
		e.unchanged(before)
		e.patchService(exposed, `{"metadata":{"finalizers":null}}`)
	})
	t.Run("created", func(t *testing.T) {
		t.Parallel()
		e := article(t)
		before := e.versions()
		changes := e.run("expose-sidecar", "--role=backup", "--dry-run=server", "--diff").exits(0).stdout
		// Only the server could say this.
		if !strings.Contains(changes, "\n+  sessionAffinity: None\n") || strings.Contains(changes, "clusterIP") {
			t.Errorf("this is not what the server answered:\n%s", changes)
		}
		e.unchanged(before)
	})
}

// A headless Service stays headless whatever is applied to it: it is not adopted.
func TestAdoptHeadless(t *testing.T) {
	t.Parallel()
	e := article(t)
	headless := foreign(exposed)
	headless.Spec.Type, headless.Spec.ClusterIP, headless.Spec.SessionAffinity = corev1.ServiceTypeClusterIP, corev1.ClusterIPNone, ""
	e.makeService(headless)
	before := e.versions()
	for _, flags := range [][]string{{"--type=ClusterIP"}, {"--type=NodePort"}, nil, {"--type=ClusterIP", "--dry-run=client"}, {"--dry-run=server"}, {"--diff"}} {
		e.run(append([]string{"expose-sidecar", "--role=backup", "--adopt"}, flags...)...).
			fails(1, notMade, "is headless (clusterIP None)", "--name")
	}
	e.unchanged(before)
	e.patchService(exposed, `{"metadata":{"finalizers":null}}`)
}

// The fields of the serviceTemplate that fit are taken over and accepted by the
// server, for each type; a user with fewer rights does not take them away. What
// names one Service is left out, and said to be.
func TestServiceTemplate(t *testing.T) {
	t.Parallel()
	e := article(t)
	const host, name = "external-dns.alpha.kubernetes.io/hostname", "service.beta.kubernetes.io/aws-load-balancer-name"
	annotations := map[string]string{
		host: "iris.example.org", "metallb.universe.tf/loadBalancerIPs": "192.0.2.50", name: "iris-prod",
		"service.beta.kubernetes.io/azure-load-balancer-internal": "true", "example.com/pool": "a",
	}
	template, err := json.Marshal(map[string]any{"spec": map[string]any{"serviceTemplate": map[string]any{
		"metadata": map[string]any{"annotations": annotations, "labels": map[string]string{"team": "blue", "argocd.argoproj.io/instance": "iris"}},
		"spec": map[string]any{
			"type": "LoadBalancer", "ipFamilyPolicy": "PreferDualStack", "ipFamilies": []string{"IPv4"},
			"internalTrafficPolicy": "Local", "allocateLoadBalancerNodePorts": false,
			"sessionAffinity": "ClientIP", "sessionAffinityConfig": map[string]any{"clientIP": map[string]any{"timeoutSeconds": 60}},
		},
	}}})
	e.must(err)
	e.patchCluster("simple", string(template))
	left := `warning: not taken over from the serviceTemplate of IrisCluster "simple" in namespace "` + e.namespace + `", because only one Service may have it or another tool recognises its objects by it: ` +
		"annotation " + host + ", annotation metallb.universe.tf/loadBalancerIPs, annotation " + name + ", label argocd.argoproj.io/instance"
	internal, local := map[string]string{"service.beta.kubernetes.io/azure-load-balancer-internal": "true", "example.com/pool": "a"}, corev1.ServiceInternalTrafficPolicyLocal

	for _, kind := range []corev1.ServiceType{corev1.ServiceTypeClusterIP, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort} {
		e.run("expose-sidecar", "--role=primary", "--type="+string(kind)).exits(0).warns(left)
		e.run("expose-sidecar", "--role=primary", "--type="+string(kind)).exits(0)
		got := e.service("simple-sidecar-primary")
		equal(t, "annotations", internal, got.Annotations)
		equal(t, "label", "blue", got.Labels["team"])
		equal(t, "IP families", corev1.IPFamilyPolicyPreferDualStack, *got.Spec.IPFamilyPolicy)
		equal(t, "internal traffic", local, *got.Spec.InternalTrafficPolicy)
		equal(t, "affinity", int32(60), *got.Spec.SessionAffinityConfig.ClientIP.TimeoutSeconds)
		equal(t, "node port", kind == corev1.ServiceTypeNodePort, got.Spec.Ports[0].NodePort != 0)
	}
	// Nothing of it is lost by a run that cannot read the template.
	e.run("expose-sidecar", "--role=primary").exits(0)
	before := e.service("simple-sidecar-primary")
	user := e.user("no-clusters", exposeRights().without("irisclusters.intersystems.com"))
	user.run("expose-sidecar", "simple", "--role=primary").exits(0).prints("service/simple-sidecar-primary unchanged")
	equal(t, "the Service", before, e.service("simple-sidecar-primary"))

	e.run("expose-sidecar", "--role=primary", "--annotation=example.com/pool-", "--annotation="+name+"-", "--annotation="+host+"=other.example.org").exits(0).
		warns(strings.NewReplacer("annotation "+host+", ", "", ", annotation "+name, "").Replace(left))
	want := maps.Clone(internal)
	delete(want, "example.com/pool")
	want[host] = "other.example.org"
	equal(t, "annotations", want, e.service("simple-sidecar-primary").Annotations)

	// Said once, for however many Services.
	e.run("expose-pod", "--all", "--type=ClusterIP", "--dry-run=client", "--selector=tier=gold").exits(0).
		warns("warning: no pod matches the selector; the Service has no endpoints until one does", left,
			`warning: pod "simple-data-0-1" is labelled backup: InterSystems does not support running application code on a backup (GHA_mirror_set)`)
	equal(t, "kinds of target", view.TargetSidecar, decoded[view.ExposedServiceList](e.run("exposed", "-o", "json").exits(0)).Items[0].Target.Kind)
}
