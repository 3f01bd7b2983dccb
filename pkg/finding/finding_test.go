package finding_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/finding"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// constants returns the codes that the package declares.
func constants(t *testing.T) []view.FindingCode {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "table.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []view.FindingCode
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typed, ok := spec.Type.(*ast.SelectorExpr); ok && typed.Sel.Name == "FindingCode" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, view.FindingCode(value))
		}
		return true
	})
	return codes
}

func TestTableIsComplete(t *testing.T) {
	var listed []view.FindingCode
	for _, k := range finding.Table() {
		listed = append(listed, k.Code)
		fields := reflect.ValueOf(k)
		for i := range fields.NumField() {
			text, name := fields.Field(i).String(), fields.Type().Field(i).Name
			isSentence := slices.Contains([]string{"Rating", "Meaning", "Action"}, name)
			switch {
			case text == "":
				t.Errorf("%s: %s is missing", k.Code, name)
			case strings.TrimSpace(text) != text || strings.ContainsAny(text, "\n|"):
				t.Errorf("%s: %s is not one line: %q", k.Code, name, text)
			case isSentence != strings.HasSuffix(text, "."):
				t.Errorf("%s: %s, a full stop: %q", k.Code, name, text)
			}
		}
		if !slices.Contains([]finding.Basis{finding.Documented, finding.Seen, finding.Inferred}, k.Basis) {
			t.Errorf("%s: basis %q", k.Code, k.Basis)
		}
		if !slices.Contains([]view.Severity{view.SeverityError, view.SeverityWarning, view.SeverityInfo}, k.Severity) {
			t.Errorf("%s: severity %q", k.Code, k.Severity)
		}
	}
	if diff := cmp.Diff(constants(t), listed); diff != "" {
		t.Errorf("constants (-) and table (+) differ:\n%s", diff)
	}
}

func TestView(t *testing.T) {
	f := finding.Finding{Code: finding.NoBackup, Object: "pod/a", Brief: "no backup", Why: "none is", Hint: "wait"}
	want := view.Finding{
		Code: "NoBackup", Severity: view.SeverityError, Object: "pod/a", Message: "no backup: none is", Hint: "wait",
		URL: "https://github.com/kubectl-iris/kubectl-iris/blob/main/docs/findings.md#nobackup",
	}
	if diff := cmp.Diff(want, f.View()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	f.Why = ""
	if got := f.View().Message; got != "no backup" {
		t.Errorf("message without a cause: %q", got)
	}
}

func TestSort(t *testing.T) {
	found := []finding.Finding{
		{Code: finding.AddressPending, Object: "1"},
		{Code: finding.NoBackup, Object: "2"},
		{Code: finding.BeingDeleted, Object: "3"},
		{Code: "ToCome", Object: "4"},
	}
	finding.Sort(found)
	var order string
	for _, f := range found {
		order += f.Object
	}
	if order != "2413" {
		t.Errorf("order %s; an unknown code counts as an error", order)
	}
}
