package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Lines of docs/testing.md between which the table stands.
const (
	tableBegin = "<!-- mutants: written by make mutants -->"
	tableEnd   = "<!-- end of mutants -->"
)

const tableHead = `| Package | Efficacy | Mutator coverage | Killed | Lived | Not covered | Timed out | Measured |
|---|---|---|---|---|---|---|---|
`

// row returns the line of a package in the table.
func (c counts) row(pkg string, now time.Time) string {
	return fmt.Sprintf("| `%s` | %s | %s | %d | %d | %d | %d | %s |\n", pkg, percent(c.efficacy()), percent(c.coverage()),
		c.killed, c.lived, c.notCovered, c.timedOut, now.UTC().Format(time.DateOnly))
}

// percent formats a share; one below 0 is that of nothing.
func percent(share float64) string {
	if share < 0 {
		return "no mutants"
	}
	// Cut off, not rounded: 79.96 % is not 80 %.
	return fmt.Sprintf("%.1f %%", float64(int(share*10))/10)
}

// writeRow replaces the row of one package in the page.
func writeRow(page string, packages []string, pkg, row string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	updated, err := updateTable(string(text), packages, map[string]string{pkg: row})
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(updated), 0o644)
}

// updateTable returns the page with one row for each of the packages: the new one
// if there is one, or else the one that the page has.
func updateTable(page string, packages []string, rows map[string]string) (string, error) {
	before, rest, found := strings.Cut(page, tableBegin+"\n")
	old, after, foundEnd := strings.Cut(rest, tableEnd)
	if !found || !foundEnd {
		return "", fmt.Errorf("no lines %q and %q", tableBegin, tableEnd)
	}
	table := tableHead
	for _, pkg := range packages {
		row := fmt.Sprintf("| `%s` | not measured yet | | | | | | |\n", pkg)
		for line := range strings.Lines(old) {
			if strings.HasPrefix(line, "| `"+pkg+"` |") {
				row = line
			}
		}
		if updated := rows[pkg]; updated != "" {
			row = updated
		}
		table += row
	}
	return before + tableBegin + "\n" + table + tableEnd + after, nil
}
