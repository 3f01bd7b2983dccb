package flag

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
)

// Complete completes a flag of a command.
func Complete(cmd *cobra.Command, name string, values cobra.CompletionFunc) {
	// The error says that the flag does not exist, or is completed already: a test
	// asks for the values of each.
	_ = cmd.RegisterFlagCompletionFunc(name, values)
}

// Fixed always offers the same values.
func Fixed(values ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return completion.Matching(values, completion.Question{Typed: typed}), cobra.ShellCompDirectiveNoFileComp
	}
}

// Files offers the names of files.
func Files(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
