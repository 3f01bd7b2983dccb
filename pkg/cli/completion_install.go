package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// beside stands for the plugin's own folder as the value of --install.
const beside = "<beside the plugin>"

func newCompletionKubectl(s *factory) *cobra.Command {
	var install string
	cmd := &cobra.Command{
		Use:   "kubectl",
		Short: "Print or install the program that kubectl asks to complete kubectl iris",
		Long: text(`
			Print the program that kubectl asks to complete "kubectl iris" or, with
			--install, write it where kubectl finds it: beside the plugin, or into
			DIR, which has to be on the PATH. Its name is ` + completionProgram + ` (with
			.cmd behind it on Windows). A file of that name that this command did
			not write is left alone.

			A link of that name to the plugin does the same.

			Rights: none.`),
		Example: examples(`
			# Beside the plugin
			kubectl iris completion kubectl --install

			# Into a folder of your own
			kubectl iris completion kubectl --install=$HOME/bin`),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			script := completionScriptFor(runtime.GOOS)
			if !cmd.Flags().Changed("install") {
				_, err := s.Out.Write(script.content)
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

// completionScript is the program that kubectl looks for.
type completionScript struct {
	name    string
	content []byte
}

// scriptMark is in every script that was ever installed, to know it by.
const scriptMark = "Written by: kubectl iris completion kubectl --install"

func completionScriptFor(goos string) completionScript {
	if goos == "windows" {
		return completionScript{
			name:    completionProgram + ".cmd",
			content: []byte("@rem " + scriptMark + "\r\n@kubectl-iris.exe __complete %*\r\n"),
		}
	}
	return completionScript{
		name:    completionProgram,
		content: []byte("#!/bin/sh\n# " + scriptMark + "\nexec kubectl-iris __complete \"$@\"\n"),
	}
}

func (s *factory) installCompletion(script completionScript, dir string) error {
	if dir == beside {
		var err error
		if dir, err = s.pluginDir(); err != nil {
			return err
		}
	}
	path, err := filepath.Abs(filepath.Join(dir, script.name))
	if err != nil {
		return problem.New("cannot tell where %q is: %w", dir, err)
	}
	if err := checkTaken(path); err != nil {
		return err
	}
	if err := writeProgram(path, script.content); err != nil {
		return problem.New("cannot write %q: %w", path, rootCause(err)).
			Hint("choose a folder on the PATH that is yours, with --install=DIR")
	}
	if !s.onPath(filepath.Dir(path)) {
		s.warn(filepath.Dir(path) + " is not on the PATH, where kubectl looks for it")
	}
	_, err = fmt.Fprintln(s.Out, path)
	return err
}

// pluginDir is the folder in which the plugin is found. With krew the PATH
// leads to a link, and its folder is meant, not that of the file.
func (s *factory) pluginDir() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", problem.New("cannot tell where the plugin is: %w", err).Hint("name a folder with --install=DIR")
	}
	info, err := os.Stat(self)
	if err != nil {
		return "", problem.New("cannot find the plugin: %w", err).Hint("name a folder with --install=DIR")
	}
	for _, dir := range filepath.SplitList(s.Getenv("PATH")) {
		found, err := os.Stat(filepath.Join(dir, pluginFile(runtime.GOOS)))
		if err == nil && os.SameFile(found, info) {
			return dir, nil
		}
	}
	return filepath.Dir(self), nil
}

func pluginFile(goos string) string {
	if goos == "windows" {
		return "kubectl-iris.exe"
	}
	return "kubectl-iris"
}

// onPath tells whether a folder is on the PATH, by whatever name.
func (s *factory) onPath(dir string) bool {
	wanted, err := os.Stat(dir)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(filepath.SplitList(s.Getenv("PATH")), func(dir string) bool {
		info, err := os.Stat(dir)
		return err == nil && os.SameFile(info, wanted)
	})
}

// checkTaken refuses a path at which there is something that is not ours.
func checkTaken(path string) error {
	taken := problem.New("%q is there already, and this command did not write it", path).
		Hint("remove it, or choose another folder with --install=DIR")
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return problem.New("cannot look at %q: %w", path, rootCause(err)).
			Hint("choose a folder on the PATH that is yours, with --install=DIR")
	}
	if !info.Mode().IsRegular() {
		return taken
	}
	content, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(content, []byte(scriptMark)) {
		return taken
	}
	return nil
}

// writeProgram puts an executable in place in one step, so that nobody ever
// runs half of it.
func writeProgram(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	// Everybody may run it, like any program; the umask has been applied to
	// the folder.
	if err = errors.Join(err, file.Chmod(0o755), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// rootCause drops the names of temporary files from an error of package os.
func rootCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
