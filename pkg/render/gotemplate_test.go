package render_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// executed is what a template makes of a scenario: by this package's printer,
// or by kubectl's.
func executed(t *testing.T, template string, allowMissingKeys, kubectls bool) (string, error) {
	t.Helper()
	format := "go-template=" + template
	printer, err := render.GoTemplate(format, "", allowMissingKeys)
	if kubectls {
		flags := genericclioptions.NewPrintFlags("").WithDefaultOutput(format)
		*flags.TemplatePrinterFlags.AllowMissingKeys = allowMissingKeys
		printer, err = flags.ToPrinter()
	}
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = render.Object(&out, printer, load[view.ClusterStatusList](t, "sharded"))
	return out.String(), err
}

func TestGoTemplateDoesWhatKubectlsDoes(t *testing.T) {
	for _, template := range []string{
		`{{.kind}} {{len .items}}`,
		`{{range $i, $c := .items}}{{$i}}: {{$c.metadata.name | printf "%-40s|"}}{{"\n"}}{{end}}`,
		`{{range .items}}{{range .shards}}{{if gt .members 2}}{{.name}} has {{.ready}}{{end}}{{end}}{{end}}`,
		`{{with index .items 0}}{{range .services}}{{range .ports}}{{.port}},{{end}}{{end}}{{end}}`,
		`{{(index .items 0).missing}} {{.missing}}`,
		`{{range .items}}{{exists .metadata "name"}} {{exists . "metadata" "nope"}} {{exists . "shards" 1 "name"}} {{exists . "shards" 9}} {{exists . "shards" "x"}} {{exists . "kind" "x"}} {{exists .}};{{end}}`,
		`{{base64decode "aGVsbG8="}}`,
		`{{define "one"}}<{{.metadata.name}}>{{end}}{{range .items}}{{template "one" .}}{{end}}`,
		`{{range .items}}{{html .verdict}} {{.mirrored}} {{not .mirrored}}{{end}}`,
		`{{(index .items 0).shards}}`,
	} {
		want, err := executed(t, template, true, true)
		if err != nil {
			t.Fatalf("%s: kubectl's fails: %v", template, err)
		}
		got, err := executed(t, template, true, false)
		if err != nil {
			t.Errorf("%s: %v", template, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-kubectl +got):\n%s", template, diff)
		}
	}
}

func TestGoTemplateFailsWhereKubectlsFails(t *testing.T) {
	for _, template := range []string{
		``,
		`{{`,
		`{{nofunction .}}`,
		`{{.missing.further}}`,
		`{{index .items 99}}`,
		`{{base64decode "?"}}`,
	} {
		if _, err := executed(t, template, false, true); err == nil {
			t.Fatalf("%s: kubectl's does not fail", template)
		}
		_, err := executed(t, template, false, false)
		if err == nil {
			t.Errorf("%s: no error", template)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %v", template, err)
		}
	}
}

func TestGoTemplateFromTheTemplateFlag(t *testing.T) {
	path := filepath.Join(t.TempDir(), "template")
	if err := os.WriteFile(path, []byte("{{.kind}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for format, argument := range map[string]string{"go-template": "{{.kind}}", "go-template-file": path} {
		printer, err := render.GoTemplate(format, argument, true)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := render.Object(&out, printer, load[view.ClusterStatusList](t, "healthy")); err != nil || out.String() != "ClusterStatusList" {
			t.Errorf("%s: %q, %v", format, out.String(), err)
		}
	}
	if _, err := render.GoTemplate("go-template-file", filepath.Join(t.TempDir(), "gone"), true); err == nil {
		t.Error("a file that is not there is no error")
	}
	if _, err := render.GoTemplate("json", "", true); !genericclioptions.IsNoCompatiblePrinterError(err) {
		t.Errorf("another format: %v", err)
	}
}
