package kube

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

// kubectlCommand is a command of kubectl with its flags, up to the end of the clause.
var kubectlCommand = regexp.MustCompile(`kubectl (auth can-i|config|get|wait|describe|cluster-info|delete) [^;,)]*`)

// Messages name fields of a request, since only the command line knows flags and verbs
// (problem.Field). Commands of kubectl may be named.
func TestMessagesNameNoFlags(t *testing.T) {
	ofKubectl := []string{`"-A"`, `"-n "`, `" --subresource="`} // parts of its commands
	own := regexp.MustCompile(`(^|[^-\w])--?[a-zA-Z][\w-]*|kubectl iris`)
	for _, dir := range []string{"../kube", "../stream", "../ask", "../watch", "../wait"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no files, %v", dir, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING || slices.Contains(ofKubectl, literal.Value) {
					return true
				}
				if found := own.FindString(kubectlCommand.ReplaceAllString(literal.Value, "")); found != "" {
					t.Errorf("%s names %q: %s", name, found, literal.Value)
				}
				return true
			})
		}
	}
}
