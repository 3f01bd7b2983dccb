package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
)

// waitTimeout is the default of --timeout: load balancers of clouds take a minute
// or two.
const waitTimeout = 3 * time.Minute

// choice is a flag whose value is one of a few.
type choice[T ~string] struct {
	value   *T
	allowed []T
}

// choiceVar adds a flag that takes one of the allowed values, and completes them.
// Its default, which need not be among them, is what value holds.
func choiceVar[T ~string](cmd *cobra.Command, value *T, name, usage string, allowed ...T) {
	choiceVarP(cmd, value, name, "", usage, allowed...)
}

// choiceVarP is choiceVar for a flag with a shorthand.
func choiceVarP[T ~string](cmd *cobra.Command, value *T, name, shorthand, usage string, allowed ...T) {
	cmd.Flags().VarP(&choice[T]{value, allowed}, name, shorthand, usage)
	completeFlag(cmd, name, fixed(words(allowed)...))
}

// optionalChoiceVar is choiceVar for a value that stays nil unless the flag is given.
func optionalChoiceVar[T ~string](cmd *cobra.Command, value **T, name, usage string, allowed ...T) {
	given := new(T)
	choiceVar(cmd, given, name, usage, allowed...)
	whenSet(cmd, name, func() { *value = given })
}

// optionalStringVar adds a flag whose value stays nil unless the flag is given.
func optionalStringVar(cmd *cobra.Command, value **string, name, usage string) {
	given := cmd.Flags().String(name, "", usage)
	whenSet(cmd, name, func() { *value = given })
}

// optionalBoolVar adds a flag whose value stays nil unless the flag is given.
func optionalBoolVar(cmd *cobra.Command, value **bool, name, usage string) {
	given := cmd.Flags().Bool(name, false, usage)
	whenSet(cmd, name, func() { *value = given })
}

// whenSet has set called each time that a flag is given.
func whenSet(cmd *cobra.Command, name string, set func()) {
	flag := cmd.Flags().Lookup(name)
	flag.Value = noticing{flag.Value, set}
}

// noticing is a flag's value that calls set when it is given.
type noticing struct {
	pflag.Value
	set func()
}

// Set implements pflag.Value.
func (n noticing) Set(given string) error {
	err := n.Value.Set(given)
	if err == nil {
		n.set()
	}
	return err
}

// IsBoolFlag reports to pflag whether the flag needs no value.
func (n noticing) IsBoolFlag() bool { return n.Type() == "bool" }

// list is a flag that may be given several times, with a value to parse each time.
type list[T fmt.Stringer] struct {
	values *[]T
	parse  func(string) (T, error)
}

// listVar adds a flag that appends what parse returns for each value.
func listVar[T fmt.Stringer](cmd *cobra.Command, values *[]T, name, usage string, parse func(string) (T, error)) {
	cmd.Flags().Var(&list[T]{values, parse}, name, usage)
}

// Set implements pflag.Value.
func (l *list[T]) Set(given string) error {
	value, err := l.parse(given)
	if err == nil {
		*l.values = append(*l.values, value)
	}
	return err
}

// String implements pflag.Value.
func (l *list[T]) String() string {
	if l.values == nil || len(*l.values) == 0 {
		return ""
	}
	return fmt.Sprint(*l.values)
}

// Type implements pflag.Value.
func (l *list[T]) Type() string { return "stringArray" }

func words[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, value := range values {
		all[i] = string(value)
	}
	return all
}

// Set implements pflag.Value.
func (c *choice[T]) Set(given string) error {
	for _, value := range c.allowed {
		if given == string(value) {
			*c.value = value
			return nil
		}
	}
	return fmt.Errorf("must be one of: %s", strings.Join(words(c.allowed), ", "))
}

// String implements pflag.Value.
func (c *choice[T]) String() string {
	if c.value == nil {
		return ""
	}
	return string(*c.value)
}

// Type implements pflag.Value.
func (c *choice[T]) Type() string { return "string" }

// dryRunVar adds --dry-run. Without a value it means client, as in kubectl.
func dryRunVar(cmd *cobra.Command, value *action.DryRun, usage string) {
	*value = action.DryRunNone
	choiceVar(cmd, value, "dry-run", usage, action.DryRunNone, action.DryRunClient, action.DryRunServer)
	cmd.Flags().Lookup("dry-run").NoOptDefVal = string(action.DryRunClient)
}

// dryRunNote returns what is printed after the result of a dry run.
func dryRunNote(d action.DryRun) string {
	switch d {
	case action.DryRunClient:
		return " (dry run)"
	case action.DryRunServer:
		return " (server dry run)"
	}
	return ""
}

// period is a duration above zero.
type period time.Duration

// Set implements pflag.Value.
func (p *period) Set(given string) error {
	d, err := time.ParseDuration(given)
	switch {
	case err != nil:
		return fmt.Errorf("must be a duration, for example 30s or 5m")
	case d <= 0:
		return fmt.Errorf("must be greater than zero")
	}
	*p = period(d)
	return nil
}

// String implements pflag.Value.
func (p *period) String() string { return time.Duration(*p).String() }

// Type implements pflag.Value.
func (p *period) Type() string { return "duration" }

// waitVars adds --wait and --timeout.
func waitVars(cmd *cobra.Command, wait *bool, timeout *time.Duration, usage, timeoutUsage string) {
	cmd.Flags().BoolVar(wait, "wait", false, usage)
	*timeout = waitTimeout
	cmd.Flags().Var((*period)(timeout), "timeout", timeoutUsage)
}

// clusterArg returns the cluster that the only argument names; empty if there is none.
func clusterArg(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], cluster.ValidateNames(args[0])
}
