// Command mutants runs gremlins, a mutation tester, on packages of the plugin and
// writes what it counts into the table of docs/testing.md. Run it in test, as make
// mutants does:
//
//	go run ./mutants [pkg/text ...]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run measures the packages that args name, or all of them, one after the other.
// Each result is written when it is there: all of them take hours.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	coefficient := flags.Int("timeout-coefficient", 30, "a mutant that takes so many times as long as the tests has timed out")
	workers := flags.Int("workers", 0, "mutants that are tested at the same time; 0 for one per core")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	all, err := packagesIn(root)
	if err != nil {
		return err
	}
	chosen := flags.Args()
	if len(chosen) == 0 {
		chosen = all
	}
	for _, pkg := range chosen {
		if !slices.Contains(all, pkg) {
			return fmt.Errorf("no package %q: must be one of %s", pkg, strings.Join(all, ", "))
		}
	}
	page := filepath.Join(root, "docs", "testing.md")
	for _, pkg := range chosen {
		c, err := measure(ctx, root, pkg, fmt.Sprint(*coefficient), fmt.Sprint(*workers))
		if err != nil {
			return fmt.Errorf("%s: %w", pkg, err)
		}
		if err := writeRow(page, all, pkg, c.row(pkg, time.Now())); err != nil {
			return err
		}
		fmt.Printf("%s: efficacy %s, mutator coverage %s\n", pkg, percent(c.efficacy()), percent(c.coverage()))
	}
	return nil
}

// packagesIn returns the packages of the plugin that are not only for tests, such
// as "pkg/text", in order.
func packagesIn(root string) ([]string, error) {
	var packages []string
	err := fs.WalkDir(os.DirFS(root), "pkg", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "testdata" {
			return fs.SkipDir
		}
		isCode := !entry.IsDir() && path.Ext(file) == ".go" && !strings.HasSuffix(file, "_test.go")
		if dir := path.Dir(file); isCode && !slices.Contains(packages, dir) {
			packages = append(packages, dir)
		}
		return nil
	})
	slices.Sort(packages)
	return packages, err
}

// counts holds what became of the mutants of a package.
type counts struct {
	killed, lived, notCovered, timedOut int
}

// efficacy returns how many percent of the mutants in code that is run by tests
// made a test fail; mutants that timed out are left out, as gremlins does.
func (c counts) efficacy() float64 {
	return share(c.killed, c.lived)
}

// coverage returns how many percent of the mutants are in code that is run by
// tests.
func (c counts) coverage() float64 {
	return share(c.killed+c.lived, c.notCovered)
}

// share returns how many percent part is of part and rest, or -1 if both are 0.
func share(part, rest int) float64 {
	if part+rest == 0 {
		return -1
	}
	return 100 * float64(part) / float64(part+rest)
}

// measure tests the mutants of one package by the tests of that package.
func measure(ctx context.Context, root, pkg, coefficient, workers string) (counts, error) {
	// Gremlins derives its timeout from how long the tests take, so they must be
	// compiled already, and must not come from the cache.
	environment := append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -count=1")
	warm := exec.CommandContext(ctx, "go", "test", "-cover", "./"+pkg)
	warm.Dir, warm.Env = root, environment
	if out, err := warm.CombinedOutput(); err != nil {
		return counts{}, fmt.Errorf("the tests fail without a mutant: %w\n%s", err, out)
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return counts{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	results := filepath.Join(dir, "results.json")
	gremlins := exec.CommandContext(ctx, "go", "tool", "-modfile="+filepath.Join(root, "test", "tools", "mutants", "go.mod"), "gremlins",
		"unleash", "--output="+results, "--output-statuses=lct", "--timeout-coefficient="+coefficient, "--workers="+workers,
		// Packages in folders below are measured by themselves, and what is for
		// Windows only is not compiled here.
		"--exclude-files=/", `--exclude-files=_windows\.go$`, "./"+pkg)
	gremlins.Dir, gremlins.Env = root, environment
	gremlins.Stdout, gremlins.Stderr = os.Stderr, os.Stderr
	gremlins.Cancel = func() error { return gremlins.Process.Signal(os.Interrupt) }
	gremlins.WaitDelay = time.Minute
	if err := gremlins.Run(); err != nil {
		return counts{}, fmt.Errorf("gremlins: %w", err)
	}
	content, err := os.ReadFile(results)
	if errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		return counts{}, nil // no code that can be mutated
	}
	if err != nil {
		return counts{}, errors.Join(context.Cause(ctx), err)
	}
	return parse(content)
}

// parse reads the results of gremlins.
func parse(content []byte) (counts, error) {
	var results struct {
		Files []struct {
			Mutations []struct {
				Status string `json:"status"`
			} `json:"mutations"`
		} `json:"files"`
	}
	if err := json.Unmarshal(content, &results); err != nil {
		return counts{}, fmt.Errorf("reading the results of gremlins: %w", err)
	}
	var c counts
	for _, file := range results.Files {
		for _, mutation := range file.Mutations {
			switch mutation.Status {
			case "KILLED":
				c.killed++
			case "LIVED":
				c.lived++
			case "NOT COVERED":
				c.notCovered++
			case "TIMED OUT":
				c.timedOut++
			case "NOT VIABLE": // it does not compile
			default:
				return counts{}, fmt.Errorf("gremlins gives a mutant the unknown status %q", mutation.Status)
			}
		}
	}
	return c, nil
}
