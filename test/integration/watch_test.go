package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// syncBuffer is written by a command while a test reads it.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// running is a command that runs until it is interrupted.
type running struct {
	*env
	args           []string
	stdout, stderr *syncBuffer
	interrupt      context.CancelFunc
	ended          chan int
	// label is on the command's goroutines.
	label string
}

// start runs a command with its output into stdout, or where that is nil into
// a buffer.
func (e *env) start(out io.Writer, args ...string) *running {
	e.Helper()
	ctx, cancel := context.WithCancel(e.ctx)
	e.Cleanup(cancel)
	r := &running{env: e, args: args, stdout: &syncBuffer{}, stderr: &syncBuffer{}, interrupt: cancel, ended: make(chan int, 1)}
	r.label = fmt.Sprintf("%p", r)
	if out == nil {
		out = r.stdout
	}
	go pprof.Do(ctx, pprof.Labels("command", r.label), func(ctx context.Context) {
		r.ended <- cli.Run(ctx, e.commandLine(args), e.world(out, r.stderr))
	})
	return r
}

// ends interrupts the command, and checks that its exit code is among codes
// and that none of its goroutines is left.
func (r *running) ends(codes ...int) {
	r.Helper()
	r.interrupt()
	r.endsByItself(codes...)
}

func (r *running) endsByItself(codes ...int) {
	r.Helper()
	select {
	case got := <-r.ended:
		if !slices.Contains(codes, got) {
			r.Errorf("%q ended with %d, want %d\n--- stdout\n%s--- stderr\n%s", r.args, got, codes, r.stdout, r.stderr)
		}
	case <-r.ctx.Done():
		r.Fatalf("%q does not end", r.args)
	}
	becomes(r.env, "goroutines left", "", func() string { return leftGoroutines(r.label) })
}

// leftGoroutines are those that bear the label. Connections that are
// kept for the next request of the process are not counted.
func leftGoroutines(label string) string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return err.Error()
	}
	var left []string
	for group := range strings.SplitSeq(profile.String(), "\n\n") {
		mine := strings.Contains(group, fmt.Sprintf(`"command":%q`, label))
		if mine && !strings.Contains(group, "net/http") {
			left = append(left, group)
		}
	}
	return strings.Join(left, "\n\n")
}

// becomes waits until get makes of stdout what is wanted.
func (r *running) becomes(what, want string, get func(stdout string) string) {
	r.Helper()
	becomes(r.env, fmt.Sprintf("%q: %s", r.args, what), want, func() string { return get(r.stdout.String()) })
}

// lastRow is the last line without its last column, the age.
func lastRow(stdout string) string {
	rows := rowsOf(stdout)
	if len(rows) == 0 {
		return ""
	}
	last := rows[len(rows)-1]
	return strings.Join(last[:max(0, len(last)-1)], " ")
}

// Piped, a list appends the rows that change, and nothing else.
func TestWatchAppendsRows(t *testing.T) {
	t.Parallel()
	e := healthy(t)
	w := e.start(nil, "status", "-w")
	w.becomes("first row", "simple simple-data-0-0 simple-data-0-1 - 2/2 2 0 Healthy", lastRow)
	e.failOver("simple-data-0-1")
	w.becomes("row after a failover", "simple simple-data-0-1 simple-data-0-0 - 2/2 2 0 Healthy", lastRow)
	e.annotate("simple", "example.com/note", "changes nothing that is shown")
	e.apply("standalone")
	w.becomes("row of a new cluster", "iris - - iris-data-0 1/1 0 0 Healthy", lastRow)
	e.deleteCluster("iris")
	w.becomes("word of a deleted cluster", fmt.Sprintf(`iriscluster.intersystems.com "iris" deleted from %s`, e.namespace), lastRow)
	w.ends(0)

	rows := rowsOf(w.stdout.String())
	equal(t, "header", "NAME PRIMARY BACKUP OTHERS READY SIDECARS EXPOSED HEALTH AGE", strings.Join(rows[0], " "))
	last := map[string]string{}
	for _, row := range rows[1:] {
		name, rest := row[0], strings.Join(row[:len(row)-1], " ")
		if last[name] == rest {
			t.Errorf("the row %q is there again without a change:\n%s", rest, w.stdout)
		}
		last[name] = rest
	}
	equal(t, "stderr", "", w.stderr.String())
}

