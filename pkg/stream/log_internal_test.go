package stream

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

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
