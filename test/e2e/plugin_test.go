//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// result is how a command of the plugin ended.
type result struct {
	t              *testing.T
	args           []string
	code           int
	stdout, stderr string
	took           time.Duration
}

// plugin runs kubectl iris in the cluster's namespace, as the administrator.
func (c irisCluster) plugin(args ...string) result {
	c.t.Helper()
	return c.pluginAs(cluster.Kubeconfig, args...)
}

func (c irisCluster) pluginAs(kubeconfig string, args ...string) result {
	c.t.Helper()
	var stdout, stderr bytes.Buffer
	start := time.Now()
	code := cli.Run(c.t.Context(), c.commandLine(kubeconfig, args), environment(&stdout, &stderr))
	return result{c.t, args, code, stdout.String(), stderr.String(), time.Since(start)}
}

func (c irisCluster) commandLine(kubeconfig string, args []string) []string {
	return append(slices.Clone(args), "--kubeconfig="+kubeconfig, "--namespace="+c.namespace)
}

func environment(stdout, stderr interface{ Write([]byte) (int, error) }) cli.Env {
	return cli.Env{
		Build: cli.Build{Version: "v0.0.0-e2e"}, Program: "kubectl-iris",
		In: strings.NewReader(""), Out: stdout, Err: stderr,
		Getenv: func(string) string { return "" }, Now: time.Now,
	}
}

// exits ends the test where the command ended with another code.
func (r result) exits(code int) result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("%q ended with %d, want %d\n--- stdout\n%s--- stderr\n%s", r.args, r.code, code, r.stdout, r.stderr)
	}
	return r
}

// says fails the test unless each part is in the output, in whichever stream.
func (r result) says(parts ...string) result {
	r.t.Helper()
	for _, part := range parts {
		if !strings.Contains(r.stdout+r.stderr, part) {
			r.t.Errorf("%q: %q is not in\n--- stdout\n%s--- stderr\n%s", r.args, part, r.stdout, r.stderr)
		}
	}
	return r
}

// status is the view of the cluster, and the exit code.
func (c irisCluster) status(args ...string) (view.ClusterStatus, int) {
	c.t.Helper()
	r := c.plugin(append([]string{"status", c.name, "-o", "json"}, args...)...)
	return statusIn(c.t, r), r.code
}

func statusIn(t *testing.T, r result) view.ClusterStatus {
	t.Helper()
	var v view.ClusterStatus
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("%q: %v\n--- stdout\n%s--- stderr\n%s", r.args, err, r.stdout, r.stderr)
	}
	return v
}

// answers are label and IRIS's answer of each data pod: "backup: Failover/Primary".
func answers(v view.ClusterStatus) map[string]string {
	found := map[string]string{}
	for _, pod := range v.Pods {
		if pod.IRIS != nil {
			found[pod.Name] = pod.LabelRole + ": " + pod.IRIS.Text
		}
	}
	return found
}

func codes(v view.ClusterStatus) []string {
	found := []string{}
	for _, f := range v.Findings {
		found = append(found, string(f.Code))
	}
	return found
}

// becomesHealthy waits until status finds nothing wrong.
func (c irisCluster) becomesHealthy() {
	c.t.Helper()
	eventually(c.t, "health", func(context.Context) error {
		if v, code := c.status(); code != 0 {
			return fmt.Errorf("%s", v.Verdict)
		}
		return nil
	})
}

// answeredBy waits until all ways to a Service's port lead to the portal of that pod.
func (c irisCluster) answeredBy(service string, port int32, pod, role string) {
	c.t.Helper()
	want := portal{Pod: pod, Instance: "IRIS", Role: role}
	eventually(c.t, "the portal of the Service "+service, func(ctx context.Context) error {
		ways := addresses(c.service(service), port)
		if len(ways) < 2 {
			return fmt.Errorf("the ways to it are %v", ways)
		}
		for way, address := range ways {
			got, err := getPortal(ctx, address)
			if err != nil {
				return fmt.Errorf("%s: %w", way, err)
			}
			if got != want {
				return fmt.Errorf("%s: %+v, want %+v", way, got, want)
			}
		}
		return nil
	})
}

