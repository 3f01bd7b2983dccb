package ask

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/stream"
)

// The channels of the protocol of exec.
const (
	channelOut   = 1
	channelErr   = 2
	channelError = 3
)

// apiServer speaks as much of the API as asking IRIS needs.
type apiServer struct {
	*httptest.Server
	// exec is what happens in the container.
	exec func(write func(channel byte, text string), gone <-chan struct{})
	// execStatus refuses exec.
	execStatus *metav1.Status
	// page and metrics are what the pod answers through the proxy; metrics is
	// not found if it is nil.
	page, metrics http.HandlerFunc

	mu    sync.Mutex
	asked []string
}

func newAPIServer(t *testing.T) *apiServer {
	s := &apiServer{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	s.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/exec") && s.execStatus != nil:
		writeStatus(w, *s.execStatus)
	case strings.HasSuffix(r.URL.Path, "/exec"):
		s.serveExec(w, r)
	case strings.HasSuffix(r.URL.Path, iris.MetricsPath) && s.metrics != nil:
		s.metrics(w, r)
	case strings.Contains(r.URL.Path, "/proxy/") && !strings.HasSuffix(r.URL.Path, iris.MetricsPath) && s.page != nil:
		s.page(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *apiServer) serveExec(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	}()
	s.exec(func(channel byte, text string) {
		_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, text...))
	}, gone)
	_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}

func writeStatus(w http.ResponseWriter, status metav1.Status) {
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	status.Status = metav1.StatusFailure
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	_ = json.NewEncoder(w).Encode(status)
}

func forbidden(what string) metav1.Status {
	verb, resource, _ := strings.Cut(what, " ")
	message := fmt.Sprintf(`pods "pod-0" is forbidden: User "jane" cannot %s resource %q in API group "" in the namespace "ns"`, verb, resource)
	return metav1.Status{Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: message}
}

// succeed is the end of a command that went well.
const succeed = `{"metadata":{},"status":"Success"}`

