package pkg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// kubectlCommand is a command of kubectl with its flags, up to the end of the clause.
	kubectlCommand = regexp.MustCompile(`kubectl (auth can-i|config|get|wait|describe|cluster-info|delete) [^;,)]*`)
	flagOrCommand  = regexp.MustCompile(`(^|[\s(])--?[a-zA-Z][\w-]*|kubectl iris`)
)

// Messages below the use cases name fields of a request (problem.Field), since only the
// command line knows flags and commands. Commands of kubectl may be named.
func TestMessagesNameNoFlags(t *testing.T) {
	allowed := []string{
		`"-A"`, `"-n "`, `" --subresource="`, // parts of kubectl's commands
		`"Written by: kubectl iris completion kubectl --install"`, // in files that were installed
	}
	for _, name := range []string{
		"ask", "cluster", "completion", "expose", "forward", "kube", "logs", "ownership", "poll", "reach", "stream", "wait", "watch",
	} {
		files, err := filepath.Glob(filepath.Join(name, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no files, %v", name, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING || slices.Contains(allowed, literal.Value) {
					return true
				}
				if found := flagOrCommand.FindString(kubectlCommand.ReplaceAllString(literal.Value, "")); found != "" {
					t.Errorf("%s names %q: %s", path, found, literal.Value)
				}
				return true
			})
		}
	}
}
