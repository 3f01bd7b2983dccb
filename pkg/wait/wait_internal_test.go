package wait

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/watch"
)

// fakeServer answers lists and watches without a network, so that synctest's clock
// drives the waits. A watch gets whatever changes.
type fakeServer struct {
	mu      sync.Mutex
	version int
	objects map[string][]runtime.Object
	watches map[string][]fakeWatch
	// fail decides before each request whether it fails; nil: none does.
	fail func(resource string, watch bool) error
}

// fakeWatch gets the changes of the objects that its selectors match.
type fakeWatch struct {
	matches func(runtime.Object) bool
	changes chan []byte
}

// matching returns what reports whether a request's selectors match an object.
func matching(r *http.Request) func(runtime.Object) bool {
	byLabels, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	name, byName := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
	return func(object runtime.Object) bool {
		meta := metaOf(object)
		return err == nil && byLabels.Matches(labels.Set(meta.GetLabels())) && (!byName || meta.GetName() == name)
	}
}

var kindOf = map[string]string{"services": "Service", "endpointslices": "EndpointSlice", "pods": "Pod", "events": "Event"}

func newFakeServer(t *testing.T) (*fakeServer, *Waiter) {
	t.Helper()
	s := &fakeServer{version: 1, objects: map[string][]runtime.Object{}, watches: map[string][]fakeWatch{}}
	json := rest.ContentConfig{ContentType: runtime.ContentTypeJSON}
	c, err := kube.New(&rest.Config{Host: "http://server", Transport: s, ContentConfig: json}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return s, New(c)
}

// set replaces the objects of a resource, and its watches get them.
func (s *fakeServer) set(resource string, now ...runtime.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.objects[resource]
	s.objects[resource] = nil
	for _, object := range now {
		s.version++
		object = object.DeepCopyObject()
		metaOf(object).SetResourceVersion(itoa(s.version))
		object.GetObjectKind().SetGroupVersionKind(groupOf(resource).WithKind(kindOf[resource]))
		s.objects[resource] = append(s.objects[resource], object)
		s.send(resource, "MODIFIED", object)
	}
	for _, object := range before {
		if !slices.ContainsFunc(s.objects[resource], func(o runtime.Object) bool { return metaOf(o).GetName() == metaOf(object).GetName() }) {
			s.version++
			metaOf(object).SetResourceVersion(itoa(s.version))
			s.send(resource, "DELETED", object)
		}
	}
}

func metaOf(object runtime.Object) metav1.Object { return object.(metav1.Object) }

func itoa(n int) string { data, _ := json.Marshal(n); return string(data) }

func groupOf(resource string) schema.GroupVersion {
	if resource == "endpointslices" {
		return discoveryv1.SchemeGroupVersion
	}
	return corev1.SchemeGroupVersion
}

func (s *fakeServer) send(resource, kind string, object runtime.Object) {
	data, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		return
	}
	for _, watch := range s.watches[resource] {
		if watch.matches(object) {
			watch.changes <- data
		}
	}
}

// errHangs has a request wait until it is canceled.
var errHangs = errors.New("hangs")

// RoundTrip answers a request.
func (s *fakeServer) RoundTrip(r *http.Request) (*http.Response, error) {
	resource := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	watching := r.URL.Query().Get("watch") != ""
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		err := s.fail(resource, watching)
		if errors.Is(err, errHangs) {
			s.mu.Unlock()
			<-r.Context().Done()
			s.mu.Lock()
			return nil, r.Context().Err()
		}
		if err != nil {
			status, ok := err.(apierrors.APIStatus)
			if !ok {
				return nil, err
			}
			body := status.Status()
			body.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
			return respond(int(body.Code), body), nil
		}
	}
	if watching {
		return s.watch(r, resource), nil
	}
	items, matches := []runtime.Object{}, matching(r)
	for _, object := range s.objects[resource] {
		if matches(object) {
			items = append(items, object)
		}
	}
	return respond(http.StatusOK, map[string]any{
		"kind": kindOf[resource] + "List", "apiVersion": groupOf(resource).String(),
		"metadata": map[string]any{"resourceVersion": itoa(s.version)}, "items": items,
	}), nil
}

