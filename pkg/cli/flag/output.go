package flag

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Output holds kubectl's -o and the flags of its templates, with words of
// our own (wide, url) beside kubectl's formats.
type Output struct {
	*genericclioptions.PrintFlags
	words []string
}

// NewOutput returns the flags of a command that also has the words.
func NewOutput(words ...string) *Output {
	return &Output{genericclioptions.NewPrintFlags(""), words}
}

// AddTo adds the flags to a command that prints views, with completion of their
// values. A command that prints Kubernetes objects also needs the flags of
// JSONYamlPrintFlags: views have no managed fields.
func (f *Output) AddTo(cmd *cobra.Command) {
	formats := f.formats()
	cmd.Flags().StringVarP(f.OutputFormat, "output", "o", "", "Output format. One of: ("+strings.Join(formats, ", ")+").")
	f.OutputFlagSpecified = func() bool { return cmd.Flag("output").Changed }
	f.TemplatePrinterFlags.AddFlags(cmd)
	Complete(cmd, "output", Fixed(formats...))
	Complete(cmd, "template", Files)
}

// formats returns all values of -o.
func (f *Output) formats() []string {
	formats := append(f.AllowedFormats(), f.words...)
	slices.Sort(formats)
	return formats
}

// Is reports whether -o is one of our own words.
func (f *Output) Is(word string) bool { return *f.OutputFormat == word }

// Printer returns the printer for -o and --template; nil if the output is a table
// or one of our own words.
func (f *Output) Printer() (printers.ResourcePrinter, error) {
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
