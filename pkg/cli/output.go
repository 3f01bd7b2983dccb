package cli

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// outputFlags are kubectl's -o and what belongs to it, with words of our own
// (wide, url) beside kubectl's formats. They are put together here since
// kubectl's own PrintFlags bring text/template, and with it ten megabytes of
// methods that nobody calls; render.GoTemplate does without.
type outputFlags struct {
	format           string
	template         string
	allowMissingKeys bool
	words            []string

	documents *genericclioptions.JSONYamlPrintFlags
	names     *genericclioptions.NamePrintFlags
	jsonPath  *genericclioptions.JSONPathPrintFlags
}

func newOutputFlags(words ...string) *outputFlags {
	f := &outputFlags{
		words:     words,
		documents: genericclioptions.NewJSONYamlPrintFlags(),
		names:     genericclioptions.NewNamePrintFlags(""),
	}
	f.jsonPath = &genericclioptions.JSONPathPrintFlags{
		TemplateArgument: &f.template,
		AllowMissingKeys: &f.allowMissingKeys,
	}
	return f
}

// formats are all values of -o.
func (f *outputFlags) formats() []string {
	formats := slices.Concat(f.documents.AllowedFormats(), f.names.AllowedFormats(),
		f.jsonPath.AllowedFormats(), render.GoTemplateFormats(), f.words)
	slices.Sort(formats)
	return formats
}

func (f *outputFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.format, "output", "o", "",
		"Output format. One of: ("+strings.Join(f.formats(), ", ")+").")
	completeFlag(cmd, "output", fixed(f.formats()...))
	flags.StringVar(&f.template, "template", "",
		"Template string or path to template file to use when -o=go-template, -o=go-template-file.")
	completeFlag(cmd, "template", completeFiles)
	flags.BoolVar(&f.allowMissingKeys, "allow-missing-template-keys", true,
		"If true, ignore any errors in templates when a field or map key is missing in the template.")
}

// is tells whether -o is one of our own words.
func (f *outputFlags) is(word string) bool { return f.format == word }

// printer is the printer for -o; nil where the output is ours to format.
func (f *outputFlags) printer() (printers.ResourcePrinter, error) {
	format := f.format
	if format == "" && f.template != "" {
		format = "go-template"
	}
	if format == "" || slices.Contains(f.words, format) {
		return nil, nil
	}
	for _, try := range []func(string) (printers.ResourcePrinter, error){
		f.documents.ToPrinter, f.names.ToPrinter, f.jsonPath.ToPrinter,
		func(format string) (printers.ResourcePrinter, error) {
			return render.GoTemplate(format, f.template, f.allowMissingKeys)
		},
	} {
		printer, err := try(format)
		if genericclioptions.IsNoCompatiblePrinterError(err) {
			continue
		}
		if err != nil {
			return nil, problem.Usage("--output %s: %w", format, err).Hint("kubectl help get shows how kubectl's formats are written")
		}
		return printer, nil
	}
	known := f.formats()
	failure := genericclioptions.NoCompatiblePrinterError{OutputFormat: &format, AllowedFormats: known}
	return nil, problem.Usage("%w", errors.New(failure.Error())).Hint("one of: %s", strings.Join(known, ", "))
}

// rememberingWriter keeps the first error of its writer for libraries that write
// without returning it: cobra with help texts, client-go with the output of a
// command in a container. To the library all writes succeed.
type rememberingWriter struct {
	w io.Writer
	// failed, if it is set, is called at the first error.
	failed func()

	mu  sync.Mutex
	err error
}

func (r *rememberingWriter) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return len(p), nil
	}
	if _, r.err = r.w.Write(p); r.err != nil && r.failed != nil {
		r.failed()
	}
	return len(p), nil
}

// Err returns the first error.
func (r *rememberingWriter) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
