// Package connect makes the client of the API server that the global flags and the
// kubeconfig name, and explains why there is none.
package connect

import (
	"context"

	"k8s.io/client-go/rest"

	"github.com/kubectl-iris/kubectl-iris/pkg/ask"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/stream"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/wait"
	"github.com/kubectl-iris/kubectl-iris/pkg/watch"
)

// A Client does all that commands do with one API server.
type Client struct {
	*kube.Client
	*stream.Streamer
	*ask.Asker
	*watch.Watcher
	*wait.Waiter
}

// newClient returns a client for config. It makes no request.
func newClient(config *rest.Config, userAgent string) (*Client, error) {
	client, err := kube.New(config, userAgent)
	if err != nil {
		return nil, err
	}
	streams := stream.New(client)
	asker := ask.New(client, streams)
	return &Client{client, streams, asker, watch.New(client, asker), wait.New(client)}, nil
}

// Snapshot reads what a scope needs, and asks IRIS if the scope wants answers.
func (c *Client) Snapshot(ctx context.Context, scope kube.Scope) (topology.Snapshot, error) {
	return c.Client.Snapshot(ctx, scope, c.Ask)
}
