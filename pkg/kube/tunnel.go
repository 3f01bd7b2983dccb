package kube

import (
	"context"
	"net"
	"net/http"
	"net/url"

	constants "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/tools/portforward"
	spdytransport "k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/transport/websocket"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// Tunnel opens a connection that carries streams to the ports of a pod. As
// kubectl does, it speaks SPDY within a WebSocket, and plain SPDY with servers
// and proxies that know no WebSocket.
func (c *Client) Tunnel(ctx context.Context, namespace, pod string) (connection httpstream.Connection, err error) {
	at := c.once.core.RESTClient().Post().
		Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	err = inWebSocketOrSPDY(
		func() error { connection, err = c.tunnelInWebSocket(ctx, at); return err },
		func() error { connection, err = c.tunnelInSPDY(ctx, at); return err },
	)
	if err != nil {
		return nil, c.explain(err, access{"create", "pods/portforward", namespace}, pod)
	}
	return connection, nil
}

func (c *Client) tunnelInWebSocket(ctx context.Context, at *url.URL) (httpstream.Connection, error) {
	transport, holder, err := websocket.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	socket, err := websocket.Negotiate(transport, holder, request, constants.WebsocketsSPDYTunnelingPortForwardV1)
	if err != nil {
		return nil, err
	}
	under := portforward.NewTunnelingConnectionWithLogger(klog.Logger{}, socket)
	connection, err := spdy.NewClientConnectionWithPings(under, portforward.PingPeriod)
	if err != nil {
		return nil, err
	}
	return promptly{connection, under}, nil
}

// promptly is a connection that ends at once when it is closed. SPDY alone
// would first say goodbye, which takes its time where nothing goes through.
type promptly struct {
	httpstream.Connection
	under net.Conn
}

// Close ends the connection and all its streams.
func (p promptly) Close() error {
	err := p.under.Close()
	_ = p.Connection.Close()
	return err
}

func (c *Client) tunnelInSPDY(ctx context.Context, at *url.URL) (httpstream.Connection, error) {
	transport, upgrader, err := spdytransport.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	connection, _, err := spdytransport.NegotiateStreaming(upgrader, &http.Client{Transport: transport}, request, portforward.PortForwardProtocolV1Name)
	return connection, err
}
