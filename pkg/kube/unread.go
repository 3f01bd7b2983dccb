package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// PartTimeout is how long the server may send nothing of a part, which is a read of
// anything but pods. A healthy server is never silent for so long, and a user can wait so
// long for what else there is.
const PartTimeout = 5 * time.Second

// errNoAnswer is the error of a part of which nothing came for PartTimeout.
var errNoAnswer = fmt.Errorf("no answer for %s", PartTimeout)

// A PartLimit bounds the reads of a view's parts. The time counts from when the
// server answered the essential read, and again from whatever the server sends
// of the part: a slow login or a slow connection is no fault of a part.
type PartLimit struct {
	once     sync.Once
	answered chan struct{}
}

// NewPartLimit returns a limit that has not started.
func NewPartLimit() *PartLimit { return &PartLimit{answered: make(chan struct{})} }

// Start starts the time of all parts. It may be called more than once.
func (l *PartLimit) Start() { l.once.Do(func() { close(l.answered) }) }

// Bound returns a copy of ctx that is canceled, with the cause errNoAnswer, if
// the server sends nothing for PartTimeout in answer to the requests with it.
func (l *PartLimit) Bound(ctx context.Context) (bounded context.Context, stop func()) {
	received := make(progress, 1)
	reading, cancel := context.WithCancelCause(context.WithValue(ctx, progressKey{}, received))
	go func() {
		select {
		case <-reading.Done():
			return
		case <-l.answered:
		}
		timer := time.NewTimer(PartTimeout)
		defer timer.Stop()
		for {
			select {
			case <-reading.Done():
				return
			case <-received:
				timer.Reset(PartTimeout)
			case <-timer.C:
				cancel(errNoAnswer)
			}
		}
	}()
	return reading, func() { cancel(nil) }
}

// progress gets a token whenever something of an answer was received; it holds at
// most one.
type progress chan struct{}

// progressKey is the key of a progress in a request's context.
type progressKey struct{}

func (p progress) report() {
	select {
	case p <- struct{}{}:
	default:
	}
}

// progressTransport reports what comes of the answer to a request to the progress
// in the request's context, if there is one. A refusal is none: client-go may
// retry it for long.
type progressTransport struct{ next http.RoundTripper }

func (t progressTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	received, ok := r.Context().Value(progressKey{}).(progress)
	if err != nil || !ok || response.StatusCode != http.StatusOK {
		return response, err
	}
	received.report()
	response.Body = progressBody{response.Body, received}
	return response, nil
}

// progressBody reports every read that brings something.
type progressBody struct {
	io.ReadCloser
	received progress
}

func (b progressBody) Read(p []byte) (n int, err error) {
	if n, err = b.ReadCloser.Read(p); n > 0 {
		b.received.report()
	}
	return n, err
}

// PartError returns errNoAnswer if the server's silence ended the request, else
// err.
func PartError(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errNoAnswer) {
		return errNoAnswer
	}
	return err
}

// isAnswer reports whether err is what the server said, rather than the request
// failing on its way or its answer being no answer.
func isAnswer(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// failureWords returns why a request failed, as one line of bounded length. It
// leaves out the request's URL, which says nothing to a reader and may hold
// credentials.
func failureWords(err error) string {
	var network *url.Error
	switch {
	case !isAnswer(err) && (errors.Is(err, context.DeadlineExceeded) || IsTimeout(err)):
		return "no answer in time"
	case errors.As(err, &network):
		return text.Excerpt(network.Err.Error())
	}
	return text.Excerpt(err.Error())
}

// UnreadHint returns the next step for a read that failed.
func UnreadHint(u view.Unread) string {
	if u.Reason == view.Failed {
		return afterFault(Access{u.Verb, u.Resource, u.Namespace}, "")
	}
	return fmt.Sprintf("ask for the right to %s %s", u.Verb, u.Resource)
}
