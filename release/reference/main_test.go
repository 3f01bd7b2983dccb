package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// pages returns the files of a folder by name.
func pages(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = string(content)
	}
	return found
}

func TestReferenceIsUpToDate(t *testing.T) {
	fresh := t.TempDir()
	if err := run([]string{"-markdown", fresh}, io.Discard); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pages(t, fresh), pages(t, "../../docs/reference")); diff != "" {
		t.Errorf("docs/reference is stale: run make docs (-fresh +committed):\n%s", diff)
	}
}

// The global flags are on one page, to which the others refer.
func TestGlobalFlags(t *testing.T) {
	const reference = `Use "kubectl iris options" for a list of global command-line options`
	markdown, man := t.TempDir(), t.TempDir()
	for _, args := range [][]string{
		{"-markdown", markdown},
		{"-man", man, "-version", "v1.2.3", "-date", "2026-02-03T04:05:06Z"},
	} {
		if err := run(args, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	for dir, options := range map[string]string{markdown: "kubectl_iris_options.md", man: "kubectl-iris-options.1"} {
		found := pages(t, dir)
		if found[options] == "" {
			t.Errorf("no page %s", options)
		}
		for name, page := range found {
			if lists := strings.Contains(page, "--kubeconfig"); lists != (name == options) {
				t.Errorf("%s lists the global flags: %v", name, lists)
			}
			if refers := strings.Contains(page, reference); refers != (name != options) {
				t.Errorf("%s refers to options: %v", name, refers)
			}
		}
	}
}

func TestReferenceIsTheSameEverywhere(t *testing.T) {
	var folders [2]string
	for i, home := range []string{"/home/a", "/home/b"} {
		t.Setenv("HOME", home)
		t.Setenv("KUBECACHEDIR", home)
		folders[i] = t.TempDir()
		if err := run([]string{"-markdown", folders[i]}, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(pages(t, folders[0]), pages(t, folders[1])); diff != "" {
		t.Errorf("it depends on the home folder:\n%s", diff)
	}
}

func TestPagesOfCommandsThatAreGoneGo(t *testing.T) {
	dir := t.TempDir()
	gone := filepath.Join(dir, "kubectl_iris_gone.md")
	if err := os.WriteFile(gone, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-markdown", dir}, io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("the old page is still there: %v", err)
	}
}

func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if err := run([]string{"-man", dir, "-version", "v1.2.3", "-date", "2026-02-03T04:05:06Z"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	found := pages(t, dir)
	visit(command(), func(cmd *cobra.Command) {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		page, ok := found[name]
		if !ok {
			t.Errorf("%s has no man page %s", cmd.CommandPath(), name)
		}
		for _, want := range []string{`"Feb 2026" "kubectl-iris v1.2.3" "kubectl iris"`, ".SH NAME", ".SH SYNOPSIS\n\\fB" + cmd.UseLine() + "\\fP"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not hold %q:\n%.300s", name, want, page)
			}
		}
		delete(found, name)
	})
	for name := range found {
		t.Errorf("%s is a page for no command", name)
	}
}

func TestUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"nothing":      nil,
		"no date":      {"-man", t.TempDir()},
		"unknown flag": {"-html", "x"},
	} {
		if err := run(args, io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// visit calls f for the commands that are shown.
func visit(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand() {
			visit(sub, f)
		}
	}
}