func respond(code int, body any) *http.Response {
	data, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(data)))}
}

func (s *fakeServer) watch(r *http.Request, resource string) *http.Response {
	events := make(chan []byte, 100)
	s.watches[resource] = append(s.watches[resource], fakeWatch{matching(r), events})
	out, in := io.Pipe()
	go func() {
		for {
			select {
			case <-r.Context().Done():
				_ = in.CloseWithError(r.Context().Err())
				return
			case data := <-events:
				if _, err := in.Write(data); err != nil {
					return
				}
			}
		}
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: out}
}

// reported holds the lines that a wait reports.
type reported struct {
	mu    sync.Mutex
	lines []string
}

func (h *reported) report(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line)
}

func denied403(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", nil)
}

// waited is how a wait ended, and what it reported.
type waited struct {
	service  *corev1.Service
	err      error
	took     time.Duration
	reported []string
}

// waitFor runs WaitExposed in a bubble, with at set for what happens meanwhile.
func waitFor(t *testing.T, timeout time.Duration, play func(s *fakeServer)) (got waited) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, c := newFakeServer(t)
		var h reported
		began := time.Now()
		s.set("services", serviceOf(corev1.ServiceTypeClusterIP))
		s.set("pods", podOf("web-0", true))
		s.set("endpointslices", slice("web-0", true))
		go play(s)
		synctest.Wait()
		s.mu.Lock()
		service := s.objects["services"][0].(*corev1.Service).DeepCopy()
		s.mu.Unlock()
		got.service, got.err = c.WaitExposed(t.Context(), service, Options{Timeout: timeout, Report: h.report})
		got.took, got.reported = time.Since(began), h.lines
	})
	return got
}

func (w waited) check(t *testing.T, took time.Duration, words string, reported ...string) {
	t.Helper()
	if got := w.took.Truncate(time.Second); got != took {
		t.Errorf("it took %v, want %v", got, took)
	}
	if got := wordsOf(w.err); got != words {
		t.Errorf("error %q\n     want %q", got, words)
	}
	if !slices.Equal(w.reported, reported) {
		t.Errorf("reported %q, want %q", w.reported, reported)
	}
}

func TestWaitEndsAtOnce(t *testing.T) {
	t.Parallel()
	waitFor(t, time.Minute, func(*fakeServer) {}).check(t, 0, "")
}

// A Service that selected another pod before is not ready until its endpoints are
// those of the pod that it selects now.
func TestWaitIsNotEndedByStaleEndpoints(t *testing.T) {
	t.Parallel()
	stale := func(s *fakeServer) {
		s.set("pods", podOf("web-0", true), podOf("other-0", true))
		s.set("endpointslices", slice("other-0", true))
	}
	waitFor(t, time.Minute, func(s *fakeServer) {
		stale(s)
		time.Sleep(20 * time.Second)
		s.set("endpointslices", slice("web-0", true))
	}).check(t, 20*time.Second, "")
	waitFor(t, time.Minute, stale).check(t, time.Minute,
		`service "web" in namespace "prod" has no ready endpoint after 1m0s: its endpoints are still those of "other-0"`)
}

// Another client may change the selector while the Service is waited for.
func TestWaitFollowsTheSelector(t *testing.T) {
	t.Parallel()
	got := waitFor(t, time.Minute, func(s *fakeServer) {
		s.set("pods", podOf("web-0", true), podOf("other-0", true))
		s.set("endpointslices", slice("other-0", true))
		time.Sleep(10 * time.Second)
		changed := serviceOf(corev1.ServiceTypeClusterIP)
		changed.Spec.Selector = map[string]string{"app": "other"}
		s.set("services", changed)
	})
	got.check(t, 10*time.Second, "")
	if got.service.Spec.Selector["app"] != "other" {
		t.Errorf("the Service that is returned selects %v", got.service.Spec.Selector)
	}
}

