package help_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// tool returns a program with two commands, one of them in a group.
func tool(out *bytes.Buffer) *cobra.Command {
	run := func(*cobra.Command, []string) error { return nil }
	root := &cobra.Command{
		Use: "tool COMMAND", Long: "A tool.", SilenceErrors: true, SilenceUsage: true,
		Args: help.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SuggestionsMinimumDistance: 2, CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddGroup(&cobra.Group{ID: "work", Title: "Work:"})
	cut := &cobra.Command{Use: "cut FILE", GroupID: "work", Short: "Cut a file", Long: "Cut a file in two.", Args: help.MaxArgs(1), RunE: run, Example: help.Examples(`
		# In two
		tool cut a`)}
	cut.Flags().Int("parts", 2, "Number of parts.")
	root.AddCommand(cut, &cobra.Command{Use: "sew", Short: "Sew", Args: help.NoArgs, RunE: run}, &cobra.Command{Use: "hidden", Hidden: true, Args: help.NoArgs, RunE: run})
	root.PersistentFlags().String("color", "", "Colour of all.")
	help.SetUp(root, "work")
	root.SetOut(out)
	return root
}

func TestHelp(t *testing.T) {
	const more = `Use "tool options" for a list of global command-line options (applies to all commands).` + "\n"
	for line, want := range map[string]string{
		"": `A tool.

Work:
  cut           Cut a file
  help          Help about any command
  options       Print the list of flags inherited by all commands

Available Commands:
  sew           Sew

Usage:
  tool COMMAND [options]

Use "tool <command> --help" for more information about a given command.
` + more,
		"cut --help": `Cut a file in two.

Examples:
  # In two
  tool cut a

Options:
      --parts int   Number of parts. (default 2)

Usage:
  tool cut FILE [options]

` + more,
		"options":  "The following options can be passed to any command:\n\n      --color string        Colour of all.\n  -h, --help[=true|false]   Print the help of the command\n",
		"help sew": "Sew\n\nUsage:\n  tool sew [options]\n\n" + more,
		"sew -h":   "Sew\n\nUsage:\n  tool sew [options]\n\n" + more,
	} {
		var out bytes.Buffer
		root := tool(&out)
		root.SetArgs(strings.Fields(line))
		if err := root.Execute(); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%q: -want +got\n%s", line, diff)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	const howCut, howSew = "tool cut --help shows how it is used", "tool sew --help shows how it is used"
	for line, want := range map[string][2]string{
		"cut a":           {},
		"cut a b":         {`tool cut takes at most 1 argument, got ["a" "b"]`, howCut},
		"sew a":           {`tool sew takes no arguments, got ["a"]`, howSew},
		"nope":            {`unknown command "nope"`, "tool --help shows how it is used"},
		"cat":             {`unknown command "cat"`, "did you mean cut?"},
		"ct":              {`unknown command "ct"`, "did you mean cut?"},
		"cut --nope":      {"unknown flag: --nope", howCut},
		"cut --parts x":   {`invalid --parts "x": must be an integer`, howCut},
		"help nope":       {`unknown help topic "nope"`, "tool --help lists the commands"},
		"help cut a":      {`unknown help topic "cut a"`, "tool --help lists the commands"},
		"cut --parts 1e9": {`invalid --parts "1e9": must be an integer`, howCut},
	} {
		var out bytes.Buffer
		root := tool(&out)
		root.SetArgs(strings.Fields(line))
		err := root.Execute()
		if want[0] == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != want[0] || problem.HintOf(err) != want[1] || problem.ExitCode(err) != problem.ExitUsage || out.Len() > 0 {
			t.Errorf("%q: %v, hint %q, exit code %d, %q", line, err, problem.HintOf(err), problem.ExitCode(err), out.String())
		}
	}
}

// fails is a flag's value that is always refused, with a hint.
type fails struct{}

func (fails) Set(string) error { return problem.New("never").Hint("leave it out") }
func (fails) String() string   { return "" }
func (fails) Type() string     { return "string" }

// The hint of the cause goes before the command's help.
func TestHintOfAFlag(t *testing.T) {
	root := tool(&bytes.Buffer{})
	root.PersistentFlags().Var(fails{}, "never", "")
	root.SetArgs([]string{"sew", "--never=1"})
	if err := root.Execute(); err == nil || err.Error() != `invalid --never "1": never` || problem.HintOf(err) != "leave it out" {
		t.Errorf("%v, hint %q", err, problem.HintOf(err))
	}
}

func TestText(t *testing.T) {
	const source = `
		One
		  two

		three
	`
	if got := help.Text(source); got != "One\n  two\n\nthree" {
		t.Errorf("text %q", got)
	}
	if got := help.Examples(source); got != "  One\n    two\n\n  three" {
		t.Errorf("examples %q", got)
	}
}
