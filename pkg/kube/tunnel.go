package kube

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

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
	return newTunnel(portforward.NewTunnelingConnectionWithLogger(klog.Logger{}, socket))
}

// pingPeriod is how often the other end of a tunnel is pinged.
const pingPeriod = 5 * time.Second

// tunnel is a connection that ends at once when it is closed, and knows whether
// anything comes from the other end. SPDY alone would first say goodbye, which
// takes its time if nothing goes through.
type tunnel struct {
	httpstream.Connection
	under *heard
}

func newTunnel(conn net.Conn) (httpstream.Connection, error) {
	under := &heard{Conn: conn, begun: time.Now()}
	connection, err := spdy.NewClientConnectionWithPings(under, pingPeriod)
	if err != nil {
		return nil, err
	}
	return tunnel{connection, under}, nil
}

// Close ends the connection and all its streams.
func (t tunnel) Close() error {
	err := t.under.Close()
	_ = t.Connection.Close()
	return err
}

// Silence returns for how long the tunnel has been waiting for the other end to
// send anything, if only the answer to a ping. It is zero while what came waits
// for a reader on this side.
func (t tunnel) Silence() time.Duration {
	since := t.under.waiting.Load()
	if since == notWaiting {
		return 0
	}
	return time.Since(t.under.begun) - time.Duration(since)
}

// heard is a connection that knows since when it has been waiting for bytes.
type heard struct {
	net.Conn
	begun time.Time
	// waiting is when the read that waits began, counted from begun.
	waiting atomic.Int64
}

const notWaiting = -1

func (h *heard) Read(p []byte) (int, error) {
	h.waiting.Store(int64(time.Since(h.begun)))
	defer h.waiting.Store(notWaiting)
	return h.Conn.Read(p)
}

// tunnelInSPDY opens a tunnel in plain SPDY. The library pings its other end, and
// does not tell of the answers.
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
