package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
	"github.com/kubectl-iris/kubectl-iris/test/images/mirror"
)

const (
	superserverPort = 1972
	webPort         = 52773
	// controlSocket is where the commands reach the container's process.
	controlSocket = "/run/iris.sock"
	// counting is the time between two lines of the counter.
	counting = 200 * time.Millisecond
)

// serve plays the instance until ctx ends.
func serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pod, err := os.Hostname()
	if err != nil {
		return err
	}
	config, err := readConfig(os.Getenv("ISC_CPF_MERGE_FILE"))
	if err != nil {
		return err
	}
	lookup, err := newPodLookup(serviceAccountDir)
	if err != nil && len(config.Others(pod)) > 0 {
		return err
	}
	i := newInstance(config, pod, switchesIn(switchesDir), newPeers(lookup).ask)
	crash := func() { cancel(exitCode(1)) }

	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
	control, err := listenUnix(ctx, controlSocket)
	if err != nil {
		return err
	}
	running.Go(func() { serveHTTP(ctx, cancel, control, controlHandler(i, crash)) })
	reports, err := listen(ctx, "tcp", ":"+strconv.Itoa(agent.Port))
	if err != nil {
		return err
	}
	running.Go(func() { serveHTTP(ctx, cancel, reports, agentHandler(i)) })
	running.Go(func() { i.whileUp(ctx, cancel, ":"+strconv.Itoa(superserverPort), i.superserver) })
	if port := envPort("IRIS_WEB_PORT", webPort); port != 0 {
		running.Go(func() { i.whileUp(ctx, cancel, ":"+strconv.Itoa(port), i.web) })
	}
	running.Go(func() { i.follow(ctx) })

	fmt.Printf("stand-in for InterSystems IRIS: instance %s in pod %s\n", instanceName, pod)
	count(ctx, os.Stdout)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// readConfig reads the CPF merge file; without one there is no mirror.
func readConfig(path string) (mirror.Config, error) {
	if path == "" {
		return mirror.Config{}, nil
	}
	cpf, err := os.ReadFile(path)
	return mirror.Parse(string(cpf)), err
}

// envPort is the port that the environment variable names.
func envPort(name string, fallback int) int {
	if port, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return port
	}
	return fallback
}

// count writes a line with the next number, again and again.
func count(ctx context.Context, w io.Writer) {
	ticker := time.NewTicker(counting)
	defer ticker.Stop()
	for n := 1; ; n++ {
		_, _ = fmt.Fprintf(w, "count %d\n", n) // there is nobody to tell
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// serveHTTP serves until ctx ends; a failure ends everything.
func serveHTTP(ctx context.Context, fail context.CancelCauseFunc, listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })() // lets Serve return
	if err := server.Serve(listener); ctx.Err() == nil {
		fail(err)
	}
}

// agentHandler answers other pods and the stand-in operator.
func agentHandler(i *instance) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /member", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(i.report()) // the asker may have gone
	})
	mux.HandleFunc("POST /primary", func(http.ResponseWriter, *http.Request) { i.promote() })
	mux.Handle("GET /api/", i.monitorHandler()) // for the web gateway
	return mux
}

// controlHandler answers the commands in the container.
func controlHandler(i *instance, crash func()) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /member", agentHandler(i))
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if !i.ready() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /start", func(http.ResponseWriter, *http.Request) { i.set(true) })
	mux.HandleFunc("POST /stop", func(http.ResponseWriter, *http.Request) { i.set(false) })
	mux.HandleFunc("POST /crash", func(http.ResponseWriter, *http.Request) { crash() })
	return mux
}

// whileUp listens at the address and serves, while the instance is up; when it
// is not, connections are refused, and open ones end.
func (i *instance) whileUp(ctx context.Context, fail context.CancelCauseFunc, address string, serve func(context.Context, net.Listener)) {
	for ctx.Err() == nil {
		if !i.report().Up {
			pause(ctx)
			continue
		}
		listener, err := listen(ctx, "tcp", address)
		if err != nil {
			fail(err)
			return
		}
		up, down := context.WithCancel(ctx)
		var serving sync.WaitGroup
		serving.Go(func() { serve(up, listener) })
		for ctx.Err() == nil && i.report().Up {
			pause(ctx)
		}
		down()
		_ = listener.Close() // lets Accept return
		serving.Wait()
	}
}

// pause waits a moment.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(look):
	}
}

// web serves the instance's own web server.
func (i *instance) web(ctx context.Context, listener net.Listener) {
	serveHTTP(ctx, func(error) {}, listener, i.webHandler())
}

// webHandler answers at the instance's own web port.
func (i *instance) webHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /api/", i.monitorHandler())
	mux.Handle("GET /csp/bin/", i.monitorHandler())
	mux.Handle("GET /csp/mirror_status.cxw", i.monitorHandler())
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		report := i.report()
		_, _ = fmt.Fprintf(w, "stand-in web server of %s in %s\n", report.Instance, report.Pod) // the asker may have gone
	})
	return mux
}

// superserver says whose it is, and then sends back what it gets.
func (i *instance) superserver(ctx context.Context, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // it is closed
		}
		go func() {
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // lets Copy return
			report := i.report()
			_, _ = fmt.Fprintf(conn, "stand-in superserver of %s in %s\n", report.Instance, report.Pod)
			_, _ = io.Copy(conn, conn) // the other side sees what is missing
			_ = conn.Close()
		}()
	}
}

// listenUnix listens at the path, in the place of a process that was killed.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return listen(ctx, "unix", path)
}

// listen listens; it goes on when ctx has ended.
func listen(ctx context.Context, network, address string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, network, address)
}
