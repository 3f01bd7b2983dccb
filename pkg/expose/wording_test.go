package expose_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Neither this package nor pkg/cluster knows the command line: messages name fields,
// which the command line shows as its flags.
func TestNoFlagsAndNoVerbs(t *testing.T) {
	commandLine := regexp.MustCompile(`(^|[^-\w])--[a-z]|kubectl iris`)
	for _, folder := range []string{".", "../cluster"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			files := token.NewFileSet()
			tree, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(node ast.Node) bool {
				if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING && commandLine.MatchString(literal.Value) {
					t.Errorf("%s: %s", files.Position(literal.Pos()), literal.Value)
				}
				return true
			})
		}
	}
}
