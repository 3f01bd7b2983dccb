package logs

import (
	"maps"
	"time"
)

// recent are the lines that were read last: those that may come again when a
// log is opened anew. A line may rightly be there twice.
type recent struct {
	// last is the latest time of all.
	last   time.Time
	counts counts
	order  []dated
}

type dated struct {
	at time.Time
	what
}

// what tells a line from others of its container.
type what struct{ stamp, text string }

type counts map[what]int

// kept is how long a line is remembered: reading begins anew overlap before
// the last, at a whole second.
const kept = overlap + time.Second

func (r *recent) empty() bool { return len(r.order) == 0 }

func (r *recent) add(line Line) {
	if line.Time.IsZero() {
		return
	}
	if r.counts == nil {
		r.counts = counts{}
	}
	if line.Time.After(r.last) {
		r.last = line.Time
	}
	added := dated{line.Time, what{line.Stamp, line.Text}}
	r.order = append(r.order, added)
	r.counts[added.what]++
	for r.last.Sub(r.order[0].at) > kept {
		r.counts.removeOne(r.order[0].what)
		r.order = r.order[1:]
	}
}

// copy is what may come again.
func (r *recent) copy() counts { return maps.Clone(r.counts) }

// remove tells whether a line is there, and takes it out once.
func (c counts) remove(line Line) bool { return c.removeOne(what{line.Stamp, line.Text}) }

func (c counts) removeOne(w what) bool {
	if c[w] == 0 {
		return false
	}
	if c[w]--; c[w] == 0 {
		delete(c, w)
	}
	return true
}
