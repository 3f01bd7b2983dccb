package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kubectl's formats and flags, as they print the same view.
func TestFormats(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	template, path := file("template", "{{.kind}}"), file("path", "{.kind}")
	for _, args := range [][]string{
		{"-o", "go-template={{.kind}}"},
		{"-o", "go-template", "--template={{.kind}}"},
		{"-o", "go-template-file=" + template},
		{"-o", "templatefile", "--template", template},
		{"--template={{.kind}}"},
		{"-o", "jsonpath={.kind}"},
		{"-o", "jsonpath", "--template={.kind}"},
		{"-o", "jsonpath-file=" + path},
		{"-o", "go-template={{.kind}}{{if .nope}}!{{end}}"},
		{"-o", `jsonpath={.kind}{.nope}`},
	} {
		var out, errs bytes.Buffer
		runAt(t.Context(), t, smallServer{}, &out, &errs, nil, append([]string{"status", "--ask-iris=never"}, args...)...)
		if out.String() != "ClusterStatusList" || strings.Contains(errs.String(), "error:") {
			t.Errorf("%q: %q, %q", args, out.String(), errs.String())
		}
	}
}

func TestFormatsThatAreWrong(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-o", "table"}, 2, `error: invalid --output "table": must be one of: go-template, go-template-file, json, jsonpath, jsonpath-as-json, jsonpath-file, kyaml, name, template, templatefile, wide, yaml` + "\nhint: "},
		{[]string{"-o", "url"}, 2, `error: invalid --output "url": must be one of: `},
		{[]string{"-o", "jsonpath={.items["}, 2, "error: invalid --output: error parsing jsonpath {.items[, unterminated array\nhint: "},
		{[]string{"-o", "go-template={{"}, 2, "error: invalid --output: error parsing template {{, template: output:1: unclosed action\nhint: "},
		{[]string{"-o", "go-template"}, 2, "error: invalid --output: template format specified but no template given\nhint: "},
		{[]string{"-o", "go-template-file=/nope/nope"}, 2, "error: invalid --output: error reading --template /nope/nope, open /nope/nope: "},
		{[]string{"--template={{\n"}, 2, "error: invalid --output: error parsing template {{ , "},
		{[]string{"-o", "go-template={{.a}}", "--allow-missing-template-keys=false"}, 1, `error: error executing template "{{.a}}": template: output:1:2: executing "output" at <.a>: map has no entry for key "a"` + "\n"},
		{[]string{"-o", "jsonpath={.a}", "--allow-missing-template-keys=false"}, 1, "error: error executing jsonpath "},
	} {
		var out, errs bytes.Buffer
		code := runAt(t.Context(), t, smallServer{}, &out, &errs, nil, append([]string{"status", "--ask-iris=never"}, test.args...)...)
		if code != test.code || !strings.HasPrefix(errs.String(), test.want) || strings.Count(errs.String(), "\n") > 2 {
			t.Errorf("%q: exit code %d, %q", test.args, code, errs.String())
		}
	}
}

// The managed fields of a Service are printed if they are asked for, as kubectl
// does; a view has none.
func TestShowManagedFields(t *testing.T) {
	for line, code := range map[string]int{
		"expose-pod data-0-1 --dry-run=client -o yaml --show-managed-fields":                 0,
		"expose-sidecar simple --role backup --dry-run=client -o json --show-managed-fields": 0,
		"status -o yaml --show-managed-fields":                                               2,
	} {
		var out, errs bytes.Buffer
		if got := runAt(t.Context(), t, smallServer{}, &out, &errs, nil, strings.Fields(line)...); got != code {
			t.Errorf("%s: exit code %d, want %d: %q", line, got, code, errs.String())
		}
	}
}
