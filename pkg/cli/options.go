package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// addHelpFlag adds --help to the global flags, so that it is listed once.
func addHelpFlag(flags *pflag.FlagSet) {
	flags.BoolP("help", "h", false, "Print the help of the command")
	// With this, nothing is completed behind the flag.
	flags.Lookup("help").Annotations = map[string][]string{cobra.FlagSetByCobraAnnotation: {"true"}}
}

// newOptions returns the command that lists the global flags, which the help of
// the other commands leaves out.
func newOptions() *cobra.Command {
	return &cobra.Command{
		Use:     "options",
		GroupID: groupSetup,
		Short:   "Print the list of flags inherited by all commands",
		Long: text(`
			Print the list of flags inherited by all commands.

			Rights: none.`),
		Example: examples(`
			# Print flags inherited by all commands
			kubectl iris options`),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The following options can be passed to any command:\n\n%s", cmd.InheritedFlags().FlagUsages())
			return err
		},
	}
}
