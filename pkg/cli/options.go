package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
)

// newOptions returns the command that lists the global flags, which the help of
// the other commands leaves out.
func newOptions() *cobra.Command {
	return &cobra.Command{
		Use:     "options",
		GroupID: groupSetup,
		Short:   "Print the list of flags inherited by all commands",
		Long: help.Text(`
			Print the list of flags inherited by all commands.

			Rights: none.`),
		Example: help.Examples(`
			# Print flags inherited by all commands
			kubectl iris options`),
		Args: help.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The following options can be passed to any command:\n\n%s", cmd.InheritedFlags().FlagUsages())
			return err
		},
	}
}
