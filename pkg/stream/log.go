package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// silence bounds how long a log that is not followed may send nothing: a node
// that hangs accepts the request and never answers. A longer timeout of requests
// replaces it.
const silence = 30 * time.Second

// Log opens the log of a container, each line with its time before it. Errors
// are logs.ErrNone if there is nothing to read, or not yet. A log that is
// followed may be silent forever; any other fails after a while.
func (s *Streamer) Log(ctx context.Context, source logs.Source, part logs.Part) (io.ReadCloser, error) {
	if part.Follow {
		stream, err := logRequest(s.client.WatchAPI(), source, part).Stream(ctx)
		return stream, s.explainLog(err, source)
	}
	limit := max(silence, s.client.Config().Timeout)
	ctx, cancel := context.WithCancelCause(ctx)
	silent := silentError(limit)
	timer := time.AfterFunc(limit, func() { cancel(silent) })
	defer timer.Stop()
	explain := func(err error) error {
		if errors.Is(context.Cause(ctx), silent) {
			err = silent
		}
		return s.explainLog(err, source)
	}
	stream, err := logRequest(s.client.API(), source, part).Stream(ctx)
	if err != nil {
		cancel(nil)
		return nil, explain(err)
	}
	return &limitedLog{stream, limit, timer, cancel, explain}, nil
}

func logRequest(api *kube.API, source logs.Source, part logs.Part) *rest.Request {
	return api.REST.Get().Namespace(source.Namespace).Resource("pods").Name(source.Pod).SubResource("log").
		VersionedParams(logOptions(source, part), scheme.ParameterCodec)
}

// silentError is the error of a log that sent nothing for so long.
type silentError time.Duration

func (e silentError) Error() string { return fmt.Sprintf("nothing came for %s", time.Duration(e)) }

// limitedLog is a log that fails if it sends nothing for limit while it is read.
type limitedLog struct {
	stream  io.ReadCloser
	limit   time.Duration
	timer   *time.Timer
	cancel  context.CancelCauseFunc
	explain func(error) error
}

func (l *limitedLog) Read(p []byte) (int, error) {
	l.timer.Reset(l.limit)
	defer l.timer.Stop()
	n, err := l.stream.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = l.explain(err)
	}
	return n, err
}

func (l *limitedLog) Close() error {
	l.cancel(nil)
	return l.stream.Close()
}

func logOptions(source logs.Source, part logs.Part) *corev1.PodLogOptions {
	options := &corev1.PodLogOptions{
		Container:  source.Container,
		Follow:     part.Follow,
		Previous:   part.Previous,
		Timestamps: true,
	}
	if !part.Since.IsZero() {
		since := metav1.NewTime(part.Since.Truncate(time.Second))
		options.SinceTime = &since
	}
	if part.Ago > 0 {
		seconds := int64((part.Ago + time.Second - 1) / time.Second)
		options.SinceSeconds = &seconds
	}
	if part.Tail >= 0 {
		options.TailLines = &part.Tail
	}
	return options
}

// explainLog turns the error of opening or reading a log into one line for a
// person, or into logs.ErrNone.
func (s *Streamer) explainLog(err error, source logs.Source) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err), apierrors.IsBadRequest(err) && notYet(err):
		return logs.ErrNone
	case errors.As(err, new(silentError)), errors.Is(err, context.DeadlineExceeded), kube.IsTimeout(err):
		return problem.New("cannot get pods/log %q in namespace %q: no answer in time: %w", source.Pod, source.Namespace, err).
			Hint("kubectl get nodes shows whether the pod's node is ready; %s allows it more time", problem.Field("request-timeout"))
	}
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsBadRequest(err) {
		err = final{err}
	}
	return s.client.Explain(err, kube.Access{Verb: "get", Resource: "pods/log", Namespace: source.Namespace}, source.Pod)
}

// A final error is not cured by a retry.
type final struct{ error }

// Final reports true.
func (final) Final() bool { return true }

// Unwrap returns the error itself.
func (f final) Unwrap() error { return f.error }

// notYet reports whether err means that the container has not started or has no
// previous instance, rather than that the request is wrong. The server
// distinguishes them in words only.
func notYet(err error) bool {
	words := err.Error()
	return strings.Contains(words, "is waiting to start") || strings.Contains(words, "not found") ||
		strings.Contains(words, "is terminated") || strings.Contains(words, "not available")
}
