package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// stamped is a line as a server writes it, some milliseconds after the epoch.
func stamped(ms int, text string) string {
	return epoch.Add(time.Duration(ms)*time.Millisecond).Format(time.RFC3339Nano) + " " + text + "\n"
}

// collector keeps what is printed.
type collector struct {
	mu   sync.Mutex
	text []string
}

func (c *collector) print(line Line) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, line.Pod+": "+line.Text)
	return nil
}

func (c *collector) lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.text)
}

func container(pod string) Source {
	return Source{Namespace: "ns", Pod: pod, UID: "uid-" + pod, Container: "iris", Running: true, Started: true}
}

func TestReadPutsLinesInOrderOfTime(t *testing.T) {
	texts := map[string]string{
		"a": stamped(1, "one") + stamped(4, "four") + stamped(5, "five"),
		"b": stamped(2, "two") + stamped(3, "three") + stamped(6, "six, cut off")[:len(stamped(6, "six, cut off"))-1],
	}
	var got collector
	found, failed, err := Read(t.Context(), []Source{container("a"), container("b"), container("none")}, Options{
		Part:  Part{Tail: -1},
		Print: got.print,
		Open: func(_ context.Context, s Source, _ Part) (io.ReadCloser, error) {
			if texts[s.Pod] == "" {
				return nil, ErrNone
			}
			return io.NopCloser(strings.NewReader(texts[s.Pod])), nil
		},
	})
	if err != nil || len(failed) > 0 || found != 2 {
		t.Errorf("found %d logs, failed %v, error %v", found, failed, err)
	}
	want := []string{"a: one", "b: two", "b: three", "a: four", "a: five", "b: six, cut off"}
	if diff := cmp.Diff(want, got.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestReadMoreThanWaits(t *testing.T) {
	var long strings.Builder
	for i := range 5 * maxQueue {
		long.WriteString(stamped(2*i, fmt.Sprint(i)))
	}
	var got collector
	_, _, err := Read(t.Context(), []Source{container("a"), container("b")}, Options{
		Part:  Part{Tail: -1},
		Print: got.print,
		Open: func(_ context.Context, s Source, _ Part) (io.ReadCloser, error) {
			if s.Pod == "b" {
				return io.NopCloser(strings.NewReader(stamped(10*maxQueue, "last"))), nil
			}
			return io.NopCloser(strings.NewReader(long.String())), nil
		},
	})
	lines := got.lines()
	if err != nil || len(lines) != 5*maxQueue+1 || lines[len(lines)-1] != "b: last" {
		t.Errorf("%d lines, the last %q, error %v", len(lines), lines[len(lines)-1], err)
	}
}

// A log that cannot be read does not cost the others.
func TestReadFailure(t *testing.T) {
	var got collector
	found, failed, err := Read(t.Context(), []Source{container("a"), container("b"), container("c")}, Options{
		Print: got.print,
		Open: func(_ context.Context, s Source, _ Part) (io.ReadCloser, error) {
			if s.Pod != "b" {
				return nil, errForbidden{}
			}
			return io.NopCloser(strings.NewReader(stamped(1, "x"))), nil
		},
	})
	want := []Failure{{container("a"), errForbidden{}}, {container("c"), errForbidden{}}}
	if diff := cmp.Diff(want, failed); diff != "" || found != 3 || err != nil {
		t.Errorf("found %d, error %v, failed (-want +got):\n%s", found, err, diff)
	}
	if diff := cmp.Diff([]string{"b: x"}, got.lines()); diff != "" {
		t.Error(diff)
	}
}

// A log that hangs, before or after it was opened, holds back the others for
// some seconds only, and is named.
func TestReadDoesNotWaitForLogsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const gives = 30 * time.Second
		var long strings.Builder
		for i := range 5 * maxQueue {
			long.WriteString(stamped(i, fmt.Sprint(i)))
		}
		var got collector
		var mu sync.Mutex
		var reported []Source
		late := func() []Source {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(reported)
		}
		done := make(chan []Failure)
		begun := time.Now()
		go func() {
			_, failed, err := Read(t.Context(), []Source{container("a"), container("unopened"), container("silent")}, Options{
				Part:  Part{Tail: -1},
				Print: got.print,
				Late: func(sources []Source) {
					mu.Lock()
					defer mu.Unlock()
					reported = append(reported, sources...)
				},
				Open: func(_ context.Context, s Source, _ Part) (io.ReadCloser, error) {
					switch s.Pod {
					case "a":
						return io.NopCloser(strings.NewReader(long.String())), nil
					case "unopened":
						time.Sleep(gives)
						return nil, errors.New("no answer")
					}
					r, w := io.Pipe()
					time.AfterFunc(gives, func() { _ = w.CloseWithError(errors.New("silent")) })
					return r, nil
				},
			})
			if err != nil {
				t.Error(err)
			}
			done <- failed
		}()
		time.Sleep(patience - time.Millisecond)
		synctest.Wait()
		if n := len(got.lines()); n != 0 || len(late()) != 0 {
			t.Errorf("%d lines, %d late logs before the patience is over", n, len(late()))
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := len(got.lines()); n != 5*maxQueue {
			t.Errorf("%d lines once the patience is over, want %d", n, 5*maxQueue)
		}
		if diff := cmp.Diff([]Source{container("unopened"), container("silent")}, late()); diff != "" {
			t.Errorf("late logs (-want +got):\n%s", diff)
		}
		failed := <-done
		if len(failed) != 2 || failed[0].Pod != "unopened" || failed[1].Pod != "silent" {
			t.Errorf("failed %v", failed)
		}
		if took := time.Since(begun); took != gives {
			t.Errorf("took %s, want %s", took, gives)
		}
		if len(late()) != 2 {
			t.Errorf("late logs were reported again: %v", late())
		}
	})
}

