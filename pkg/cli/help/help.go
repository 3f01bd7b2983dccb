// Package help is what commands have in common about how they are used: help texts in
// the form of kubectl's, and usage errors that name the command's help.
package help

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// SetUp gives root, to which all commands were added, and them the help and the usage
// errors of this package. The commands help and options are listed in the group.
func SetUp(root *cobra.Command, group string) {
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(printUsage)
	flags := root.PersistentFlags()
	flags.BoolP(name, "h", false, "Print the help of the command")
	// With this, nothing is completed behind the flag.
	flags.Lookup(name).Annotations = map[string][]string{cobra.FlagSetByCobraAnnotation: {"true"}}
	root.AddCommand(newOptions(group))
	root.SetHelpCommandGroupID(group)
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == name {
			cmd.Run, cmd.RunE = nil, showHelp
		}
	}
	sayOptions(root)
}

// newOptions returns the command that lists the global flags, which the help of
// the other commands leaves out.
func newOptions(group string) *cobra.Command {
	return &cobra.Command{
		Use:     "options",
		GroupID: group,
		Short:   "Print the list of flags inherited by all commands",
		Long: Text(`
			Print the list of flags inherited by all commands.

			Rights: none.`),
		Example: Examples(`
			# Print flags inherited by all commands
			kubectl iris options`),
		Args: NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The following options can be passed to any command:\n\n%s", cmd.InheritedFlags().FlagUsages())
			return err
		},
	}
}

// Text returns a help text without the indentation of the source.
func Text(s string) string { return unindent(s, "") }

// Examples returns a text, indented as cobra shows examples.
func Examples(s string) string { return unindent(s, "  ") }

func unindent(s, indent string) string {
	lines := strings.Split(strings.Trim(s, "\n\t "), "\n")
	for i, line := range lines {
		if line = strings.TrimLeft(line, "\t"); line != "" {
			line = indent + line
		}
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// usageOf returns err as a usage error. Its hint is the command's help, unless err
// has a hint.
func usageOf(cmd *cobra.Command, err error) error {
	usage := problem.Usage("%w", err)
	if problem.HintOf(err) == "" {
		return usage.Hint("%s --help shows how it is used", cmd.CommandPath())
	}
	return usage
}

// flagError returns the usage error of a flag that is unknown or whose value was
// refused.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageOf(cmd, err)
	}
	cause := invalid.Unwrap()
	var number *strconv.NumError
	if errors.As(cause, &number) {
		cause = number.Err
	}
	return usageOf(cmd, problem.New("invalid --%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), cause))
}

// showHelp runs the help command. Unlike cobra's it returns a usage error for a
// topic that is not a command.
func showHelp(cmd *cobra.Command, args []string) error {
	topic, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return problem.Usage("unknown help topic %q", strings.Join(args, " ")).
			Hint("%s --help lists the commands", cmd.Root().CommandPath())
	}
	return topic.Help()
}

// name is that of cobra's help command, which is in no list of available commands.
const name = "help"

// printUsage prints what follows a command's description in its help, in the
// order of kubectl's help.
func printUsage(cmd *cobra.Command) error {
	var b strings.Builder
	section := func(title, body string) {
		if body = strings.TrimRight(body, "\n"); body != "" {
			fmt.Fprintf(&b, "%s\n%s\n\n", title, body)
		}
	}
	section("Examples:", cmd.Example)
	for _, group := range cmd.Groups() {
		section(group.Title, commandList(cmd, group.ID))
	}
	section("Available Commands:", commandList(cmd, ""))
	section("Options:", cmd.LocalNonPersistentFlags().FlagUsages())
	section("Usage:", "  "+cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "Use \"%s <command> --help\" for more information about a given command.\n", cmd.CommandPath())
	}
	fmt.Fprintf(&b, "Use \"%s options\" for a list of global command-line options (applies to all commands).\n", cmd.Root().CommandPath())
	_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
	return err
}

// commandList returns the subcommands of a group, one per line.
func commandList(cmd *cobra.Command, group string) string {
	var b strings.Builder
	for _, sub := range cmd.Commands() {
		if sub.GroupID == group && (sub.IsAvailableCommand() || sub.Name() == name) {
			fmt.Fprintf(&b, "  %-*s   %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	return b.String()
}

// sayOptions ends the usage line of each command with kubectl's [options] instead
// of cobra's [flags].
func sayOptions(cmd *cobra.Command) {
	cmd.Use += " [options]"
	cmd.DisableFlagsInUseLine = true
	for _, sub := range cmd.Commands() {
		sayOptions(sub)
	}
}

// NoArgs returns a usage error if there are arguments; at the root, the first is an
// unknown command.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasParent() {
		return usageOf(cmd, fmt.Errorf("%s takes no arguments, got %q", cmd.CommandPath(), args))
	}
	err := fmt.Errorf("unknown command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return problem.Usage("%w", err).Hint("did you mean %s?", strings.Join(near, " or "))
	}
	return usageOf(cmd, err)
}

// MaxArgs returns a check that allows at most n arguments.
func MaxArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= n {
			return nil
		}
		return usageOf(cmd, fmt.Errorf("%s takes at most %d argument, got %q", cmd.CommandPath(), n, args))
	}
}
