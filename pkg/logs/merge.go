package logs

import (
	"context"
	"sync"
	"time"
)

const (
	// maxQueue and maxQueued bound the lines of one log that wait for those of
	// others, and their bytes; one line may always wait.
	maxQueue  = 1000
	maxQueued = 4 << 20
	// window is how long a line that is followed waits for earlier ones of
	// other logs.
	window = 200 * time.Millisecond
	// patience is how long lines that are not followed wait for a log that sends
	// nothing: long enough for a slow node to begin, short for a person who
	// waits.
	patience = 5 * time.Second
)

// A merger puts the lines of several logs in the order of their times.
type merger struct {
	// follows: a line waits for window, however many logs are silent. Otherwise
	// it waits until no log has been silent for less than patience.
	follows bool
	print   func(Line) error

	mu      sync.Mutex
	changed *sync.Cond
	queues  []*queue
	// more: other queues may come.
	more  bool
	ended bool
}

// A queue holds the lines of one log that wait.
type queue struct {
	merger *merger
	source Source
	lines  []arrival
	// bytes is the length of the lines' texts.
	bytes  int
	closed bool
	// silent is since when no line has been waiting; reported: newlyLate has
	// returned the log already.
	silent   time.Time
	reported bool
}

type arrival struct {
	Line
	at time.Time
}

func newMerger(follows bool, print func(Line) error) *merger {
	m := &merger{follows: follows, print: print, more: true}
	m.changed = sync.NewCond(&m.mu)
	return m
}

// add returns the queue of one more log.
func (m *merger) add(source Source) *queue {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := &queue{merger: m, source: source, silent: time.Now()}
	m.queues = append(m.queues, q)
	return q
}

// push adds a line; it blocks while too many wait.
func (q *queue) push(line Line) {
	m := q.merger
	m.mu.Lock()
	defer m.mu.Unlock()
	for q.full(line) && !m.ended {
		m.changed.Wait()
	}
	q.lines = append(q.lines, arrival{line, time.Now()})
	q.bytes += len(line.Text)
	m.changed.Broadcast()
}

func (q *queue) full(line Line) bool {
	return len(q.lines) >= maxQueue || len(q.lines) > 0 && q.bytes+len(line.Text) > maxQueued
}

// pop takes out the first line.
func (q *queue) pop() Line {
	line := q.lines[0].Line
	q.lines = q.lines[1:]
	q.bytes -= len(line.Text)
	if len(q.lines) == 0 {
		q.lines, q.silent = nil, time.Now()
	}
	return line
}

// awaited reports whether the log's next line has yet to come.
func (q *queue) awaited() bool { return len(q.lines) == 0 && !q.closed }

// close reports that no more lines come.
func (q *queue) close() {
	q.merger.mu.Lock()
	defer q.merger.mu.Unlock()
	q.closed = true
	q.merger.changed.Broadcast()
}

// complete reports that no more logs come.
func (m *merger) complete() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.more = false
	m.changed.Broadcast()
}

// run prints lines until all logs have ended, or ctx has, and then what is left.
func (m *merger) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ended = true
		m.changed.Broadcast()
	})
	defer stop()
	for {
		line, ok := m.next()
		if !ok {
			return nil
		}
		if err := m.print(line); err != nil {
			m.mu.Lock()
			m.ended = true
			m.changed.Broadcast()
			m.mu.Unlock()
			return err
		}
	}
}

// next waits for the line that is to be printed next; ok is false after the last.
func (m *merger) next() (line Line, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		first, awaited := m.first()
		if first == nil {
			if m.ended || len(awaited) == 0 && !m.more {
				return Line{}, false
			}
			m.changed.Wait()
			continue
		}
		left := time.Until(m.due(first, awaited))
		if m.ended || left <= 0 {
			line = first.pop()
			m.changed.Broadcast()
			return line, true
		}
		timer := time.AfterFunc(left, m.wake)
		m.changed.Wait()
		timer.Stop()
	}
}

// due returns when the first line of a queue is to be printed: at once, unless
// other logs are awaited.
func (m *merger) due(first *queue, awaited []*queue) time.Time {
	if m.follows && len(awaited) > 0 {
		return first.lines[0].at.Add(window)
	}
	var due time.Time
	for _, q := range awaited {
		if late := q.silent.Add(patience); late.After(due) {
			due = late
		}
	}
	return due
}

// wake makes next check again. It takes the lock, so that next does not miss it
// when it is about to wait.
func (m *merger) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed.Broadcast()
}

// first returns the queue with the earliest line, or nil, and those whose next
// line has yet to come. Queues of logs that have ended are dropped.
func (m *merger) first() (first *queue, awaited []*queue) {
	kept := m.queues[:0]
	for _, q := range m.queues {
		switch {
		case len(q.lines) == 0 && q.closed:
			continue
		case q.awaited():
			awaited = append(awaited, q)
		case first == nil || q.lines[0].Time.Before(first.lines[0].Time):
			first = q
		}
		kept = append(kept, q)
	}
	clear(m.queues[len(kept):])
	m.queues = kept
	return first, awaited
}

// late calls report with the logs that have sent nothing for patience, each
// once, until ctx ends.
func (m *merger) late(ctx context.Context, report func([]Source)) {
	ticker := time.NewTicker(patience)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if late := m.newlyLate(); len(late) > 0 {
			report(late)
		}
	}
}

func (m *merger) newlyLate() []Source {
	m.mu.Lock()
	defer m.mu.Unlock()
	var late []Source
	for _, q := range m.queues {
		if q.awaited() && !q.reported && time.Since(q.silent) >= patience {
			q.reported = true
			late = append(late, q.source)
		}
	}
	return late
}