// Rights that are missing for a moment end no wait; those that stay missing do.
func TestWaitAndMissingRights(t *testing.T) {
	t.Parallel()
	deny := func(resource string, until time.Duration) func(s *fakeServer) {
		return func(s *fakeServer) {
			began := time.Now()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fail = func(r string, _ bool) error {
				if r == resource && time.Since(began) < until {
					return denied403(r)
				}
				return nil
			}
		}
	}
	t.Run("for a moment", func(t *testing.T) {
		t.Parallel()
		for _, resource := range []string{"services", "endpointslices"} {
			got := waitFor(t, time.Minute, deny(resource, time.Second))
			got.took = got.took.Round(time.Minute)
			got.check(t, 0, "")
		}
	})
	t.Run("for long", func(t *testing.T) {
		t.Parallel()
		got := waitFor(t, time.Minute, deny("endpointslices", time.Hour))
		got.check(t, watch.DeniedFor, `cannot watch endpointslices.discovery.k8s.io in namespace "prod": forbidden, so its endpoints cannot be waited for`)
		if hint := problem.HintOf(got.err); !strings.HasPrefix(hint, "leave out wait") {
			t.Errorf("hint %q", hint)
		}
	})
	t.Run("until a timeout that is shorter", func(t *testing.T) {
		t.Parallel()
		waitFor(t, 2*time.Second, deny("services", time.Hour)).check(t, 2*time.Second,
			`cannot watch services in namespace "prod": forbidden, so it cannot be waited for`)
	})
	t.Run("to read pods", func(t *testing.T) {
		t.Parallel()
		waitFor(t, time.Minute, deny("pods", time.Hour)).check(t, watch.DeniedFor, "",
			`cannot watch pods in namespace "prod": forbidden, so stale endpoints are not recognised`)
	})
	t.Run("to read pods, whatever the selector", func(t *testing.T) {
		t.Parallel()
		got := waitFor(t, time.Minute, func(s *fakeServer) {
			deny("pods", time.Hour)(s)
			s.set("endpointslices")
			time.Sleep(10 * time.Second)
			changed := serviceOf(corev1.ServiceTypeClusterIP)
			changed.Spec.Selector = map[string]string{"app": "other"}
			s.set("services", changed)
			time.Sleep(20 * time.Second)
			s.set("endpointslices", slice("other-0", true))
		})
		got.check(t, 30*time.Second, "", `cannot watch pods in namespace "prod": forbidden, so stale endpoints are not recognised`)
	})
	t.Run("to read pods, for a moment", func(t *testing.T) {
		t.Parallel()
		got := waitFor(t, time.Minute, func(s *fakeServer) {
			deny("pods", 2*time.Second)(s)
			s.set("endpointslices", slice("other-0", true))
			time.Sleep(20 * time.Second)
			s.set("endpointslices", slice("web-0", true))
		})
		got.check(t, 20*time.Second, "")
	})
	t.Run("to watch pods", func(t *testing.T) {
		t.Parallel()
		got := waitFor(t, time.Minute, func(s *fakeServer) {
			s.set("endpointslices", slice("other-0", true))
			s.mu.Lock()
			s.fail = func(r string, watch bool) error {
				if r == "pods" && watch {
					return denied403(r)
				}
				return nil
			}
			s.mu.Unlock()
			time.Sleep(10 * time.Second)
			s.set("endpointslices", slice("web-1", true)) // of a pod that has yet to be listed
			s.set("pods", podOf("web-0", true), podOf("web-1", true))
		})
		if got.took < 10*time.Second || got.took > 15*time.Second || got.err != nil {
			t.Errorf("it took %v, error %v", got.took, got.err)
		}
	})
}

