package stream

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

	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
)

// Tunnel opens a connection that carries streams to the ports of a pod. As kubectl
// does, it speaks SPDY within a WebSocket, or else plain SPDY. The other end of plain
// SPDY is pinged by the library, which does not report the answers.
func (s *Streamer) Tunnel(ctx context.Context, namespace, pod string) (httpstream.Connection, error) {
	at := s.client.API().REST.Post().
		Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	var tried attempts
	dialer := portforward.NewFallbackDialerForStreaming(
		dial(func(...string) (httpstream.Connection, error) { return s.dialWebSocket(ctx, at) }),
		dial(func(protocols ...string) (httpstream.Connection, error) { return s.dialSPDY(ctx, at, protocols) }),
		tried.shouldFallBack)
	connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		access := kube.Access{Verb: "create", Resource: "pods/portforward", Namespace: namespace}
		return nil, s.client.Explain(tried.cause(err), access, pod)
	}
	return connection, nil
}

// A dial is a dialer. Those of client-go know no context, and theirs for WebSockets
// returns no connection whose silence could be measured.
type dial func(protocols ...string) (httpstream.Connection, error)

// Dial opens a connection. The protocol is the one that was asked for.
func (d dial) Dial(protocols ...string) (httpstream.Connection, string, error) {
	connection, err := d(protocols...)
	return connection, "", err
}

func (s *Streamer) dialWebSocket(ctx context.Context, at *url.URL) (httpstream.Connection, error) {
	transport, connections, err := websocket.RoundTripperFor(s.client.Config())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	socket, err := websocket.Negotiate(transport, connections, request, constants.WebsocketsSPDYTunnelingPortForwardV1)
	if err != nil {
		return nil, err
	}
	return newTunnel(portforward.NewTunnelingConnectionWithLogger(klog.Logger{}, socket))
}

func (s *Streamer) dialSPDY(ctx context.Context, at *url.URL, protocols []string) (httpstream.Connection, error) {
	transport, upgrader, err := spdytransport.RoundTripperFor(s.client.Config())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	connection, _, err := spdytransport.NegotiateStreaming(upgrader, &http.Client{Transport: transport}, request, protocols...)
	return connection, err
}

// pingPeriod is how often the other end of a tunnel is pinged.
const pingPeriod = 5 * time.Second

// A tunnel is a connection that ends at once when it is closed, and reports for how
// long the other end has been silent. SPDY alone would first send a farewell, which
// takes long if the network is gone.
type tunnel struct {
	httpstream.Connection
	under *timedConn
}

func newTunnel(conn net.Conn) (httpstream.Connection, error) {
	under := &timedConn{Conn: conn, begun: time.Now()}
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

// A timedConn is a connection that knows since when it has been waiting for bytes.
type timedConn struct {
	net.Conn
	begun time.Time
	// waiting is when the read that waits began, counted from begun.
	waiting atomic.Int64
}

const notWaiting = -1

// Read reads, and notes when it began to wait.
func (h *timedConn) Read(p []byte) (int, error) {
	h.waiting.Store(int64(time.Since(h.begun)))
	defer h.waiting.Store(notWaiting)
	return h.Conn.Read(p)
}
