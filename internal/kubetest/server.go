// Package kubetest plays API servers without a network, so that tests of clients can
// use a fake clock.
package kubetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// A Server is an API server without a network, so that tests with a fake
// clock can use it. Each resource answers as answers says, and else with the
// objects of one healthy cluster.
type Server struct {
	mu       sync.Mutex
	answers  map[string]Answer
	requests []*http.Request
	watches  []*io.PipeWriter
}

// An Answer is how a resource answers: with a response or an error.
type Answer func(*http.Request) (*http.Response, error)

// NewServer returns a Server that answers well.
func NewServer() *Server { return &Server{answers: map[string]Answer{}} }

// Config returns the configuration of a client of the server.
func (s *Server) Config() *rest.Config {
	return &rest.Config{Host: "https://server.example.com", Transport: s}
}

// Set changes how a resource answers from now on; nil: well.
func (s *Server) Set(resource string, a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[resource] = a
}

// EndWatches ends all watches, as a server does from time to time.
func (s *Server) EndWatches() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.watches {
		_ = w.Close()
	}
	s.watches = nil
}

// Requests returns the requests for a resource, or all for "".
func (s *Server) Requests(resource string) []*http.Request {
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

// RoundTrip answers a request as Set says, or well.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	a := s.answers[resourceOf(r)]
	s.mu.Unlock()
	if a != nil {
		return a(r)
	}
	if r.URL.Query().Get("watch") != "" {
		return s.Watch(r)
	}
	return JSON(r, http.StatusOK, Healthy(r)), nil
}

// Watch answers with a watch in which nothing happens.
func (s *Server) Watch(r *http.Request) (*http.Response, error) {
	response, events := streamed(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches = append(s.watches, events)
	return response, nil
}

// streamed returns a response whose body is what is written until the request ends.
func streamed(r *http.Request) (*http.Response, *io.PipeWriter) {
	body, in := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = in.CloseWithError(r.Context().Err()) })
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, in
}

// Healthy returns what a server with one healthy cluster has.
func Healthy(r *http.Request) any {
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
		return PodList(list, PodNamed("simple-data-0", map[string]string{iris.LabelName: "simple"}))
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

// PodList returns a list of pods.
func PodList(meta metav1.ListMeta, pods ...corev1.Pod) corev1.PodList {
	return corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, ListMeta: meta, Items: pods}
}

// PodNamed returns a data pod that is not ready, with these labels, too.
func PodNamed(name string, labels map[string]string) corev1.Pod {
	all := map[string]string{iris.LabelKind: iris.Kind, iris.LabelComponent: iris.ComponentData}
	maps.Copy(all, labels)
	return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: name, Labels: all, ResourceVersion: "1"}}
}

// JSON returns a response with an object. It panics if that cannot be encoded.
func JSON(r *http.Request, code int, object any) *http.Response {
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

// Refuses answers with a Status.
func Refuses(code int32, reason metav1.StatusReason, message string) Answer {
	return func(r *http.Request) (*http.Response, error) {
		return JSON(r, int(code), metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
		}), nil
	}
}

// Page answers with a body that is no object of the API.
func Page(code int, kind, body string) Answer {
	return func(r *http.Request) (*http.Response, error) { return response(r, code, kind, body), nil }
}

// Breaks fails on the way to the server.
func Breaks(err error) Answer {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// Hangs does not answer until the request is canceled.
func Hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// HangsInBody begins an answer and does not end it.
func HangsInBody(r *http.Request) (*http.Response, error) {
	response, _ := streamed(r)
	return response, nil
}

// LogsIn answers well after a time during which the request cannot be canceled,
// as one that waits for a credential plugin.
func LogsIn(until time.Time) Answer {
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(time.Until(until))
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return JSON(r, http.StatusOK, Healthy(r)), nil
	}
}

// ServiceList returns a page of a list with n Services, numbered from first.
func ServiceList(next string, first, n int) corev1.ServiceList {
	list := corev1.ServiceList{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceList"}, ListMeta: metav1.ListMeta{ResourceVersion: "1", Continue: next},
	}
	for i := range n {
		list.Items = append(list.Items, corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "s-" + strconv.Itoa(first+i), ResourceVersion: "1"}})
	}
	return list
}

// TenPages answers a list with ten pages of one Service, each after a pause.
func TenPages(pause time.Duration) Answer {
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(pause)
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		page, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		next := ""
		if page < 9 {
			next = strconv.Itoa(page + 1)
		}
		return JSON(r, http.StatusOK, ServiceList(next, page, 1)), nil
	}
}

// Trickles answers with ten Services in one body, of which a part comes after
// each pause.
func Trickles(each time.Duration, parts int) Answer {
	return func(r *http.Request) (*http.Response, error) {
		data, err := json.Marshal(ServiceList("", 0, 10))
		if err != nil {
			return nil, err
		}
		response, in := streamed(r)
		go func() {
			for i := range parts {
				select {
				case <-r.Context().Done():
					return
				case <-time.After(each):
				}
				if _, err := in.Write(data[i*len(data)/parts : (i+1)*len(data)/parts]); err != nil {
					return
				}
			}
			_ = in.Close()
		}()
		return response, nil
	}
}

// Listing answers lists by list, and watches well.
func Listing(s *Server, list Answer) Answer {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("watch") != "" {
			return s.Watch(r)
		}
		return list(r)
	}
}

const html = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>" // and more

// Failures are the ways in which one part fails while the server is well.
func Failures() map[string]Answer {
	return map[string]Answer{
		"conversion webhook":  Refuses(http.StatusInternalServerError, metav1.StatusReasonInternalError, "conversion webhook failed:\nPost \"https://iko.iko.svc:443/convert\": EOF"),
		"timeout":             Refuses(http.StatusGatewayTimeout, metav1.StatusReasonTimeout, "request did not complete within the allotted timeout"),
		"overloaded":          Refuses(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "too many requests, please try again later"),
		"aggregated API down": Refuses(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "error trying to reach service"),
		"page of a proxy":     Page(http.StatusBadGateway, "text/html", html+strings.Repeat("<p>so sorry</p>\n", 100)),
		"page instead":        Page(http.StatusOK, "text/html", html),
		"connection reset":    Breaks(io.ErrUnexpectedEOF),
		"hangs":               Hangs,
		"hangs in its body":   HangsInBody,
	}
}
