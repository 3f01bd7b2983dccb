package cli

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

// A connection is all that commands do with one API server.
type connection struct {
	*kube.Client
	*stream.Streamer
	*ask.Asker
	*watch.Watcher
	*wait.Waiter
}

// newConnection returns a connection for config. It makes no request.
func newConnection(config *rest.Config, userAgent string) (*connection, error) {
	client, err := kube.New(config, userAgent)
	if err != nil {
		return nil, err
	}
	streams := stream.New(client)
	asker := ask.New(client, streams)
	return &connection{client, streams, asker, watch.New(client, asker), wait.New(client)}, nil
}

// Snapshot reads what a scope needs, and asks IRIS if the scope wants answers.
func (c *connection) Snapshot(ctx context.Context, scope kube.Scope) (topology.Snapshot, error) {
	return c.Client.Snapshot(ctx, scope, c.Ask)
}
