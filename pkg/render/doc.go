// Package render turns the views of pkg/view into text: tables that look like
// kubectl's, documents for -o json and kubectl's other formats, a screen that is
// redrawn, lines that are appended, and errors. It calls no server and has no
// state apart from the values that it returns.
package render

import "time"

// Options holds how tables are printed.
type Options struct {
	// Now is the time from which ages count back.
	Now time.Time
	// Wide adds columns, prints selectors unchanged and cuts no list.
	Wide bool
	// NoHeaders omits the header rows.
	NoHeaders bool
	// Asked adds a column for IRIS's answers.
	Asked bool
	// Namespaces adds a NAMESPACE column.
	Namespaces bool
	// Color allows colours (see UseColor).
	Color bool
}
