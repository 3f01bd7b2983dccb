package kube

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// partTimeout is how long a read of anything but pods may take once the server
// has answered. It is long for a server that is well, and short enough for a
// person to wait for what else there is.
const partTimeout = 5 * time.Second

// errNoAnswer is the error of a part that took longer than partTimeout.
var errNoAnswer = fmt.Errorf("no answer within %s", partTimeout)

// partLimit gives parts of a view a deadline of their own. The time counts from
// when the server answered the essential read: a slow login or a slow
// connection delays all reads and is no fault of a part.
type partLimit struct {
	once     sync.Once
	answered chan struct{}
}

func newPartLimit() *partLimit { return &partLimit{answered: make(chan struct{})} }

// start starts the time of all parts.
func (l *partLimit) start() { l.once.Do(func() { close(l.answered) }) }

// bound returns a copy of ctx that is canceled, with the cause errNoAnswer, once
// the part's time is up.
func (l *partLimit) bound(ctx context.Context) (bounded context.Context, stop func()) {
	bounded, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-bounded.Done():
			return
		case <-l.answered:
		}
		timer := time.NewTimer(partTimeout)
		defer timer.Stop()
		select {
		case <-bounded.Done():
		case <-timer.C:
			cancel(errNoAnswer)
		}
	}()
	return bounded, func() { cancel(nil) }
}

// partError returns errNoAnswer if the time of the part ended the request, else
// err.
func partError(ctx context.Context, err error) error {
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
	case !isAnswer(err) && (errors.Is(err, context.DeadlineExceeded) || isTimeout(err)):
		return "no answer in time"
	case errors.As(err, &network):
		return text.Excerpt(network.Err.Error())
	}
	return text.Excerpt(err.Error())
}

// UnreadHint returns the next step for a read that failed.
func UnreadHint(u view.Unread) string {
	if u.Reason == view.Failed {
		return fmt.Sprintf("try again; kubectl get %s %s shows what the server answers", u.Resource, namespaceFlag(u.Namespace))
	}
	return fmt.Sprintf("ask for the right to %s %s", u.Verb, u.Resource)
}
