// Command arbiter stands in for the arbiter of IRIS mirrors: it listens where the
// arbiter does, and says what it is.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run listens until ctx ends.
func run(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", ":2188")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() }) // lets Accept return
	fmt.Println("stand-in arbiter: listening on 2188")
	pod, err := os.Hostname()
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil // ctx has ended
		}
		if err != nil {
			return err
		}
		go func() {
			_, _ = fmt.Fprintf(conn, "stand-in arbiter %s\n", pod) // a probe may have gone
			_ = conn.Close()
		}()
	}
}