// A line without an end takes no more memory than a line may, and what follows
// it is read.
func TestLongLinesAreCut(t *testing.T) {
	begin, at := stamped(1, ""), stamped(2, "next")
	begin = strings.TrimSuffix(begin, "\n")
	fits := strings.Repeat("x", maxLine-len(begin))
	for _, c := range []struct {
		name, log string
		want      []string
	}{
		{"fits", begin + fits + "\n" + at, []string{fits, "next"}},
		{"one byte too long", begin + fits + "y\n" + at, []string{fits + cutMark, "next"}},
		{"much too long", begin + fits + strings.Repeat("y", 3*maxLine) + "\n" + at, []string{fits + cutMark, "next"}},
		{"never ends", begin + fits + strings.Repeat("y", 3*maxLine), []string{fits + cutMark}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			_, failed, err := Read(t.Context(), []Source{container("a")}, Options{
				Part:  Part{Tail: -1},
				Print: func(line Line) error { got = append(got, line.Text); return nil },
				Open: func(context.Context, Source, Part) (io.ReadCloser, error) {
					return io.NopCloser(strings.NewReader(c.log)), nil
				},
			})
			if err != nil || len(failed) > 0 {
				t.Fatal(err, failed)
			}
			if !slices.Equal(got, c.want) {
				lengths := func(lines []string) (n []int) {
					for _, line := range lines {
						n = append(n, len(line))
					}
					return n
				}
				t.Errorf("lines of %d bytes, want %d", lengths(got), lengths(c.want))
			}
		})
	}
}

