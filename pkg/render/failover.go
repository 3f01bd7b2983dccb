package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// maxShown bounds how many transitions stand below a table.
const maxShown = 12

// clock is the layout of a transition's time.
const clock = "15:04:05.0"

// printTransitions prints the last transitions of a failover.
func printTransitions(w io.Writer, f view.Failover, o Options) error {
	shown := f.Transitions[max(0, len(f.Transitions)-maxShown):]
	if earlier := len(f.Transitions) - len(shown); earlier > 0 {
		if _, err := fmt.Fprintf(w, "... %d earlier transitions\n", earlier); err != nil {
			return err
		}
	}
	return printTable(w, transitionColumns(o), shown, o)
}

func transitionColumns(o Options) []column[view.Transition] {
	return []column[view.Transition]{
		plain("SEEN", func(t view.Transition) string { return seen(t, o.Now) }),
		plain("AFTER", after),
		plain("TRANSITION", func(t view.Transition) string { return t.Message }),
	}
}

// seen returns a transition's time in the reader's time zone.
func seen(t view.Transition, now time.Time) string { return t.Time.In(now.Location()).Format(clock) }

// after returns how long after the first sign a transition was seen.
func after(t view.Transition) string { return fmt.Sprintf("+%.1fs", t.Seconds) }

// summaryLine returns the line that sums up the transitions.
func summaryLine(f view.Failover, color bool) string {
	word, shade := "moving", toneWarn
	if f.Over {
		word, shade = "settled", toneGood
	}
	return paint(shade, word, color) + ": " + text.OneLine(f.Summary)
}

// summaryLines returns the summary with a line for each Service.
func summaryLines(f view.Failover, color bool) string {
	return strings.ReplaceAll(summaryLine(f, color), "; ", ";\n  ") + "\n"
}

// followFailover prints the transitions that are new, and the summary if it
// changed.
func (l *Lines) followFailover(w io.Writer, f *view.Failover, o Options) error {
	if f == nil {
		return nil
	}
	for _, t := range added(l.transitions, f.Transitions) {
		if _, err := fmt.Fprintf(w, "%s %s %s\n", seen(t, o.Now), after(t), text.OneLine(t.Message)); err != nil {
			return err
		}
	}
	l.transitions = f.Transitions
	line := summaryLine(*f, o.Color)
	if line == l.summary {
		return nil
	}
	l.summary = line
	_, err := fmt.Fprintln(w, line)
	return err
}
