package render

import (
	"fmt"
	"io"
	"slices"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// headerAge is the header of the column whose changes are not printed by follow.
const headerAge = "AGE"

// object is what a row is about.
type object struct {
	// kind is in lower case, with its group if it has one.
	kind, namespace, name string
}

// rowKey identifies a row of a followedTable. The parts of an object distinguish
// its rows.
type rowKey struct {
	object object
	part   string
}

// followedRow is a row of a followedTable.
type followedRow struct {
	rowKey
	cells []cell
}

// A followedTable is a table that grows at its end while its items change. It
// remembers what it printed, and how wide, so that later rows stand under earlier
// ones.
type followedTable struct {
	headers []string
	widths  []int
	rows    []followedRow
}

// follow prints the items that are new or changed, and which objects are gone.
// The headers come first, and again with all items if they change.
func follow[T any](w io.Writer, t *followedTable, columns []column[T], items []T, key func(T) rowKey, o Options) error {
	headers := headersOf(columns)
	restart := !slices.Equal(headers, t.headers)
	printed := map[rowKey][]cell{}
	for _, r := range t.rows {
		printed[r.rowKey] = r.cells
	}
	before := t.rows
	t.rows = nil
	var changed [][]cell
	for _, item := range items {
		r := followedRow{key(item), rowOf(columns, item)}
		t.rows = append(t.rows, r)
		if old, ok := printed[r.rowKey]; restart || !ok || !isSameRow(headers, old, r.cells) {
			changed = append(changed, r.cells)
		}
	}
	if len(changed) > 0 {
		if err := t.print(w, headers, changed, restart, o); err != nil {
			return err
		}
	}
	return reportGone(w, before, t.rows)
}

func (t *followedTable) print(w io.Writer, headers []string, rows [][]cell, restart bool, o Options) error {
	var shown []string
	if restart {
		t.headers = headers
		t.widths = make([]int, len(headers))
		if !o.NoHeaders {
			shown = headers
		}
	}
	for i, header := range shown {
		t.widths[i] = twwidth.Width(header)
	}
	for _, row := range rows {
		for i, c := range row {
			t.widths[i] = max(t.widths[i], twwidth.Width(text.OneLine(c.text)))
		}
	}
	return writeTable(w, shown, rows, t.widths, o.Color)
}

// isSameRow reports whether two rows under the same headers have the same texts,
// apart from the age.
func isSameRow(headers []string, a, b []cell) bool {
	for i, header := range headers {
		if header != headerAge && a[i].text != b[i].text {
			return false
		}
	}
	return true
}

// reportGone prints, in the words of kubectl delete, which objects no longer have a
// row.
func reportGone(w io.Writer, before, after []followedRow) error {
	known := map[object]bool{}
	for _, r := range after {
		known[r.object] = true
	}
	for _, r := range before {
		if known[r.object] {
			continue
		}
		known[r.object] = true
		if _, err := fmt.Fprintf(w, "%s %q deleted from %s namespace\n", r.object.kind, r.object.name, r.object.namespace); err != nil {
			return err
		}
	}
	return nil
}

// added returns the items of now that before does not have.
func added[T comparable](before, now []T) []T {
	return slices.DeleteFunc(slices.Clone(now), func(item T) bool { return slices.Contains(before, item) })
}
