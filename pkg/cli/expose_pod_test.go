package cli_test

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// listServer plays an API server for a user who may list pods and not read one by
// its name.
type listServer struct {
	reachServer
	// clusters are the IrisClusters; nil if the user may not list them.
	clusters []string

	mu       sync.Mutex
	requests []string
}

func (s *listServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	resource, name := path[len(path)-1], ""
	if i := slices.Index(path, "iko"); i+2 < len(path) {
		resource, name = path[i+1], path[i+2]
	}
	s.mu.Lock()
	s.requests = append(s.requests, strings.TrimSpace(resource+" "+name))
	s.mu.Unlock()
	switch {
	case resource == "pods" && name == "":
		s.listPods(w, r)
	case resource == "pods", resource == "irisclusters" && name == "" && s.clusters == nil:
		fail(w, http.StatusForbidden, metav1.StatusReasonForbidden, resource+" is forbidden")
	case resource == "irisclusters" && name == "":
		items := make([]any, len(s.clusters))
		for i, c := range s.clusters {
			items[i] = irisCluster(c)
		}
		answer(w, http.StatusOK, map[string]any{
			"kind": "IrisClusterList", "apiVersion": "intersystems.com/v1alpha1", "metadata": metav1.ListMeta{ResourceVersion: "1"}, "items": items,
		})
	case resource == "irisclusters" && (s.clusters == nil || slices.Contains(s.clusters, name)):
		answer(w, http.StatusOK, irisCluster(name))
	default:
		fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, r.URL.Path+" not found")
	}
}