// The lines of a log that wait for those of others are bounded in number and size.
func TestWaitingLinesAreBounded(t *testing.T) {
	for length, want := range map[int]int{0: maxQueue, maxLine: maxQueued / maxLine} {
		synctest.Test(t, func(t *testing.T) {
			m := newMerger(false, func(Line) error { return nil })
			q := m.add(container("a"))
			pushed, text := 0, strings.Repeat("x", length)
			go func() {
				for range 2 * maxQueue {
					q.push(Line{Text: text})
					pushed++
				}
				q.close()
			}()
			synctest.Wait()
			if pushed != want {
				t.Errorf("%d lines of %d bytes wait, want %d", pushed, length, want)
			}
			if err := m.run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A line without a time is printed as it is, before the lines that wait.
func TestLinesWithoutATime(t *testing.T) {
	var got []Line
	_, failed, err := Read(t.Context(), []Source{container("a"), container("b")}, Options{
		Part:  Part{Tail: -1},
		Print: func(line Line) error { got = append(got, line); return nil },
		Open: func(_ context.Context, s Source, _ Part) (io.ReadCloser, error) {
			text := stamped(1, "one")
			if s.Pod == "b" {
				text = "unable to retrieve container logs\n" + stamped(2, "two")
			}
			return io.NopCloser(strings.NewReader(text)), nil
		},
	})
	if err != nil || len(failed) > 0 {
		t.Fatal(err, failed)
	}
	want := []Line{
		{Pod: "b", Container: "iris", Text: "unable to retrieve container logs"},
		{Pod: "a", Container: "iris", Text: "one", Stamp: "2026-01-01T00:00:00.001Z", Time: epoch.Add(time.Millisecond)},
		{Pod: "b", Container: "iris", Text: "two", Stamp: "2026-01-01T00:00:00.002Z", Time: epoch.Add(2 * time.Millisecond)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

type errForbidden struct{}

func (errForbidden) Error() string { return "forbidden" }
func (errForbidden) Final() bool   { return true }

// server plays the logs of one pod: a counter that goes on while it runs.
type server struct {
	mu sync.Mutex
	// instances are the logs of one container after the other.
	instances []*instance
	pods      []Source
	changed   chan struct{}
	opened    int
	// down: it does not answer.
	down bool
	// refuses: it answers that the log is forbidden.
	refuses bool
	// loses: a connection that breaks ends with an error, not as if it were
	// complete.
	loses bool
	// noPrevious is how often the previous log is not to be had.
	noPrevious int
}

func (s *server) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *server) setRefuses(refuses bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuses = refuses
}

// restart begins another instance.
func (s *server) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instances = append(s.instances, newInstance())
}

// bothBreaks runs a test with connections that break as if they were complete,
// as a server that shuts down ends them, and with such that break with an error.
func bothBreaks(t *testing.T, test func(t *testing.T, loses bool)) {
	t.Helper()
	for name, loses := range map[string]bool{"clean end": false, "connection lost": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, loses) })
		})
	}
}

type instance struct {
	lines []string
	at    []time.Time
	ended bool
	// grown is closed, and replaced, with every change.
	grown chan struct{}
	cut   chan struct{}
}

func newInstance() *instance { return &instance{grown: make(chan struct{}), cut: make(chan struct{})} }

func (s *server) write(text string) { s.writeAt(time.Now(), text) }

// writeAt writes a line with a time of its own.
func (s *server) writeAt(at time.Time, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[len(s.instances)-1]
	i.lines = append(i.lines, at.UTC().Format(time.RFC3339Nano)+" "+text+"\n")
	i.at = append(i.at, at)
	close(i.grown)
	i.grown = make(chan struct{})
}

// end ends the running container.
func (s *server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[len(s.instances)-1]
	i.ended = true
	close(i.grown)
	i.grown = make(chan struct{})
}

// breakOff breaks all connections.
func (s *server) breakOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.instances {
		close(i.cut)
		i.cut = make(chan struct{})
	}
}

func (s *server) open(ctx context.Context, _ Source, part Part) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	switch {
	case s.down:
		return nil, errors.New("no answer")
	case s.refuses:
		return nil, errForbidden{}
	}
	at := len(s.instances) - 1
	if part.Previous {
		at--
		if s.noPrevious--; s.noPrevious >= 0 {
			return nil, errors.New("no answer")
		}
	}
	if at < 0 {
		return nil, ErrNone
	}
	i := s.instances[at]
	r, w := io.Pipe()
	cut, loses := i.cut, s.loses
	skipped := 0
	if part.Tail >= 0 {
		skipped = max(0, len(i.lines)-int(part.Tail))
	}
	go func() {
		since := part.Since.Truncate(time.Second)
		for n := skipped; ; {
			s.mu.Lock()
			var due []string
			for ; n < len(i.lines); n++ {
				if !i.at[n].Before(since) {
					due = append(due, i.lines[n])
				}
			}
			ended, grown := i.ended, i.grown
			s.mu.Unlock()
			for _, line := range due {
				if _, err := io.WriteString(w, line); err != nil {
					return
				}
			}
			if ended || !part.Follow {
				_ = w.Close()
				return
			}
			select {
			case <-grown:
			case <-cut:
				_, _ = io.WriteString(w, "2026-01-01T0") // broken off within a line
				if loses {
					_ = w.CloseWithError(io.ErrUnexpectedEOF)
				}
				_ = w.Close()
				return
			case <-ctx.Done():
				_ = w.Close()
				return
			}
		}
	}()
	return r, nil
}

