package logs

import (
	"context"
	"sync"
	"time"
)

const (
	// maxQueue bounds the lines of one log that wait for those of others.
	maxQueue = 1000
	// window is how long a line that is followed waits for earlier ones of
	// other logs.
	window = 200 * time.Millisecond
)

// merger puts the lines of several logs in the order of their times.
type merger struct {
	// patience is how long a line waits for earlier ones; below zero until
	// every other log has told its next line, or ended.
	patience time.Duration
	print    func(Line) error

	mu      sync.Mutex
	changed *sync.Cond
	queues  []*queue
	// more: other queues may come.
	more  bool
	ended bool
}

// queue are the lines of one log that wait.
type queue struct {
	merger *merger
	lines  []arrival
	closed bool
}

type arrival struct {
	Line
	at time.Time
}

func newMerger(patience time.Duration, print func(Line) error) *merger {
	m := &merger{patience: patience, print: print, more: true}
	m.changed = sync.NewCond(&m.mu)
	return m
}

// add makes room for one more log.
func (m *merger) add() *queue {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := &queue{merger: m}
	m.queues = append(m.queues, q)
	return q
}

// push adds a line; it waits where there are too many.
func (q *queue) push(line Line) {
	m := q.merger
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(q.lines) >= maxQueue && !m.ended {
		m.changed.Wait()
	}
	q.lines = append(q.lines, arrival{line, time.Now()})
	m.changed.Broadcast()
}

// close says that no more lines come.
func (q *queue) close() {
	q.merger.mu.Lock()
	defer q.merger.mu.Unlock()
	q.closed = true
	q.merger.changed.Broadcast()
}

// complete says that no more logs come.
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

// next waits for the line that is to be printed next; ok is false after the
// last.
func (m *merger) next() (line Line, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		first, waiting := m.first()
		switch {
		case first == nil && (m.ended || !waiting && !m.more):
			return Line{}, false
		case first == nil:
			m.changed.Wait()
			continue
		}
		due := first.lines[0].at.Add(m.patience)
		if !waiting || m.ended || m.patience >= 0 && !time.Now().Before(due) {
			line = first.lines[0].Line
			first.lines = first.lines[1:]
			m.changed.Broadcast()
			return line, true
		}
		if m.patience >= 0 {
			timer := time.AfterFunc(time.Until(due), m.wake)
			m.changed.Wait()
			timer.Stop()
			continue
		}
		m.changed.Wait()
	}
}

// wake has next look again. It waits for the lock, so that one who is about to
// wait does not miss it.
func (m *merger) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed.Broadcast()
}

// first is the queue with the earliest line, nil where there is none; waiting
// tells whether a log has yet to tell its next one. Logs that have ended are
// forgotten.
func (m *merger) first() (first *queue, waiting bool) {
	kept := m.queues[:0]
	for _, q := range m.queues {
		switch {
		case len(q.lines) == 0 && q.closed:
			continue
		case len(q.lines) == 0:
			waiting = true
		case first == nil || q.lines[0].Time.Before(first.lines[0].Time):
			first = q
		}
		kept = append(kept, q)
	}
	m.queues = kept
	return first, waiting
}
