package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A log that is not followed may be long in coming, and fails if nothing comes;
// one that is followed may be silent.
func TestSilentLog(t *testing.T) {
	for _, test := range []struct {
		name   string
		part   logs.Part
		answer roundTrip
		// lines is how many come, fails whether an error does.
		lines int
		fails bool
	}{
		{"never begins", logs.Part{}, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, 0, true},
		{"stops", logs.Part{}, every(silence-time.Second, 10, 2*silence), 10, true},
		{"slow", logs.Part{}, every(silence-time.Second, 10, 0), 10, false},
		{"followed", logs.Part{Follow: true}, every(10*silence, 3, 0), 3, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, err := kube.New(&rest.Config{Host: "http://api", Transport: test.answer}, "test")
				if err != nil {
					t.Fatal(err)
				}
				read, err := readLog(t.Context(), New(client), test.part)
				if got := bytes.Count(read, []byte("\n")); got != test.lines {
					t.Errorf("%d lines, want %d", got, test.lines)
				}
				want := `cannot get pods/log "pod-0" in namespace "ns": no answer in time: nothing came for 30s`
				switch {
				case !test.fails && err != nil:
					t.Error(err)
				case test.fails && (err == nil || err.Error() != want || problem.HintOf(err) == ""):
					t.Errorf("error %v, want %s and a hint", err, want)
				}
			})
		})
	}
}

func readLog(ctx context.Context, client *Streamer, part logs.Part) ([]byte, error) {
	log, err := client.Log(ctx, logs.Source{Namespace: "ns", Pod: "pod-0", Container: "iris"}, part)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	return io.ReadAll(log)
}

// every answers with so many lines, with pauses before each, and ends after
// another.
func every(pause time.Duration, lines int, end time.Duration) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		body, w := io.Pipe()
		stop := context.AfterFunc(r.Context(), func() { _ = w.CloseWithError(r.Context().Err()) })
		go func() {
			defer stop()
			for range lines {
				time.Sleep(pause)
				_, _ = io.WriteString(w, "line\n")
			}
			select {
			case <-time.After(end):
				_ = w.Close()
			case <-r.Context().Done():
				_ = w.CloseWithError(r.Context().Err())
			}
		}()
		return &http.Response{StatusCode: http.StatusOK, Body: body, Header: http.Header{}, Request: r}, nil
	}
}

// A log that is not there yet is none; the server's refusals are final, its faults are not.
func TestLogErrors(t *testing.T) {
	for name, test := range map[string]struct {
		answer      kubetest.Answer
		none, final bool
		want        string
	}{
		"no pod":              {answer: kubetest.Refuses(404, metav1.StatusReasonNotFound, `pods "pod-0" not found`), none: true},
		"not started":         {answer: kubetest.Refuses(400, metav1.StatusReasonBadRequest, `container "iris" in pod "pod-0" is waiting to start: ContainerCreating`), none: true},
		"no previous one":     {answer: kubetest.Refuses(400, metav1.StatusReasonBadRequest, `previous terminated container "iris" in pod "pod-0" not found`), none: true},
		"ended":               {answer: kubetest.Refuses(400, metav1.StatusReasonBadRequest, `container "iris" in pod "pod-0" is terminated`), none: true},
		"not available":       {answer: kubetest.Refuses(400, metav1.StatusReasonBadRequest, `container "iris" in pod "pod-0" is not available`), none: true},
		"no such container":   {answer: kubetest.Refuses(400, metav1.StatusReasonBadRequest, `container iris is not valid for pod pod-0`), final: true, want: "is not valid"},
		"no right":            {answer: kubetest.Refuses(403, metav1.StatusReasonForbidden, `pods "pod-0" is forbidden`), final: true, want: "forbidden"},
		"expired credentials": {answer: kubetest.Refuses(401, metav1.StatusReasonUnauthorized, "Unauthorized"), final: true, want: "does not accept your credentials"},
		"a fault":             {answer: kubetest.Refuses(500, metav1.StatusReasonInternalError, "broken"), want: "broken"},
	} {
		for _, follow := range []bool{false, true} {
			server := kubetest.NewServer()
			server.Set("log", test.answer)
			client, err := kube.New(server.Config(), "test")
			if err != nil {
				t.Fatal(err)
			}
			_, err = readLog(t.Context(), New(client), logs.Part{Follow: follow})
			var final interface{ Final() bool }
			if errors.Is(err, logs.ErrNone) != test.none || (errors.As(err, &final) && final.Final()) != test.final || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, follow %t: %v", name, follow, err)
			}
		}
	}
}

func TestLogRequest(t *testing.T) {
	for _, test := range []struct {
		part logs.Part
		want url.Values
	}{
		{logs.Part{Tail: -1}, nil},
		{logs.Part{Tail: 5, Previous: true}, url.Values{"tailLines": {"5"}, "previous": {"true"}}},
		{logs.Part{Tail: 0, Ago: 1500 * time.Millisecond}, url.Values{"tailLines": {"0"}, "sinceSeconds": {"2"}}},
		{logs.Part{Tail: -1, Since: time.Unix(60, 999)}, url.Values{"sinceTime": {"1970-01-01T00:01:00Z"}}},
	} {
		server := kubetest.NewServer()
		server.Set("log", kubetest.Page(http.StatusOK, "text/plain", "line\n"))
		client, err := kube.New(server.Config(), "test")
		if err != nil {
			t.Fatal(err)
		}
		if read, err := readLog(t.Context(), New(client), test.part); err != nil || string(read) != "line\n" {
			t.Errorf("%+v: %q, %v", test.part, read, err)
		}
		want := url.Values{"container": {"iris"}, "timestamps": {"true"}}
		maps.Copy(want, test.want)
		if diff := cmp.Diff(want, server.Requests("log")[0].URL.Query()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.part, diff)
		}
	}
}
