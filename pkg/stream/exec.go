package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/klog/v2"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
)

const (
	// maxOutput bounds what Exec takes from a command's stdout, in bytes.
	maxOutput = 64 << 10
	// maxComplaint bounds what it takes from its stderr, in bytes.
	maxComplaint = 4 << 10
)

// errTooMuch ends a command that writes more than maxOutput.
var errTooMuch = fmt.Errorf("it said more than %d KiB", maxOutput>>10)

// Exec runs a command in a container and returns what it wrote to stdout. The error of
// a command that fails includes its stderr. A command that outlives ctx goes on in the
// container: Kubernetes has no way to end it.
func (s *Streamer) Exec(ctx context.Context, namespace, pod, container string, command ...string) (string, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stdout := &head{limit: maxOutput, full: func() { stop(errTooMuch) }}
	stderr := &head{limit: maxComplaint}
	options := corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}
	err := s.execute(ctx, namespace, pod, options, remotecommand.StreamOptions{Stdout: stdout, Stderr: stderr})
	if cause := context.Cause(ctx); cause != nil {
		return "", cause
	}
	if text := strings.TrimSpace(stderr.text.String()); err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return stdout.text.String(), err
}

// A Session is a command in a container that has the user's streams.
type Session struct {
	Namespace, Pod, Container string
	Command                   []string
	In                        io.Reader
	Out, Err                  io.Writer
	// Sizes are the terminal's columns and rows, the first at once. If it is nil, the
	// command gets no terminal; otherwise its stderr goes to Out.
	Sizes <-chan [2]uint16
}

// Run runs the command to its end and returns its exit code. Any other end is an error.
func (s *Streamer) Run(ctx context.Context, session Session) (code int, err error) {
	tty := session.Sizes != nil
	options := corev1.PodExecOptions{
		Container: session.Container, Command: session.Command,
		Stdin: session.In != nil, Stdout: true, Stderr: !tty, TTY: tty,
	}
	streams := remotecommand.StreamOptions{Stdin: session.In, Stdout: session.Out, Stderr: session.Err}
	if tty {
		streams.Tty, streams.Stderr, streams.TerminalSizeQueue = true, nil, sizeQueue(session.Sizes)
	}
	err = s.execute(ctx, session.Namespace, session.Pod, options, streams)
	var exit exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitStatus(), nil
	}
	return 0, s.client.Explain(err, kube.Access{Verb: "create", Resource: "pods/exec", Namespace: session.Namespace}, session.Pod)
}

// execute runs a command until it or ctx ends, over WebSocket or else SPDY, as kubectl
// does.
func (s *Streamer) execute(ctx context.Context, namespace, pod string, options corev1.PodExecOptions, streams remotecommand.StreamOptions) error {
	at := s.client.API().REST.Post().
		Namespace(namespace).Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&options, scheme.ParameterCodec).URL()
	webSocket, err := remotecommand.NewWebSocketExecutor(s.client.Config(), http.MethodGet, at.String())
	if err != nil {
		return err
	}
	spdy, err := remotecommand.NewSPDYExecutor(s.client.Config(), http.MethodPost, at)
	if err != nil {
		return err
	}
	var tried attempts
	executor, err := remotecommand.NewFallbackExecutor(webSocket, spdy, tried.shouldFallBack)
	if err != nil {
		return err
	}
	// The logger of the streams would report each connection that was cut.
	return tried.cause(executor.StreamWithContext(klog.NewContext(ctx, klog.Logger{}), streams))
}

// A sizeQueue passes terminal sizes on.
type sizeQueue <-chan [2]uint16

// Next waits for the next size. It returns nil after the last.
func (q sizeQueue) Next() *remotecommand.TerminalSize {
	size, ok := <-q
	if !ok {
		return nil
	}
	return &remotecommand.TerminalSize{Width: size[0], Height: size[1]}
}

// A head keeps the beginning of what is written to it. One goroutine writes to it; it
// is read after the command has ended.
type head struct {
	limit int
	// full is called when there is more; it may be nil.
	full func()
	text bytes.Buffer
}

// Write never fails: a stream that is not read to its end would block.
func (h *head) Write(p []byte) (int, error) {
	room := h.limit - h.text.Len()
	if len(p) > room && h.full != nil {
		h.full()
	}
	h.text.Write(p[:min(len(p), room)])
	return len(p), nil
}
