package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// lists answers with an object, whatever is asked for.
func lists(object any) kubetest.Answer {
	return func(r *http.Request) (*http.Response, error) { return kubetest.JSON(r, http.StatusOK, object), nil }
}

// refuse answers as to a user without the right to list a resource.
func refuse(resource string) kubetest.Answer {
	return kubetest.Refuses(http.StatusForbidden, metav1.StatusReasonForbidden,
		fmt.Sprintf(`%s is forbidden: User "jane" cannot list resource %q in API group "" in the namespace "iko"`, resource, resource))
}

func serviceList(services ...corev1.Service) corev1.ServiceList {
	return corev1.ServiceList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceList"}, Items: services}
}

func exposedAs(name string, kind corev1.ServiceType) corev1.Service {
	return corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: name, Labels: exposedLabels(), ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "x"}}},
		Spec:       corev1.ServiceSpec{Type: kind},
	}
}

func namesOfServices(services []corev1.Service) (names []string) {
	for _, s := range services {
		names = append(names, s.Name)
	}
	return names
}

// selectorsOf returns the label selectors of the requests for a resource.
func selectorsOf(server *kubetest.Server, resource string) (selectors []string) {
	for _, r := range server.Requests(resource) {
		selectors = append(selectors, r.URL.Query().Get("labelSelector"))
	}
	return selectors
}

func TestMadeServices(t *testing.T) {
	server, client := newServer(t)
	labelled := exposedAs("labelled", corev1.ServiceTypeClusterIP)
	labelled.Labels = map[string]string{cluster.LabelManagedBy: cluster.ManagedBy}
	server.Set("services", lists(serviceList(exposedAs("b", corev1.ServiceTypeClusterIP), labelled, exposedAs("a", corev1.ServiceTypeClusterIP))))
	made, err := client.MadeServices(t.Context(), "iko")
	if got := namesOfServices(made); err != nil || !slices.Equal(got, []string{"a", "b"}) || made[0].ManagedFields != nil {
		t.Errorf("made %q, %v", got, err)
	}
	all, err := client.Services(t.Context(), "iko")
	if err != nil || len(all) != 3 {
		t.Errorf("all %d, %v", len(all), err)
	}
	if got := selectorsOf(server, "services"); !slices.Equal(got, []string{"app.kubernetes.io/managed-by=kubectl-iris", ""}) {
		t.Errorf("selectors %q", got)
	}
	server.Set("services", refuse("services"))
	if _, err := client.MadeServices(t.Context(), "iko"); err == nil || problem.HintOf(err) != "ask for the right to list services" {
		t.Errorf("forbidden: %v, hint %q", err, problem.HintOf(err))
	}
	server.Set("services", kubetest.Breaks(syscall.ECONNREFUSED))
	if _, err := client.Services(t.Context(), "iko"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("broken: %v", err)
	}
}

// Pods are read for URLs of node ports alone, and of the clusters that have some.
func TestExposedReadsPodsForNodePorts(t *testing.T) {
	for name, test := range map[string]struct {
		kind corev1.ServiceType
		urls bool
		pods []string
	}{
		"node port":          {corev1.ServiceTypeNodePort, true, []string{ClusterPods("simple")}},
		"node port, no URLs": {corev1.ServiceTypeNodePort, false, nil},
		"cluster IP":         {corev1.ServiceTypeClusterIP, true, nil},
	} {
		server, client := newServer(t)
		service := exposedAs("a", test.kind)
		service.Labels[cluster.LabelCluster] = "simple"
		server.Set("services", lists(serviceList(service, service)))
		s, err := client.Exposed(t.Context(), "iko", test.urls)
		if err != nil || len(s.Services) != 2 || len(s.Pods) != len(test.pods) {
			t.Errorf("%s: %d Services, %d pods, %v", name, len(s.Services), len(s.Pods), err)
		}
		if got := selectorsOf(server, "pods"); !slices.Equal(got, test.pods) {
			t.Errorf("%s: pods %q, want %q", name, got, test.pods)
		}
		server.Set("pods", refuse("pods"))
		if s, err = client.Exposed(t.Context(), "iko", test.urls); err != nil || len(s.Unread) != len(test.pods) {
			t.Errorf("%s: without pods unread %+v, %v", name, s.Unread, err)
		}
		read := len(server.Requests("pods"))
		server.Set("endpointslices", refuse("endpointslices"))
		if _, err = client.Exposed(t.Context(), "iko", test.urls); err != nil || len(server.Requests("pods")) != read {
			t.Errorf("%s: pods are read although the slices are unread, %v", name, err)
		}
	}
}

