package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// parts are the resources of a snapshot without which the rest is shown.
func parts() []string { return []string{iris.Resource, "services", "endpointslices", "events"} }

// scopes are one cluster and all of a namespace.
func scopes() map[string]Scope {
	return map[string]Scope{"one": {Namespace: "iko", Names: []string{"simple"}}, "all": {Namespace: "iko"}}
}

// sizes counts what a snapshot holds of each resource.
func sizes(s topology.Snapshot) map[string]int {
	return map[string]int{
		iris.Resource: len(s.Clusters), "pods": len(s.Pods), "services": len(s.Services),
		"endpointslices": len(s.Slices), "events": len(s.Events),
	}
}

// Whatever a part does while the server is well, it costs no other part and only
// a few seconds.
func TestOnePartFailsAlone(t *testing.T) {
	for scopeName, scope := range scopes() {
		for _, part := range parts() {
			for how, failure := range kubetest.Failures() {
				t.Run(scopeName+"/"+part+"/"+how, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						server, client := newServer(t)
						// Without an address there is a reason to read events.
						server.Set("services", func(r *http.Request) (*http.Response, error) { return kubetest.JSON(r, http.StatusOK, pending()), nil })
						server.Set(part, failure)
						ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
						defer cancel()
						began := time.Now()
						s, err := client.Snapshot(ctx, scope, nil)
						if err != nil {
							t.Fatal(err)
						}
						if took := time.Since(began); took > 2*PartTimeout {
							t.Errorf("took %s", took)
						}
						want := map[string]int{iris.Resource: 1, "pods": 1, "services": 1, "endpointslices": 1, "events": 1}
						want[part] = 0
						if part == "services" {
							want["events"] = sizes(s)["events"]
							want["endpointslices"] = sizes(s)["endpointslices"]
						}
						if got := sizes(s); !maps.Equal(got, want) {
							t.Errorf("read %v, want %v", got, want)
						}
						checkUnread(t, s.Unread, part)
					})
				})
			}
		}
	}
}

// pending is a load balancer that waits for its address.
func pending() corev1.ServiceList {
	return corev1.ServiceList{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceList"}, ListMeta: metav1.ListMeta{ResourceVersion: "1"},
		Items: []corev1.Service{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "simple", ResourceVersion: "1"},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{iris.LabelName: "simple"}},
		}},
	}
}

func checkUnread(t *testing.T, unread []view.Unread, part string) {
	t.Helper()
	if len(unread) != 1 || !strings.HasPrefix(unread[0].Resource, part) || unread[0].Reason != view.Failed {
		t.Fatalf("unread is %+v, want %s alone, as Failed", unread, part)
	}
	if m := unread[0].Message; strings.Contains(m, "\n") || len(m) > 500 || strings.Contains(m, "https://server") {
		t.Errorf("message %q", m)
	}
}

// Without pods there is nothing to show, nor without a server that accepts the
// user.
func TestEssentialReadIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		resource string
		fails    kubetest.Answer
		want     string
	}{
		"connection refused": {"pods", kubetest.Breaks(syscall.ECONNREFUSED), "cannot reach the API server at https://server.example.com: connection refused"},
		"pods hang":          {"pods", kubetest.Hangs, "cannot list pods in namespace \"iko\": no answer from https://server.example.com in time"},
		"unauthorized":       {"pods", kubetest.Refuses(401, metav1.StatusReasonUnauthorized, "Unauthorized"), "does not accept your credentials"},
		"a part unauthorized": {
			"services", kubetest.Refuses(401, metav1.StatusReasonUnauthorized, "Unauthorized"), "cannot list services in namespace \"iko\": the server does not accept your credentials",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := newServer(t)
				server.Set(test.resource, test.fails)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				_, err := client.Snapshot(ctx, Scope{Namespace: "iko"}, nil)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
			})
		})
	}
}

// A login takes as long as it takes, and no part is thought to hang meanwhile.
func TestSlowLoginCostsNoPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		for _, resource := range append(parts(), "pods") {
			server.Set(resource, kubetest.LogsIn(time.Now().Add(20*time.Second)))
		}
		s, err := client.Snapshot(t.Context(), Scope{Namespace: "iko", Names: []string{"simple"}}, nil)
		if err != nil || len(s.Unread) > 0 || len(s.Clusters) != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// An interrupt is no failed part.
func TestInterruptEndsASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		server.Set(iris.Resource, kubetest.Hangs)
		ctx, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, interrupt)
		if s, err := client.Snapshot(ctx, Scope{Namespace: "iko"}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// What finds a target reads no more than it needs, by the same rule.
func TestClustersHangBesidePods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		server.Set(iris.Resource, kubetest.Hangs)
		s, err := client.ClustersAndPods(t.Context(), "iko")
		if err != nil || len(s.Pods) != 1 {
			t.Fatalf("%+v, %v", s, err)
		}
		checkUnread(t, s.Unread, iris.Resource)
	})
}

// Of what this tool made Services are essential, and where they lead is a part.
func TestSlicesHangBesideExposedServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		server.Set("endpointslices", kubetest.Hangs)
		s, err := client.Exposed(t.Context(), "iko", true)
		if err != nil {
			t.Fatal(err)
		}
		checkUnread(t, s.Unread, "endpointslices")
		server.Set("services", kubetest.Breaks(syscall.ECONNREFUSED))
		if _, err := client.Exposed(t.Context(), "iko", true); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("without Services: %v", err)
		}
	})
}