func says(text string) func(func(byte, string), <-chan struct{}) {
	return func(write func(byte, string), _ <-chan struct{}) {
		write(channelOut, text)
		write(channelError, succeed)
	}
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

// dataPod is a mirror member with a sidecar on port 80.
func dataPod() iris.Pod {
	return iris.Pod{
		Namespace: "iko", Name: "simple-data-0-0", UID: "uid",
		Labels:  map[string]string{iris.LabelName: "simple", iris.LabelComponent: iris.ComponentData},
		IRIS:    &iris.Container{Name: "the-iris", Started: metav1.Now()},
		Sidecar: &iris.Container{Name: iris.SidecarContainer},
	}
}

func (s *apiServer) ask(t *testing.T, pod iris.Pod) iris.Answer {
	t.Helper()
	client, err := kube.New(&rest.Config{Host: s.URL}, "test")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	found := New(client, stream.New(client)).Ask(ctx, []iris.Cluster{{Namespace: "iko", Name: "simple", Mirrored: true}}, []iris.Pod{pod})
	if len(found) != 1 || found[0].Pod != pod.Name || found[0].UID != pod.UID {
		t.Fatalf("answers: %+v", found)
	}
	return found[0]
}

const line = "IRIS^/usr/irissys^2023.3^running, since now^iris.cpf^1972^52773^62972^ok^IRIS^Failover^Backup^/d\n"

func TestAsk(t *testing.T) {
	notFound := func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
	for name, test := range map[string]struct {
		exec       func(func(byte, string), <-chan struct{})
		execStatus *metav1.Status
		page       http.HandlerFunc
		metrics    http.HandlerFunc
		text, why  string
	}{
		"qlist": {exec: says(line), text: "Failover/Backup"},
		"in pieces, with words on stderr": {
			exec: func(write func(byte, string), _ <-chan struct{}) {
				write(channelOut, line[:20])
				write(channelErr, "a warning")
				write(channelOut, line[20:])
				write(channelError, succeed)
			},
			text: "Failover/Backup",
		},
		"no instance": {exec: says("\n"), text: "?", why: "iris qlist: it named no instance; /api/monitor/metrics: it answered 404 Not Found; mirror_status.cxw: it answered 404 Not Found"},
		"fails": {
			exec: func(write func(byte, string), _ <-chan struct{}) {
				write(channelErr, "iris: not found\n")
				write(channelError, `{"metadata":{},"status":"Failure","reason":"NonZeroExitCode","message":"command terminated with non-zero exit code","details":{"causes":[{"reason":"ExitCode","message":"127"}]}}`)
			},
			text: "?", why: "iris qlist: command terminated with exit code 127: iris: not found; /api/monitor/metrics: it answered 404 Not Found; mirror_status.cxw: it answered 404 Not Found",
		},
		"says more than it may": {
			exec: func(write func(byte, string), gone <-chan struct{}) {
				for range 1000 {
					select {
					case <-gone:
						return
					default:
						write(channelOut, strings.Repeat(line, 100))
					}
				}
			},
			text: "?", why: "iris qlist: it said more than 64 KiB; /api/monitor/metrics: it answered 404 Not Found; mirror_status.cxw: it answered 404 Not Found",
		},
		"forbidden, the page: primary": {
			execStatus: ptr.To(forbidden("create pods/exec")), page: answers(200, "SUCCESS"),
			text: "primary", why: "iris qlist: the right pods/exec create is missing; /api/monitor/metrics: it answered 404 Not Found",
		},
		"forbidden, the page: another": {
			execStatus: ptr.To(forbidden("create pods/exec")), page: answers(503, "FAILED\n"),
			text: "not primary", why: "iris qlist: the right pods/exec create is missing; /api/monitor/metrics: it answered 404 Not Found",
		},
		"forbidden, the metrics: primary": {
			execStatus: ptr.To(forbidden("create pods/exec")), page: answers(503, "FAILED"), metrics: answers(200, mirrorMetrics(2)),
			text: "Failover/Primary", why: "iris qlist: the right pods/exec create is missing",
		},
		"forbidden, the metrics: backup": {
			execStatus: ptr.To(forbidden("create pods/exec")), page: answers(503, "FAILED"), metrics: answers(200, mirrorMetrics(3)),
			text: "Failover/Backup", why: "iris qlist: the right pods/exec create is missing",
		},
		"in transition by its metrics, so that the page says nothing for certain": {
			execStatus: ptr.To(forbidden("create pods/exec")), page: answers(503, "FAILED"), metrics: answers(200, mirrorMetrics(5)),
			text: "Failover/Transition", why: "iris qlist: the right pods/exec create is missing",
		},
		"in transition by its metrics, and primary by the page": {
			execStatus: ptr.To(forbidden("create pods/exec")), page: answers(200, "SUCCESS"), metrics: answers(200, mirrorMetrics(5)),
			text: "primary", why: "iris qlist: the right pods/exec create is missing; /api/monitor/metrics: it says Failover/Transition",
		},
		"indeterminate is no answer": {
			exec: says("IRIS^/usr/irissys^2024.1^indeterminate, last used now^iris.cpf^1972^52773^0^^IRISHealth^^^\n"),
			text: "?", why: "iris qlist: it says indeterminate: its user may not inspect the instance; /api/monitor/metrics: it answered 404 Not Found; mirror_status.cxw: it answered 404 Not Found",
		},
		"indeterminate, the page: primary": {
			exec: says("IRIS^/usr/irissys^2024.1^indeterminate, last used now^iris.cpf^1972^52773^0^^IRISHealth^^^\n"), page: answers(200, "SUCCESS"),
			text: "primary", why: "iris qlist: it says indeterminate: its user may not inspect the instance; /api/monitor/metrics: it answered 404 Not Found",
		},
		"in trouble, the page: another": {
			exec: says("IRIS^/usr/irissys^2024.1^running, since now^iris.cpf^1972^52773^0^ok^IRISHealth^Failover^In Trouble^\n"),
			page: answers(503, "FAILED"), text: "Failover/In Trouble",
		},
		"in trouble, the page: primary": {
			exec: says("IRIS^/usr/irissys^2024.1^running, since now^iris.cpf^1972^52773^0^ok^IRISHealth^Failover^In Trouble^\n"),
			page: answers(200, "SUCCESS"), text: "primary", why: "iris qlist: it says Failover/In Trouble; /api/monitor/metrics: it answered 404 Not Found",
		},
		"connected is all that a failover member says": {
			exec: says("IRIS^/usr/irissys^2024.1^running, since now^iris.cpf^1972^52773^0^ok^IRISHealth^Failover^Connected^\n"),
			page: answers(503, "FAILED"), text: "Failover/Connected",
		},
		"a word that is not known is shown": {
			exec: says("IRIS^/usr/irissys^2024.1^thinking, since now^iris.cpf^1972^52773^0^^IRISHealth^^^\n"),
			text: "thinking", why: "iris qlist: it says thinking; /api/monitor/metrics: it answered 404 Not Found; mirror_status.cxw: it answered 404 Not Found",
		},
		"sign-on inhibited needs no page": {
			exec: says("IRIS^/usr/irissys^2024.1^sign-on inhibited:primary transition, x^iris.cpf^1972^52773^0^^IRISHealth^Failover^Transition^\n"), page: answers(503, "FAILED"),
			text: "sign-on inhibited:primary transition",
		},
		"both forbidden": {
			execStatus: ptr.To(forbidden("create pods/exec")),
			page:       func(w http.ResponseWriter, _ *http.Request) { writeStatus(w, forbidden("get pods/proxy")) },
			metrics:    func(w http.ResponseWriter, _ *http.Request) { writeStatus(w, forbidden("get pods/proxy")) },
			text:       "?", why: "iris qlist: the right pods/exec create is missing; mirror_status.cxw: the right pods/proxy get is missing",
		},
		"503 of the API server is no word of IRIS": {
			execStatus: ptr.To(forbidden("create pods/exec")),
			page: func(w http.ResponseWriter, _ *http.Request) {
				writeStatus(w, metav1.Status{Code: 503, Reason: metav1.StatusReasonServiceUnavailable, Message: "dial tcp: FAILED"})
			},
			text: "?", why: "iris qlist: the right pods/exec create is missing; /api/monitor/metrics: it answered 404 Not Found; mirror_status.cxw: dial tcp: FAILED",
		},
		"503 of a gateway is no word of IRIS": {
			execStatus: ptr.To(forbidden("create pods/exec")), page: answers(503, "<h1>no server available</h1>"),
			text: "?", why: "iris qlist: the right pods/exec create is missing; /api/monitor/metrics: it answered 404 Not Found; mirror_status.cxw: it answered 503 Service Unavailable",
		},
		"a login page is no word of IRIS": {
			execStatus: ptr.To(forbidden("create pods/exec")), page: answers(200, "<form>"),
			text: "?", why: "iris qlist: the right pods/exec create is missing; /api/monitor/metrics: it answered 404 Not Found; mirror_status.cxw: it answered 200 OK",
		},
		"a redirect is not followed": {
			execStatus: ptr.To(forbidden("create pods/exec")),
			page: func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/elsewhere" {
					http.Redirect(w, r, "/elsewhere/proxy/", http.StatusFound)
				}
			},
			text: "?", why: "iris qlist: the right pods/exec create is missing; /api/monitor/metrics: it answered 404 Not Found; mirror_status.cxw: it answered 302 Found",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAPIServer(t)
			s.exec, s.execStatus, s.page, s.metrics = test.exec, test.execStatus, test.page, test.metrics
			if s.page == nil {
				s.page = notFound
			}
			a := s.ask(t, dataPod())
			if a.Text() != test.text || a.Why() != test.why {
				t.Errorf("got %q, %q\nwant %q, %q", a.Text(), a.Why(), test.text, test.why)
			}
		})
	}
}