func TestIrisClusters(t *testing.T) {
	server, client := newServer(t)
	if names, err := client.Clusters(t.Context(), "iko"); err != nil || !slices.Equal(names, []string{"simple"}) {
		t.Errorf("clusters %q, %v", names, err)
	}
	server.Set(iris.Resource, kubetest.Page(http.StatusNotFound, "text/plain", "404 page not found"))
	if _, err := client.IrisClusters(t.Context(), "iko"); err == nil || !strings.Contains(err.Error(), "the server does not have this resource") {
		t.Errorf("not installed: %v", err)
	}
	server.Set(iris.Resource, kubetest.Breaks(syscall.ECONNREFUSED))
	if _, err := client.Clusters(t.Context(), "iko"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("broken: %v", err)
	}
}

func TestPodsByName(t *testing.T) {
	server, client := newServer(t)
	if pods, err := client.PodsNamed(t.Context(), "iko", []string{"b", "a", "no label: " + strings.Repeat("x", 64), "a"}); err != nil || len(pods) != 1 {
		t.Errorf("%d pods, %v", len(pods), err)
	}
	if got := selectorsOf(server, "pods"); !slices.Equal(got, []string{iris.LabelPodName + " in (a,b)"}) {
		t.Errorf("selectors %q", got)
	}
	var many []string
	for i := range maxNamed*maxNamedLists + 1 {
		many = append(many, fmt.Sprint("p", i))
	}
	if _, err := client.PodsNamed(t.Context(), "iko", many); err == nil {
		t.Error("too many names are no error")
	}
	if _, err := client.PodsNamed(t.Context(), "iko", many[1:]); err != nil || len(server.Requests("pods")) != 1+maxNamedLists {
		t.Errorf("%d lists, %v", len(server.Requests("pods")), err)
	}
	if _, err := client.PodsNamed(t.Context(), "iko", nil); err == nil {
		t.Error("no names are no error")
	}
	for name, want := range map[string]bool{"simple-data-0": true, "other": false} {
		if pod, err := client.Pod(t.Context(), "iko", name); err != nil || (pod != nil) != want {
			t.Errorf("pod %q: %v, %v", name, pod, err)
		}
	}
	server.Set("pods", refuse("pods"))
	if _, err := client.Pod(t.Context(), "iko", "simple-data-0"); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("forbidden: %v", err)
	}
	if _, err := client.PodsNamed(t.Context(), "iko", []string{"a"}); err == nil {
		t.Error("a refused list is no error")
	}
}

// IRIS is asked in the pods of the clusters that the scope selects, with the clusters that
// could be read.
func TestSnapshotAsks(t *testing.T) {
	server, client := newServer(t)
	server.Set("pods", lists(kubetest.PodList(metav1.ListMeta{},
		kubetest.PodNamed("simple-data-0", map[string]string{iris.LabelName: "simple"}),
		kubetest.PodNamed("other-data-0", map[string]string{iris.LabelName: "other"}))))
	for name, test := range map[string]struct {
		scope Scope
		want  []string
	}{
		"all":      {Scope{Namespace: "iko", Ask: true}, []string{"simple-data-0", "other-data-0"}},
		"selected": {Scope{Namespace: "iko", Selector: "a=b", Ask: true}, []string{"simple-data-0"}},
		"never":    {Scope{Namespace: "iko"}, nil},
	} {
		var asked []string
		s, err := client.Snapshot(t.Context(), test.scope, func(_ context.Context, clusters []iris.Cluster, pods []iris.Pod) []iris.Answer {
			for _, p := range pods {
				asked = append(asked, p.Name)
			}
			return []iris.Answer{{Pod: clusters[0].Name}}
		})
		if err != nil || !slices.Equal(asked, test.want) || len(s.Answers) > 0 != test.scope.Ask {
			t.Errorf("%s: asked %q, %d answers, %v", name, asked, len(s.Answers), err)
		}
	}
}

