package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "give each package a row in docs/testing.md")

func TestParseCountsAsGremlinsDoes(t *testing.T) {
	t.Parallel()
	got, err := parse([]byte(`{"files": [
		{"file_name": "a.go", "mutations": [{"status": "KILLED"}, {"status": "KILLED"}, {"status": "LIVED"}, {"status": "NOT VIABLE"}]},
		{"file_name": "b.go", "mutations": [{"status": "NOT COVERED"}, {"status": "TIMED OUT"}, {"status": "TIMED OUT"}]}
	]}`))
	want := counts{killed: 2, lived: 1, notCovered: 1, timedOut: 2}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	row := got.row("pkg/x", time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC))
	if want := "| `pkg/x` | 66.6 % | 75.0 % | 2 | 1 | 1 | 2 | 2026-02-03 |\n"; row != want {
		t.Errorf("row %q, want %q", row, want)
	}
	if row := (counts{}).row("pkg/x", time.Time{}); !strings.HasPrefix(row, "| `pkg/x` | no mutants | no mutants | 0 |") {
		t.Errorf("without a mutant: %q", row)
	}
	for _, content := range []string{`{"files": [{"mutations": [{"status": "SKIPPED"}]}]}`, "{"} {
		if got, err := parse([]byte(content)); err == nil {
			t.Errorf("%s: %+v and no error", content, got)
		}
	}
}

func TestUpdateTable(t *testing.T) {
	t.Parallel()
	page := "before\n" + tableBegin + "\n" + tableHead + "| `pkg/a` | 1 |\n| `pkg/ab` | 2 |\n| `pkg/gone` | 3 |\n" + tableEnd + "\nafter\n"
	want := "before\n" + tableBegin + "\n" + tableHead + "| `pkg/a` | 1 |\n| `pkg/ab` | 4 |\n| `pkg/new` | not measured yet | | | | | | |\n" + tableEnd + "\nafter\n"
	got, err := updateTable(page, []string{"pkg/a", "pkg/ab", "pkg/new"}, map[string]string{"pkg/ab": "| `pkg/ab` | 4 |\n"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
	if _, err := updateTable("no table", nil, nil); err == nil {
		t.Error("a page without the table is accepted")
	}
}

func TestPageHasEveryPackage(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	packages, err := packagesIn(root)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "docs", "testing.md")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	want, err := updateTable(page, packages, nil)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("the packages in docs/testing.md are not those of pkg/; go test ./mutants -update writes them (-want +got):\n%s", diff)
	}
	if len(packages) < 10 {
		t.Errorf("only %v found", packages)
	}
}
