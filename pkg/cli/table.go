package cli

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// tableFlags are what the commands that print tables have in common.
type tableFlags struct {
	allNamespaces bool
	noHeaders     bool
	color         render.ColorMode
	output        *flag.Output
}

// addTo adds the flags to a command that lists things of a kind.
func (f *tableFlags) addTo(cmd *cobra.Command, kind string) {
	flags := cmd.Flags()
	flags.BoolVarP(&f.allNamespaces, "all-namespaces", "A", false, "If present, list the "+kind+" of all namespaces.")
	flags.BoolVar(&f.noHeaders, "no-headers", false, "Print no headers.")
	flag.Color(cmd, &f.color)
	f.output.AddTo(cmd)
}

// namespace returns the namespace to list; empty for all.
func (f *tableFlags) namespace(s *factory) (string, error) {
	if f.allNamespaces {
		return "", nil
	}
	return s.Namespace()
}

// options returns how to print a table now.
func (f *tableFlags) options(s *factory) render.Options {
	return render.Options{
		Now: s.Now(), Wide: f.output.Is("wide"), NoHeaders: f.noHeaders, Namespaces: f.allNamespaces, Color: s.useColor(f.color),
	}
}
