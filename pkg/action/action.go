// Package action carries out the commands: a type per use case, from validated
// options to a result. It knows no flags and prints nothing. What it needs of the
// Kubernetes cluster is an interface beside the use case, so that a test can hand
// in a fake.
package action

import (
	"context"
	"fmt"
	"time"
)

// A Reporter takes lines about what happens while an action runs. It may be called from
// several goroutines.
type Reporter interface {
	// Note reports progress, or a fact that the user may need.
	Note(line string)
	// Warn reports what may be wrong although the action goes on.
	Warn(line string)
}

// A Config is what all actions have in common.
type Config struct {
	Reporter
	// Now returns the time.
	Now func() time.Time
	// WithTimeout returns ctx with the time that the reads or writes of one step
	// may take.
	WithTimeout func(ctx context.Context) (context.Context, context.CancelFunc)
}

// Notef reports progress.
func (c Config) Notef(format string, args ...any) { c.Note(fmt.Sprintf(format, args...)) }

// Warnf reports what may be wrong.
func (c Config) Warnf(format string, args ...any) { c.Warn(fmt.Sprintf(format, args...)) }

// Lost warns that the API server stopped answering a watch.
func (c Config) Lost(err error) { c.Warnf("%v; trying again", err) }

// A DryRun says whether an action changes anything.
type DryRun string

const (
	// DryRunNone changes what the action is for.
	DryRunNone DryRun = "none"
	// DryRunClient changes nothing and sends nothing that would.
	DryRunClient DryRun = "client"
	// DryRunServer has the server check the changes and make none.
	DryRunServer DryRun = "server"
)
