package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// maxShown bounds how many transitions stand below a table.
const maxShown = 12

// clock is how a time of today is shown.
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

// seen is a transition's time where the reader is.
func seen(t view.Transition, now time.Time) string { return t.Time.In(now.Location()).Format(clock) }

// after is a transition's delay since the first sign.
func after(t view.Transition) string { return fmt.Sprintf("+%.1fs", t.Seconds) }

// summaryLine is what the transitions sum up to.
func summaryLine(f view.Failover, color bool) string {
	word, shade := "moving", toneWarn
	if f.Over {
		word, shade = "settled", toneGood
	}
	return paint(shade, word, color) + ": " + text.OneLine(f.Summary)
}

// summaryLines are the same with a line for each Service.
func summaryLines(f view.Failover, color bool) string {
	return strings.ReplaceAll(summaryLine(f, color), "; ", ";\n  ") + "\n"
}

// followFailover prints the transitions that are new, and the sum where it is
// another.
func (l *Lines) followFailover(w io.Writer, f *view.Failover, o Options) error {
	if f == nil {
		return nil
	}
	for _, t := range f.Transitions {
		if slices.Contains(l.transitions, t) {
			continue
		}
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
