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

const standInUsage = `usage: stand-in answer TYPE STATUS | state STATE | line TEXT | late DURATION | hang
       stand-in page late DURATION | page hang | metric NAME VALUE | alerts | reset | crash`

// standIn runs the command stand-in.
func (c command) standIn(ctx context.Context, args []string) error {
	word := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	switch known := func(n int, first string) bool { return len(args) == n && args[0] == first }; {
	case known(3, "answer"):
		return c.switches.setAnswer(word(1), word(2))
	case known(2, "state"):
		return c.switches.write(switchState, word(1))
	case known(2, "line"):
		return c.switches.write(switchLine, word(1))
	case known(2, "late"):
		return c.switches.setDuration(switchLate, word(1))
	case known(1, "hang"):
		return c.switches.setDuration(switchLate, hanging.String())
	case known(3, "page") && word(1) == "late":
		return c.switches.setDuration(switchPageLate, word(2))
	case known(2, "page") && word(1) == "hang":
		return c.switches.setDuration(switchPageLate, hanging.String())
	case known(3, "metric"):
		return c.switches.setMetric(word(1), word(2))
	case known(1, "alerts"):
		return c.alerts(ctx)
	case known(1, "reset"):
		return c.switches.reset()
	case known(1, "crash"):
		return c.post(ctx, "/crash")
	}
	return errors.New(standInUsage)
}

// alerts writes how often the alerts of the instance were read.
func (c command) alerts(ctx context.Context) error {
	report, err := c.report(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, report.AlertsRead)
	return err
}

// probe fails unless the instance is ready.
func (c command) probe(ctx context.Context) error {
	_, err := c.call(ctx, http.MethodGet, "/ready")
	return err
}

// qlist writes the line of the only instance. [S]
func (c command) qlist(ctx context.Context) error {
	return c.write(ctx, func(r agent.Report) string { return qlistLine(r, c.switches.state()) + "\n" })
}

// list writes the paragraph about the only instance. [S]
func (c command) list(ctx context.Context) error {
	return c.write(ctx, func(r agent.Report) string { return listText(r, c.switches.state()) })
}

// write writes what IRIS says of itself, as late as the switch says, or what is to be
// written instead.
func (c command) write(ctx context.Context, text func(agent.Report) string) error {
	if err := wait(ctx, c.switches.late); err != nil {
		return err
	}
	if line, set := c.switches.line(); set {
		_, err := fmt.Fprintln(c.out, line)
		return err
	}
	report, err := c.report(ctx)
	if err != nil {
		return err
	}
	_, err = io.WriteString(c.out, text(report))
	return err
}

// wait waits until the time has passed that late names at the moment.
func wait(ctx context.Context, late func() time.Duration) error {
	for start := time.Now(); time.Since(start) < late(); {
		pause(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// report asks the container's process.
func (c command) report(ctx context.Context) (agent.Report, error) {
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

// stateOf returns the state in the words of iris qlist: the given one, or the true one if
// none is. That an inhibited instance is "last used" was seen [S]; what follows the other
// states but running and down is not known. [?]
func stateOf(r agent.Report, state string) string {
	switch {
	case state == "" && r.Up:
		state = "running"
	case state == "":
		state = "down"
	}
	if isRunning(state) {
		return state + ", since " + r.Since.Format(time.ANSIC)
	}
	if state == "indeterminate" {
		return state
	}
	return state + ", last used " + r.Since.Format(time.ANSIC)
}

// isRunning reports whether the state, like "running on node ? (cache.ids missing)", is one
// of which IRIS tells all.
func isRunning(state string) bool { return strings.HasPrefix(state, "running") }

// qlistLine is the instance in the format of iris qlist, in the given state or the true
// one. [S]
func qlistLine(r agent.Report, state string) string {
	status := stateOf(r, state)
	fields := []string{r.Instance, installDir, version, status, configuration, fmt.Sprint(superserverPort), fmt.Sprint(webPort), fmt.Sprint(jdbcPort)}
	switch {
	case isRunning(status):
		fields = append(fields, "ok", "IRIS", r.Type, r.Status, dataDir)
	case state != "" && state != "down":
		fields = append(fields, "") // seen of an inhibited instance [S]
	}
	return strings.Join(fields, "^")
}

// listText is the instance in the format of iris list, in the given state or the true
// one. [S]
func listText(r agent.Report, state string) string {
	var text strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&text, format+"\n", args...) }
	line("Configuration '%s'   (default)", r.Instance)
	line("        directory:    %s", installDir)
	line("        versionid:    %s", version)
	line("        datadir:      %s", dataDir)
	line("        conf file:    %s  (SuperServer port = %d, WebServer = %d)", configuration, superserverPort, webPort)
	status := stateOf(r, state)
	line("        status:       %s", status)
	if !isRunning(status) {
		return text.String()
	}
	if r.Type != "" {
		line("        mirroring: Member Type = %s; Status = %s", r.Type, r.Status)
	}
	line("        state:        ok")
	line("        product:      InterSystems IRIS")
	return text.String()
}
