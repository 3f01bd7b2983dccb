// Package finding holds the table of findings: what each code means, how much it
// matters and what to do. Whatever judges makes values of Finding with these
// codes; docs/findings.md is generated from the table.
//
// A new code needs a constant and an entry in table.go, and a scenario in
// pkg/topology/testdata that has it.
package finding

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A Finding is one thing that is wrong, as it was found.
type Finding struct {
	Code view.FindingCode
	// Object is what is wrong, as kind/name; "" for the cluster itself.
	Object string
	// Brief says in a few words what is wrong; a verdict has no more than that.
	Brief string
	// Why is the cause or the consequence; it follows Brief in the message.
	Why string
	// Hint is the next step.
	Hint string
}

// View returns the finding as it is printed, with what the table says of its code.
func (f Finding) View() view.Finding {
	message := f.Brief
	if f.Why != "" {
		message += ": " + f.Why
	}
	return view.Finding{
		Code:     f.Code,
		Severity: SeverityOf(f.Code),
		Object:   f.Object,
		Message:  message,
		Hint:     f.Hint,
		URL:      URL(f.Code),
	}
}

// Sort orders findings by severity, errors first, and leaves those of the same
// severity in their order.
func Sort(found []Finding) {
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Compare(rank(SeverityOf(a.Code)), rank(SeverityOf(b.Code)))
	})
}

func rank(s view.Severity) int {
	return slices.Index([]view.Severity{view.SeverityError, view.SeverityWarning, view.SeverityInfo}, s)
}

// SeverityOf returns the severity of a code. One that the table does not have
// counts as an error.
func SeverityOf(code view.FindingCode) view.Severity {
	for _, k := range table {
		if k.Code == code {
			return k.Severity
		}
	}
	return view.SeverityError
}

// URL returns the address of the page that explains a code.
func URL(code view.FindingCode) string {
	return "https://github.com/kubectl-iris/kubectl-iris/blob/main/docs/findings.md#" + Anchor(code)
}

// Anchor returns the code's anchor in docs/findings.md.
func Anchor(code view.FindingCode) string { return strings.ToLower(string(code)) }
