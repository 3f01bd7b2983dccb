package cli_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

var update = flag.Bool("update", false, "write the golden files")

// The help of every command, and what options prints, are as their golden files
// have them. A command without a file fails, as does a file without a command.
func TestHelp(t *testing.T) {
	const folder = "testdata/help"
	var out, errs bytes.Buffer
	env := world(t, "kubectl-iris", &out, &errs)
	printed := func(args ...string) string {
		out.Reset()
		root := cli.NewCommand(env)
		root.PersistentFlags().Lookup("cache-dir").DefValue = "$HOME/.kube/cache"
		root.SetArgs(args)
		if err := root.Execute(); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return out.String()
	}
	want := map[string]string{"options.golden": printed("options")}
	visit(cli.NewCommand(env), func(cmd *cobra.Command) {
		words := strings.Fields(cmd.CommandPath())[2:]
		name := strings.Join(append([]string{"kubectl_iris"}, words...), "_") + ".golden"
		want[name] = printed(append(words, "--help")...)
		if strings.Contains(want[name], "--kubeconfig") || !strings.HasSuffix(want[name], "\nUse \"kubectl iris options\" for a list of global command-line options (applies to all commands).\n") {
			t.Errorf("%s does not leave the global flags to options", name)
		}
	})
	if *update {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	golden := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		golden[entry.Name()] = string(text)
	}
	if diff := cmp.Diff(golden, want); diff != "" {
		t.Errorf("go test ./pkg/cli -update writes the golden files (-golden +now):\n%s", diff)
	}
}

// Every flag that completion offers is in the help of its command or in options.
func TestHelpHasAllFlags(t *testing.T) {
	var out, errs bytes.Buffer
	root := cli.NewCommand(world(t, "kubectl-iris", &out, &errs))
	_, global, _ := run(t, "kubectl-iris", "options")
	visit(root, func(cmd *cobra.Command) {
		words := strings.Fields(cmd.CommandPath())[2:]
		_, help, _ := run(t, "kubectl-iris", append(words, "--help")...)
		_, offered, _ := run(t, "kubectl-iris", append(append([]string{"__complete"}, words...), "--")...)
		for line := range strings.Lines(offered) {
			name, _, found := strings.Cut(line, "\t")
			name = strings.TrimSuffix(name, "=")
			if found && !slices.Contains(strings.FieldsFunc(help+global, notInFlag), name) {
				t.Errorf("%s offers %s, which is neither in its help nor in options", cmd.CommandPath(), name)
			}
		}
	})
}

// notInFlag reports whether a character is no part of a flag's name.
func notInFlag(r rune) bool {
	return r != '-' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}
