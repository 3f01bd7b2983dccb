package cli

import (
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// outputFlags holds kubectl's -o and the flags of its templates, with words of
// our own (wide, url) beside kubectl's formats.
type outputFlags struct {
	*genericclioptions.PrintFlags
	words []string
}

func newOutputFlags(words ...string) *outputFlags {
	return &outputFlags{genericclioptions.NewPrintFlags(""), words}
}

// addTo adds the flags to a command that prints views, with completion of their
// values. A command that prints Kubernetes objects also needs the flags of
// JSONYamlPrintFlags: views have no managed fields.
func (f *outputFlags) addTo(cmd *cobra.Command) {
	formats := f.formats()
	cmd.Flags().StringVarP(f.OutputFormat, "output", "o", "", "Output format. One of: ("+strings.Join(formats, ", ")+").")
	f.OutputFlagSpecified = func() bool { return cmd.Flag("output").Changed }
	f.TemplatePrinterFlags.AddFlags(cmd)
	completeFlag(cmd, "output", fixed(formats...))
	completeFlag(cmd, "template", completeFiles)
}

// formats returns all values of -o.
func (f *outputFlags) formats() []string {
	formats := append(f.AllowedFormats(), f.words...)
	slices.Sort(formats)
	return formats
}

// is reports whether -o is one of our own words.
func (f *outputFlags) is(word string) bool { return *f.OutputFormat == word }

// printer returns the printer for -o and --template; nil if the output is a table
// or one of our own words.
func (f *outputFlags) printer() (printers.ResourcePrinter, error) {
	format := *f.OutputFormat
	if slices.Contains(f.words, format) || format == "" && *f.TemplatePrinterFlags.TemplateArgument == "" {
		return nil, nil
	}
	printer, err := f.ToPrinter()
	if err == nil {
		return printer, nil
	}
	failure := problem.Usage("invalid --output: %w", err)
	if genericclioptions.IsNoCompatiblePrinterError(err) {
		failure = problem.Usage("invalid --output %q: must be one of: %s", format, strings.Join(f.formats(), ", "))
	}
	return nil, failure.Hint("kubectl get --help shows how kubectl's formats are written")
}

// rememberingWriter remembers the first error of its writer for libraries that do
// not return it: cobra with help texts, client-go with the output of a command in
// a container. To the library all writes succeed.
type rememberingWriter struct {
	w io.Writer
	// failed is called at the first error, unless it is nil.
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