// What a load balancer's controller says, or does not say, is reported once and waited
// through.
func TestWaitGoesOnThroughWarnings(t *testing.T) {
	t.Parallel()
	pending, addressed := serviceOf(corev1.ServiceTypeLoadBalancer), serviceOf(corev1.ServiceTypeLoadBalancer, "192.0.2.30")
	event := func(name, message string, at time.Duration) *corev1.Event {
		e := warning(message, applied.Add(at))
		e.Name, e.Namespace = name, "prod"
		return e
	}
	const slow = `service "web" in namespace "prod" has no address yet: no load-balancer controller has reacted to it for 10s`
	const warned = `service "web" in namespace "prod" has no address yet: SyncLoadBalancerFailed: not active yet`
	got := waitFor(t, 3*time.Minute, func(s *fakeServer) {
		s.set("services", pending)
		time.Sleep(25 * time.Second)
		s.set("events", event("a", "not active yet", time.Second))
		time.Sleep(5 * time.Second)
		s.set("events", event("a", "not active yet", time.Second), event("b", "still not active", 2*time.Second))
		time.Sleep(30 * time.Second)
		s.set("services", addressed)
	})
	got.check(t, time.Minute, "", slow, warned)
	if len(got.service.Status.LoadBalancer.Ingress) != 1 {
		t.Error("the Service that is returned has no address")
	}
	waitFor(t, 3*time.Minute, func(s *fakeServer) {
		s.set("services", pending)
		s.set("events", event("a", "not active yet", time.Second))
		time.Sleep(time.Minute)
		s.set("events", event("a", "not active yet", time.Second), event("b", "quota", time.Minute))
	}).check(t, 3*time.Minute, `service "web" in namespace "prod" has no load-balancer address after 3m0s: SyncLoadBalancerFailed: quota`, warned)
}

// A Warning from before the last apply is none of this wait's, whoever waits: the
// Service that is handed in need not have its managed fields.
func TestWaitPassesOverOldWarnings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := newFakeServer(t)
		service := serviceOf(corev1.ServiceTypeLoadBalancer)
		service.Finalizers = []string{lbFinalizer}
		old := warning("subnet", applied.Add(-time.Minute))
		old.Name, old.Namespace = "a", "prod"
		s.set("services", service)
		s.set("events", old)
		s.set("pods", podOf("web-0", true))
		s.set("endpointslices", slice("web-0", true))
		listed := service.DeepCopy()
		listed.ManagedFields = nil
		var h reported
		_, err := c.WaitExposed(t.Context(), listed, Options{Timeout: time.Minute, Report: h.report})
		if want := `service "web" in namespace "prod" has no load-balancer address after 1m0s`; wordsOf(err) != want || len(h.lines) > 0 {
			t.Errorf("error %q, reported %q; want %q and nothing", wordsOf(err), h.lines, want)
		}
	})
}

// At the timeout the other load balancers are looked at.
func TestWaitNamesATakenPort(t *testing.T) {
	t.Parallel()
	pending, other := serviceOf(corev1.ServiceTypeLoadBalancer), serviceOf(corev1.ServiceTypeLoadBalancer, "192.0.2.21")
	pending.Finalizers, other.Name = []string{lbFinalizer}, "other"
	for name, test := range map[string]struct {
		unreadable bool
		hint       string
	}{
		"read":   {hint: `service "other" has port 81 here, too, which some load balancers give only once: use port 82:80`},
		"unread": {unreadable: true, hint: "kubectl describe service web -n prod shows its endpoints and events; timeout allows more time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := waitFor(t, time.Minute, func(s *fakeServer) {
				s.set("services", pending)
				time.Sleep(30 * time.Second)
				s.set("services", pending, other)
				if test.unreadable {
					s.mu.Lock()
					defer s.mu.Unlock()
					s.fail = func(r string, watch bool) error {
						if r == "services" && !watch {
							return denied403(r)
						}
						return nil
					}
				}
			})
			got.check(t, time.Minute, `service "web" in namespace "prod" has no load-balancer address after 1m0s`)
			if hint := problem.HintOf(got.err); hint != test.hint {
				t.Errorf("hint %q, want %q", hint, test.hint)
			}
		})
	}
}

