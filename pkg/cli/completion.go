package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
)

// calledForCompletion reports whether the program was started under the name by
// which kubectl asks for completion.
func calledForCompletion(program string) bool {
	return strings.TrimSuffix(filepath.Base(program), ".exe") == completion.Program
}

func newCompletion(s *factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "completion COMMAND",
		GroupID: groupSetup,
		Short:   "Set up completion with TAB",
		Long: help.Text(`
			Set up completion with TAB.

			For "kubectl iris", kubectl completes and asks this plugin: load
			kubectl's own completion into the shell (kubectl completion --help), and
			install the small program that kubectl looks for:

			  kubectl iris completion kubectl --install

			The other scripts are for calling the plugin directly, as kubectl-iris.

			Rights: none. Completion itself lists irisclusters.intersystems.com,
			pods, services or namespaces, one of them at a time, and stays silent
			where it may not.`),
		Example: help.Examples(`
			# Complete "kubectl iris" in every shell that completes kubectl
			kubectl iris completion kubectl --install

			# Complete "kubectl-iris" in this bash
			source <(kubectl iris completion bash)`),
		Args: help.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newCompletionScript("bash", "source <(kubectl iris completion bash)", s, func(root *cobra.Command, w io.Writer) error {
			return root.GenBashCompletionV2(w, true)
		}),
		newCompletionScript("zsh", "source <(kubectl iris completion zsh)", s, (*cobra.Command).GenZshCompletion),
		newCompletionScript("fish", "kubectl iris completion fish | source", s, func(root *cobra.Command, w io.Writer) error {
			return root.GenFishCompletion(w, true)
		}),
		newCompletionScript("powershell", "kubectl iris completion powershell | Out-String | Invoke-Expression", s, (*cobra.Command).GenPowerShellCompletionWithDesc),
		newCompletionKubectl(s),
	)
	return cmd
}

func newCompletionScript(shell, load string, s *factory, generate func(*cobra.Command, io.Writer) error) *cobra.Command {
	return &cobra.Command{
		Use:   shell,
		Short: fmt.Sprintf("Print the completion script of kubectl-iris for %s", shell),
		Long: help.Text(fmt.Sprintf(`
			Print the script that completes the plugin in %s when it is called
			directly, as kubectl-iris. For "kubectl iris" see completion kubectl.

			Rights: none.`, shell)),
		Example: help.Examples(fmt.Sprintf(`
			# In this shell
			%s`, load)),
		Args: help.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return generate(cmd.Root(), s.Out)
		},
	}
}

// beside stands for the plugin's own folder as the value of --install.
const beside = "<beside the plugin>"

func newCompletionKubectl(s *factory) *cobra.Command {
	var install string
	cmd := &cobra.Command{
		Use:   "kubectl",
		Short: "Print or install the program that kubectl asks to complete kubectl iris",
		Long: help.Text(`
			Print the program that kubectl asks to complete "kubectl iris" or, with
			--install, write it where kubectl finds it: beside the plugin, or into
			DIR, which has to be on the PATH. Its name is ` + completion.Program + ` (with
			.cmd behind it on Windows). A file of that name that this command did
			not write is left alone.

			A link of that name to the plugin does the same.

			Rights: none.`),
		Example: help.Examples(`
			# Beside the plugin
			kubectl iris completion kubectl --install

			# Into a folder of your own
			kubectl iris completion kubectl --install=$HOME/bin`),
		Args: help.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			script := completion.ScriptFor(runtime.GOOS)
			if !cmd.Flags().Changed("install") {
				_, err := s.Out.Write(script.Content)
				return err
			}
			return s.installCompletion(script, install)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&install, "install", "", "Write the program into `DIR`, or beside the plugin.")
	flags.Lookup("install").NoOptDefVal = beside
	return cmd
}

// installCompletion writes the script into a folder, or beside the plugin, and prints
// its path.
func (s *factory) installCompletion(script completion.Script, dir string) error {
	path := s.Getenv("PATH")
	if dir == beside {
		var err error
		if dir, err = completion.PluginDir(pluginFile(runtime.GOOS), path); err != nil {
			return err
		}
	}
	file, notOnPath, err := script.Install(dir, path)
	if err != nil {
		return err
	}
	if notOnPath {
		s.Warn(filepath.Dir(file) + " is not on the PATH, where kubectl looks for it")
	}
	_, err = fmt.Fprintln(s.Out, file)
	return err
}

func pluginFile(goos string) string {
	if goos == "windows" {
		return "kubectl-iris.exe"
	}
	return "kubectl-iris"
}
