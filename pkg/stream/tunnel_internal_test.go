package stream

import (
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/kubectl-iris/kubectl-iris/pkg/forward"
)

var _ forward.Pinged = tunnel{}

// lossy is a connection that can be made to swallow what is written to it.
type lossy struct {
	net.Conn
	lost atomic.Bool
}

func (l *lossy) Write(p []byte) (int, error) {
	if l.lost.Load() {
		return len(p), nil
	}
	return l.Conn.Write(p)
}

// A tunnel through which nothing is sent hears its pings' answers; one that has
// died hears nothing.
func TestSilenceOfATunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		network := &lossy{Conn: near}
		server, err := spdy.NewServerConnection(far, func(httpstream.Stream, <-chan struct{}) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		connection, err := newTunnel(network)
		if err != nil {
			t.Fatal(err)
		}
		pinged := connection.(forward.Pinged)
		for range 20 {
			time.Sleep(7 * time.Second)
			synctest.Wait()
			if silence := pinged.Silence(); silence > pingPeriod {
				t.Errorf("silent for %s although pings are answered", silence)
			}
		}
		network.lost.Store(true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if silence := pinged.Silence(); silence < 10*time.Second {
			t.Errorf("silent for %s, ten seconds after the network was lost", silence)
		}
		_ = connection.Close()
		_ = server.Close()
	})
}

// What came and is not read is not silence of the other end.
func TestSilenceOfASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		h := &timedConn{Conn: near, begun: time.Now()}
		read := make(chan error)
		go func() {
			for range 2 {
				_, err := h.Read(make([]byte, 1))
				read <- err
			}
		}()
		silence := tunnel{under: h}.Silence
		time.Sleep(time.Minute)
		if got := silence(); got != time.Minute {
			t.Errorf("silent for %s, want a minute", got)
		}
		if _, err := far.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := silence(); got != 0 {
			t.Errorf("silent for %s while what came is not read", got)
		}
		if err := <-read; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := silence(); got != 0 {
			t.Errorf("silent for %s as soon as it is read", got)
		}
		_ = near.Close()
		<-read
	})
}