// A server that goes away is reported, and waited for.
func TestWaitOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	away := func(s *fakeServer, until time.Duration) {
		began := time.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail = func(string, bool) error {
			if time.Since(began) < until {
				return errAway
			}
			return nil
		}
	}
	const lost = "cannot reach the API server at http://server: dial: connection refused"
	got := waitFor(t, time.Minute, func(s *fakeServer) { away(s, 10*time.Second) })
	if got.err != nil || got.took < 10*time.Second || got.took > 20*time.Second || !slices.Equal(got.reported, []string{lost + "; still waiting"}) {
		t.Errorf("it took %v, error %v, reported %q", got.took, got.err, got.reported)
	}
	waitFor(t, time.Minute, func(s *fakeServer) { away(s, time.Hour) }).check(t, time.Minute,
		`service "web" in namespace "prod" could not be read for 1m0s: `+lost, lost+"; still waiting")
}

// A read of pods that fails for a moment lets no stale endpoint count.
func TestWaitForPodsThatFailAtFirst(t *testing.T) {
	t.Parallel()
	waitFor(t, time.Minute, func(s *fakeServer) {
		began := time.Now()
		s.mu.Lock()
		s.fail = func(r string, _ bool) error {
			if r == "pods" && time.Since(began) < 2*time.Second {
				return apierrors.NewInternalError(io.ErrUnexpectedEOF)
			}
			return nil
		}
		s.mu.Unlock()
		s.set("endpointslices", slice("other-0", true))
		time.Sleep(20 * time.Second)
		s.set("endpointslices", slice("web-0", true))
	}).check(t, 20*time.Second, "")
}

// After an outage the reads come back one by one, which lets no stale endpoint
// count either.
func TestWaitForPodsAfterAnOutage(t *testing.T) {
	t.Parallel()
	got := waitFor(t, time.Minute, func(s *fakeServer) {
		began := time.Now()
		s.mu.Lock()
		s.fail = func(r string, _ bool) error {
			if since := time.Since(began); since < 10*time.Second || r == "pods" && since < 13*time.Second {
				return errAway
			}
			return nil
		}
		s.mu.Unlock()
		s.set("endpointslices", slice("other-0", true))
		time.Sleep(30 * time.Second)
		s.set("endpointslices", slice("web-0", true))
	})
	got.check(t, 30*time.Second, "", "cannot reach the API server at http://server: dial: connection refused; still waiting")
}

// An outage that begins before pods could be listed lets no stale endpoint count
// while it lasts.
func TestWaitForPodsDuringAnOutage(t *testing.T) {
	t.Parallel()
	got := waitFor(t, 2*time.Minute, func(s *fakeServer) {
		began := time.Now()
		s.mu.Lock()
		s.fail = func(r string, watch bool) error {
			since := time.Since(began)
			listsOthers := r != "pods" && !watch && since < time.Second
			if since < 20*time.Second && !listsOthers || r == "pods" && since < 23*time.Second {
				return errAway
			}
			return nil
		}
		s.mu.Unlock()
		s.set("endpointslices", slice("other-0", true))
		time.Sleep(40 * time.Second)
		s.set("endpointslices", slice("web-0", true))
	})
	got.check(t, 40*time.Second, "", "cannot reach the API server at http://server: dial: connection refused; still waiting")
}

// failing has all requests for a resource fail with err.
func failing(resource string, err error) func(s *fakeServer) {
	return func(s *fakeServer) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail = func(r string, _ bool) error {
			if r == resource {
				return err
			}
			return nil
		}
	}
}

// Pods that cannot be read for any reason are reported, since stale endpoints
// then end the wait.
func TestWaitWithoutPods(t *testing.T) {
	t.Parallel()
	const loss = ", so stale endpoints are not recognised"
	waitFor(t, time.Minute, failing("pods", errHangs)).check(t, kube.PartTimeout, "", `cannot watch pods in namespace "prod": no answer for 5s`+loss)
	waitFor(t, time.Minute, failing("pods", apierrors.NewInternalError(io.ErrUnexpectedEOF))).check(t, watch.DeniedFor, "",
		`cannot watch pods in namespace "prod": Internal error occurred: unexpected EOF`+loss)
}

