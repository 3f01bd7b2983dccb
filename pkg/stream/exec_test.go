package stream

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// The channels of a command's WebSocket.
const (
	channelOut    = 1
	channelErr    = 2
	channelStatus = 3
	channelResize = 4
)

// runs answers with a command that writes to the channels; each message that arrives is
// passed to received.
func runs(t *testing.T, write [][2]string, received func(string)) (http.HandlerFunc, func() string) {
	query := ""
	return func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if received != nil {
			_, message, _ := conn.ReadMessage()
			received(string(message))
		}
		for _, m := range write {
			_ = conn.WriteMessage(websocket.BinaryMessage, []byte(m[0]+m[1]))
		}
		_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		_, _, _ = conn.ReadMessage()
	}, func() string { return query }
}

func channel(n byte) string { return string([]byte{n}) }

const (
	success  = `{"metadata":{},"status":"Success"}`
	exitCode = `{"metadata":{},"status":"Failure","reason":"NonZeroExitCode","message":"command terminated with exit code 3","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}`
)

func TestRun(t *testing.T) {
	for name, test := range map[string]struct {
		status string
		code   int
		fails  string
	}{
		"succeeds":  {status: success},
		"exit code": {status: exitCode, code: 3},
		"fails":     {status: `{"metadata":{},"status":"Failure","message":"container not found"}`, fails: `cannot create pods/exec "pod-0" in namespace "ns": container not found`},
	} {
		handler, query := runs(t, [][2]string{{channel(channelOut), "out"}, {channel(channelErr), "err"}, {channel(channelStatus), test.status}}, nil)
		var out, errs bytes.Buffer
		code, err := clientOf(t, handler).Run(t.Context(), Session{Namespace: "ns", Pod: "pod-0", Container: "iris", Command: []string{"iris", "session"}, Out: &out, Err: &errs})
		if code != test.code || (err != nil) != (test.fails != "") || err != nil && !strings.HasPrefix(err.Error(), test.fails) {
			t.Errorf("%s: code %d, error %v", name, code, err)
		}
		if out.String() != "out" || errs.String() != "err" {
			t.Errorf("%s: %q and %q", name, out.String(), errs.String())
		}
		if want := "command=iris&command=session&container=iris&stderr=true&stdout=true"; query() != want {
			t.Errorf("%s: asked for %s", name, query())
		}
	}
}

// With a terminal the command gets its size, and has no stderr of its own.
func TestRunInATerminal(t *testing.T) {
	var size string
	handler, query := runs(t, [][2]string{{channel(channelOut), "out"}, {channel(channelStatus), success}}, func(m string) { size = m })
	sizes := make(chan [2]uint16, 1)
	sizes <- [2]uint16{80, 24}
	close(sizes)
	var out bytes.Buffer
	if _, err := clientOf(t, handler).Run(t.Context(), Session{Namespace: "ns", Pod: "pod-0", Out: &out, Err: &out, Sizes: sizes}); err != nil || out.String() != "out" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if want := channel(channelResize) + `{"Width":80,"Height":24}`; strings.TrimSpace(size) != want {
		t.Errorf("size %q", size)
	}
	if want := "stdout=true&tty=true"; query() != want {
		t.Errorf("asked for %s", query())
	}
}

func TestExec(t *testing.T) {
	long := strings.Repeat("x", maxOutput)
	for name, test := range map[string]struct {
		write        [][2]string
		want, failed string
	}{
		"succeeds":        {write: [][2]string{{channel(channelOut), "out"}, {channel(channelErr), "warning"}, {channel(channelStatus), success}}, want: "out"},
		"fails":           {write: [][2]string{{channel(channelErr), " no instance \n"}, {channel(channelStatus), exitCode}}, failed: "exit code 3: no instance"},
		"as much as fits": {write: [][2]string{{channel(channelOut), long}, {channel(channelStatus), success}}, want: long},
		"too much":        {write: [][2]string{{channel(channelOut), long + "x"}, {channel(channelStatus), success}}, failed: "more than 64 KiB"},
		"a long complaint": {
			write:  [][2]string{{channel(channelErr), strings.Repeat("y", maxComplaint) + "z"}, {channel(channelStatus), exitCode}},
			failed: strings.Repeat("y", maxComplaint),
		},
	} {
		handler, _ := runs(t, test.write, nil)
		got, err := clientOf(t, handler).Exec(t.Context(), "ns", "pod-0", "iris", "iris", "qlist")
		if got != test.want && test.failed == "" || (err != nil) != (test.failed != "") || err != nil && !strings.HasSuffix(err.Error(), test.failed) {
			t.Errorf("%s: %d characters, %v", name, len(got), err)
		}
	}
}

// A command that neither ends nor writes is left at the end of the context.
func TestExecEndsWithTheContext(t *testing.T) {
	handler, _ := runs(t, nil, func(string) {})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := clientOf(t, handler).Exec(ctx, "ns", "pod-0", "iris", "sleep"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// A server that lets no WebSocket in is asked by SPDY; what it says to the WebSocket is the
// error if it refuses both.
func TestExecFallsBackToSPDY(t *testing.T) {
	var methods []string
	client := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		methods = append(methods, r.Method)
		refuse(w)
	})
	_, err := client.Run(t.Context(), Session{Namespace: "ns", Pod: "pod-0"})
	if err == nil || !strings.Contains(err.Error(), "forbidden") || !slices.Equal(methods, []string{http.MethodGet, http.MethodPost}) {
		t.Errorf("%v after %q", err, methods)
	}
}