// If the server forgets the version of a paged list, the list is read once more
// in one piece: nothing is missing and nothing is there twice.
func TestExpiredListStartsAgainOnce(t *testing.T) {
	server, client := newServer(t)
	var limits []string
	server.Set("pods", func(r *http.Request) (*http.Response, error) {
		limits = append(limits, r.URL.Query().Get("limit")+r.URL.Query().Get("continue"))
		first := kubetest.PodNamed("simple-data-0", map[string]string{iris.LabelName: "simple"})
		second := kubetest.PodNamed("simple-data-1", map[string]string{iris.LabelName: "simple"})
		switch {
		case r.URL.Query().Get("continue") != "":
			return kubetest.Refuses(410, metav1.StatusReasonExpired, "The provided continue parameter is too old")(r)
		case r.URL.Query().Get("limit") != "":
			return kubetest.JSON(r, http.StatusOK, kubetest.PodList(metav1.ListMeta{ResourceVersion: "1", Continue: "next"}, first)), nil
		}
		return kubetest.JSON(r, http.StatusOK, kubetest.PodList(metav1.ListMeta{ResourceVersion: "2"}, first, second)), nil
	})
	pods, err := client.Pods(t.Context(), "iko", iris.KindSelector)
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	if err != nil || !slices.Equal(names, []string{"simple-data-0", "simple-data-1"}) {
		t.Errorf("pods %q, %v", names, err)
	}
	if want := []string{"500", "500next", ""}; !slices.Equal(limits, want) {
		t.Errorf("asked for %q, want %q", limits, want)
	}
	// A server that expires all the same is not asked for ever.
	server.Set("pods", kubetest.Refuses(410, metav1.StatusReasonExpired, "too old"))
	before := len(server.Requests("pods"))
	if _, err := client.Pods(t.Context(), "iko", iris.KindSelector); err == nil || len(server.Requests("pods"))-before != 2 {
		t.Errorf("%d requests, error %v", len(server.Requests("pods"))-before, err)
	}
}

// A pod with the label of IKO's kind that names no cluster belongs to none,
// wherever pods are read.
func TestPodsThatNameNoCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newServer(t)
		server.Set("pods", func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") != "" {
				return kubetest.Hangs(r)
			}
			return kubetest.JSON(r, http.StatusOK, kubetest.PodList(metav1.ListMeta{ResourceVersion: "1"},
				kubetest.PodNamed("debug", nil), kubetest.PodNamed("empty", map[string]string{iris.LabelName: ""}),
				kubetest.PodNamed("simple-data-0", map[string]string{iris.LabelName: "simple"}))), nil
		})
		read := map[string]func(context.Context) ([]iris.Pod, error){
			"snapshot": func(ctx context.Context) ([]iris.Pod, error) {
				s, err := client.Snapshot(ctx, Scope{Namespace: "iko"}, nil)
				return s.Pods, err
			},
			"target": func(ctx context.Context) ([]iris.Pod, error) {
				s, err := client.ClustersAndPods(ctx, "iko")
				return s.Pods, err
			},
			"expose":              func(ctx context.Context) ([]iris.Pod, error) { return client.Pods(ctx, "iko", iris.KindSelector) },
			"completion":          func(ctx context.Context) ([]iris.Pod, error) { return client.Names().Pods(ctx, "iko", "") },
			"completion of ports": func(ctx context.Context) ([]iris.Pod, error) { return client.Names().PodsWithPorts(ctx, "iko", "") },
		}
		for name, pods := range read {
			found, err := pods(t.Context())
			if err != nil || len(found) != 1 || found[0].Name != "simple-data-0" {
				t.Errorf("%s: %d pods, %v", name, len(found), err)
			}
		}
		for _, r := range server.Requests("pods") {
			if got := r.URL.Query().Get("labelSelector"); got != "intersystems.com/kind=IrisCluster,intersystems.com/name" {
				t.Errorf("asked for the pods %q", got)
			}
		}
	})
}

// Events are read if something waits for an explanation, in one request.
func TestEventsAreReadIfNeeded(t *testing.T) {
	const ofOne, ofAll = "type=Warning", "type=Warning,involvedObject.kind!=Pod"
	pod := func(ready bool) kubetest.Answer {
		return func(r *http.Request) (*http.Response, error) {
			p := kubetest.PodNamed("simple-data-0", map[string]string{iris.LabelName: "simple"})
			if ready {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			}
			return kubetest.JSON(r, http.StatusOK, kubetest.PodList(metav1.ListMeta{}, p)), nil
		}
	}
	none := func(r *http.Request) (*http.Response, error) {
		return kubetest.JSON(r, http.StatusOK, kubetest.PodList(metav1.ListMeta{})), nil
	}
	for name, test := range map[string]struct {
		pods     kubetest.Answer
		one, all string
	}{
		"all well":        {pod(true), "", ""},
		"a pod not ready": {pod(false), ofOne, ""},
		"no pods":         {none, ofOne, ofAll},
	} {
		for scope, want := range map[string]string{"one": test.one, "all": test.all} {
			server, client := newServer(t)
			server.Set("pods", test.pods)
			if _, err := client.Snapshot(t.Context(), scopes()[scope], nil); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range server.Requests("events") {
				got = append(got, r.URL.Query().Get("fieldSelector"))
			}
			if fmt.Sprint(got) != fmt.Sprint(strings.Fields(want)) {
				t.Errorf("%s, %s: events read %q, want %q", name, scope, got, want)
			}
			if all := server.Requests(""); len(all) > 5 {
				t.Errorf("%s, %s: %d requests", name, scope, len(all))
			}
		}
	}
}