// Piped, the detail appends what changes of verdict, pods, Services and
// findings.
func TestWatchAppendsDetail(t *testing.T) {
	t.Parallel()
	e := healthy(t)
	w := e.start(nil, "status", "simple", "-w")
	has := func(part string) {
		t.Helper()
		w.becomes("output", part, func(stdout string) string {
			if strings.Contains(stdout, part) {
				return part
			}
			return stdout
		})
	}
	has("healthy: primary simple-data-0-0, backup simple-data-0-1\n")
	has("pod/simple-data-0-1 ")
	e.freezeLabels("simple")
	e.labelRole("simple-data-0-1", "")
	has(`degraded: no backup; data pod "simple-data-0-1" has no role label` + "\n")
	has("\nNoBackup: no backup: beside the primary \"simple-data-0-0\" none of its data pods is labelled backup\n  hint: ")
	e.run("expose-sidecar", "--role=primary", "--type=ClusterIP").exits(0)
	has("\nservice/simple-sidecar-primary ")
	w.ends(3)
	if n := strings.Count(w.stdout.String(), "pod/simple-arbiter-0"); n != 1 {
		t.Errorf("the arbiter, which did not change, is there %d times:\n%s", n, w.stdout)
	}
}

// With -o json there is a document on a line for each change.
func TestWatchPrintsDocuments(t *testing.T) {
	t.Parallel()
	e := healthy(t)
	w := e.start(nil, "status", "simple", "-w", "-o", "json")
	primary := func(stdout string) string {
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		var c view.ClusterStatus
		if json.Unmarshal([]byte(lines[len(lines)-1]), &c) != nil {
			return ""
		}
		return string(c.Health) + " " + strings.Join(c.Shards[0].Primaries, ",")
	}
	w.becomes("document", "Healthy simple-data-0-0", primary)
	e.failOver("simple-data-0-1")
	w.becomes("document after a failover", "Healthy simple-data-0-1", primary)
	// What is not shown changes for longer than a watch gathers changes.
	for began := time.Now(); time.Since(began) < time.Second; {
		e.annotate("simple", "example.com/note", time.Now().String())
	}
	e.failOver("simple-data-0-0")
	w.becomes("document after a failover back", "Healthy simple-data-0-0", primary)
	w.ends(0)
	var before string
	for line := range strings.Lines(w.stdout.String()) {
		var c view.ClusterStatus
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("a line is no document: %v\n%s", err, line)
		}
		equal(t, "kind", view.KindClusterStatus, c.Kind)
		if line == before {
			t.Errorf("the same document again:\n%s", line)
		}
		before = line
	}
}

// A cluster that is not there cannot be watched, and one that goes away is said
// to be gone.
func TestWatchOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	e := article(t)
	e.run("status", "nope", "-w").fails(1, `IrisCluster "nope" not found in namespace`, `"simple"`)
	w := e.start(nil, "status", "simple", "-w")
	w.becomes("start", "true", func(stdout string) string { return fmt.Sprint(strings.Contains(stdout, "service/simple")) })
	e.deleteCluster("simple")
	w.becomes("last line", fmt.Sprintf(`iriscluster.intersystems.com "simple" deleted from %s`, e.namespace), lastRow)
	w.ends(0)
}

// A watch says once what it may not read, and shows the rest.
func TestWatchForbidden(t *testing.T) {
	t.Parallel()
	e := healthy(t)
	all := rights{
		"list,watch irisclusters.intersystems.com", "list,watch pods", "list,watch services",
		"list,watch endpointslices.discovery.k8s.io", "list,watch events",
	}
	user := e.user("no-slices", all.without("endpointslices.discovery.k8s.io"))
	w := user.start(nil, "status", "-w")
	w.becomes("first row", "simple simple-data-0-0 simple-data-0-1 - 2/2 2 0 Healthy", lastRow)
	e.failOver("simple-data-0-1")
	w.becomes("row after a failover", "simple simple-data-0-1 simple-data-0-0 - 2/2 2 0 Healthy", lastRow)
	w.ends(0)
	equal(t, "stderr", fmt.Sprintf("warning: cannot watch endpointslices.discovery.k8s.io in namespace %q: forbidden, so which pods a Service reaches is not known\n",
		e.namespace), w.stderr.String())
	nobody := e.user("nobody", nil)
	nobody.run("status", "-w").fails(1, "irisclusters.intersystems.com", "pods")
}

