package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// switchesDir is the folder of the switches. It goes with the container.
const switchesDir = "/tmp/stand-in"

// hanging is how long what hangs takes: not for ever, for the asker may go without a word.
const hanging = time.Minute

// switches make IRIS behave as a test wants. They are files, so that they hold
// for the container's process and for all commands.
type switches struct {
	dir string
}

func switchesIn(dir string) switches { return switches{dir: dir} }

// The names of the switches, which are those of their files.
const (
	switchAnswer   = "answer"
	switchState    = "state"
	switchLine     = "line"
	switchLate     = "late"
	switchPageLate = "page-late"
	// switchMetric is followed by the name of a metric.
	switchMetric = "metric."
)

// states are what iris qlist says of an instance by the word that switches it on. A state
// that is not among them is written as it is.
var states = map[string]string{
	"inhibited":  "sign-on inhibited",
	"transition": "sign-on inhibited:primary transition",
	"node":       "running on node ? (cache.ids missing)",
}

// answer is what IRIS shall say of itself, if that is set.
func (s switches) answer() (kind, status string, set bool) {
	content, set := s.read(switchAnswer)
	kind, status, _ = strings.Cut(content, "\n")
	return kind, status, set
}

// setAnswer sets what IRIS says of itself.
func (s switches) setAnswer(kind, status string) error {
	return s.write(switchAnswer, kind+"\n"+status)
}

// state returns the state that iris qlist and iris list shall name, or "" for the true one.
func (s switches) state() string {
	state, _ := s.read(switchState)
	if known, ok := states[state]; ok {
		return known
	}
	return state
}

// line returns what iris qlist and iris list shall write instead of an answer, if set.
func (s switches) line() (string, bool) { return s.read(switchLine) }

// late returns how long iris list and iris qlist take, and pageLate how long pages do.
func (s switches) late() time.Duration     { return s.duration(switchLate) }
func (s switches) pageLate() time.Duration { return s.duration(switchPageLate) }

// metric returns the value that a metric shall have, if set; "" leaves the metric out.
func (s switches) metric(name string) (string, bool) { return s.read(switchMetric + name) }

// setMetric sets the value of a metric; "none" leaves the metric out, or all of them.
func (s switches) setMetric(name, value string) error {
	if strings.ContainsRune(name, filepath.Separator) {
		return fmt.Errorf("%q is no metric", name)
	}
	if value == "none" {
		value = ""
	}
	return s.write(switchMetric+name, value)
}

// setDuration sets how long something takes.
func (s switches) setDuration(name, value string) error {
	if _, err := time.ParseDuration(value); err != nil {
		return err
	}
	return s.write(name, value)
}

// duration returns the time that the switch names, or 0.
func (s switches) duration(name string) time.Duration {
	content, _ := s.read(name)
	duration, err := time.ParseDuration(content)
	if err != nil {
		return 0
	}
	return min(duration, hanging)
}

// reset unsets all of them.
func (s switches) reset() error {
	return os.RemoveAll(s.dir)
}

// read reads the file of a switch.
func (s switches) read(name string) (content string, set bool) {
	bytes, err := os.ReadFile(filepath.Join(s.dir, name))
	return string(bytes), err == nil
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
