package kube

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
)

// inWebSocketOrSPDY tries the one and, where no WebSocket comes about, the
// other: servers and proxies may know none, and a role that knows only the
// classic right, create, may let none in.
func inWebSocketOrSPDY(webSocket, spdy func() error) error {
	first := webSocket()
	if !httpstream.IsUpgradeFailure(first) && !httpstream.IsHTTPSProxyError(first) {
		return first
	}
	second := spdy()
	// What the server said comes out of the second as mere words.
	if second != nil && strings.Contains(second.Error(), "unable to upgrade connection") {
		var upgrade *httpstream.UpgradeFailureError
		var status apierrors.APIStatus
		if errors.As(first, &upgrade) && errors.As(upgrade.Cause, &status) {
			return upgrade.Cause
		}
	}
	return second
}

// executor runs a command in a container.
type executor struct{ webSocket, spdy remotecommand.Executor }

func (c *Client) executorAt(at *url.URL) (executor, error) {
	var e executor
	var err error
	if e.webSocket, err = remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, at.String()); err != nil {
		return e, err
	}
	e.spdy, err = remotecommand.NewSPDYExecutor(c.config, http.MethodPost, at)
	return e, err
}

// run runs the command to its end, or that of ctx.
func (e executor) run(ctx context.Context, options remotecommand.StreamOptions) error {
	return inWebSocketOrSPDY(
		func() error { return e.webSocket.StreamWithContext(ctx, options) },
		func() error { return e.spdy.StreamWithContext(ctx, options) },
	)
}
