// Command webgateway stands in for the web gateway of InterSystems, beside an
// instance or alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
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

// run serves until ctx ends.
func run(ctx context.Context) error {
	pod, err := os.Hostname()
	if err != nil {
		return err
	}
	port := os.Getenv("WEBGATEWAY_PORT")
	if port == "" {
		port = "80"
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", ":"+port)
	if err != nil {
		return err
	}
	fmt.Println("stand-in web gateway: listening on", port)
	const here = "127.0.0.1"
	g := gateway{
		pod:   pod,
		paths: strings.FieldsFunc(os.Getenv("WEBGATEWAY_APPLICATION_PATHS"), func(r rune) bool { return r == ',' }),
		instance: func(ctx context.Context) (agent.Report, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return agent.Ask(ctx, http.DefaultClient, here)
		},
		api: func(ctx context.Context, path string) (*http.Response, error) {
			return agent.Get(ctx, http.DefaultClient, here, path)
		},
	}
	server := &http.Server{Handler: g.handler(os.Stdout), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // lets Serve return
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
