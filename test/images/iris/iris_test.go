package main

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/test/images/agent"
	"github.com/kubectl-iris/kubectl-iris/test/images/mirror"
)

var since = time.Date(2016, time.May, 3, 22, 7, 2, 0, time.UTC)

// saying is the report of an instance that says so of itself.
func saying(up bool, kind, status string) agent.Report {
	return agent.Report{Member: mirror.Member{Pod: "x-data-0-0", Up: up}, Instance: "IRIS", Type: kind, Status: status, Since: since}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	const start = "IRIS^/usr/irissys^0.0.0.0.0^"
	tests := []struct {
		name   string
		report agent.Report
		qlist  string
		list   []string // lines after the fifth
	}{
		{
			"member", saying(true, "Failover", "Primary"),
			start + "running, since Tue May  3 22:07:02 2016^iris.cpf^1972^52773^53773^ok^IRIS^Failover^Primary^/irissys/data/IRIS",
			[]string{
				"        status:       running, since Tue May  3 22:07:02 2016",
				"        mirroring: Member Type = Failover; Status = Primary",
				"        state:        ok",
				"        product:      InterSystems IRIS",
			},
		},
		{
			"no member", saying(true, "", ""),
			start + "running, since Tue May  3 22:07:02 2016^iris.cpf^1972^52773^53773^ok^IRIS^^^/irissys/data/IRIS",
			[]string{
				"        status:       running, since Tue May  3 22:07:02 2016",
				"        state:        ok",
				"        product:      InterSystems IRIS",
			},
		},
		{
			"down", saying(false, "Failover", "Transition"),
			start + "down, last used Tue May  3 22:07:02 2016^iris.cpf^1972^52773^53773",
			[]string{"        status:       down, last used Tue May  3 22:07:02 2016"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.qlist, qlistLine(test.report, "")); diff != "" {
				t.Errorf("qlist (-want +got):\n%s", diff)
			}
			lines := strings.Split(strings.TrimSuffix(listText(test.report, ""), "\n"), "\n")
			if lines[0] != "Configuration 'IRIS'   (default)" {
				t.Errorf("list begins with %q", lines[0])
			}
			if diff := cmp.Diff(test.list, lines[5:]); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
		})
	}
}

// mirrored are two members that ask each other without a network.
func mirrored(t *testing.T) (first, second *instance) {
	t.Helper()
	config := mirror.Config{Roles: []string{"primary", "backup"}}
	members := map[string]*instance{}
	ask := func(_ context.Context, pod string) (agent.Report, error) { return members[pod].report(), nil }
	for _, pod := range []string{"x-0", "x-1"} {
		members[pod] = newInstance(config, pod, switchesIn(t.TempDir()), ask)
	}
	return members["x-0"], members["x-1"]
}

// settle has both look at each other for a while.
func settle(t *testing.T, first, second *instance) {
	t.Helper()
	for range 4 {
		second.look(t.Context())
		first.look(t.Context())
	}
}

// expect fails unless the instance says so of itself.
func expect(t *testing.T, i *instance, want string, ready bool) {
	t.Helper()
	report := i.report()
	if got := report.Type + " " + report.Status; got != want {
		t.Errorf("%s says %q, want %q", report.Pod, got, want)
	}
	if i.ready() != ready {
		t.Errorf("%s: ready %t, want %t", report.Pod, i.ready(), ready)
	}
}

func TestInstances(t *testing.T) {
	t.Parallel()
	first, second := mirrored(t)
	expect(t, first, "Failover Transition", false)
	settle(t, first, second)
	expect(t, first, "Failover Primary", true)
	expect(t, second, "Failover Backup", true)

	first.set(false)
	expect(t, first, "Failover Transition", false)
	settle(t, first, second)
	expect(t, second, "Failover Primary", true)
	first.set(true)
	settle(t, first, second)
	expect(t, first, "Failover Backup", true)

	first.promote()
	settle(t, first, second)
	expect(t, first, "Failover Primary", true)
	expect(t, second, "Failover Backup", true)

	// What IRIS is made to say changes nothing else.
	if err := second.switches.setAnswer("Failover", "Primary"); err != nil {
		t.Fatal(err)
	}
	settle(t, first, second)
	expect(t, first, "Failover Primary", true)
	expect(t, second, "Failover Primary", true)
	if err := second.switches.reset(); err != nil {
		t.Fatal(err)
	}
	expect(t, second, "Failover Backup", true)
}