// reaches waits until the EndpointSlices of a Service hold these pods, ready.
func (c irisCluster) reaches(service string, pods ...string) {
	c.t.Helper()
	eventually(c.t, "endpoints of "+service, func(ctx context.Context) error {
		found, err := core.DiscoveryV1().EndpointSlices(c.namespace).List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + service})
		if err != nil {
			return err
		}
		var got []string
		for _, slice := range found.Items {
			for _, e := range slice.Endpoints {
				if e.Conditions.Ready != nil && *e.Conditions.Ready {
					got = append(got, e.TargetRef.Name)
				}
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(pods, got); diff != "" {
			return fmt.Errorf("-want +got:\n%s", diff)
		}
		return nil
	})
}

// label sets the role label of a pod; "" takes it away.
func (c irisCluster) label(pod, role string) {
	c.t.Helper()
	word := mirrorRole + "-"
	if role != "" {
		word = mirrorRole + "=" + role
	}
	c.kubectl("label", "pod", pod, word, "--overwrite")
}

// viewer is the kubeconfig of somebody who may read what status shows, and what is
// given beside: "create pods/exec".
func (c irisCluster) viewer(name string, rights ...string) string {
	c.t.Helper()
	full := c.namespace + "-" + name
	user, err := cluster.NewUser(full, nil, time.Time{})
	if err != nil {
		c.t.Fatal(err)
	}
	rules := []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods", "services", "events"}, Verbs: []string{"get", "list", "watch"}},
		{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list", "watch"}},
		{APIGroups: []string{"intersystems.com"}, Resources: []string{"irisclusters"}, Verbs: []string{"get", "list", "watch"}},
	}
	for _, right := range rights {
		verb, resource, _ := strings.Cut(right, " ")
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{resource}, Verbs: []string{verb}})
	}
	meta := metav1.ObjectMeta{Name: name, Namespace: c.namespace}
	rbac := core.RbacV1()
	if _, err := rbac.Roles(c.namespace).Create(c.t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{}); err != nil {
		c.t.Fatal(err)
	}
	if _, err := rbac.RoleBindings(c.namespace).Create(c.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: full}},
	}, metav1.CreateOptions{}); err != nil {
		c.t.Fatal(err)
	}
	last := rules[len(rules)-1]
	resource, subresource, _ := strings.Cut(last.Resources[0], "/")
	eventually(c.t, "the rights of "+name, func(ctx context.Context) error {
		review, err := core.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: full, ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: c.namespace, Verb: last.Verbs[0], Group: last.APIGroups[0], Resource: resource, Subresource: subresource,
			}},
		}, metav1.CreateOptions{})
		if err == nil && !review.Status.Allowed {
			err = fmt.Errorf("not allowed yet")
		}
		return err
	})
	return user.Kubeconfig
}

// watching is a command that goes on in the background.
type watching struct {
	t      *testing.T
	mu     sync.Mutex
	text   bytes.Buffer
	cancel context.CancelFunc
	ended  chan int
}

// watch starts a command that ends with the test, or by stop.
func (c irisCluster) watch(args ...string) *watching {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	w := &watching{t: c.t, cancel: cancel, ended: make(chan int, 1)}
	go func() { w.ended <- cli.Run(ctx, c.commandLine(cluster.Kubeconfig, args), environment(w, w)) }()
	c.t.Cleanup(cancel)
	return w
}

func (w *watching) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *watching) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// says waits until the part is in what the command has written.
func (w *watching) says(part string) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("%q", part), func(context.Context) error {
		if text := w.String(); !strings.Contains(text, part) {
			return fmt.Errorf("it is not in\n%s", text)
		}
		return nil
	})
}

// stop interrupts the command and returns its exit code.
func (w *watching) stop() int {
	w.t.Helper()
	w.cancel()
	select {
	case code := <-w.ended:
		return code
	case <-time.After(deadline):
		w.t.Fatal("the command goes on after the interrupt")
		return 0
	}
}
