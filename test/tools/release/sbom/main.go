// Command sbom lists the modules that a program is built from on some
// platforms: their licences as text and as an SPDX document. The same sources
// give the same bytes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	var r request
	flags := flag.NewFlagSet("sbom", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&r.root, "root", "", "folder of the program's module")
	flags.StringVar(&r.pkg, "package", "", "the program's package")
	targets := flags.String("targets", "", "platforms as goreleaser writes them, comma-separated: linux_amd64,linux_arm_6")
	flags.StringVar(&r.version, "version", "", "the program's version")
	date := flags.String("date", "", "when it was made, in RFC 3339")
	licenses := flags.String("licenses", "", "file for the licences")
	document := flags.String("spdx", "", "file for the SPDX document, in JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	when, err := time.Parse(time.RFC3339, *date)
	if err != nil {
		return fmt.Errorf("-date: %w", err)
	}
	r.date, r.targets = when, strings.Split(*targets, ",")
	components, err := r.components(ctx)
	if err != nil {
		return err
	}
	return errors.Join(
		write(*licenses, func(w io.Writer) error { return writeLicenses(w, r.version, components) }),
		write(*document, func(w io.Writer) error { return r.writeSPDX(w, components) }))
}

func write(path string, content func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(content(file), file.Close())
}
