// Command startup measures how long programs take to start and print their
// help: kubectl-iris beside a bare program on cobra and cli-runtime and beside
// kubectl. Whole processes, in turns (A B C A B C …), as medians.
//
// It prints the ratios with the limits that the project has set itself, and
// fails with -check where one is exceeded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
)

// rounds is odd, so that the median is one of them.
const rounds = 31

// limits of the plugin's time divided by that of the other program.
const (
	maxToBare    = 1.2
	maxToKubectl = 0.4
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("startup", flag.ContinueOnError)
	flags.SetOutput(stderr)
	plugin := flags.String("plugin", "bin/kubectl-iris", "the plugin")
	bare := flags.String("bare", "bin/bare", "the bare program")
	check := flags.Bool("check", false, "fail where a limit is exceeded")
	if err := flags.Parse(args); err != nil {
		return err
	}
	binaries, err := localkube.Ensure(ctx, stderr, localkube.ControlPlane)
	if err != nil {
		return err
	}
	medians, err := measure(ctx, [][]string{
		{*plugin, "--help"},
		{*bare, "--help"},
		{binaries.Kubectl(), "--help"},
		{*plugin, "__complete", "status", "--"},
	})
	if err != nil {
		return err
	}
	toBare, toKubectl := ratio(medians[0], medians[1]), ratio(medians[0], medians[2])
	table := tabwriter.NewWriter(stdout, 0, 0, 3, ' ', 0)
	for _, row := range [][4]string{
		{"START-UP", "MEDIAN", "KUBECTL-IRIS/IT", "LIMIT"},
		{"kubectl-iris --help", shown(medians[0]), "", ""},
		{"kubectl-iris __complete", shown(medians[3]), "", ""},
		{"bare --help", shown(medians[1]), fmt.Sprintf("%.2f", toBare), fmt.Sprint(maxToBare)},
		{"kubectl --help", shown(medians[2]), fmt.Sprintf("%.2f", toKubectl), fmt.Sprint(maxToKubectl)},
	} {
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", row[0], row[1], row[2], row[3]); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if *check && (toBare > maxToBare || toKubectl > maxToKubectl) {
		return errors.New("the plugin takes too long to start")
	}
	return nil
}

// measure is the median time of each command.
func measure(ctx context.Context, commands [][]string) ([]time.Duration, error) {
	times := make([][]time.Duration, len(commands))
	for range rounds {
		for i, command := range commands {
			began := time.Now()
			if err := exec.CommandContext(ctx, command[0], command[1:]...).Run(); err != nil {
				return nil, fmt.Errorf("%q: %w", command, err)
			}
			times[i] = append(times[i], time.Since(began))
		}
	}
	medians := make([]time.Duration, len(commands))
	for i := range times {
		slices.Sort(times[i])
		medians[i] = times[i][rounds/2]
	}
	return medians, nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func shown(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