func (s *server) set(pods ...Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pods = pods
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *server) watch(ctx context.Context, show func([]Source) error) error {
	for {
		s.mu.Lock()
		pods, changed := slices.Clone(s.pods), s.changed
		s.mu.Unlock()
		if err := show(pods); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// A counter is followed through broken connections, a restart of its container
// that comes while the connection is broken, and a new pod: each number comes
// once.
func TestFollowLosesAndDoublesNothing(t *testing.T) {
	bothBreaks(t, func(t *testing.T, loses bool) {
		s := &server{loses: loses, changed: make(chan struct{}), instances: []*instance{newInstance()}}
		first := container("a")
		s.set(first)
		var got collector
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- Follow(ctx, s.watch, Options{Open: s.open, Part: Part{Follow: true, Tail: -1}, Print: got.print})
		}()
		var want []string
		count := func(pod string, n int) {
			for range n {
				text := fmt.Sprint(len(want))
				s.write(text)
				want = append(want, pod+": "+text)
				time.Sleep(200 * time.Millisecond)
			}
		}
		count("a", 10)
		s.breakOff()
		count("a", 10)

		// It restarts while nothing is connected: what it said last is in its
		// former log only.
		s.setDown(true)
		s.breakOff()
		count("a", 3)
		s.end()
		s.restart()
		count("a", 5)
		s.setDown(false)
		second := first
		second.Restarts = 1
		s.set(second)
		count("a", 10)

		// The pod is deleted, and comes again.
		s.end()
		ended := second
		ended.Running = false
		s.set(ended)
		time.Sleep(time.Second)
		s.set()
		time.Sleep(time.Second)
		s.mu.Lock()
		s.instances = []*instance{newInstance()}
		s.mu.Unlock()
		count("a", 3)
		again := container("a")
		again.UID = "another"
		s.set(again)
		count("a", 10)

		time.Sleep(time.Second)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got.lines()); diff != "" {
			t.Error(diff)
		}
	})
}

// Of a log whose past is not wanted nothing is lost either, though no line came
// before the connection broke, or the container was restarted.
func TestFollowFromTheEnd(t *testing.T) {
	bothBreaks(t, func(t *testing.T, loses bool) {
		s := &server{loses: loses, changed: make(chan struct{}), instances: []*instance{newInstance()}}
		s.write("old")
		s.set(container("a"))
		time.Sleep(time.Minute)
		var got collector
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- Follow(ctx, s.watch, Options{Open: s.open, Part: Part{Follow: true, Tail: 0}, Print: got.print})
		}()
		time.Sleep(time.Minute)
		s.setDown(true)
		s.breakOff()
		s.write("meanwhile")
		s.end()
		s.restart()
		s.write("again")
		s.setDown(false)
		again := container("a")
		again.Restarts = 1
		s.set(again)
		time.Sleep(time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"a: meanwhile", "a: again"}, got.lines()); diff != "" {
			t.Error(diff)
		}
	})
}

// A restart is reported after its log was reopened: what the previous instance
// wrote last comes nevertheless, and no line twice.
func TestFollowLearnsLateOfARestart(t *testing.T) {
	bothBreaks(t, func(t *testing.T, loses bool) {
		s := &server{loses: loses, noPrevious: 2, changed: make(chan struct{}), instances: []*instance{newInstance()}}
		first := container("a")
		s.set(first)
		var got collector
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- Follow(ctx, s.watch, Options{Open: s.open, Part: Part{Follow: true, Tail: -1}, Print: got.print})
		}()
		var want []string
		count := func(n int) {
			for range n {
				want = append(want, fmt.Sprintf("a: %03d", len(want)))
				s.write(fmt.Sprintf("%03d", len(want)-1))
				time.Sleep(200 * time.Millisecond)
			}
		}
		count(50)
		s.setDown(true)
		s.breakOff()
		count(20)
		s.end()
		s.restart()
		s.setDown(false)
		count(50) // of the new instance, while the old is thought to run
		second := first
		second.Restarts = 1
		s.set(second)
		count(50)
		time.Sleep(time.Second)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		lines := got.lines()
		slices.Sort(lines) // the rest of the previous instance comes late
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Error(diff)
		}
	})
}

// A line that is a little older than the last one that was read comes as well, if
// it was written while the connection was broken.
func TestFollowReadsLinesOutOfOrder(t *testing.T) {
	bothBreaks(t, func(t *testing.T, loses bool) {
		s := &server{loses: loses, changed: make(chan struct{}), instances: []*instance{newInstance()}}
		s.set(container("a"))
		var got collector
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- Follow(ctx, s.watch, Options{Open: s.open, Part: Part{Follow: true, Tail: -1}, Print: got.print})
		}()
		last := epoch.Add(10 * time.Second)
		s.writeAt(last, "stdout")
		time.Sleep(time.Second)
		s.setDown(true)
		s.breakOff()
		s.writeAt(last.Add(-1500*time.Millisecond), "stderr")
		time.Sleep(time.Second)
		s.setDown(false)
		time.Sleep(time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"a: stdout", "a: stderr"}, got.lines()); diff != "" {
			t.Error(diff)
		}
	})
}

