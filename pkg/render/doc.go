// Package render turns the views of pkg/view into text: tables in kubectl's
// look, documents for -o json and its kin, a screen that is redrawn, lines
// that are appended, and errors. It asks no server and keeps no state outside
// the values that it returns.
package render

import "time"

// Options say how tables are shown.
type Options struct {
	// Now is the time that ages are counted to.
	Now time.Time
	// Wide adds columns, shows selectors as they are and cuts no list.
	Wide bool
	// NoHeaders leaves the header rows out.
	NoHeaders bool
	// Asked adds a column for what IRIS itself says.
	Asked bool
	// Namespaces adds a NAMESPACE column.
	Namespaces bool
	// Color allows colours (see UseColor).
	Color bool
}
