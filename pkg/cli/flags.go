package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
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

// componentVar adds --component, which is data unless it is given.
func componentVar(cmd *cobra.Command, value *string, usage string) {
	*value = iris.ComponentData
	choiceVar(cmd, value, "component", usage, iris.ComponentData, iris.ComponentCompute)
}

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

// waitFlags are --wait and --timeout.
type waitFlags struct {
	wait    bool
	timeout time.Duration
}

func (f *waitFlags) addTo(cmd *cobra.Command, wait, timeout string) {
	flags := cmd.Flags()
	flags.BoolVar(&f.wait, "wait", false, wait)
	f.timeout = waitTimeout
	flags.Var((*period)(&f.timeout), "timeout", timeout)
}