func TestSetRole(t *testing.T) {
	server, client := newServer(t)
	var body, query string
	server.Set("p", func(r *http.Request) (*http.Response, error) {
		sent, err := io.ReadAll(r.Body)
		body, query = string(sent), r.URL.RawQuery
		return kubetest.JSON(r, http.StatusOK, kubetest.PodNamed("p", nil)), err
	})
	pod := iris.Pod{Namespace: "iko", Name: "p", ResourceVersion: "7"}
	for role, want := range map[string]string{
		"backup": `{"metadata":{"labels":{"intersystems.com/mirrorRole":"backup"},"resourceVersion":"7"}}`,
		"":       `{"metadata":{"labels":{"intersystems.com/mirrorRole":null},"resourceVersion":"7"}}`,
	} {
		if err := client.SetRole(t.Context(), pod, role, role == ""); err != nil || body != want || strings.Contains(query, "dryRun=All") != (role == "") {
			t.Errorf("%q: sent %s with %s, %v", role, body, query, err)
		}
	}
	server.Set("p", kubetest.Refuses(http.StatusConflict, metav1.StatusReasonConflict, "the object has been modified"))
	if err := client.SetRole(t.Context(), pod, "backup", false); err == nil || !strings.Contains(err.Error(), "changed since it was read") {
		t.Errorf("changed: %v", err)
	}
	server.Set("p", refuse("pods"))
	if err := client.SetRole(t.Context(), pod, "backup", false); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("forbidden: %v", err)
	}
}

func TestNames(t *testing.T) {
	server, client := newServer(t)
	names := client.Names()
	objects := func(list ...metav1.PartialObjectMetadata) kubetest.Answer {
		return lists(metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}, Items: list})
	}
	object := func(name string, labels map[string]string) metav1.PartialObjectMetadata {
		return metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	}
	server.Set("namespaces", objects(object("a", nil), object("b", nil)))
	if got, err := names.Namespaces(t.Context()); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("namespaces %q, %v", got, err)
	}
	server.Set(iris.Resource, objects(object("simple", nil)))
	if got, err := names.Clusters(t.Context(), "iko"); err != nil || !slices.Equal(got, []string{"simple"}) {
		t.Errorf("clusters %q, %v", got, err)
	}
	server.Set("services", objects(object("made", exposedLabels()), object("labelled", map[string]string{cluster.LabelManagedBy: cluster.ManagedBy})))
	if got, err := names.MadeServices(t.Context(), "iko"); err != nil || !slices.Equal(namesOfServices(got), []string{"made"}) {
		t.Errorf("Services %+v, %v", got, err)
	}
	if _, err := names.PodsWithPorts(t.Context(), "iko", "simple"); err != nil {
		t.Error(err)
	}
	if got := selectorsOf(server, "pods"); !slices.Equal(got, []string{ClusterPods("simple")}) {
		t.Errorf("selectors %q", got)
	}
	for _, r := range server.Requests("") {
		if r.URL.Query().Get("resourceVersion") != "0" {
			t.Errorf("not from the cache: %s", r.URL)
		}
	}
	server.Set("pods", refuse("pods"))
	if _, err := names.Pods(t.Context(), "iko", ""); err == nil {
		t.Error("a refused list is no error")
	}
	if _, err := names.PodsWithPorts(t.Context(), "iko", ""); err == nil {
		t.Error("a refused list is no error")
	}
}

