// Package actiontest helps to test the use cases of pkg/action.
package actiontest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
)

// Reports collects what an action reports. Its zero value has no reports.
type Reports struct {
	mu              sync.Mutex
	notes, warnings []string
}

// Note implements action.Reporter.
func (r *Reports) Note(line string) { r.add(&r.notes, line) }

// Warn implements action.Reporter.
func (r *Reports) Warn(line string) { r.add(&r.warnings, line) }

func (r *Reports) add(to *[]string, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*to = append(*to, line)
}

// Notes returns what was noted so far.
func (r *Reports) Notes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notes)
}

// Warnings returns what was warned of so far.
func (r *Reports) Warnings() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.warnings)
}

// Lines returns the warnings, which are marked, and then the notes.
func (r *Reports) Lines() string {
	var lines []string
	for _, warning := range r.Warnings() {
		lines = append(lines, "warning: "+warning)
	}
	return strings.Join(append(lines, r.Notes()...), "\n")
}

// Await waits until a line of Lines is reported.
func (r *Reports) Await(t *testing.T, line string) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if lines := r.Lines(); slices.Contains(strings.Split(lines, "\n"), line) {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("reported\n%s\nwant\n%s", lines, line)
		}
	}
}

// ConfigTo returns the configuration of an action that reports to r at the Unix epoch
// and has all the time that it needs.
func ConfigTo(r *Reports) action.Config {
	return action.Config{
		Reporter:    r,
		Now:         func() time.Time { return time.Unix(0, 0) },
		WithTimeout: func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} },
	}
}
