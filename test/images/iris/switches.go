package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// switchesDir is the folder of the switches. It goes with the container.
const switchesDir = "/tmp/stand-in"

// switches make IRIS behave as a test wants. They are files, so that they hold
// for the container's process and for all commands.
type switches struct {
	dir string
}

func switchesIn(dir string) switches { return switches{dir: dir} }

// hangs reports whether iris list and iris qlist give no answer.
func (s switches) hangs() bool {
	_, err := os.Stat(filepath.Join(s.dir, "hang"))
	return err == nil
}

// answer is what IRIS shall say of itself, if that is set.
func (s switches) answer() (kind, status string, set bool) {
	content, err := os.ReadFile(filepath.Join(s.dir, "answer"))
	if err != nil {
		return "", "", false
	}
	kind, status, _ = strings.Cut(string(content), "\n")
	return kind, status, true
}

// hang sets that iris list and iris qlist give no answer.
func (s switches) hang() error {
	return s.write("hang", "")
}

// setAnswer sets what IRIS says of itself.
func (s switches) setAnswer(kind, status string) error {
	return s.write("answer", kind+"\n"+status)
}

// reset unsets both.
func (s switches) reset() error {
	return os.RemoveAll(s.dir)
}

// write writes the file in one step, for others read it at any time.
func (s switches) write(name, content string) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	unfinished := filepath.Join(s.dir, "."+name)
	err := os.WriteFile(unfinished, []byte(content), 0o644)
	return errors.Join(err, os.Rename(unfinished, filepath.Join(s.dir, name)))
}
