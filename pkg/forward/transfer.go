package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// bufferSize is that of both directions. A stream sends each piece it is
	// given as one frame, so that larger pieces cost less.
	bufferSize = 128 << 10
	// maxMessage bounds what a node says of a failure, in bytes.
	maxMessage = 4 << 10
	// halfClosed is how long the pod may say nothing after the client has ended
	// its own side, before it is told of that. Container runtimes cut a
	// connection off one second after either side ended: an answer that is still
	// to come, or on its way, would be lost.
	halfClosed = 5 * time.Second
	// verdictWait is how long the node's message about a failure may come after
	// the end of the data.
	verdictWait = 250 * time.Millisecond
	// lingering is how long a client may go on sending to a pod that has ended
	// the connection. To close at once would discard, on some systems, what the
	// client has not read yet.
	lingering = time.Second
)

// transfer carries bytes both ways until the connection has ended. well tells
// that it ended on both sides and nothing of it is left in the tunnel; err is
// what the node says went wrong. The local side is left open where it ended
// well.
func transfer(ctx context.Context, local *net.TCPConn, l line) (well bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		_ = l.data.Reset()
		l.conn.RemoveStreams(l.data, l.errors)
		if !well {
			abort(local)
		}
	}()
	var heard atomic.Int64
	heard.Store(time.Now().UnixNano())
	down, up, said := make(chan error, 1), make(chan error, 1), make(chan string, 1)
	go func() { down <- l.download(local, &heard) }()
	go func() { up <- l.upload(ctx, local, &heard) }()
	go func() { said <- readMessage(l.errors) }()

	var verdict <-chan time.Time
	message := ""
	for downloaded, told := false, false; !downloaded || !told; {
		select {
		case err := <-down:
			if err != nil {
				return false, nil
			}
			downloaded = true
			verdict = time.After(verdictWait)
		case message = <-said:
			told = true
		case <-verdict:
			// The pod has ended its side only, and may go on listening.
			if err := local.CloseWrite(); err != nil {
				return false, nil
			}
		case err := <-up:
			if err != nil {
				return false, nil
			}
		case <-l.conn.CloseChan():
			return false, nil
		case <-l.ctx.Done():
			return false, nil
		case <-ctx.Done():
			return false, nil
		}
	}
	switch {
	case message != "":
		return false, errors.New(plain(message))
	case l.closed():
		return false, nil
	}
	return true, nil
}

// download carries bytes from the pod to the end of its side. The end of the
// tunnel, which looks the same, is an error.
func (l line) download(local io.Writer, heard *atomic.Int64) error {
	buffer := make([]byte, bufferSize)
	for {
		n, err := l.data.Read(buffer)
		if n > 0 {
			heard.Store(time.Now().UnixNano())
			if _, err := local.Write(buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF) && l.closed():
			return errLost
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// upload carries bytes to the pod. The end of the client's side is passed on
// once the pod has been silent for a while.
func (l line) upload(ctx context.Context, local io.Reader, heard *atomic.Int64) error {
	// The wrapper hides that a TCP connection can write itself to others, which
	// would take a smaller buffer.
	if _, err := io.CopyBuffer(l.data, struct{ io.Reader }{local}, make([]byte, bufferSize)); err != nil {
		return err
	}
	l.rest()
	for {
		silent := time.Since(time.Unix(0, heard.Load()))
		if silent >= halfClosed {
			return l.data.Close()
		}
		if pause(ctx, halfClosed-silent) != nil {
			return nil //nolint:nilerr // the transfer is over
		}
	}
}

// readMessage reads what a node says of a failure; "" where it says nothing
// until it has done with the connection.
func readMessage(r io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(r, maxMessage))
	return string(text)
}

// plain takes out of a node's message what a person can use: it is long, and
// names the same failure for each address family.
func plain(message string) string {
	const refused = "connection refused"
	if strings.Contains(message, refused) {
		return refused
	}
	return strings.Join(strings.Fields(message), " ")
}

// linger closes a connection that ended well.
func linger(ctx context.Context, conn *net.TCPConn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	if conn.CloseWrite() == nil && conn.SetReadDeadline(time.Now().Add(lingering)) == nil {
		_, _ = io.Copy(io.Discard, conn)
	}
}

// abort closes a connection so that the other side sees that it broke.
func abort(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}
