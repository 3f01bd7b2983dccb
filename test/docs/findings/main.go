// Command findings writes docs/findings.md from the table of pkg/finding. Run it
// in test, as make docs does:
//
//	go run ./docs/findings > ../docs/findings.md
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func main() {
	if _, err := os.Stdout.Write(page(finding.Table())); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

const head = `# Findings

What ` + "`kubectl iris status`" + ` finds wrong has a code, a severity, a message and a hint: one
next step, which is safe on a healthy cluster too. With ` + "`-o json`" + ` each finding has the
address of its section here as ` + "`url`" + `.

| Severity | Means | Health of the cluster | Exit code |
|---|---|---|---|
| error | users cannot reach their data or reach the wrong instance, or the next failure is an outage | Degraded | 3 |
| warning | the cluster works, and something beside it does not, or will not for long | Warning | 0; 3 with ` + "`--strict`" + ` |
| info | worth knowing, and nothing is wrong | Healthy | 0 |

The worst finding decides. What could not be read is no finding; a cluster whose pods
could not be read, and that has no error, is Unknown (exit code 1).

The basis says how well the facts behind a finding are known: **documented** by
InterSystems or Kubernetes, **seen** in a public example, dump or log, or **inferred**.
[iko.md](iko.md) has the facts.

This page is generated from the table of pkg/finding.

| Code | Severity | |
|---|---|---|
`

// page returns the page about some kinds of findings.
func page(kinds []finding.Kind) []byte {
	out := bytes.NewBufferString(head)
	for _, k := range kinds {
		fmt.Fprintf(out, "| [%s](#%s) | %s | %s |\n", k.Code, finding.Anchor(k.Code), k.Severity, k.Title)
	}
	for _, k := range kinds {
		fmt.Fprintf(out, "\n## %s\n\n%s. %s\n\n", k.Code, k.Title, k.Meaning)
		fmt.Fprintf(out, "- **What to do:** %s\n- **Why it is %s:** %s\n- **Basis:** %s: %s.\n", k.Action, article(k), k.Rating, k.Basis, k.Source)
	}
	return out.Bytes()
}

// article returns the severity with its article.
func article(k finding.Kind) string {
	if k.Severity == view.SeverityWarning {
		return "a warning"
	}
	return "an " + string(k.Severity)
}
