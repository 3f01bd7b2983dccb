// Command iris stands in for an IRIS instance in its container: as the
// container's process, and as the commands that people run in it. Package images
// says what there is.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	code := run(ctx, filepath.Base(os.Args[0]), os.Args[1:])
	stop()
	os.Exit(code)
}

// run runs the program of that name, and returns the exit code.
func run(ctx context.Context, program string, args []string) int {
	c := command{client: controlClient(controlSocket), switches: switchesIn(switchesDir), in: os.Stdin, out: os.Stdout}
	var err error
	switch {
	case program == "waitISC.sh":
		err = c.probe(ctx)
	case program == "stand-in":
		err = c.standIn(ctx, args)
	case len(args) == 1 && args[0] == "main":
		err = serve(ctx)
	default:
		err = c.iris(ctx, args)
	}
	var code exitCode
	switch {
	case errors.As(err, &code):
		return int(code)
	case err != nil:
		fmt.Fprintln(os.Stderr, "stand-in iris:", err)
		return 1
	}
	return 0
}

// exitCode is an error that says nothing and ends the program so.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }
