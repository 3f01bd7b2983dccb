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
	read, err := Read(t.Context(), []Source{container("a"), container("b"), container("none")}, Options{
		Part:  Part{Tail: -1},
		Print: got.print,
		Open: func(_ context.Context, s Source, _ Part) (io.ReadCloser, error) {
			if texts[s.Pod] == "" {
				return nil, ErrNone
			}
			return io.NopCloser(strings.NewReader(texts[s.Pod])), nil
		},
	})
	if err != nil || read != 2 {
		t.Errorf("read %d logs, error %v", read, err)
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
	_, err := Read(t.Context(), []Source{container("a"), container("b")}, Options{
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
	_, err := Read(t.Context(), []Source{container("a"), container("b"), container("c")}, Options{
		Print: got.print,
		Open: func(ctx context.Context, s Source, _ Part) (io.ReadCloser, error) {
			if s.Pod != "b" {
				return nil, errForbidden{}
			}
			return io.NopCloser(strings.NewReader(stamped(1, "x"))), nil
		},
	})
	if !errors.As(err, &errForbidden{}) || err.Error() != "forbidden" {
		t.Errorf("error %q, want one refusal", err)
	}
	if diff := cmp.Diff([]string{"b: x"}, got.lines()); diff != "" {
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
}

func (s *server) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

type instance struct {
	lines []string
	at    []time.Time
	ended bool
	// grown is closed and made anew with every change.
	grown chan struct{}
	cut   chan struct{}
}

func newInstance() *instance { return &instance{grown: make(chan struct{}), cut: make(chan struct{})} }

func (s *server) write(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[len(s.instances)-1]
	now := time.Now()
	i.lines = append(i.lines, now.UTC().Format(time.RFC3339Nano)+" "+text+"\n")
	i.at = append(i.at, now)
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
	if s.down {
		return nil, errors.New("no answer")
	}
	at := len(s.instances) - 1
	if part.Previous {
		at--
	}
	if at < 0 {
		return nil, ErrNone
	}
	i := s.instances[at]
	r, w := io.Pipe()
	cut := i.cut
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
	synctest.Test(t, func(t *testing.T) {
		s := &server{changed: make(chan struct{}), instances: []*instance{newInstance()}}
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
		s.mu.Lock()
		s.instances = append(s.instances, newInstance())
		s.mu.Unlock()
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
// before the connection broke, or the container was started anew.
func TestFollowFromTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{changed: make(chan struct{}), instances: []*instance{newInstance()}}
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
		s.mu.Lock()
		s.instances = append(s.instances, newInstance())
		s.mu.Unlock()
		s.write("anew")
		s.setDown(false)
		again := container("a")
		again.Restarts = 1
		s.set(again)
		time.Sleep(time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"a: meanwhile", "a: anew"}, got.lines()); diff != "" {
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
		m := newMerger(window, got.print)
		a, b, silent := m.add(), m.add(), m.add()
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
		m.complete()
	})
}
