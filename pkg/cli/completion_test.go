package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

// world returns the environment of a user without a kubeconfig.
func world(t *testing.T, program string, stdout, stderr *bytes.Buffer) cli.Env {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	return cli.Env{
		Build:   cli.Build{Version: "v1.2.3", Commit: "abc", Date: "2026-02-03T04:05:06Z"},
		Program: program,
		In:      strings.NewReader(""), Out: stdout, Err: stderr,
		Getenv: func(string) string { return "" },
		Now:    time.Now,
	}
}

// run is how a command ends.
func run(t *testing.T, program string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Run(context.Background(), args, world(t, program, &out, &errs))
	return code, out.String(), errs.String()
}

func TestCompletionScripts(t *testing.T) {
	for shell, start := range map[string]string{
		"bash":       "# bash completion V2 for kubectl-iris",
		"zsh":        "#compdef kubectl-iris",
		"fish":       "# fish completion for kubectl-iris",
		"powershell": "# powershell completion for kubectl-iris",
		"kubectl":    kubectlScriptStart(),
	} {
		code, stdout, stderr := run(t, "kubectl-iris", "completion", shell)
		if code != 0 || !strings.HasPrefix(stdout, start) || !strings.Contains(stdout, "__complete") || stderr != "" {
			t.Errorf("%s: exit code %d, %q, %.100s", shell, code, stderr, stdout)
		}
	}
}

// kubectl calls a program of another name, which may be a link to this one.
func TestNameOfTheProgram(t *testing.T) {
	for _, program := range []string{"kubectl_complete-iris", "/usr/bin/kubectl_complete-iris", "kubectl_complete-iris.exe"} {
		if code, stdout, _ := run(t, program, "expose-s"); code != 0 || !strings.HasPrefix(stdout, "expose-sidecar\t") || !strings.HasSuffix(stdout, "\n:4\n") {
			t.Errorf("%s: exit code %d, %q", program, code, stdout)
		}
	}
	if code, _, _ := run(t, "kubectl-iris", "expose-s"); code != 2 {
		t.Errorf("under its own name: exit code %d, want 2", code)
	}
}

// Whoever asks for a flag's value gets values or nothing, and files only where
// files are meant.
func TestFlagsThatTakeFiles(t *testing.T) {
	var out, errs bytes.Buffer
	root := cli.NewCommand(world(t, "kubectl-iris", &out, &errs))
	files := []string{"cache-dir", "certificate-authority", "client-certificate", "client-key", "kubeconfig", "template"}
	var got []string
	visit(root, func(cmd *cobra.Command) {
		ask := func(flag *pflag.Flag) {
			if flag.Name == "help" || flag.NoOptDefVal == "true" {
				return
			}
			words := append(strings.Fields(cmd.CommandPath())[2:], "--"+flag.Name+"=")
			_, stdout, _ := run(t, "kubectl-iris", append([]string{"__complete"}, words...)...)
			switch {
			case strings.HasSuffix(stdout, ":0\n"):
				got = append(got, flag.Name)
			case !strings.HasSuffix(stdout, ":4\n"):
				t.Errorf("%q: %q", words, stdout)
			}
		}
		cmd.LocalFlags().VisitAll(ask)
	})
	slices.Sort(got)
	if diff := cmp.Diff(files, slices.Compact(got)); diff != "" {
		t.Errorf("flags that offer files (-want +got):\n%s", diff)
	}
}

func visit(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		visit(sub, f)
	}
}

// What a flag's help lists as its values is what is offered.
func TestFormatsAreOffered(t *testing.T) {
	var out, errs bytes.Buffer
	visit(cli.NewCommand(world(t, "kubectl-iris", &out, &errs)), func(cmd *cobra.Command) {
		flag := cmd.Flags().Lookup("output")
		if flag == nil {
			return
		}
		words := append(strings.Fields(cmd.CommandPath())[2:], "-o", "")
		_, stdout, _ := run(t, "kubectl-iris", append([]string{"__complete"}, words...)...)
		offered := strings.Fields(strings.TrimSuffix(stdout, ":4\n"))
		if len(offered) == 0 {
			t.Errorf("%q offers nothing", words)
		}
		for _, format := range offered {
			if !strings.Contains(flag.Usage, format) {
				t.Errorf("%q offers %q, of which the help says nothing: %s", words, format, flag.Usage)
			}
		}
	})
}

// Every command says what rights it needs, and its examples start with a
// comment and have flags last: kubectl takes none in front of a plugin's name.
func TestHelpOfCommands(t *testing.T) {
	var out, errs bytes.Buffer
	root := cli.NewCommand(world(t, "kubectl-iris", &out, &errs))
	visit(root, func(cmd *cobra.Command) {
		if cmd == root || !cmd.IsAvailableCommand() {
			return
		}
		if cmd.Parent() == root && cmd.GroupID == "" {
			t.Errorf("%s is in no group", cmd.CommandPath())
		}
		if !strings.Contains(cmd.Long, "Rights: ") {
			t.Errorf("%s does not say what rights it needs", cmd.CommandPath())
		}
		if !strings.HasPrefix(cmd.Example, "  # ") {
			t.Errorf("the examples of %s do not start with a comment:\n%s", cmd.CommandPath(), cmd.Example)
		}
		for line := range strings.Lines(cmd.Example) {
			if strings.HasPrefix(strings.TrimSpace(line), "kubectl -") {
				t.Errorf("an example of %s has a flag in front of the plugin's name: %s", cmd.CommandPath(), line)
			}
		}
	})
}

// kubectlScriptStart returns how the script that kubectl calls begins on this
// system; TestCompletionScriptOfSystems has the others.
func kubectlScriptStart() string {
	if runtime.GOOS == "windows" {
		return "@rem "
	}
	return "#!/bin/sh\n"
}

func TestInstallOverAnEarlierOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kubectl_complete-iris")
	if runtime.GOOS == "windows" {
		path += ".cmd"
	}
	earlier := "#!/bin/sh\n# Written by: kubectl iris completion kubectl --install\nexec something-else\n"
	if err := os.WriteFile(path, []byte(earlier), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, _ := run(t, "kubectl-iris", "completion", "kubectl", "--install="+dir)
	if code != 0 || stdout != path+"\n" {
		t.Fatalf("exit code %d, %q", code, stdout)
	}
	_, printed, _ := run(t, "kubectl-iris", "completion", "kubectl")
	content, err := os.ReadFile(path)
	if err != nil || string(content) != printed {
		t.Errorf("it holds %q, want %q: %v", content, printed, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}
