package logs

import (
	"context"
	"slices"
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
	// follows: a line waits for window, however many logs are silent, and more logs
	// may come. Otherwise it waits until no log has been silent for less than
	// patience.
	follows bool
	print   func(Line) error

	mu      sync.Mutex
	changed *sync.Cond
	queues  []*queue
	ended   bool
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
	m := &merger{follows: follows, print: print}
	m.changed = sync.NewCond(&m.mu)
	return m
}

// change makes a change, and has next check again.
func (m *merger) change(make func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	make()
	m.changed.Broadcast()
}

// end has run print what is left.
func (m *merger) end() { m.change(func() { m.ended = true }) }

// add returns the queue of one more log.
func (m *merger) add(source Source) *queue {
	q := &queue{merger: m, source: source, silent: time.Now()}
	m.change(func() { m.queues = append(m.queues, q) })
	return q
}

// push adds a line; it blocks while too many wait.
func (q *queue) push(line Line) {
	q.merger.change(func() {
		for q.full(line) && !q.merger.ended {
			q.merger.changed.Wait()
		}
		q.lines = append(q.lines, arrival{line, time.Now()})
		q.bytes += len(line.Text)
	})
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
func (q *queue) close() { q.merger.change(func() { q.closed = true }) }

// run prints lines until all logs have ended, or ctx has, and then what is left.
func (m *merger) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, m.end)
	defer stop()
	defer m.end()
	for {
		line, ok := m.next()
		if !ok {
			return nil
		}
		if err := m.print(line); err != nil {
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
			if m.ended || len(awaited) == 0 && !m.follows {
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
		timer := time.AfterFunc(left, func() { m.change(func() {}) }) // which waits until this waits
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

// first returns the queue with the earliest line, or nil, and those whose next
// line has yet to come. Queues of logs that have ended are dropped.
func (m *merger) first() (first *queue, awaited []*queue) {
	m.queues = slices.DeleteFunc(m.queues, func(q *queue) bool { return len(q.lines) == 0 && q.closed })
	for _, q := range m.queues {
		switch {
		case q.awaited():
			awaited = append(awaited, q)
		case first == nil || q.lines[0].Time.Before(first.lines[0].Time):
			first = q
		}
	}
	return first, awaited
}

// late calls report with the logs that have sent nothing for patience, each
// once, until ctx ends.
func (m *merger) late(ctx context.Context, report func([]Source)) {
	for {
		await(ctx, nil, patience)
		if ctx.Err() != nil {
			return
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
