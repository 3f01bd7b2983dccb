package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
)

const usage = `stand-in for the command iris of InterSystems IRIS

usage: iris list
       iris qlist [INSTANCE]
       iris session INSTANCE [-U NAMESPACE]
       iris stop INSTANCE quietly | start INSTANCE | restart INSTANCE | force INSTANCE`

// command is a command that somebody runs in the container.
type command struct {
	client   *http.Client // of the container's process
	switches switches
	in       io.Reader
	out      io.Writer
}

// controlClient reaches the container's process, whatever the host in the URL.
func controlClient(socket string) *http.Client {
	var dialer net.Dialer
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
	}}
}

// iris runs the command iris.
func (c command) iris(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	verb, args := args[0], args[1:]
	if len(args) > 0 && !strings.EqualFold(args[0], instanceName) {
		return fmt.Errorf("there is no instance %q", args[0])
	}
	switch {
	case verb == "list" && len(args) == 0:
		return c.list(ctx)
	case verb == "qlist":
		return c.qlist(ctx)
	case len(args) == 0:
		return errors.New(usage)
	case verb == "session":
		return c.session(ctx, args[1:])
	case verb == "start":
		return c.post(ctx, "/start")
	case verb == "stop", verb == "force":
		return c.post(ctx, "/stop")
	case verb == "restart":
		return errors.Join(c.post(ctx, "/stop"), c.post(ctx, "/start"))
	}
	return errors.New(usage)
}

// standIn runs the command stand-in.
func (c command) standIn(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "answer":
		return c.switches.setAnswer(args[1], args[2])
	case len(args) == 1 && args[0] == "hang":
		return c.switches.hang()
	case len(args) == 1 && args[0] == "reset":
		return c.switches.reset()
	case len(args) == 1 && args[0] == "crash":
		return c.post(ctx, "/crash")
	}
	return errors.New("usage: stand-in answer TYPE STATUS | hang | reset | crash")
}

// probe fails unless the instance is ready.
func (c command) probe(ctx context.Context) error {
	_, err := c.call(ctx, http.MethodGet, "/ready")
	return err
}

// qlist writes the line of the only instance. [S]
func (c command) qlist(ctx context.Context) error {
	report, err := c.report(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, qlistLine(report))
	return err
}

// list writes the paragraph about the only instance. [S]
func (c command) list(ctx context.Context) error {
	report, err := c.report(ctx)
	if err != nil {
		return err
	}
	_, err = io.WriteString(c.out, listText(report))
	return err
}

// report asks the container's process, unless the switch is set that lets nobody
// have an answer.
func (c command) report(ctx context.Context) (agent.Report, error) {
	// Not for ever: the asker may go without a word.
	for deadline := time.Now().Add(time.Minute); c.switches.hangs() && time.Now().Before(deadline); {
		pause(ctx)
		if ctx.Err() != nil {
			return agent.Report{}, ctx.Err()
		}
	}
	body, err := c.call(ctx, http.MethodGet, "/member")
	if err != nil {
		return agent.Report{}, err
	}
	var report agent.Report
	err = json.Unmarshal(body, &report)
	return report, err
}

// post tells the container's process to do something.
func (c command) post(ctx context.Context, path string) error {
	_, err := c.call(ctx, http.MethodPost, path)
	return err
}

// call calls the container's process.
func (c command) call(ctx context.Context, method, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://iris"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // nothing was written
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

// Facts of the instance that nobody may rely on: the version is no product's.
const (
	version       = "0.0.0.0.0"
	installDir    = "/usr/irissys"
	dataDir       = "/irissys/data/IRIS"
	jdbcPort      = 53773
	configuration = "iris.cpf"
)

// qlistLine is the instance in the format of iris qlist. [S]
func qlistLine(r agent.Report) string {
	state := "running, since " + r.Since.Format(time.ANSIC)
	if !r.Up {
		state = "down, last used " + r.Since.Format(time.ANSIC)
	}
	fields := []string{r.Instance, installDir, version, state, configuration, fmt.Sprint(superserverPort), fmt.Sprint(webPort), fmt.Sprint(jdbcPort)}
	if r.Up {
		fields = append(fields, "ok", "IRIS", r.Type, r.Status, dataDir)
	}
	return strings.Join(fields, "^")
}

// listText is the instance in the format of iris list. [S]
func listText(r agent.Report) string {
	var text strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&text, format+"\n", args...) }
	line("Configuration '%s'   (default)", r.Instance)
	line("        directory:    %s", installDir)
	line("        versionid:    %s", version)
	line("        datadir:      %s", dataDir)
	line("        conf file:    %s  (SuperServer port = %d, WebServer = %d)", configuration, superserverPort, webPort)
	if !r.Up {
		line("        status:       down, last used %s", r.Since.Format(time.ANSIC))
		return text.String()
	}
	line("        status:       running, since %s", r.Since.Format(time.ANSIC))
	if r.Type != "" {
		line("        mirroring: Member Type = %s; Status = %s", r.Type, r.Status)
	}
	line("        state:        ok")
	line("        product:      InterSystems IRIS")
	return text.String()
}
