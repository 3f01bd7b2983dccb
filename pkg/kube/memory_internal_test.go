package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// memoryServer is an API server without a network, so that tests with a fake
// clock can use it. Each resource answers as answers says, and else with the
// objects of one healthy cluster.
type memoryServer struct {
	mu       sync.Mutex
	answers  map[string]answer
	requests []*http.Request
	watches  []*io.PipeWriter
}

// answer is how a resource answers: with a response or an error. A nil one of
// both lets the request wait until it is canceled.
type answer func(*http.Request) (*http.Response, error)

func newMemoryServer(t *testing.T) (*memoryServer, *Client) {
	t.Helper()
	s := &memoryServer{answers: map[string]answer{}}
	c, err := New(&rest.Config{Host: "https://server.example.com", Transport: s}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// set changes how a resource answers from now on; nil: well.
func (s *memoryServer) set(resource string, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[resource] = a
}

// endWatches ends all watches, as a server does from time to time.
func (s *memoryServer) endWatches() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.watches {
		_ = w.Close()
	}
	s.watches = nil
}

// asked returns the requests for a resource, or all for "".
func (s *memoryServer) asked(resource string) []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.requests), func(r *http.Request) bool {
		return resource != "" && resourceOf(r) != resource
	})
}

// resourceOf names the resource of a request for a list or for the IrisCluster.
func resourceOf(r *http.Request) string {
	if path.Base(path.Dir(r.URL.Path)) == iris.Resource {
		return iris.Resource
	}
	return path.Base(r.URL.Path)
}

func (s *memoryServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	a := s.answers[resourceOf(r)]
	s.mu.Unlock()
	if a != nil {
		return a(r)
	}
	if r.URL.Query().Get("watch") != "" {
		return s.watch(r)
	}
	return jsonResponse(r, http.StatusOK, healthy(r)), nil
}

// watch answers with a watch in which nothing happens.
func (s *memoryServer) watch(r *http.Request) (*http.Response, error) {
	body, events := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = events.CloseWithError(r.Context().Err()) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches = append(s.watches, events)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
}

// healthy returns what a server with one healthy cluster has.
func healthy(r *http.Request) any {
	cluster := map[string]any{
		"apiVersion": iris.APIVersion, "kind": iris.Kind,
		"metadata": map[string]any{"namespace": "iko", "name": "simple", "uid": "1", "resourceVersion": "1"},
	}
	list := metav1.ListMeta{ResourceVersion: "1"}
	switch resourceOf(r) {
	case iris.Resource:
		if path.Base(r.URL.Path) != iris.Resource {
			return cluster
		}
		return map[string]any{
			"apiVersion": iris.APIVersion, "kind": "IrisClusterList",
			"metadata": map[string]any{"resourceVersion": "1"}, "items": []any{cluster},
		}
	case "pods":
		return podList(list, podNamed("simple-data-0", map[string]string{iris.LabelName: "simple"}))
	case "services":
		service := corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "simple", ResourceVersion: "1"}}
		return corev1.ServiceList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceList"}, ListMeta: list, Items: []corev1.Service{service}}
	case "endpointslices":
		slice := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "simple-a", ResourceVersion: "1"}}
		return discoveryv1.EndpointSliceList{
			TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSliceList"}, ListMeta: list, Items: []discoveryv1.EndpointSlice{slice},
		}
	case "events":
		event := corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "e", ResourceVersion: "1"}, Type: corev1.EventTypeWarning}
		return corev1.EventList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "EventList"}, ListMeta: list, Items: []corev1.Event{event}}
	}
	return metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}}
}

func podList(meta metav1.ListMeta, pods ...corev1.Pod) corev1.PodList {
	return corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, ListMeta: meta, Items: pods}
}

// podNamed is a data pod that is not ready, with these labels beside.
func podNamed(name string, labels map[string]string) corev1.Pod {
	all := map[string]string{iris.LabelKind: iris.Kind, iris.LabelComponent: iris.ComponentData}
	for k, v := range labels {
		all[k] = v
	}
	return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: name, Labels: all, ResourceVersion: "1"}}
}

func jsonResponse(r *http.Request, code int, object any) *http.Response {
	body, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return response(r, code, "application/json", string(body))
}

func response(r *http.Request, code int, kind, body string) *http.Response {
	return &http.Response{
		StatusCode: code, Header: http.Header{"Content-Type": {kind}}, Request: r,
		Body: io.NopCloser(bytes.NewReader([]byte(body))),
	}
}

// refuses answers with a Status.
func refuses(code int32, reason metav1.StatusReason, message string) answer {
	return func(r *http.Request) (*http.Response, error) {
		return jsonResponse(r, int(code), metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
		}), nil
	}
}

// page answers with a body that is no object of the API.
func page(code int, kind, body string) answer {
	return func(r *http.Request) (*http.Response, error) { return response(r, code, kind, body), nil }
}

// breaks fails on the way to the server.
func breaks(err error) answer {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hangs does not answer until the request is canceled.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// hangsInBody begins an answer and does not end it.
func hangsInBody(r *http.Request) (*http.Response, error) {
	body, rest := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = rest.CloseWithError(r.Context().Err()) })
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
}

// logsIn answers well after a time during which the request cannot be canceled,
// as one that waits for a credential plugin.
func logsIn(until time.Time) answer {
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(time.Until(until))
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return jsonResponse(r, http.StatusOK, healthy(r)), nil
	}
}

const html = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>" // and more

// failures are the ways in which one part fails while the server is well.
func failures() map[string]answer {
	return map[string]answer{
		"conversion webhook":  refuses(http.StatusInternalServerError, metav1.StatusReasonInternalError, "conversion webhook failed:\nPost \"https://iko.iko.svc:443/convert\": EOF"),
		"timeout":             refuses(http.StatusGatewayTimeout, metav1.StatusReasonTimeout, "request did not complete within the allotted timeout"),
		"overloaded":          refuses(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "too many requests, please try again later"),
		"aggregated API down": refuses(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "error trying to reach service"),
		"page of a proxy":     page(http.StatusBadGateway, "text/html", html+strings.Repeat("<p>so sorry</p>\n", 100)),
		"page instead":        page(http.StatusOK, "text/html", html),
		"connection reset":    breaks(io.ErrUnexpectedEOF),
		"hangs":               hangs,
		"hangs in its body":   hangsInBody,
	}
}
