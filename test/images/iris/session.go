package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// terminate is how a session is ended with an exit code of one's own.
var terminate = regexp.MustCompile(`(?i)^do? +\$system\.process\.terminate\(,(\d+)\)$`)

// session is a terminal: it sends each line back, until HALT or the end of the
// input. SIZE, a word of the stand-in's own, writes the terminal's rows and columns.
func (c command) session(ctx context.Context, args []string) error {
	namespace := "USER"
	switch {
	case len(args) == 2 && args[0] == "-U":
		namespace = args[1]
	case len(args) > 0:
		return errors.New(usage)
	}
	report, err := c.report(ctx)
	if err != nil {
		return err
	}
	if !report.Up {
		return fmt.Errorf("instance %q is down", report.Instance)
	}
	if strings.HasPrefix(c.switches.state(), "sign-on inhibited") {
		// The words and the exit code of IRIS. [S]
		_, err := fmt.Fprintln(c.out, "Sign-on inhibited: Startup or Installation in progress")
		return errors.Join(err, exitCode(239))
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	lines := readLines(c.in)
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format, args...) } // the terminal may have gone
	write("\nNode: %s, Instance: %s (stand-in)\n", report.Pod, report.Instance)
	for {
		write("\n%s>", namespace)
		select {
		case <-ctx.Done():
			return exitCode(143)
		case <-interrupts:
			write("\n<INTERRUPT>")
		case line, open := <-lines:
			if !open {
				write("\n")
				return nil
			}
			answer, err := c.answer(line)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			write("%s", answer)
		}
	}
}

// answer is what the session says to a line; io.EOF is its end.
func (c command) answer(line string) (string, error) {
	line = strings.TrimSpace(line)
	switch strings.ToLower(line) {
	case "":
		return "", nil
	case "h", "halt":
		return "", io.EOF
	case "size":
		return c.size(), nil
	}
	if code := terminate.FindStringSubmatch(line); code != nil {
		n, err := strconv.Atoi(code[1])
		return "", errors.Join(err, exitCode(n%256))
	}
	return "stand-in: " + line + "\n", nil
}

// size is the size of the terminal, in rows and columns.
func (c command) size() string {
	file, ok := c.in.(*os.File)
	if !ok {
		return "no terminal\n"
	}
	columns, rows, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return "no terminal\n"
	}
	return fmt.Sprintf("%d %d\n", rows, columns)
}

// readLines sends the lines, and closes the channel at the end.
func readLines(r io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(r)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
	}()
	return lines
}
