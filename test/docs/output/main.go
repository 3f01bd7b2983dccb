// Command output writes docs/output.md from the doc comments of pkg/view, so
// that the two cannot say different things. Run it in test, as make docs does:
//
//	go run ./docs/output > ../docs/output.md
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

func main() {
	page, err := pageOf(filepath.Join("..", "pkg", "view"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	if _, err := os.Stdout.Write(page); err != nil {
		os.Exit(1)
	}
}

const head = `# The output of -o json and similar formats

` + "`status`, `exposed` and `version`" + ` print what they worked out as objects of the
apiVersion ` + "`kubectl-iris/v1alpha1`" + `, in every format that kubectl has: ` + "`-o json`," + `
` + "`yaml`, `kyaml`, `jsonpath=…`, `go-template=…`, `name`" + `. Fields are added freely;
one is renamed or given another meaning only with a new version. A list without
items is ` + "`[]`" + `; a field that is absent is not known, or does not apply.

With ` + "`-w`, `-o json`" + ` prints one document per change, each on a line.

This page is generated from the doc comments of pkg/view.
`

// pageOf is the page for the structs of a package's folder.
func pageOf(dir string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	// What status prints comes first.
	slices.SortStableFunc(files, func(a, b string) int {
		return cmp.Compare(len(filepath.Base(a)), len(filepath.Base(b)))
	})
	out := bytes.NewBufferString(head)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for i, decl := range parsed.Decls {
			describe(out, decl, i+1 < len(parsed.Decls) && isConstants(parsed.Decls[i+1]))
		}
	}
	return out.Bytes(), nil
}

func isConstants(decl ast.Decl) bool {
	general, ok := decl.(*ast.GenDecl)
	return ok && general.Tok == token.CONST
}

// describe writes about a declaration that the output shows. A type may be
// followed by its values.
func describe(out *bytes.Buffer, decl ast.Decl, hasValues bool) {
	general, ok := decl.(*ast.GenDecl)
	if !ok {
		return
	}
	for _, spec := range general.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if fields, ok := spec.Type.(*ast.StructType); ok {
				fmt.Fprintf(out, "\n## %s\n\n%s\n\n| Field | Type | |\n|---|---|---|\n", spec.Name.Name, sentence(general.Doc))
				for _, field := range fields.Fields.List {
					describeField(out, field)
				}
			} else {
				fmt.Fprintf(out, "\n## %s\n\n%s", spec.Name.Name, sentence(general.Doc))
				if hasValues {
					out.WriteString(" One of:\n")
				}
				out.WriteString("\n")
			}
		case *ast.ValueSpec:
			// Constants follow the type that they are the values of.
			if spec.Type == nil || len(spec.Values) != 1 {
				continue
			}
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				continue
			}
			fmt.Fprintf(out, "- `%s`%s\n", value, meaning(spec))
		}
	}
}

// meaning is what a constant's comment adds to its value.
func meaning(spec *ast.ValueSpec) string {
	text := sentence(spec.Doc)
	if text == "" {
		return ""
	}
	text = strings.TrimPrefix(text, spec.Names[0].Name)
	return " – " + strings.TrimSpace(strings.TrimLeft(text, ": "))
}

func describeField(out *bytes.Buffer, field *ast.Field) {
	name := ""
	if field.Tag != nil {
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			return
		}
		name, _, _ = strings.Cut(reflect.StructTag(tag).Get("json"), ",")
	}
	if name == "" { // embedded
		fmt.Fprintf(out, "| … | | the fields of %s |\n", typeOf(field.Type))
		return
	}
	fmt.Fprintf(out, "| `%s` | %s | %s |\n", name, typeOf(field.Type), strings.ReplaceAll(sentence(field.Doc), "|", `\|`))
}

func sentence(doc *ast.CommentGroup) string {
	return strings.Join(strings.Fields(doc.Text()), " ")
}

func typeOf(expr ast.Expr) string {
	switch expr := expr.(type) {
	case *ast.StarExpr:
		return typeOf(expr.X)
	case *ast.ArrayType:
		return "list of " + typeOf(expr.Elt)
	case *ast.MapType:
		return "map of " + typeOf(expr.Value)
	case *ast.SelectorExpr:
		if expr.Sel.Name == "Time" || expr.Sel.Name == "MicroTime" {
			return "time"
		}
		return "string"
	case *ast.Ident:
		switch expr.Name {
		case "int", "int32", "int64", "float64":
			return "number"
		case "bool":
			return "true or false"
		case "string":
			return "string"
		}
		return "[" + expr.Name + "](#" + strings.ToLower(expr.Name) + ")"
	}
	return ""
}
