package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// text takes the indentation of the source off a help text.
func text(s string) string { return unindent(s, "") }

// examples is text indented as cobra shows examples.
func examples(s string) string { return unindent(s, "  ") }

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

// usageOf makes an error of the command line out of err, with the command's
// help as the next step where err brings none.
func usageOf(cmd *cobra.Command, err error) error {
	usage := problem.Usage("%w", err)
	if problem.HintOf(err) == "" {
		return usage.Hint("%s --help shows how it is used", commandName(cmd))
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

// showHelp is the help command. Unlike cobra's it returns a usage error for a
// topic that is not a command.
func showHelp(cmd *cobra.Command, args []string) error {
	topic, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return problem.Usage("unknown help topic %q", strings.Join(args, " ")).
			Hint("%s --help lists the commands", commandName(cmd.Root()))
	}
	topic.InitDefaultHelpFlag()
	return topic.Help()
}

// commandName is the command as a user types it.
func commandName(cmd *cobra.Command) string {
	return cmd.CommandPath()
}

// noArgs refuses arguments; at the root it is an unknown command.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasParent() {
		return usageOf(cmd, fmt.Errorf("%s takes no arguments, got %q", commandName(cmd), args))
	}
	err := fmt.Errorf("unknown command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return problem.Usage("%w", err).Hint("did you mean %s?", strings.Join(near, " or "))
	}
	return usageOf(cmd, err)
}

// maxArgs refuses more than n arguments.
func maxArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= n {
			return nil
		}
		return usageOf(cmd, fmt.Errorf("%s takes at most %d argument, got %q", commandName(cmd), n, args))
	}
}