func TestAsyncAndUnmirrored(t *testing.T) {
	t.Parallel()
	config := mirror.Config{Roles: []string{"primary", "backup", "drasync"}}
	other := mirror.Member{Pod: "x-0", Up: true, Role: mirror.Primary}
	async := newInstance(config, "x-2", switchesIn(t.TempDir()), func(_ context.Context, pod string) (agent.Report, error) {
		if pod == other.Pod {
			return agent.Report{Member: other}, nil
		}
		return agent.Report{}, errors.New("refused")
	})
	expect(t, async, "Disaster Recovery Waiting", true)
	async.look(t.Context())
	expect(t, async, "Disaster Recovery Connected", true)
	other.Role = mirror.Backup
	async.look(t.Context())
	expect(t, async, "Disaster Recovery Waiting", true)

	remote := newInstance(mirror.Config{Roles: []string{"rorasync"}}, "x-0", switchesIn(t.TempDir()), nil)
	remote.look(t.Context())
	expect(t, remote, "Read-Only Reporting Connected", true)

	alone := newInstance(mirror.Config{}, "x-0", switchesIn(t.TempDir()), nil)
	alone.look(t.Context())
	expect(t, alone, " ", true)
}

// console is a command beside an instance, with its input and output.
func console(t *testing.T, i *instance, in string) (command, *bytes.Buffer) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	server := httptest.NewUnstartedServer(controlHandler(i, func() { i.set(false) }))
	listener, err := listenUnix(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	var out bytes.Buffer
	return command{client: controlClient(socket), switches: i.switches, in: strings.NewReader(in), out: &out}, &out
}

func TestCommands(t *testing.T) {
	t.Parallel()
	i := newInstance(mirror.Config{}, "x-0", switchesIn(t.TempDir()), nil)
	c, out := console(t, i, "")
	ctx := t.Context()
	for _, step := range []struct {
		args []string
		up   bool
	}{
		{[]string{"stop", "IRIS", "quietly"}, false},
		{[]string{"start", "iris"}, true},
		{[]string{"force", "IRIS"}, false},
		{[]string{"restart", "IRIS"}, true},
	} {
		if err := c.iris(ctx, step.args); err != nil {
			t.Errorf("%v: %v", step.args, err)
		}
		if i.report().Up != step.up {
			t.Errorf("after %v: up %t", step.args, i.report().Up)
		}
		if err := c.probe(ctx); (err == nil) != step.up {
			t.Errorf("after %v the probe says %v", step.args, err)
		}
	}
	if err := c.iris(ctx, []string{"qlist", "IRIS"}); err != nil || strings.Count(out.String(), "^") != 12 {
		t.Errorf("qlist: %q, %v", out, err)
	}
	for _, args := range [][]string{nil, {"qlist", "OTHER"}, {"sideways"}, {"stop"}, {"session", "IRIS", "-X"}} {
		if err := c.iris(ctx, args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	if err := c.standIn(ctx, []string{"crash"}); err != nil || i.report().Up {
		t.Errorf("crash: %v", err)
	}
	for _, args := range [][]string{
		nil, {"answer", "Failover"}, {"state"}, {"late", "soon"}, {"page", "late"}, {"page", "slowly"}, {"metric", "a/b", "1"}, {"reset", "now"},
	} {
		if err := c.standIn(ctx, args); err == nil {
			t.Errorf("stand-in %v: no error", args)
		}
	}
}

// What iris qlist says of the state, and what it leaves out then.
func TestStates(t *testing.T) {
	t.Parallel()
	const (
		start = "IRIS^/usr/irissys^0.0.0.0.0^"
		ports = "^iris.cpf^1972^52773^53773"
		used  = ", last used Tue May  3 22:07:02 2016"
		rest  = "^ok^IRIS^Failover^Primary^/irissys/data/IRIS"
	)
	tests := map[string]string{
		"":              start + "running, since Tue May  3 22:07:02 2016" + ports + rest,
		"running":       start + "running, since Tue May  3 22:07:02 2016" + ports + rest,
		"down":          start + "down" + used + ports,
		"inhibited":     start + "sign-on inhibited" + used + ports + "^",
		"transition":    start + "sign-on inhibited:primary transition" + used + ports + "^",
		"node":          start + "running on node ? (cache.ids missing), since Tue May  3 22:07:02 2016" + ports + rest,
		"indeterminate": start + "indeterminate" + ports + "^",
		"pondering":     start + "pondering" + used + ports + "^",
	}
	s := switchesIn(t.TempDir())
	for word, want := range tests {
		if err := s.write(switchState, word); err != nil {
			t.Fatal(err)
		}
		got := qlistLine(saying(true, "Failover", "Primary"), s.state())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", word, diff)
		}
		status := "        status:       " + strings.Split(want, "^")[3] + "\n"
		list := listText(saying(true, "Failover", "Primary"), s.state())
		if !strings.Contains(list, status) || strings.Contains(list, "mirroring") != strings.Contains(want, "Primary") {
			t.Errorf("%q: iris list says\n%s", word, list)
		}
	}
}

// The switches of the command change what iris qlist writes, and nothing that is true.
func TestSwitchesOfQlist(t *testing.T) {
	t.Parallel()
	i := newInstance(mirror.Config{}, "x-0", switchesIn(t.TempDir()), nil)
	c, out := console(t, i, "")
	do := func(args ...string) {
		t.Helper()
		if err := c.standIn(t.Context(), args); err != nil {
			t.Fatal(err)
		}
	}
	says := func(want string) {
		t.Helper()
		out.Reset()
		if err := c.iris(t.Context(), []string{"qlist", "IRIS"}); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("iris qlist writes %q, %v, want %q in it", out, err, want)
		}
		if !i.report().Up || !i.ready() {
			t.Error("the instance is down")
		}
	}
	do("state", "indeterminate")
	says("^indeterminate^")
	do("state", "inhibited")
	says("^sign-on inhibited, last used ")
	var code exitCode
	if err := c.iris(t.Context(), []string{"session", "IRIS"}); !errors.As(err, &code) || code != 239 || !strings.Contains(out.String(), "Sign-on inhibited: ") {
		t.Errorf("a session of an inhibited instance writes %q and ends with %v", out, err)
	}
	do("line", "Segmentation fault")
	says("Segmentation fault\n")
	do("reset")
	says("^running, since ")

	do("late", "250ms")
	start := time.Now()
	says("^running, since ")
	if took := time.Since(start); took < 250*time.Millisecond {
		t.Errorf("the late answer took %s", took)
	}
}

