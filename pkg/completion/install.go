package completion

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// Program is the program that kubectl looks for on the PATH to complete the words
// after "kubectl iris" (k8s.io/kubectl/pkg/cmd/plugin/plugin_completion.go).
const Program = "kubectl_complete-iris"

// A Script is the content of that program, with its file name.
type Script struct {
	Name    string
	Content []byte
}

// scriptMark is in every script that was ever installed, to recognise it.
const scriptMark = "Written by: kubectl iris completion kubectl --install"

// ScriptFor returns the script for an operating system.
func ScriptFor(goos string) Script {
	if goos == "windows" {
		return Script{
			Name:    Program + ".cmd",
			Content: []byte("@rem " + scriptMark + "\r\n@kubectl-iris.exe __complete %*\r\n"),
		}
	}
	return Script{
		Name:    Program,
		Content: []byte("#!/bin/sh\n# " + scriptMark + "\nexec kubectl-iris __complete \"$@\"\n"),
	}
}

// Install writes the script into a folder and returns its path. A file of that name
// that is not such a script is an error. notOnPath reports whether kubectl will not find
// it, since the folder is not on the PATH.
func (s Script) Install(dir, path string) (file string, notOnPath bool, err error) {
	file, err = filepath.Abs(filepath.Join(dir, s.Name))
	if err != nil {
		return "", false, problem.New("cannot find folder %q: %w", dir, err)
	}
	if err := checkReplaceable(file); err != nil {
		return "", false, err
	}
	if err := writeProgram(file, s.Content); err != nil {
		return "", false, problem.New("cannot write %q: %w", file, rootCause(err)).
			Hint("choose a folder on the PATH that is yours, with %s=DIR", problem.Field("install"))
	}
	info, err := os.Stat(filepath.Dir(file))
	return file, err == nil && !isOnPath(info, path), nil
}

// PluginDir returns the folder in which the running program, whose file has this name,
// is found on the PATH. With krew that is the folder of a link to it.
func PluginDir(name, path string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", problem.New("cannot find the plugin: %w", err).Hint("name a folder with %s=DIR", problem.Field("install"))
	}
	info, err := os.Stat(self)
	if err != nil {
		return "", problem.New("cannot find the plugin: %w", err).Hint("name a folder with %s=DIR", problem.Field("install"))
	}
	for _, dir := range filepath.SplitList(path) {
		found, err := os.Stat(filepath.Join(dir, name))
		if err == nil && os.SameFile(found, info) {
			return dir, nil
		}
	}
	return filepath.Dir(self), nil
}

// isOnPath reports whether a folder is on the PATH, by whatever name.
func isOnPath(folder os.FileInfo, path string) bool {
	return slices.ContainsFunc(filepath.SplitList(path), func(dir string) bool {
		info, err := os.Stat(dir)
		return err == nil && os.SameFile(info, folder)
	})
}

// checkReplaceable returns an error if there is something at path that is not such a
// script.
func checkReplaceable(path string) error {
	taken := problem.New("%q already exists, and this command did not write it", path).
		Hint("remove it, or choose another folder with %s=DIR", problem.Field("install"))
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return problem.New("cannot look at %q: %w", path, rootCause(err)).
			Hint("choose a folder on the PATH that is yours, with %s=DIR", problem.Field("install"))
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

// writeProgram puts an executable in place in one step, so that half of it is never
// run.
func writeProgram(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // of that name nothing is left if all goes well
	_, err = file.Write(content)
	// All users may run it; the umask was applied to the folder.
	if err = errors.Join(err, file.Chmod(0o755), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// rootCause returns an error of package os without the name of a temporary file.
func rootCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