// mirrorMetrics are the metrics of a failover member.
func mirrorMetrics(status int) string {
	return fmt.Sprintf("iris_cpu_usage 3\niris_mirror_member_type 3\niris_mirror_status %d\n", status)
}

// A qlist that hangs costs the deadline and no more, and the page answers
// meanwhile.
func TestAskHangs(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t)
	s.exec = func(_ func(byte, string), gone <-chan struct{}) { <-gone }
	s.page = answers(200, "SUCCESS")
	start := time.Now()
	a := s.ask(t, dataPod())
	if took := time.Since(start); took > askTimeout+time.Second {
		t.Errorf("it took %s", took)
	}
	if a.Text() != "primary" || a.Why() != "iris qlist: no answer within 3s; /api/monitor/metrics: it answered 404 Not Found" || !a.Refused[0].TimedOut {
		t.Errorf("got %q, %q", a.Text(), a.Why())
	}
}

// An answer that comes late, but in time, goes before that of the page.
func TestAskLate(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t)
	s.exec = func(write func(byte, string), gone <-chan struct{}) {
		select {
		case <-time.After(qlistPatience + 300*time.Millisecond):
			says(line)(write, gone)
		case <-gone:
		}
	}
	s.page = answers(200, "SUCCESS")
	if a := s.ask(t, dataPod()); a.Text() != "Failover/Backup" {
		t.Errorf("got %q, %q", a.Text(), a.Why())
	}
}

