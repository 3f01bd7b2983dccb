package flag_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

type values struct {
	kind    string
	policy  *string
	class   *string
	publish *bool
	numbers []number
	port    uint16
	wait    bool
	timeout time.Duration
	dryRun  action.DryRun
	color   render.ColorMode
}

type number string

func (n number) String() string { return "#" + string(n) }

func parseNumber(given string) (number, error) {
	if strings.Trim(given, "0123456789") != "" {
		return "", fmt.Errorf("must be a number")
	}
	return number(given), nil
}

// command returns a command with a flag of each type, which set v.
func command(v *values) *cobra.Command {
	cmd := &cobra.Command{Use: "test", RunE: func(*cobra.Command, []string) error { return nil }, SilenceErrors: true, SilenceUsage: true}
	flag.ChoiceP(cmd, &v.kind, "kind", "k", "", "a", "b")
	flag.OptionalChoice(cmd, &v.policy, "policy", "", "Local", "Cluster")
	flag.OptionalString(cmd, &v.class, "class", "")
	flag.OptionalBool(cmd, &v.publish, "publish", "")
	flag.List(cmd, &v.numbers, "number", "", parseNumber)
	flag.Port(cmd, &v.port, "port", "")
	flag.Wait(cmd, &v.wait, &v.timeout, "", "")
	flag.DryRun(cmd, &v.dryRun, "")
	flag.Color(cmd, &v.color)
	return cmd
}

func TestFlags(t *testing.T) {
	const defaults = "kind= policy=- class=- publish=- numbers=[] port=0 wait=false timeout=3m0s dry-run=none color=auto"
	for line, want := range map[string]string{
		"":                             defaults,
		"-k b":                         strings.Replace(defaults, "kind=", "kind=b", 1),
		"--policy Cluster":             strings.Replace(defaults, "policy=-", "policy=Cluster", 1),
		"--class=":                     strings.Replace(defaults, "class=-", "class=", 1),
		"--publish":                    strings.Replace(defaults, "publish=-", "publish=true", 1),
		"--publish=false":              strings.Replace(defaults, "publish=-", "publish=false", 1),
		"--number 1 --number 22":       strings.Replace(defaults, "[]", "[#1 #22]", 1),
		"--port 65535":                 strings.Replace(defaults, "port=0", "port=65535", 1),
		"--wait --timeout 90s":         strings.Replace(defaults, "wait=false timeout=3m0s", "wait=true timeout=1m30s", 1),
		"--dry-run":                    strings.Replace(defaults, "=none", "=client", 1),
		"--dry-run=server":             strings.Replace(defaults, "=none", "=server", 1),
		"--color never":                strings.Replace(defaults, "=auto", "=never", 1),
		"--kind c":                     "must be one of: a, b",
		"--policy local":               "must be one of: Local, Cluster",
		"--publish=perhaps":            "must be true or false",
		"--number 1 --number x":        "must be a number",
		"--port 65536":                 "must be a port number from 0 to 65535",
		"--port -1":                    "must be a port number from 0 to 65535",
		"--timeout soon":               "must be a duration, for example 30s or 5m",
		"--timeout 0s":                 "must be greater than zero",
		"--timeout -1s":                "must be greater than zero",
		"--dry-run=maybe":              "must be one of: none, client, server",
		"--color pink":                 "must be one of: auto, always, never",
		"--policy Local --policy near": "must be one of: Local, Cluster",
	} {
		v := &values{}
		cmd := command(v)
		cmd.SetArgs(strings.Fields(line))
		if err := cmd.Execute(); err != nil {
			if !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%q: %v, want %q", line, err, want)
			}
			continue
		}
		got := fmt.Sprintf("kind=%s policy=%s class=%s publish=%s numbers=%v port=%d wait=%v timeout=%s dry-run=%s color=%s",
			v.kind, shown(v.policy), shown(v.class), shown(v.publish), v.numbers, v.port, v.wait, v.timeout, v.dryRun, v.color)
		if got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

func shown[T any](value *T) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprint(*value)
}

// The help has each flag's type and default.
func TestUsages(t *testing.T) {
	usages := command(&values{numbers: []number{"7"}, port: 81, kind: "b"}).Flags().FlagUsages()
	for _, want := range []string{
		`-k, --kind string .*default "b"`, `--policy string`, `--number stringArray .*default \[#7\]`, `--port port .*default 81`,
		`--timeout duration .*default 3m0s`, `--dry-run string\[="client"\] .*default "none"`, `--color string .*default "auto"`,
	} {
		if !regexp.MustCompile(want).MatchString(usages) {
			t.Errorf("%q is not in\n%s", want, usages)
		}
	}
	if usages = command(&values{}).Flags().FlagUsages(); strings.Contains(usages, "[]") {
		t.Errorf("an empty list has a default:\n%s", usages)
	}
}

func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"--kind ''": "a b", "--policy L": "Local", "--dry-run=": "client none server", "--color a": "always auto",
		"--output j": "json jsonpath jsonpath-as-json jsonpath-file", "--output w": "wide",
	} {
		var out bytes.Buffer
		root := &cobra.Command{Use: "root"}
		cmd := command(&values{})
		flag.NewOutput("wide").AddTo(cmd)
		root.AddCommand(cmd)
		root.SetOut(&out)
		root.SetErr(&bytes.Buffer{})
		args := append([]string{"__complete", "test"}, strings.Split(line, " ")...)
		if last := len(args) - 1; args[last] == "''" {
			args[last] = ""
		}
		root.SetArgs(args)
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		offered, _, _ := strings.Cut(out.String(), "\n:")
		if !slices.Equal(strings.Fields(offered), strings.Fields(want)) {
			t.Errorf("%s: %q, want %q", line, offered, want)
		}
	}
}

func TestOutput(t *testing.T) {
	const choices = "go-template, go-template-file, json, jsonpath, jsonpath-as-json, jsonpath-file, kyaml, name, template, templatefile, wide, yaml"
	for line, want := range map[string]string{
		"": "none", "-o wide": "none", "-o json": "printer", "-o jsonpath={.kind}": "printer", "--template={{.kind}}": "printer",
		"-o table":             `invalid --output "table": must be one of: ` + choices,
		"-o jsonpath={.items[": "invalid --output: error parsing jsonpath {.items[, unterminated array",
		"-o url":               `invalid --output "url": must be one of: ` + choices,
	} {
		cmd := &cobra.Command{Use: "test", RunE: func(*cobra.Command, []string) error { return nil }}
		output := flag.NewOutput("wide")
		output.AddTo(cmd)
		cmd.SetArgs(strings.Fields(line))
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		printer, err := output.Printer()
		got := "none"
		switch {
		case err != nil:
			got = err.Error()
		case printer != nil:
			got = "printer"
			if err := render.Object(&bytes.Buffer{}, printer, view.ClusterStatusList{Kind: "ClusterStatusList"}); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
		if got != want || output.Is("wide") != (line == "-o wide") {
			t.Errorf("%q: %s, want %s; wide %v", line, got, want, output.Is("wide"))
		}
	}
}
