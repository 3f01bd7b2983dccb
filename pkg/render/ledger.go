package render

import (
	"fmt"
	"io"
	"slices"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// headerAge heads the column that changes without anything happening.
const headerAge = "AGE"

// object is what a row is about.
type object struct {
	// kind is lower-case, with its group where it has one.
	kind, namespace, name string
}

// entryKey tells the rows of a followed table apart: an object may have several,
// each with a part of its own.
type entryKey struct {
	object object
	part   string
}

// entry is a row of a table that is followed.
type entry struct {
	entryKey
	row []cell
}

// ledger is a table that is followed: it remembers what it printed, and how
// wide, so that later rows stand under the earlier ones.
type ledger struct {
	headers []string
	widths  []int
	entries []entry
}

// follow prints the entries that are new or changed, and which objects are
// gone. The headers come first, and again with all entries when they change.
func (l *ledger) follow(w io.Writer, headers []string, entries []entry, o Options) error {
	restart := !slices.Equal(headers, l.headers)
	printed := map[entryKey][]cell{}
	for _, e := range l.entries {
		printed[e.entryKey] = e.row
	}
	var rows [][]cell
	for _, e := range entries {
		if old, ok := printed[e.entryKey]; restart || !ok || !same(headers, old, e.row) {
			rows = append(rows, e.row)
		}
	}
	before := l.entries
	l.entries = entries
	if len(rows) > 0 {
		if err := l.print(w, headers, rows, restart, o); err != nil {
			return err
		}
	}
	return reportGone(w, before, entries)
}

func (l *ledger) print(w io.Writer, headers []string, rows [][]cell, restart bool, o Options) error {
	var shown []string
	if restart {
		l.headers = headers
		l.widths = make([]int, len(headers))
		if !o.NoHeaders {
			shown = headers
		}
	}
	for i, header := range shown {
		l.widths[i] = twwidth.Width(header)
	}
	for _, row := range rows {
		for i, c := range row {
			l.widths[i] = max(l.widths[i], twwidth.Width(text.OneLine(c.text)))
		}
	}
	return writeTable(w, shown, rows, l.widths, o.Color)
}

// same tells whether two rows under the same headers say the same, but for the age.
func same(headers []string, a, b []cell) bool {
	for i, header := range headers {
		if header != headerAge && a[i].text != b[i].text {
			return false
		}
	}
	return true
}

// reportGone says, in kubectl delete's words, which objects have no entry any more.
func reportGone(w io.Writer, before, after []entry) error {
	known := map[object]bool{}
	for _, e := range after {
		known[e.object] = true
	}
	for _, e := range before {
		if known[e.object] {
			continue
		}
		known[e.object] = true
		if _, err := fmt.Fprintf(w, "%s %q deleted from %s namespace\n", e.object.kind, e.object.name, e.object.namespace); err != nil {
			return err
		}
	}
	return nil
}