// A server that has just started refuses for a moment what it allows, whichever
// way the connection to it broke. A refusal that lasts is reported, once.
func TestFollowOutlivesRefusals(t *testing.T) {
	bothBreaks(t, func(t *testing.T, loses bool) {
		s := &server{loses: loses, changed: make(chan struct{}), instances: []*instance{newInstance()}}
		s.set(container("a"))
		var got collector
		var denied []error
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- Follow(ctx, s.watch, Options{
				Open: s.open, Part: Part{Follow: true, Tail: -1}, Print: got.print,
				Denied: func(err error) { denied = append(denied, err) },
			})
		}()
		outage := func(text string, lasts time.Duration) {
			s.write("before " + text)
			time.Sleep(time.Second)
			s.setRefuses(true)
			s.breakOff()
			s.write("during " + text)
			time.Sleep(lasts)
			s.setRefuses(false)
			time.Sleep(longestPause + time.Second)
		}
		outage("the first", deniedFor-time.Second)
		if len(denied) > 0 {
			t.Errorf("reported %v", denied)
		}
		outage("the second", time.Minute)
		if diff := cmp.Diff([]error{errForbidden{}}, denied); diff != "" {
			t.Errorf("reported (-want +got):\n%s", diff)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := []string{"a: before the first", "a: during the first", "a: before the second", "a: during the second"}
		if diff := cmp.Diff(want, got.lines()); diff != "" {
			t.Error(diff)
		}
	})
}

// A container that has ended is left alone until it comes again.
func TestFollowDoesNotAskInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{changed: make(chan struct{}), instances: []*instance{newInstance()}}
		s.write("x")
		s.end()
		ended := container("a")
		ended.Running = false
		s.set(ended)
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		if err := Follow(ctx, s.watch, Options{Open: s.open, Part: Part{Follow: true, Tail: -1}, Print: (&collector{}).print}); err != nil {
			t.Error(err)
		}
		if s.opened != 1 {
			t.Errorf("its log was opened %d times", s.opened)
		}
	})
}

func TestFollowEndsOnRefusal(t *testing.T) {
	s := &server{changed: make(chan struct{})}
	s.pods = []Source{container("a")}
	err := Follow(t.Context(), s.watch, Options{
		Part:  Part{Follow: true, Tail: -1},
		Print: (&collector{}).print,
		Open:  func(context.Context, Source, Part) (io.ReadCloser, error) { return nil, errForbidden{} },
	})
	if !errors.As(err, &errForbidden{}) {
		t.Errorf("error %v", err)
	}
}

// The lines of two logs come in the order of their times, also where those of
// one arrive first; a silent one holds up nothing for long.
func TestFollowOrdersWithinAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got collector
		alone := newMerger(true, got.print)
		only := alone.add(container("a"))
		go func() { _ = alone.run(t.Context()) }()
		only.push(Line{Pod: "a", Time: epoch, Text: "alone"})
		only.close()
		synctest.Wait()
		if diff := cmp.Diff([]string{"a: alone"}, got.lines()); diff != "" {
			t.Errorf("a line waits although no other log does (-want +got):\n%s", diff)
		}
		got = collector{}
		m := newMerger(true, got.print)
		a, b, silent := m.add(container("a")), m.add(container("b")), m.add(container("silent"))
		go func() { _ = m.run(t.Context()) }()
		line := func(pod string, ms int) Line {
			return Line{Pod: pod, Time: epoch.Add(time.Duration(ms) * time.Millisecond), Text: fmt.Sprint(ms)}
		}
		a.push(line("a", 2))
		a.push(line("a", 4))
		time.Sleep(window / 2)
		b.push(line("b", 1))
		b.push(line("b", 3))
		time.Sleep(2 * window)
		want := []string{"b: 1", "a: 2", "b: 3", "a: 4"}
		if diff := cmp.Diff(want, got.lines()); diff != "" {
			t.Error(diff)
		}
		for _, q := range []*queue{a, b, silent} {
			q.close()
		}
		alone.end()
		m.end()
	})
}
