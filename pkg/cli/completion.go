package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// completionProgram is the program that kubectl looks for on the PATH to
// complete the words behind "kubectl iris"
// (k8s.io/kubectl/pkg/cmd/plugin/plugin_completion.go).
const completionProgram = "kubectl_complete-iris"

// calledForCompletion tells whether the program was started under the name
// that kubectl asks for completion.
func calledForCompletion(program string) bool {
	return strings.TrimSuffix(filepath.Base(program), ".exe") == completionProgram
}

func newCompletion(s *factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "completion COMMAND",
		GroupID: groupSetup,
		Short:   "Set up completion with TAB",
		Long: text(`
			Set up completion with TAB.

			For "kubectl iris", kubectl completes and asks this plugin: load
			kubectl's own completion into the shell (kubectl completion --help), and
			install the small program that kubectl looks for:

			  kubectl iris completion kubectl --install

			The other scripts are for calling the plugin directly, as kubectl-iris.

			Rights: none. Completion itself lists irisclusters.intersystems.com,
			pods, services or namespaces, one of them at a time, and stays silent
			where it may not.`),
		Example: examples(`
			# Complete "kubectl iris" in every shell that completes kubectl
			kubectl iris completion kubectl --install

			# Complete "kubectl-iris" in this bash
			source <(kubectl iris completion bash)`),
		Args: noArgs,
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
		Long: text(fmt.Sprintf(`
			Print the script that completes the plugin in %s when it is called
			directly, as kubectl-iris. For "kubectl iris" see completion kubectl.

			Rights: none.`, shell)),
		Example: examples(fmt.Sprintf(`
			# In this shell
			%s`, load)),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return generate(cmd.Root(), s.Out)
		},
	}
}