// A watch outlives a restart of the API server, and says once that it was away.
func TestWatchSurvivesRestart(t *testing.T) {
	e := healthy(t) // not parallel: the API server is everybody's
	detail := e.start(nil, "status", "simple", "-w", "-o", "json")
	list := e.start(nil, "status", "-w")
	list.becomes("first row", "simple simple-data-0-0 simple-data-0-1 - 2/2 2 0 Healthy", lastRow)
	e.freezeLabels("simple") // the stand-in takes its time to come back
	e.must(cluster.StopAPIServer())
	for _, w := range []*running{detail, list} {
		becomes(e, "lines on stderr", 1, func() int { return strings.Count(w.stderr.String(), "\n") })
	}
	e.must(cluster.StartAPIServer(e.ctx))
	e.labelRole("simple-data-0-0", "backup")
	e.labelRole("simple-data-0-1", "primary")
	list.becomes("row after the restart", "simple simple-data-0-1 simple-data-0-0", func(stdout string) string {
		return strings.Join(strings.Fields(lastRow(stdout))[:3], " ")
	})
	detail.becomes("document after the restart", "true", func(stdout string) string {
		documents := strings.Split(strings.TrimSpace(stdout), "\n")
		return fmt.Sprint(strings.Contains(documents[len(documents)-1], `"primaries":["simple-data-0-1"]`))
	})
	for _, w := range []*running{detail, list} {
		said := w.stderr.String()
		if strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "warning: cannot reach the API server at ") {
			t.Errorf("%q: want one warning that the server cannot be reached:\n%s", w.args, said)
		}
		w.ends(0, 3) // EndpointSlices take their time, too
	}
}

// On a terminal the view is redrawn within its height, and left in full.
func TestWatchRedraws(t *testing.T) {
	t.Parallel()
	e := healthy(t)
	master, terminal, err := pty.Open()
	e.must(err)
	defer master.Close()
	const height, width = 8, 70
	e.must(pty.Setsize(master, &pty.Winsize{Rows: height, Cols: width}))
	shown := &syncBuffer{}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(shown, master) // ends with an error when the terminal is closed
	}()
	w := e.start(terminal, "status", "simple", "-w", "--color=never")
	frames := func() []string { return strings.Split(shown.String(), "\x1b[H")[1:] }
	sees := func(part string) {
		t.Helper()
		becomes(e, "frame with "+part, true, func() bool {
			all := frames()
			return len(all) > 0 && strings.Contains(all[len(all)-1], part)
		})
	}
	sees("healthy: primary simple-data-0-0")
	e.failOver("simple-data-0-1")
	sees("healthy: primary simple-data-0-1")
	w.ends(0)
	e.must(terminal.Close())
	<-copied

	if !strings.HasPrefix(shown.String(), "\x1b[?1049h\x1b[?25l") {
		t.Errorf("the alternate screen is not entered: %q", shown)
	}
	all := frames()
	last, left, closed := strings.Cut(all[len(all)-1], "\x1b[?1049l\x1b[?25h")
	if !closed || !strings.Contains(left, "iris-svc") || strings.Count(left, "\n") <= height {
		t.Errorf("the terminal is not given back with the last view in full: %q", left)
	}
	all[len(all)-1] = last
	for _, frame := range all {
		lines := strings.Split(frame, "\r\n")
		if len(lines) > height {
			t.Errorf("a frame has %d lines, the terminal %d:\n%s", len(lines), height, frame)
		}
		if n := slices.MaxFunc(lines, func(a, b string) int { return len(a) - len(b) }); len(n) > width+len("…\x1b[K\x1b[J") {
			t.Errorf("a line is longer than the terminal is wide: %q", n)
		}
	}
	if !strings.Contains(last, "more lines") {
		t.Errorf("a frame that was cut does not say so:\n%s", last)
	}
}