func TestHang(t *testing.T) {
	t.Parallel()
	i := newInstance(mirror.Config{}, "x-0", switchesIn(t.TempDir()), nil)
	c, _ := console(t, i, "")
	if err := c.standIn(t.Context(), []string{"hang"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*look)
	defer cancel()
	if err := c.iris(ctx, []string{"qlist"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that it hangs", err)
	}
	if err := c.standIn(t.Context(), []string{"reset"}); err != nil {
		t.Fatal(err)
	}
	if err := c.iris(t.Context(), []string{"qlist"}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(i.switches.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the switches are left: %v", err)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	const hello = "\nNode: x-0, Instance: IRIS (stand-in)\n"
	tests := []struct {
		name, in string
		args     []string
		out      string
		code     exitCode
	}{
		{"end of input", "", nil, "\nUSER>\n", 0},
		{"halt", "write 1\n\nHALT\nnever\n", []string{"-U", "%SYS"}, "\n%SYS>stand-in: write 1\n\n%SYS>\n%SYS>", 0},
		{"size without a terminal", "size\n", nil, "\nUSER>no terminal\n\nUSER>\n", 0},
		{"exit code", "do $SYSTEM.Process.Terminate(,7)\n", nil, "\nUSER>", 7},
		{"exit code, short", "d $system.Process.Terminate(,300)\n", nil, "\nUSER>", 44},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, out := console(t, newInstance(mirror.Config{}, "x-0", switchesIn(t.TempDir()), nil), test.in)
			err := c.iris(t.Context(), append([]string{"session", "IRIS"}, test.args...))
			var code exitCode
			if err != nil && !errors.As(err, &code) || code != test.code {
				t.Errorf("error %v, want exit code %d", err, test.code)
			}
			if diff := cmp.Diff(hello+test.out, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}
