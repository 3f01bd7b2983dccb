package completion_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

func TestScriptFor(t *testing.T) {
	for goos, want := range map[string]struct{ name, start, calls string }{
		"linux":   {"kubectl_complete-iris", "#!/bin/sh\n", "exec kubectl-iris __complete \"$@\"\n"},
		"darwin":  {"kubectl_complete-iris", "#!/bin/sh\n", "exec kubectl-iris __complete \"$@\"\n"},
		"windows": {"kubectl_complete-iris.cmd", "@rem ", "@kubectl-iris.exe __complete %*\r\n"},
	} {
		script := completion.ScriptFor(goos)
		content := string(script.Content)
		if script.Name != want.name || !strings.HasPrefix(content, want.start) || !strings.HasSuffix(content, want.calls) {
			t.Errorf("%s: %s with %q", goos, script.Name, content)
		}
	}
}

func TestInstall(t *testing.T) {
	script := completion.ScriptFor("linux")
	dir := t.TempDir()
	for range 2 { // the second time over its own file
		file, notOnPath, err := script.Install(dir, "/nowhere"+string(filepath.ListSeparator)+dir)
		if err != nil || notOnPath || file != filepath.Join(dir, script.Name) {
			t.Fatalf("%q, not on the PATH: %v, %v", file, notOnPath, err)
		}
		content, err := os.ReadFile(file)
		if err != nil || string(content) != string(script.Content) {
			t.Fatalf("%q, %v", content, err)
		}
		if info, err := os.Stat(file); err != nil || os.PathSeparator == '/' && info.Mode().Perm()&0o111 == 0 {
			t.Errorf("not executable: %v, %v", info.Mode(), err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v is left, %v", left, err)
	}
	if _, notOnPath, err := script.Install(dir, "/nowhere"); err != nil || !notOnPath {
		t.Errorf("not on the PATH: %v, %v", notOnPath, err)
	}
}

func TestInstallRefuses(t *testing.T) {
	script := completion.ScriptFor("linux")
	foreign, folder := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, script.Name), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, script.Name), 0o755); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		foreign:                            "already exists, and this command did not write it",
		folder:                             "already exists, and this command did not write it",
		filepath.Join(t.TempDir(), "none"): "cannot write ",
	} {
		_, _, err := script.Install(dir, "")
		if err == nil || !strings.Contains(err.Error(), want) || problem.HintOf(err) == "" {
			t.Errorf("%s: %v, want %s", dir, err, want)
		}
	}
	if content, err := os.ReadFile(filepath.Join(foreign, script.Name)); err != nil || string(content) != "#!/bin/sh\n" {
		t.Errorf("the other program is now %q, %v", content, err)
	}
}

// The plugin's folder is that of the link by which it is found on the PATH.
func TestPluginDir(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	links := t.TempDir()
	if err := os.Symlink(self, filepath.Join(links, "kubectl-iris")); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("symbolic links require a privilege on Windows")
		}
		t.Fatal(err)
	}
	if dir, err := completion.PluginDir("kubectl-iris", t.TempDir()+string(filepath.ListSeparator)+links); err != nil || dir != links {
		t.Errorf("%q, %v, want %q", dir, err, links)
	}
	if dir, err := completion.PluginDir("kubectl-iris", t.TempDir()); err != nil || dir != filepath.Dir(self) {
		t.Errorf("%q, %v, want %q", dir, err, filepath.Dir(self))
	}
}
