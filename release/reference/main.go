// Command reference writes the plugin's reference from its commands: pages for
// docs/reference with -markdown, man pages with -man. The page of the command
// options lists the global flags; every other page refers to it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("reference", flag.ContinueOnError)
	flags.SetOutput(stderr)
	markdown := flags.String("markdown", "", "folder for Markdown pages; other pages in it are removed")
	man := flags.String("man", "", "folder for man pages")
	version := flags.String("version", "", "version that the man pages name")
	date := flags.String("date", "", "date of the man pages, in RFC 3339")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *markdown != "" {
		return writeMarkdown(*markdown)
	}
	if *man == "" {
		return errors.New("-markdown or -man is required")
	}
	when, err := time.Parse(time.RFC3339, *date)
	if err != nil {
		return fmt.Errorf("invalid -date: %w", err)
	}
	return writeMan(*man, *version, when)
}

// command returns the command tree as it is documented: the same on every machine.
func command() *cobra.Command {
	root := cli.NewCommand(cli.Env{Getenv: func(string) string { return "" }, Out: io.Discard, Err: io.Discard})
	root.DisableAutoGenTag = true
	if flag := root.PersistentFlags().Lookup("cache-dir"); flag != nil {
		flag.DefValue = "$HOME/.kube/cache"
	}
	return root
}

func writeMarkdown(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, page := range old {
		if err := os.Remove(page); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	same := func(link string) string { return link }
	head := func(string) string { return "<!-- Made by \"make docs\" from the commands; do not edit. -->\n\n" }
	return writePages(func(cmd *cobra.Command) error { return doc.GenMarkdownTreeCustom(cmd, dir, head, same) })
}

func writeMan(dir, version string, date time.Time) error {
	header := &doc.GenManHeader{
		Section: "1",
		Date:    &date,
		Source:  strings.TrimSpace("kubectl-iris " + version),
		Manual:  "kubectl iris",
	}
	return writePages(func(cmd *cobra.Command) error { return doc.GenManTree(cmd, header, dir) })
}

// writePages calls write, which writes the pages of a command and those below it:
// for all commands without the global flags, then for options with them.
func writePages(write func(*cobra.Command) error) error {
	root := command()
	options, _, err := root.Find([]string{"options"})
	if err != nil {
		return err
	}
	hide := func(hidden bool) {
		root.PersistentFlags().VisitAll(func(flag *pflag.Flag) { flag.Hidden = hidden })
	}
	hide(true)
	refer(root, options)
	if err := write(root); err != nil {
		return err
	}
	hide(false)
	return write(options)
}

// refer names the command of the global flags in the description of a command and
// of those below it.
func refer(cmd, options *cobra.Command) {
	if cmd != options {
		cmd.Long += fmt.Sprintf("\n\nUse %q for a list of global command-line options (applies to all commands).", options.CommandPath())
	}
	for _, sub := range cmd.Commands() {
		refer(sub, options)
	}
}
