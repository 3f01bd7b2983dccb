package kube

import (
	"context"
	"errors"
	"io"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/klog/v2"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// Session is a command in a container that has the user's streams.
type Session struct {
	Namespace, Pod, Container string
	Command                   []string
	In                        io.Reader
	Out, Err                  io.Writer
	// Sizes are the terminal's columns and rows, the first at once. Without it
	// the command gets no terminal; with it what it says on stderr goes to Out.
	Sizes <-chan [2]uint16
}

// Run runs the command to its end and returns its exit code. Any other end is
// an error.
func (c *Client) Run(ctx context.Context, s Session) (code int, err error) {
	options := remotecommand.StreamOptions{Stdin: s.In, Stdout: s.Out, Stderr: s.Err}
	if s.Sizes != nil {
		options.Tty, options.Stderr, options.TerminalSizeQueue = true, nil, sizeQueue(s.Sizes)
	}
	executor, err := c.executorAt(c.sessionURL(s))
	if err != nil {
		return 0, err
	}
	err = executor.run(klog.NewContext(ctx, klog.Logger{}), options)
	var exit exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitStatus(), nil
	}
	return 0, c.explain(err, access{"create", "pods/exec", s.Namespace}, s.Pod)
}

// AskInstance asks in the IRIS container of one pod, of any component, by
// `iris qlist` alone, and not for longer than three seconds.
func (c *Client) AskInstance(ctx context.Context, pod iris.Pod) iris.Answer {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return question{client: c, pod: pod}.qlist(ctx)
}

func (c *Client) sessionURL(s Session) *url.URL {
	tty := s.Sizes != nil
	return c.once.core.RESTClient().Post().
		Namespace(s.Namespace).Resource("pods").Name(s.Pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: s.Container, Command: s.Command, Stdin: s.In != nil, Stdout: true, Stderr: !tty, TTY: tty,
		}, scheme.ParameterCodec).URL()
}

// sizeQueue hands terminal sizes on.
type sizeQueue <-chan [2]uint16

// Next waits for the next size; nil after the last.
func (q sizeQueue) Next() *remotecommand.TerminalSize {
	size, ok := <-q
	if !ok {
		return nil
	}
	return &remotecommand.TerminalSize{Width: size[0], Height: size[1]}
}
