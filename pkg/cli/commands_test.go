package cli_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli"
)

// TestCommands runs whole commands. A file of testdata/commands is a list of cases:
//
//	## what the case shows
//	world mirror foreign          files of testdata/worlds, whose objects there are
//	forbid patch services, ...    what the user may not do
//	until TEXT                    the command is interrupted once it printed this
//	later OBJECT                  one that the first watch of its resource brings, as JSON
//	$ expose-sidecar simple       a command; several are run one after the other
//	> what it printed on stdout
//	! what it printed on stderr
//	exit 1                        its exit code, unless that is 0
func TestCommands(t *testing.T) {
	files, err := filepath.Glob("testdata/commands/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(string(raw), "\n## ")
		cases := strings.Split(rest, "\n## ")
		got := slices.Clone(cases) // those that are not run stay
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			for i, text := range cases {
				title, _, _ := strings.Cut(text, "\n")
				t.Run(title, func(t *testing.T) {
					t.Parallel()
					got[i] = play(t, text)
					if diff := cmp.Diff(strings.TrimRight(text, "\n"), strings.TrimRight(got[i], "\n")); diff != "" && !*update {
						t.Errorf("-want +got:\n%s", diff)
					}
				})
			}
		})
		if *update {
			if err := os.WriteFile(file, []byte(head+"\n## "+strings.Join(got, "\n## ")), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// play runs the commands of a case, and returns the case with what they printed.
func play(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	var until string
	w := newWorldServer()
	server := httptest.NewServer(w)
	defer server.Close()
	defer server.CloseClientConnections()
	kubeconfig := kubeconfigFor(t, server.URL)
	// What version prints depends on what built the test.
	built := strings.NewReplacer(runtime.Version(), "GO", runtime.GOOS+"/"+runtime.GOARCH, "PLATFORM", server.URL, "SERVER")
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case ">", "!", "exit":
			continue
		case "world":
			w.load(t, strings.Fields(rest)...)
		case "forbid":
			w.forbidden = strings.Split(rest, ", ")
		case "later":
			w.later = append(w.later, objectsIn(t, rest)...)
		case "until":
			until = rest
		}
		fmt.Fprintln(&b, line)
		if word == "$" {
			args := arguments(rest)
			at := 0
			if strings.HasPrefix(rest, "__complete ") { // what is completed stands last
				at = 1
			}
			out, errs, code := runUntil(t.Context(), until, slices.Insert(args, at, "--kubeconfig", kubeconfig))
			writeLines(&b, "> ", built.Replace(out))
			writeLines(&b, "! ", strings.ReplaceAll(errs, server.URL, "SERVER"))
			if code != 0 {
				fmt.Fprintf(&b, "exit %d\n", code)
			}
		}
	}
	return b.String()
}

func writeLines(b *strings.Builder, prefix, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintln(b, strings.TrimRight(prefix+strings.TrimSuffix(line, "\n"), " "))
	}
}

// arguments splits a command line as a shell does: at spaces outside of quotes.
func arguments(line string) (args []string) {
	for line != "" {
		var arg, rest string
		if quoted, ok := strings.CutPrefix(line, "'"); ok {
			arg, rest, _ = strings.Cut(quoted, "'")
		} else {
			arg, rest, _ = strings.Cut(line, " ")
		}
		args, line = append(args, arg), strings.TrimPrefix(rest, " ")
	}
	return args
}

// runUntil runs a command, and interrupts it once it printed a text, if there is one.
func runUntil(ctx context.Context, text string, args []string) (out, errs string, code int) {
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	seen := func(printed string) {
		if text != "" && strings.Contains(printed, text) {
			stop()
		}
	}
	stdout, stderr := &shared{seen: seen}, &shared{seen: seen}
	code = cli.Run(ctx, args, cli.Env{
		Build:   cli.Build{Version: "v1.2.3", Commit: "abc", Date: "2026-02-03T04:05:06Z"},
		Program: "kubectl-iris",
		In:      strings.NewReader(""), Out: stdout, Err: stderr,
		Getenv: func(string) string { return "" },
		Now:    func() time.Time { return time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC) },
	})
	return stdout.String(), stderr.String(), code
}
