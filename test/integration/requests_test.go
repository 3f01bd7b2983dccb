package integration_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
	"github.com/kubectl-iris/kubectl-iris/test/localkube"
)

// requests are those that the env's commands put to the server, by its audit
// log, in short.
func (e *env) requests() []string {
	e.Helper()
	found, err := cluster.AuditRequests(localkube.ByUserAgent("kubectl-iris/" + e.agent + " ("))
	e.must(err)
	short := []string{}
	for _, r := range found {
		if r.Resource == "" {
			short = append(short, r.Verb+" "+r.URI) // discovery and the like
			continue
		}
		if r.Subresource == "exec" || r.Subresource == "proxy" {
			continue // asks IRIS in a pod, and nothing of the server
		}
		short = append(short, r.Verb+" "+r.Resource)
	}
	slices.Sort(short)
	return short
}

// named is the env under a user agent of its own.
func (e *env) named(n int) *env {
	with := *e
	with.agent = fmt.Sprintf("%s-%d", e.agent, n)
	return &with
}

// What each command asks the server, by the server's own log: no discovery, and
// no more than is promised.
func TestRequests(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.giveAddresses()
	e.makeService(foreign("foreign"))
	e.settle()
	const (
		clusters, aCluster = "list irisclusters", "get irisclusters"
		pods, services     = "list pods", "list services"
		someSlices, events = "list endpointslices", "list events"
		get, patch         = "get services", "patch services"
		remove             = "delete services"
	)
	all := []string{someSlices, clusters, pods, services}
	for i, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"status", "simple"}, []string{aCluster, someSlices, pods, services}},
		{[]string{"status", "simple", "-o", "json"}, []string{aCluster, someSlices, pods, services}},
		{[]string{"status"}, all},
		{[]string{"status", "-l", "a=b"}, all},
		// A manifest depends on nothing that is live.
		{[]string{"expose-sidecar", "--role=backup", "--dry-run=client", "-o", "yaml"}, []string{clusters, pods}},
		{[]string{"expose-sidecar", "--role=backup", "--dry-run=client"}, []string{clusters, get, pods}},
		{[]string{"expose-sidecar", "simple", "--role=backup", "--diff"}, []string{aCluster, get, pods, patch}},
		{[]string{"expose-sidecar", "simple", "--role=backup"}, []string{aCluster, get, pods, patch}},
		{[]string{"expose-sidecar", "--role=backup", "--port=8080"}, []string{get, clusters, pods, patch}},
		{[]string{"expose-sidecar", "simple", "--role=backup", "--dry-run=server"}, []string{aCluster, get, pods, patch}},
		{[]string{"expose-sidecar", "simple", "--role=backup", "--dry-run=server", "--diff"}, []string{aCluster, get, pods, patch}},
		{[]string{"expose-sidecar", "simple", "--role=primary", "--name=foreign", "--adopt", "--dry-run=server"}, []string{aCluster, get, pods, patch}},
		{[]string{"expose-pod", "data-0-1"}, []string{clusters, get, pods, patch}},
		{[]string{"expose-pod", "--all", "--dry-run=client", "-o", "name"}, []string{clusters, pods}},
		{[]string{"expose-sidecar", "simple", "--role=primary", "--name=foreign"}, []string{aCluster, get, pods}},
		// Adopting first takes the fields of others over.
		{[]string{"expose-sidecar", "simple", "--role=primary", "--name=foreign", "--adopt"}, []string{aCluster, get, pods, patch, patch}},
		// Load balancers without an address are a reason to look for Warnings.
		{[]string{"status", "simple"}, []string{aCluster, someSlices, events, pods, services}},
		{[]string{"status"}, append(all, events)},
		{[]string{"exposed"}, []string{someSlices, services}},
		// The addresses of node ports are told by pods.
		{[]string{"expose-pod", "simple-data-0-1", "--type=NodePort"}, []string{clusters, get, pods, patch}},
		{[]string{"exposed"}, []string{someSlices, services}},
		{[]string{"exposed", "-o", "url"}, []string{someSlices, pods, services}},
		{[]string{"unexpose", "simple-sidecar-backup"}, []string{remove, services}},
		{[]string{"unexpose", "data-0-1", "--dry-run=client"}, []string{services}},
		{[]string{"expose-sidecar", "simple", "--role=backup", "--port=0"}, []string{}},
		{[]string{"status", "a b"}, []string{}},
	} {
		named := e.named(i)
		r := named.run(test.args...)
		slices.Sort(test.want)
		if got := named.requests(); !slices.Equal(got, test.want) {
			t.Errorf("%q asked %v, want %v\n%s", test.args, got, test.want, r.stderr)
		}
	}
	// Pods are read for the plan, followed by the wait, and after it read again once
	// for all that depends on them.
	waits := e.named(97)
	waits.run("expose-sidecar", "simple", "--role=backup", "--type=NodePort", "--name=waited", "--wait").exits(0).prints("service/waited created", e.nodeURL("waited"))
	lists := slices.DeleteFunc(waits.requests(), func(r string) bool { return r != pods })
	equal(t, "lists of pods", []string{pods, pods, pods}, lists)
	// Who may not list IrisClusters has the pods listed by their kind, the cluster
	// read by its name, and a short name looked up once more: it could be the full
	// name of a pod of no cluster.
	user := e.user("few", exposeRights())
	for i, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"expose-pod", "simple-data-0-1"}, []string{aCluster, get, clusters, pods, patch}},
		{[]string{"expose-pod", "data-0-1"}, []string{aCluster, get, clusters, pods, pods, patch}},
		{[]string{"expose-pod", "data-0-1", "--cluster=simple"}, []string{aCluster, get, pods, patch}},
		{[]string{"expose-pod", "--all", "--dry-run=client", "-o", "name"}, []string{aCluster, clusters, pods}},
	} {
		named := user.named(90 + i)
		r := named.run(test.args...)
		slices.Sort(test.want)
		if got := named.requests(); !slices.Equal(got, test.want) {
			t.Errorf("without list irisclusters, %q asked %v, want %v\n%s", test.args, got, test.want, r.stderr)
		}
		if r.exits(0); strings.Contains(r.stderr, "is taken for") {
			t.Errorf("%q: %s", test.args, r.stderr)
		}
	}
	everywhere := e.named(98)
	everywhere.run("status", "-A")
	if got := slices.Compact(everywhere.requests()); len(got) > 5 || slices.ContainsFunc(got, func(r string) bool { return !strings.HasPrefix(r, "list ") }) {
		t.Errorf("status -A asked more than a list of each kind: %v", got)
	}
	watch := e.named(99)
	w := watch.start(nil, "status", "simple", "-w")
	w.becomes("start", "true", func(stdout string) string { return fmt.Sprint(strings.Contains(stdout, "service/simple")) })
	becomes(e, "requests of a watch", []string{
		someSlices, events, clusters, pods, services, "watch endpointslices", "watch events", "watch irisclusters", "watch pods", "watch services",
	}, watch.requests)
	w.ends(0, 3)
}