func TestAskedHow(t *testing.T) {
	exec := "/api/v1/namespaces/iko/pods/simple-data-0-0/exec?command=iris&command=qlist&container=the-iris&stderr=true&stdout=true"
	page := func(port, path string) string {
		return "GET /api/v1/namespaces/iko/pods/simple-data-0-0:" + port + "/proxy" + path
	}
	narrow := map[string]iris.Node{iris.ComponentData: {Sidecar: &iris.Gateway{ApplicationPaths: []string{"/csp/sys", "/api/atelier"}}}}
	const status, metrics = iris.MirrorStatusPath, iris.MetricsPath
	for name, test := range map[string]struct {
		pod  func(*iris.Pod)
		want []string
	}{
		"a sidecar that may pass metrics on": {func(*iris.Pod) {}, []string{"GET " + exec, page("52773", metrics), page("80", metrics), page("80", status), "POST " + exec}},
		"a sidecar that does not":            {func(p *iris.Pod) { p.Labels[iris.LabelName] = "narrow" }, []string{"GET " + exec, page("52773", metrics), page("80", status), "POST " + exec}},
		"without a sidecar":                  {func(p *iris.Pod) { p.Sidecar = nil }, []string{"GET " + exec, page("52773", metrics), page("52773", status), "POST " + exec}},
		"outside a mirror":                   {func(p *iris.Pod) { p.Labels[iris.LabelName] = "alone" }, []string{"GET " + exec, "POST " + exec}},
		"not running":                        {func(p *iris.Pod) { p.IRIS.Started = metav1.Time{} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAPIServer(t)
			s.execStatus, s.page = ptr.To(forbidden("create pods/exec")), answers(200, "SUCCESS")
			pod := dataPod()
			test.pod(&pod)
			client, err := kube.New(&rest.Config{Host: s.URL}, "test")
			if err != nil {
				t.Fatal(err)
			}
			New(client, stream.New(client)).Ask(t.Context(), []iris.Cluster{{Namespace: "iko", Name: "simple", Mirrored: true}, {Namespace: "iko", Name: "alone"}, {Namespace: "iko", Name: "narrow", Mirrored: true, Nodes: narrow}}, []iris.Pod{pod, {Name: "not data"}})
			slices.Sort(s.asked)
			if diff := cmp.Diff(test.want, s.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// Pods whose turn does not come were not asked, which is no silence of IRIS.
func TestAskTooMany(t *testing.T) {
	t.Parallel()
	client, err := kube.New(&rest.Config{Host: "http://localhost"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	asker := New(client, stream.New(client))
	for range maxAsked {
		asker.turns <- struct{}{}
	}
	a := asker.Ask(t.Context(), nil, []iris.Pod{dataPod()})[0]
	if want := "iris qlist: not asked within 3s, since no more than 64 pods are asked at a time"; a.Why() != want || a.Refused[0].TimedOut {
		t.Errorf("got %+v, want %q", a.Refused, want)
	}
}

// A server that is away is distinguished from a pod that does not answer.
func TestReplyKnowsWhoIsAway(t *testing.T) {
	for name, test := range map[string]struct {
		server func(*apiServer)
		want   bool
	}{
		"no server": {func(s *apiServer) { s.Close() }, true},
		"a connection that ends": {func(s *apiServer) {
			s.exec = func(func(byte, string), <-chan struct{}) { panic(http.ErrAbortHandler) }
		}, true},
		"a server that shuts down": {func(s *apiServer) {
			s.execStatus = &metav1.Status{Code: 503, Reason: metav1.StatusReasonServiceUnavailable, Message: "shutting down"}
		}, true},
		"a node that is away": {func(s *apiServer) {
			s.execStatus = &metav1.Status{Code: 500, Reason: metav1.StatusReasonInternalError, Message: "error dialing backend: dial tcp: connection refused"}
		}, false},
		"a refusal":            {func(s *apiServer) { s.execStatus = ptr.To(forbidden("create pods/exec")) }, false},
		"a command that fails": {func(s *apiServer) { s.exec = says("") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAPIServer(t)
			test.server(s)
			client, err := kube.New(&rest.Config{Host: s.URL}, "test")
			if err != nil {
				t.Fatal(err)
			}
			r := New(client, stream.New(client)).AskPod(t.Context(), nil, dataPod(), nil)
			if r.ServerAway != test.want || r.Source != iris.NoAnswer {
				t.Errorf("away %v: %q", r.ServerAway, r.Why())
			}
		})
	}
}

// If qlist is to be skipped, the pages alone are asked, and why is still said.
func TestRepliesOfThePageAlone(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t)
	s.page = answers(503, "FAILED")
	client, err := kube.New(&rest.Config{Host: s.URL}, "test")
	if err != nil {
		t.Fatal(err)
	}
	r := New(client, stream.New(client)).AskPod(t.Context(), nil, dataPod(), &iris.Refusal{Source: iris.FromQlist, TimedOut: true, Why: "no answer"})
	if r.Text() != "not primary" || r.Why() != "iris qlist: no answer; /api/monitor/metrics: it answered 404 Not Found" || slices.ContainsFunc(s.asked, func(r string) bool { return strings.Contains(r, "/exec") }) {
		t.Errorf("%q, %q after %q", r.Text(), r.Why(), s.asked)
	}
}
