package kube

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/klog/v2"
)

const (
	// maxOutput bounds what a command in a container may say, in bytes.
	maxOutput = 64 << 10
	// maxComplaint bounds what it may say on stderr.
	maxComplaint = 4 << 10
)

// errTooMuch ends a command that says more than maxOutput.
var errTooMuch = fmt.Errorf("it said more than %d KiB", maxOutput>>10)

// exec runs a command in a container of a pod and returns what it wrote to
// stdout. As kubectl does, it speaks WebSocket, and SPDY with servers and
// proxies that do not. A command that outlives ctx goes on in the container:
// Kubernetes has no way to end it.
func (c *Client) exec(ctx context.Context, namespace, pod, container string, command ...string) (string, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// The streams' own logger would tell of each connection that was cut.
	ctx = klog.NewContext(ctx, klog.Logger{})

	executor, err := c.executorAt(c.execURL(namespace, pod, container, command))
	if err != nil {
		return "", err
	}
	stdout := &head{limit: maxOutput, full: func() { stop(errTooMuch) }}
	stderr := &head{limit: maxComplaint}
	err = executor.run(ctx, remotecommand.StreamOptions{Stdout: stdout, Stderr: stderr})
	if cause := context.Cause(ctx); cause != nil {
		return "", cause
	}
	if said := strings.TrimSpace(stderr.text.String()); err != nil && said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return stdout.text.String(), err
}

func (c *Client) execURL(namespace, pod, container string, command []string) *url.URL {
	return c.once.core.RESTClient().Post().
		Namespace(namespace).Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: container, Command: command, Stdout: true, Stderr: true,
		}, scheme.ParameterCodec).URL()
}

// head keeps the beginning of what is written to it. Each instance is written
// to by one goroutine; it is read after the command has ended.
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
