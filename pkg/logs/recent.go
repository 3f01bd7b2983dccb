package logs

import (
	"hash/maphash"
	"time"
)

// recent holds the lines that were read last: those that may be read again when a
// log is reopened. A log may have equal lines.
type recent struct {
	seed maphash.Seed
	// last is the latest time of all.
	last time.Time
	// counts are of the lines that may come again, order has them in turn.
	counts counts
	order  []dated
	// holding reports whether lines since from are kept, however long ago that
	// is, and not only those of the last moments.
	holding bool
	from    time.Time
}

type dated struct {
	at time.Time
	what
}

// what distinguishes a line from others of its container. Lines may be long, so
// the sum of the text stands for it.
type what struct {
	nanos int64
	sum   uint64
}

type counts map[what]int

const (
	// kept is how long a line is remembered: reading resumes overlap before the
	// last, at a whole second.
	kept = overlap + time.Second
	// maxHeld bounds the number of lines that are held for longer.
	maxHeld = 100_000
)

func newRecent() recent { return recent{seed: maphash.MakeSeed(), counts: counts{}} }

func (r *recent) empty() bool { return len(r.order) == 0 }

func (r *recent) identify(line Line) what {
	return what{line.Time.UnixNano(), maphash.String(r.seed, line.Text)}
}

func (r *recent) add(line Line) {
	if line.Time.IsZero() {
		return
	}
	if line.Time.After(r.last) {
		r.last = line.Time
	}
	added := dated{line.Time, r.identify(line)}
	r.order = append(r.order, added)
	r.counts[added.what]++
	if len(r.order) > maxHeld {
		r.holding = false
	}
	r.trim()
}

// trim forgets lines that cannot come again.
func (r *recent) trim() {
	oldest := r.last.Add(-kept)
	if from := r.from.Add(overlap - kept); r.holding && from.Before(oldest) {
		oldest = from
	}
	for len(r.order) > 0 && r.order[0].at.Before(oldest) {
		r.counts.removeOne(r.order[0].what)
		r.order = r.order[1:]
	}
}

// hold keeps the lines since from until release, also if more come.
func (r *recent) hold(from time.Time) {
	if !r.holding {
		r.holding, r.from = true, from
	}
}

// release ends hold.
func (r *recent) release() {
	r.holding = false
	r.trim()
}

// removeOne takes w out once. It reports whether it was there.
func (c counts) removeOne(w what) bool {
	if c[w] == 0 {
		return false
	}
	if c[w]--; c[w] == 0 {
		delete(c, w)
	}
	return true
}