// The number of lists does not grow with the number of clusters, and long lists
// come in pages.
func TestRequestsForMany(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const clusters, podsEach = 52, 10
	group, ctx := errgroup.WithContext(e.ctx)
	group.SetLimit(16)
	for n := range clusters * podsEach {
		group.Go(func() error {
			return e.makeBarePod(ctx, fmt.Sprintf("many-%02d", n/podsEach), fmt.Sprintf("data-0-%d", n%podsEach))
		})
	}
	e.must(group.Wait())
	list := decoded[view.ClusterStatusList](e.run("status", "-o", "json").exits(3))
	equal(t, "clusters", clusters, len(list.Items))
	for _, c := range list.Items {
		if len(c.Pods) != podsEach {
			t.Errorf("%s has %d pods, want %d", c.Metadata.Name, len(c.Pods), podsEach)
		}
	}
	equal(t, "requests", []string{"list endpointslices", "list irisclusters", "list pods", "list pods", "list services"}, e.requests())
	found, err := cluster.AuditRequests(localkube.ByUserAgent("kubectl-iris/" + e.agent + " ("))
	e.must(err)
	for _, r := range found {
		if !strings.Contains(r.URI, "limit=500") {
			t.Errorf("a list without pages: %s", r.URI)
		}
	}
}

// makeBarePod makes a pod that has a cluster's labels and never runs.
func (e *env) makeBarePod(ctx context.Context, cluster, short string) error {
	_, err := e.core.CoreV1().Pods(e.namespace).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: cluster + "-" + short, Labels: map[string]string{
			"intersystems.com/component": "data", "intersystems.com/kind": "IrisCluster", "intersystems.com/name": cluster,
			"intersystems.com/role": "iris", "intersystems.com/shard": "0",
		}},
		Spec: corev1.PodSpec{SchedulerName: "nobody", Containers: []corev1.Container{{Name: "iris", Image: "iris:1"}}},
	}, metav1.CreateOptions{})
	return err
}

// The Roles in examples/ are enough for every command.
func TestReadyRoles(t *testing.T) {
	t.Parallel()
	e := article(t)
	document, err := os.ReadFile("../../examples/rbac.yaml")
	e.must(err)
	var all rights
	for part := range strings.SplitSeq(string(document), "\n---\n") {
		var role rbacv1.Role
		e.must(yaml.UnmarshalStrict([]byte(part), &role))
		for _, rule := range role.Rules {
			for _, resource := range rule.Resources {
				group := ""
				if rule.APIGroups[0] != "" {
					group = "." + rule.APIGroups[0]
				}
				all = append(all, strings.Join(rule.Verbs, ",")+" "+resource+group)
			}
		}
	}
	user := e.user("ready", all)
	user.run("expose-sidecar", "--role=backup", "--type=ClusterIP", "--wait").exits(0)
	user.run("expose-pod", "--all", "--type=ClusterIP").exits(0)
	for _, command := range []string{"status", "exposed"} {
		r := user.run(command, "-o", "json")
		if strings.Contains(r.stdout+r.stderr, "unread") || r.code == 1 {
			t.Errorf("%s lacks a right: %s%s", command, r.stdout, r.stderr)
		}
	}
	w := user.start(nil, "status", "-w")
	w.becomes("row", "simple simple-data-0-0 simple-data-0-1 - 2/2 2 3 Warning", lastRow)
	w.ends(0)
	equal(t, "stderr", "", w.stderr.String())
	user.run("exposed", "--wait").exits(0)
	user.run("unexpose", "--all", "--wait").exits(0)
	equal(t, "left", []string{}, e.left())
}
