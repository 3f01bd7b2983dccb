package action_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Messages below this package name fields, not flags or commands: those belong to
// the command line.
func TestMessagesNameNoFlags(t *testing.T) {
	named := regexp.MustCompile(`--[a-z]|kubectl iris`)
	for _, name := range []string{"cluster", "expose", "forward", "logs", "reach"} {
		t.Run(name, func(t *testing.T) {
			files, err := filepath.Glob("../" + name + "/*.go")
			if err != nil || len(files) == 0 {
				t.Fatalf("%d files, %v", len(files), err)
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
					if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING && named.MatchString(literal.Value) {
						t.Errorf("%s: %s", path, literal.Value)
					}
					return true
				})
			}
		})
	}
}
