// Package flag adds the flags that are more than a string or a number, each with its
// default, its help and the completion of its values.
package flag

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// Choice adds a flag that takes one of the allowed values, and completes them. Its
// default, which need not be among them, is what value holds.
func Choice[T ~string](cmd *cobra.Command, value *T, name, usage string, allowed ...T) {
	ChoiceP(cmd, value, name, "", usage, allowed...)
}

// ChoiceP is Choice for a flag with a shorthand.
func ChoiceP[T ~string](cmd *cobra.Command, value *T, name, shorthand, usage string, allowed ...T) {
	words := make([]string, len(allowed))
	for i, word := range allowed {
		words[i] = string(word)
	}
	cmd.Flags().VarP(&choice[T]{value, words, string(*value)}, name, shorthand, usage)
	Complete(cmd, name, Fixed(words...))
}

// OptionalChoice is Choice for a value that stays nil unless the flag is given.
func OptionalChoice[T ~string](cmd *cobra.Command, value **T, name, usage string, allowed ...T) {
	given := new(T)
	Choice(cmd, given, name, usage, allowed...)
	whenSet(cmd, name, func() {
		if *value = given; *given == "" {
			*value = nil
		}
	})
}

// OptionalString adds a flag whose value stays nil unless the flag is given.
func OptionalString(cmd *cobra.Command, value **string, name, usage string) {
	given := cmd.Flags().String(name, "", usage)
	whenSet(cmd, name, func() { *value = given })
}

// OptionalBool adds a flag whose value stays nil unless the flag is given.
func OptionalBool(cmd *cobra.Command, value **bool, name, usage string) {
	given := cmd.Flags().Bool(name, false, usage)
	whenSet(cmd, name, func() { *value = given })
}

// List adds a repeatable flag that appends what parse returns for each value.
func List[T fmt.Stringer](cmd *cobra.Command, values *[]T, name, usage string, parse func(string) (T, error)) {
	cmd.Flags().Var(&list[T]{values, parse}, name, usage)
}

// Port adds a flag for a local port, or 0.
func Port(cmd *cobra.Command, value *uint16, name, usage string) {
	cmd.Flags().Var((*port)(value), name, usage)
}

// DryRun adds --dry-run. Without a value it means client, as in kubectl.
func DryRun(cmd *cobra.Command, value *action.DryRun, usage string) {
	*value = action.DryRunNone
	Choice(cmd, value, "dry-run", usage, action.DryRunNone, action.DryRunClient, action.DryRunServer)
	cmd.Flags().Lookup("dry-run").NoOptDefVal = string(action.DryRunClient)
}

// Color adds --color.
func Color(cmd *cobra.Command, mode *render.ColorMode) {
	*mode = render.ColorAuto
	Choice(cmd, mode, "color", "Colours: auto (on a terminal, unless NO_COLOR is set), always or never.", render.ColorAuto, render.ColorAlways, render.ColorNever)
}

// waitTimeout is the default of --timeout: load balancers of clouds take a minute
// or two.
const waitTimeout = 3 * time.Minute

// Wait adds --wait and --timeout.
func Wait(cmd *cobra.Command, wait *bool, timeout *time.Duration, usage, timeoutUsage string) {
	cmd.Flags().BoolVar(wait, "wait", false, usage)
	*timeout = waitTimeout
	cmd.Flags().Var((*period)(timeout), "timeout", timeoutUsage)
}

// whenSet has set called each time that a flag is given.
func whenSet(cmd *cobra.Command, name string, set func()) {
	flag := cmd.Flags().Lookup(name)
	flag.Value = observed{flag.Value, set}
}

// observed is a flag's value that calls set when it is given.
type observed struct {
	pflag.Value
	set func()
}

// Set implements pflag.Value.
func (o observed) Set(given string) error {
	err := o.Value.Set(given)
	if err == nil {
		o.set()
	}
	return err
}

// IsBoolFlag reports to pflag whether the flag needs no value.
func (o observed) IsBoolFlag() bool { return o.Type() == "bool" }

// choice is one of a few values.
type choice[T ~string] struct {
	value   *T
	allowed []string
	// unset is the default, which may be given although it is not among allowed.
	unset string
}

// Set implements pflag.Value.
func (c *choice[T]) Set(given string) error {
	if given != c.unset && !slices.Contains(c.allowed, given) {
		return fmt.Errorf("must be one of: %s", strings.Join(c.allowed, ", "))
	}
	*c.value = T(given)
	return nil
}

// String implements pflag.Value.
func (c *choice[T]) String() string { return string(*c.value) }

// Type implements pflag.Value.
func (c *choice[T]) Type() string { return "string" }

// list holds a value for each time that its flag is given.
type list[T fmt.Stringer] struct {
	values *[]T
	parse  func(string) (T, error)
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
	if len(*l.values) == 0 {
		return ""
	}
	return fmt.Sprint(*l.values)
}

// Type implements pflag.Value.
func (l *list[T]) Type() string { return "stringArray" }

// port is a port number, or 0.
type port uint16

// Set implements pflag.Value.
func (p *port) Set(given string) error {
	n, err := strconv.ParseUint(given, 10, 16)
	if err != nil {
		return errors.New("must be a port number from 0 to 65535")
	}
	*p = port(n)
	return nil
}

// String implements pflag.Value.
func (p *port) String() string { return strconv.Itoa(int(*p)) }

// Type implements pflag.Value.
func (p *port) Type() string { return "port" }

// period is a duration above zero.
type period time.Duration

// Set implements pflag.Value.
func (p *period) Set(given string) error {
	d, err := time.ParseDuration(given)
	if err != nil {
		return errors.New("must be a duration, for example 30s or 5m")
	}
	if d <= 0 {
		return errors.New("must be greater than zero")
	}
	*p = period(d)
	return nil
}

// String implements pflag.Value.
func (p *period) String() string { return time.Duration(*p).String() }

// Type implements pflag.Value.
func (p *period) Type() string { return "duration" }
