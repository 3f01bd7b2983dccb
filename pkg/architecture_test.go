// Package pkg_test keeps docs/architecture.md true.
package pkg_test

import (
	"cmp"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the arrows of the code into docs/architecture.md")

const (
	page   = "../docs/architecture.md"
	module = "github.com/kubectl-iris/kubectl-iris/pkg/"
	begin  = "```mermaid\nflowchart TD\n"
	end    = "```\n"
)

// The picture has every arrow that the code has, and no other.
func TestPictureHasTheArrowsOfTheCode(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	before, rest, found := strings.Cut(text, begin)
	drawn, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no picture between %q and %q", page, begin, end)
	}
	want := picture(t)
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if drawn != want {
		t.Errorf("the picture in %s is not that of the code; go test ./pkg -update draws it:\n%s\nwant:\n%s", page, drawn, want)
	}
}

// picture draws a line for each package that imports others, each above those that it
// imports.
func picture(t *testing.T) string {
	t.Helper()
	imports := map[string][]string{}
	err := filepath.WalkDir(".", func(folder string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			imports[filepath.ToSlash(folder)] = importsOf(t, folder)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var height func(string) int
	height = func(name string) int {
		most := 0
		for _, imported := range imports[name] {
			most = max(most, 1+height(imported))
		}
		return most
	}
	names := slices.SortedFunc(maps.Keys(imports), func(a, b string) int {
		return cmp.Or(cmp.Compare(height(b), height(a)), strings.Compare(a, b))
	})
	var lines strings.Builder
	for _, name := range names {
		var to []string
		for _, imported := range imports[name] {
			to = append(to, path.Base(imported))
		}
		if len(to) > 0 {
			fmt.Fprintf(&lines, "  %s --> %s\n", path.Base(name), strings.Join(to, " & "))
		}
	}
	if strings.Count(lines.String(), "\n") < 15 {
		t.Fatalf("too few packages:\n%s", lines.String())
	}
	return lines.String()
}

// importsOf returns the packages of pkg/ that the files of a folder import, tests
// aside.
func importsOf(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name, ok := strings.CutPrefix(name, module); ok {
				imports[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(imports))
}