// listPods answers with the pods that the request selects.
func (s *listServer) listPods(w http.ResponseWriter, r *http.Request) {
	byLabel, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	byField, failed := fields.ParseSelector(r.URL.Query().Get("fieldSelector"))
	if err := cmp.Or(err, failed); err != nil {
		fail(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
		return
	}
	selected := slices.DeleteFunc(slices.Clone(s.pods), func(p corev1.Pod) bool {
		return !byLabel.Matches(labels.Set(p.Labels)) || !byField.Matches(fields.Set{"metadata.name": p.Name})
	})
	answer(w, http.StatusOK, corev1.PodList{
		TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, ListMeta: metav1.ListMeta{ResourceVersion: "1"}, Items: selected,
	})
}

func irisCluster(name string) map[string]any {
	return map[string]any{
		"apiVersion": "intersystems.com/v1alpha1", "kind": "IrisCluster", "metadata": map[string]any{"name": name, "namespace": "iko"},
		"spec": map[string]any{"topology": map[string]any{"data": map[string]any{"image": "iris:1"}}},
	}
}

// add adds a data pod of a cluster, as a StatefulSet creates it.
func (s *listServer) add(cluster string) {
	pod := simplePod(cluster+"-data-0", "data", running("iris"))
	pod.Labels[iris.LabelName], pod.Labels[iris.LabelPodName] = cluster, pod.Name
	s.pods = append(s.pods, pod)
}

// run runs a command and returns the requests that it made, in order.
func (s *listServer) run(t *testing.T, args ...string) (stdout, stderr string, code int, requests []string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := world(t, "kubectl-iris", &out, &errs)
	t.Setenv("KUBECONFIG", s.startHandler(t, s))
	code = cli.Run(t.Context(), args, env)
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, s.requests = slices.Sorted(slices.Values(s.requests)), nil
	return out.String(), errs.String(), code, requests
}

// expose-pod --all without --cluster means the cluster that every other verb
// means.
func TestAllPodsOfTheOnlyCluster(t *testing.T) {
	for name, test := range map[string]struct {
		clusters, withPods []string
		want               string
		requests           []string
	}{
		"pods of a cluster that was deleted": {[]string{"a"}, []string{"a", "b"}, "service/a-pod-data-0\n", []string{"irisclusters", "pods"}},
		"a cluster without pods":             {[]string{"a", "b"}, []string{"a"}, "several IrisClusters: a, b", []string{"irisclusters", "pods"}},
		"pods only":                          {[]string{}, []string{"b"}, "service/b-pod-data-0\n", []string{"irisclusters", "pods"}},
		"nothing":                            {[]string{}, nil, "no IrisCluster found", []string{"irisclusters", "pods"}},
		"no data pods":                       {[]string{"a"}, nil, `IrisCluster "a" in namespace "iko" has no data pod`, []string{"irisclusters", "pods"}},
		"clusters may not be listed":         {nil, []string{"a"}, "service/a-pod-data-0\n", []string{"irisclusters", "irisclusters a", "pods"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &listServer{clusters: test.clusters}
			for _, c := range test.withPods {
				s.add(c)
			}
			stdout, stderr, _, requests := s.run(t, "expose-pod", "--all", "--dry-run=client", "-o", "name")
			if stdout != test.want && (stdout != "" || !strings.Contains(stderr, test.want)) {
				t.Errorf("stdout: %s\nstderr: %s", stdout, stderr)
			}
			if !slices.Equal(requests, test.requests) {
				t.Errorf("requests: %q, want %q", requests, test.requests)
			}
		})
	}
}

// Pods that are named are looked for by their names while that takes few lists,
// and the IrisClusters that were listed are not read again.
func TestRequestsForNamedPods(t *testing.T) {
	many := func(n int) []string {
		names := []string{"a"}
		for len(names) < n {
			names = append(names, fmt.Sprintf("c%d", len(names)))
		}
		return names
	}
	for name, test := range map[string]struct {
		clusters []string
		pod      string
		exists   bool
		requests []string
	}{
		"a full name":                     {many(1), "a-data-0", true, []string{"irisclusters", "pods"}},
		"many clusters":                   {many(100), "data-0", true, []string{"irisclusters", "pods", "pods", "pods"}},
		"very many, a full name":          {many(300), "a-data-0", true, []string{"irisclusters", "pods"}},
		"very many, a short name":         {many(300), "data-0", true, []string{"irisclusters", "pods", "pods"}},
		"no such pod":                     {many(1), "data-7", false, []string{"irisclusters", "pods", "pods", "pods"}},
		"clusters may not be listed":      {nil, "a-data-0", true, []string{"irisclusters", "irisclusters a", "pods"}},
		"... and the name is a short one": {nil, "data-0", true, []string{"irisclusters", "irisclusters a", "pods", "pods"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &listServer{clusters: test.clusters}
			s.add("a")
			stdout, stderr, _, requests := s.run(t, "expose-pod", test.pod, "--dry-run=client", "-o", "name")
			if (stdout == "service/a-pod-data-0\n") != test.exists || strings.Contains(stderr, "is taken for") {
				t.Errorf("stdout: %s\nstderr: %s", stdout, stderr)
			}
			if !slices.Equal(requests, test.requests) {
				t.Errorf("requests: %q, want %q", requests, test.requests)
			}
		})
	}
}

// A short name is distinguished from a full one with the right to list pods alone.
func TestShortNamesNeedListOnly(t *testing.T) {
	for _, command := range []string{"logs", "port-forward", "portal", "session", "expose-pod"} {
		args := []string{command, "data-0"}
		switch command {
		case "port-forward":
			args = append(args, "0:1972", "--address", "127.0.0.1")
		case "portal":
			args = append(args, "--no-open", "--address", "127.0.0.1")
		case "expose-pod":
			args = append(args, "--dry-run=client")
		}
		s := &listServer{clusters: []string{"a"}}
		s.add("a")
		if _, stderr, _, _ := s.run(t, args...); strings.Contains(stderr, "is taken for") {
			t.Errorf("%s warns: %s", command, stderr)
		}
		s.pods = append(s.pods, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "data-0", Namespace: "iko", Labels: map[string]string{iris.LabelPodName: "data-0"}}})
		if _, stderr, code, _ := s.run(t, args...); code == 0 || !strings.Contains(stderr, `pod "data-0" in namespace "iko" is not one of an IrisCluster`) {
			t.Errorf("%s takes another pod's full name: %d, %s", command, code, stderr)
		}
	}
}

// What a namespace has is listed in part if it is very much.
func TestManyNames(t *testing.T) {
	s := &listServer{}
	for n := range 300 {
		s.clusters = append(s.clusters, fmt.Sprintf("c%03d", n))
	}
	_, stderr, _, _ := s.run(t, "expose-sidecar", "nope")
	if want := `this namespace has "c000", "c001", "c002", "c003", "c004", "c005", "c006", "c007", "c008", "c009" and 290 more`; !strings.Contains(stderr, want) {
		t.Errorf("stderr: %s", stderr)
	}
}
