package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
)

// gateway serves the pages.
type gateway struct {
	pod string
	// paths are the application paths that are passed on, none if none are named.
	paths []string
	// instance asks the instance beside the gateway, if there is one, and api gets a page
	// of its REST API.
	instance func(context.Context) (agent.Report, error)
	api      func(ctx context.Context, path string) (*http.Response, error)
}

// checksum is the trailer with the SHA-256 of what was sent, in hex.
const checksum = "Stand-In-Sha256"

// handler serves the pages, and writes a line per request to log.
func (g gateway) handler(log io.Writer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /csp/sys/UtilHome.csp", g.portal)
	mux.HandleFunc("GET /csp/bin/mirror_status.cxw", g.mirrorStatus)
	mux.HandleFunc("GET /csp/mirror_status.cxw", g.mirrorStatus)
	mux.HandleFunc("GET /api/", g.pass)
	mux.HandleFunc("POST /stand-in/echo", echo)
	mux.HandleFunc("POST /stand-in/sum", sum)
	mux.HandleFunc("GET /stand-in/bytes", download)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(log, "%s %s from %s\n", r.Method, r.URL, r.RemoteAddr)
		w.Header().Set("Stand-In-Pod", g.pod)
		mux.ServeHTTP(w, r)
	})
}

// page is what the portal's page says.
var page = template.Must(template.New("portal").Parse(`<!DOCTYPE html>
<title>stand-in portal of {{.Pod}}</title>
<p>This is a stand-in, not the Management Portal of InterSystems.
<dl>
<dt>pod<dd>{{.Pod}}
<dt>instance<dd>{{.Instance}}
<dt>role<dd>{{.Role}}
</dl>
`))

// covers reports whether the path is one of the application paths or below one.
func (g gateway) covers(path string) bool {
	return slices.ContainsFunc(g.paths, func(covered string) bool {
		covered = strings.TrimSuffix(covered, "/")
		return path == covered || strings.HasPrefix(path, covered+"/")
	})
}

// pass passes a request on to the REST API of the instance, if an application path covers
// it: else the gateway knows no such page.
func (g gateway) pass(w http.ResponseWriter, r *http.Request) {
	if !g.covers(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	response, err := g.api(r.Context(), r.URL.RequestURI())
	if err != nil {
		http.Error(w, "stand-in: no instance answers", http.StatusServiceUnavailable)
		return
	}
	defer func() { _ = response.Body.Close() }() // nothing was written
	w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body) // the reader notices what is missing
}

// ask asks the instance, which may take its time with pages.
func (g gateway) ask(ctx context.Context) (agent.Report, error) {
	report, err := g.instance(ctx)
	if err == nil && report.Late > 0 {
		select {
		case <-ctx.Done():
			return report, ctx.Err()
		case <-time.After(report.Late):
		}
	}
	return report, err
}

// portal shows pod, instance and role. Application paths that do not cover it hide it. [D]
func (g gateway) portal(w http.ResponseWriter, r *http.Request) {
	if len(g.paths) > 0 && !g.covers(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	facts := struct{ Pod, Instance, Role string }{Pod: g.pod, Instance: "none", Role: "none"}
	if report, err := g.ask(r.Context()); err == nil {
		facts.Instance = report.Instance
		switch {
		case !report.Up:
			facts.Role = "down"
		case report.Type != "":
			facts.Role = report.Type + " " + report.Status
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, facts) // the reader may have gone
}

// mirrorStatus says whether the instance is the primary.
func (g gateway) mirrorStatus(w http.ResponseWriter, r *http.Request) {
	report, err := g.ask(r.Context())
	if err != nil {
		report = agent.Report{}
	}
	agent.MirrorStatus(w, report)
}

// echo sends the body back.
func echo(w http.ResponseWriter, r *http.Request) {
	// Both directions at once.
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.Copy(w, r.Body) // the reader notices what is missing
}

// sum sends the checksum of the body.
func sum(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprintln(w, hex.EncodeToString(hash.Sum(nil)))
}

// download sends bytes that do not repeat, and their checksum.
func download(w http.ResponseWriter, r *http.Request) {
	size, err := strconv.ParseInt(r.FormValue("size"), 10, 64)
	if err != nil || size < 0 {
		http.Error(w, "size: a number of bytes", http.StatusBadRequest)
		return
	}
	w.Header().Set("Trailer", checksum)
	hash := sha256.New()
	random := rand.NewChaCha8([32]byte{})
	// An error is the reader's who has gone.
	_, _ = io.CopyN(io.MultiWriter(w, hash), random, size)
	w.Header().Set(checksum, hex.EncodeToString(hash.Sum(nil)))
}
