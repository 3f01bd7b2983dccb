package render

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
)

// GoTemplateFormats are kubectl's output formats that take a Go template.
func GoTemplateFormats() []string {
	return []string{"go-template", "go-template-file", "template", "templatefile"}
}

// GoTemplate is the printer for one of GoTemplateFormats, given as FORMAT=TEXT
// or with the text, or the file's name, in argument. As in kubectl, templates
// have the functions exists and base64decode. The engine is text/template
// without calls of methods, which JSON has none of: with them the linker keeps
// every method of every Kubernetes type. A format of another printer is a
// genericclioptions.NoCompatiblePrinterError.
func GoTemplate(format, argument string, allowMissingKeys bool) (printers.ResourcePrinter, error) {
	name, text, inline := strings.Cut(format, "=")
	if !slices.Contains(GoTemplateFormats(), name) {
		return nil, genericclioptions.NoCompatiblePrinterError{OutputFormat: &format, AllowedFormats: GoTemplateFormats()}
	}
	if !inline {
		text = argument
	}
	if text == "" {
		return nil, fmt.Errorf("template format specified but no template given")
	}
	if strings.HasSuffix(name, "file") {
		content, err := os.ReadFile(text)
		if err != nil {
			return nil, fmt.Errorf("error reading --template %s: %w", text, err)
		}
		text = string(content)
	}
	missing := "missingkey=default"
	if !allowMissingKeys {
		missing = "missingkey=error"
	}
	parsed, err := template.New("output").Option(missing).Funcs(map[string]any{
		"exists":       exists,
		"base64decode": base64decode,
	}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("error parsing template %s: %w", text, err)
	}
	return &goTemplate{parsed, text}, nil
}

type goTemplate struct {
	parsed *template.Template
	text   string
}

// PrintObj prints what the template makes of the object's JSON.
func (t *goTemplate) PrintObj(object runtime.Object, w io.Writer) error {
	data, err := json.Marshal(object)
	if err != nil {
		return err
	}
	// Whole numbers stay such, so that templates can compare them.
	fields := map[string]any{}
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	if err := t.parsed.Execute(w, fields); err != nil {
		return fmt.Errorf("error executing template %q: %w", t.text, err)
	}
	return nil
}

// exists tells whether an object has a field that is not null, given by its
// path of names and list indexes.
func exists(object any, path ...any) bool {
	for _, step := range path {
		switch in := object.(type) {
		case map[string]any:
			name, _ := step.(string)
			object = in[name]
		case []any:
			i, ok := step.(int)
			if !ok || i < 0 || i >= len(in) {
				return false
			}
			object = in[i]
		default:
			return false
		}
	}
	return object != nil
}

func base64decode(text string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("base64 decode failed: %w", err)
	}
	return string(data), nil
}
