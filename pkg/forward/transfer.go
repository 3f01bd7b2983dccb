package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// bufferSize is that of each direction, in bytes. A stream sends each write as
	// one frame, so larger writes cost less.
	bufferSize = 128 << 10
	// maxMessage bounds a node's error message, in bytes.
	maxMessage = 4 << 10
)

// transfer copies bytes both ways until the connection has ended. well reports
// whether both sides ended it and nothing of it is left in the tunnel: the local
// side is then left open. err is what went wrong as the node reports it.
func (c channel) transfer(ctx context.Context, local *net.TCPConn, timing timing) (well bool, err error) {
	ctx, broken := context.WithCancel(ctx)
	defer broken()
	defer func() {
		_ = c.data.Reset()
		c.conn.RemoveStreams(c.data, c.errors)
		if !well {
			abort(local)
		}
	}()
	defer context.AfterFunc(c.ctx, broken)()
	var heard atomic.Int64
	heard.Store(time.Now().UnixNano())
	downloaded, reported := make(chan struct{}), make(chan string, 1)
	go func() {
		if c.download(local, &heard) != nil {
			broken()
			return
		}
		close(downloaded)
	}()
	go func() {
		if c.upload(ctx, local, &heard, timing.halfClosed) != nil {
			broken()
		}
	}()
	go func() {
		// If the node ends the connection without a message, it is empty.
		text, _ := io.ReadAll(io.LimitReader(c.errors, maxMessage))
		reported <- string(text)
	}()

	select {
	case <-downloaded:
	case <-ctx.Done():
		return false, nil
	}
	var message string
	select {
	case message = <-reported:
	case <-time.After(timing.report):
		// The pod has ended its side only, and may go on listening.
		if local.CloseWrite() != nil {
			return false, nil
		}
		select {
		case message = <-reported:
		case <-ctx.Done():
			return false, nil
		}
	case <-ctx.Done():
		return false, nil
	}
	if message != "" {
		return false, fmt.Errorf("port %d of pod %q: %s", c.to.Port, c.to.Name, plain(message))
	}
	return !c.isClosed(), nil
}

// download copies bytes from the pod until it ends its side. The end of the tunnel,
// which looks the same, is an error.
func (c channel) download(local io.Writer, heard *atomic.Int64) error {
	buffer := make([]byte, bufferSize)
	for {
		n, err := c.data.Read(buffer)
		if n > 0 {
			heard.Store(time.Now().UnixNano())
			if _, err := local.Write(buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF) && c.isClosed():
			return errLost
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// upload copies bytes to the pod. The end of the client's side is passed on once
// the pod has been silent for a while.
func (c channel) upload(ctx context.Context, local io.Reader, heard *atomic.Int64, halfClosed time.Duration) error {
	// The wrapper hides that a TCP connection can write itself to others, which
	// would take a smaller buffer.
	if _, err := io.CopyBuffer(c.data, struct{ io.Reader }{local}, make([]byte, bufferSize)); err != nil {
		return err
	}
	c.rest()
	for {
		silent := time.Since(time.Unix(0, heard.Load()))
		if silent >= halfClosed {
			return c.data.Close()
		}
		if pause(ctx, halfClosed-silent) != nil {
			return nil //nolint:nilerr // the transfer is over
		}
	}
}

// plain returns the useful part of a node's error message, which is long and names
// the same failure for each address family.
func plain(message string) string {
	const refused = "connection refused"
	if strings.Contains(message, refused) {
		return refused
	}
	return strings.Join(strings.Fields(message), " ")
}

// linger closes a connection that ended well, once its client has, too.
func linger(ctx context.Context, conn *net.TCPConn, most time.Duration) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	if conn.CloseWrite() == nil && conn.SetReadDeadline(time.Now().Add(most)) == nil {
		_, _ = io.Copy(io.Discard, conn)
	}
}

// abort closes a connection so that the other side sees that it broke.
func abort(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}