func TestVersion(t *testing.T) {
	server, client := newServer(t)
	server.Set("version", lists(version.Info{GitVersion: "v1.36.2", Platform: "linux/amd64"}))
	with := func(name, component string, containers ...string) corev1.Pod {
		pod := kubetest.PodNamed(name, map[string]string{iris.LabelName: "simple", iris.LabelComponent: component})
		for _, image := range containers {
			pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: strings.TrimSuffix(image, ":1"), Image: image})
		}
		return pod
	}
	operator := func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.Query().Get("labelSelector"), "app in") {
			return kubetest.JSON(r, http.StatusOK, kubetest.PodList(metav1.ListMeta{}, with("operator", "", "operator:1", "istio-proxy:1"))), nil
		}
		return kubetest.JSON(r, http.StatusOK, kubetest.PodList(metav1.ListMeta{},
			with("simple-data-0", iris.ComponentData, "iris:1", "webgateway:1"), with("simple-data-1", iris.ComponentData, "iris:1"),
			with("simple-compute-0", iris.ComponentCompute, "iris:1"), with("simple-webgateway-0", iris.ComponentWebGateway, "webgateway:1"), with("simple-arbiter-0", "arbiter", "arbiter:1"))), nil
	}
	server.Set("pods", operator)
	v, err := client.Version(t.Context(), "iko")
	if err != nil || v.Version != "v1.36.2" || v.Platform != "linux/amd64" || len(v.Unread) > 0 ||
		!slices.Equal(v.Operators, []view.Image{{Image: "operator:1", Pods: 1}}) || !slices.Equal(v.IRIS, []view.Image{{Image: "iris:1", Pods: 3}}) ||
		!slices.Equal(v.WebGateways, []view.Image{{Image: "webgateway:1", Pods: 2}}) {
		t.Errorf("%+v, %v", v, err)
	}

	server.Set("pods", func(r *http.Request) (*http.Response, error) {
		if !strings.Contains(r.URL.Path, "/namespaces/") {
			return refuse("pods")(r)
		}
		return operator(r)
	})
	if v, err = client.Version(t.Context(), "iko"); err != nil || len(v.Operators) != 1 {
		t.Errorf("in its namespace alone: %+v, %v", v, err)
	}
	server.Set("pods", refuse("pods"))
	if v, err = client.Version(t.Context(), "iko"); err != nil || len(v.Unread) != 2 {
		t.Errorf("without pods: %+v, %v", v, err)
	}
	for name, answer := range map[string]kubetest.Answer{"no JSON": kubetest.Page(http.StatusOK, "application/json", "<html>"), "forbidden": refuse("/version")} {
		server.Set("version", answer)
		if _, err := client.Version(t.Context(), "iko"); err == nil || !strings.HasPrefix(err.Error(), "cannot get /version: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A timeout of requests does not end watches.
func TestWatchesHaveNoTimeout(t *testing.T) {
	client, err := New(&rest.Config{Host: "https://server", Timeout: time.Second}, "test")
	if err != nil {
		t.Fatal(err)
	}
	if client.API().HTTP.Timeout != time.Second || client.WatchAPI().HTTP.Timeout != 0 || client.Config().UserAgent != "test" {
		t.Errorf("timeouts %s and %s", client.API().HTTP.Timeout, client.WatchAPI().HTTP.Timeout)
	}
	if err := client.API().HTTP.CheckRedirect(nil, nil); !errors.Is(err, http.ErrUseLastResponse) {
		t.Errorf("follows a redirect: %v", err)
	}
	if _, err := New(&rest.Config{Host: "://"}, "test"); err == nil {
		t.Error("an address that is no URL is no error")
	}
}

func TestHints(t *testing.T) {
	for want, u := range map[string]view.Unread{
		"try again; kubectl get pods -A shows what the server answers":     {Reason: view.Failed, Verb: "list", Resource: "pods"},
		"try again; kubectl get pods -n iko shows what the server answers": {Reason: view.Failed, Verb: "list", Resource: "pods", Namespace: "iko"},
		"ask for the right to list pods":                                   {Reason: view.Forbidden, Verb: "list", Resource: "pods"},
	} {
		if got := UnreadHint(u); got != want {
			t.Errorf("hint %q, want %q", got, want)
		}
	}
	if got := HeldBy([]string{"a", "b"}) + HeldBy(nil); got != ", held by a, b" {
		t.Errorf("held %q", got)
	}
}