// A wait that is over does not wait for events, whatever they do.
func TestWaitEndsWithoutEvents(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errHangs, denied403("events"), apierrors.NewInternalError(io.ErrUnexpectedEOF)} {
		waitFor(t, time.Minute, func(s *fakeServer) {
			s.set("services", serviceOf(corev1.ServiceTypeLoadBalancer, "192.0.2.30"))
			failing("events", err)(s)
		}).check(t, 0, "")
	}
	// Without them it is not known whether a controller has reacted.
	waitFor(t, time.Minute, func(s *fakeServer) {
		s.set("services", serviceOf(corev1.ServiceTypeLoadBalancer))
		failing("events", errHangs)(s)
	}).check(t, time.Minute, `service "web" in namespace "prod" has no load-balancer address after 1m0s`)
}

// Events that do not come hold up nothing.
func TestWaitDoesWithoutEvents(t *testing.T) {
	t.Parallel()
	waitFor(t, time.Minute, func(s *fakeServer) {
		s.set("services", serviceOf(corev1.ServiceTypeLoadBalancer))
		s.mu.Lock()
		s.fail = func(r string, _ bool) error {
			if r == "events" {
				return apierrors.NewInternalError(io.ErrUnexpectedEOF)
			}
			return nil
		}
		s.mu.Unlock()
		time.Sleep(30 * time.Second)
		s.set("services", serviceOf(corev1.ServiceTypeLoadBalancer, "192.0.2.30"))
	}).check(t, 30*time.Second, "")
}

func TestWaitGone(t *testing.T) {
	t.Parallel()
	service := serviceOf(corev1.ServiceTypeLoadBalancer)
	service.Finalizers = []string{lbFinalizer}
	for name, test := range map[string]struct {
		play func(s *fakeServer)
		took time.Duration
		want string
	}{
		"gone already": {play: func(s *fakeServer) { s.set("services") }},
		"gone in time": {play: func(s *fakeServer) { time.Sleep(20 * time.Second); s.set("services") }, took: 20 * time.Second},
		"another of the same name": {play: func(s *fakeServer) {
			other := service.DeepCopy()
			other.UID = "2"
			s.set("services", other)
		}},
		"held": {took: time.Minute, want: `service "web" in namespace "prod" is still there after 1m0s, held by ` + lbFinalizer},
		"forbidden for a moment": {play: func(s *fakeServer) {
			began := time.Now()
			s.mu.Lock()
			s.fail = func(r string, _ bool) error {
				if time.Since(began) < 2*time.Second {
					return denied403(r)
				}
				return nil
			}
			s.mu.Unlock()
			time.Sleep(20 * time.Second)
			s.set("services")
		}, took: 20 * time.Second},
		"forbidden": {play: func(s *fakeServer) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fail = func(r string, _ bool) error { return denied403(r) }
		}, took: watch.DeniedFor, want: `cannot watch services in namespace "prod": forbidden, so it cannot be waited for`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, c := newFakeServer(t)
				s.set("services", service)
				began := time.Now()
				if test.play != nil {
					go test.play(s)
				}
				synctest.Wait()
				err := c.WaitGone(t.Context(), service, Options{Timeout: time.Minute, Report: func(string) {}})
				waited{err: err, took: time.Since(began)}.check(t, test.took, test.want)
			})
		})
	}
}

// errAway has a watch go on where it was, without a list.
var errAway = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}

// Once a wait has returned, no outage is reported any more.
func TestOutageIsNotReportedAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, waiter := newFakeServer(t)
		service := serviceOf(corev1.ServiceTypeClusterIP)
		s.set("services", service)
		s.fail = func(string, bool) error { return errAway }
		ctx, stop := context.WithCancel(t.Context())
		var reporting, reported atomic.Bool
		done := make(chan error)
		go func() {
			done <- waiter.WaitGone(ctx, service, Options{Timeout: time.Hour, Report: func(string) {
				reporting.Store(true)
				time.Sleep(time.Minute)
				reported.Store(true)
			}})
		}()
		time.Sleep(10 * time.Second)
		if !reporting.Load() || reported.Load() {
			t.Errorf("reporting: %t, reported: %t", reporting.Load(), reported.Load())
		}
		stop()
		<-done
		if !reported.Load() {
			t.Error("returned before the outage was reported")
		}
	})
}
