// Package stream opens what the API server carries to and from a pod: commands in its
// containers, tunnels to its ports, and its logs.
package stream

import (
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
)

// A Streamer opens streams of pods through one API server. It is safe for concurrent
// use.
type Streamer struct{ client *kube.Client }

// New returns a Streamer that uses the connection of client.
func New(client *kube.Client) *Streamer { return &Streamer{client: client} }

// attempts remembers why the upgrade to a WebSocket failed, after which SPDY is used.
// It fails on old servers and proxies, and for users who may create but not get the
// subresource.
type attempts struct{ upgrade error }

// shouldFallBack reports whether SPDY is worth an attempt after err.
func (a *attempts) shouldFallBack(err error) bool {
	if !httpstream.IsUpgradeFailure(err) && !httpstream.IsHTTPSProxyError(err) {
		return false
	}
	a.upgrade = err
	return true
}

// cause returns the server's Status for the WebSocket if SPDY was refused, too: the
// error of SPDY has the Status as text only.
func (a *attempts) cause(err error) error {
	var upgrade *httpstream.UpgradeFailureError
	var status apierrors.APIStatus
	if err != nil && strings.Contains(err.Error(), "unable to upgrade connection") &&
		errors.As(a.upgrade, &upgrade) && errors.As(upgrade.Cause, &status) {
		return upgrade.Cause
	}
	return err
}
