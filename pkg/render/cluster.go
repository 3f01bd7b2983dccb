package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Cluster prints one cluster in detail: the verdict in words, its pods, the
// Services that reach them, what is wrong with the next step below, and what has
// moved since it is watched. What could not be read is left to Unread.
func Cluster(w io.Writer, c view.ClusterStatus, o Options) error {
	c.Unread = nil
	frame, err := ClusterFrame(c, o)
	if err != nil {
		return err
	}
	return writeString(w, frame.text())
}

// ClusterFrame returns what Cluster prints, and what could not be read, for a
// Screen.
func ClusterFrame(c view.ClusterStatus, o Options) (Frame, error) {
	var frame Frame
	var body strings.Builder
	body.WriteString(headline(c, o.Color) + "\n")
	if len(c.Pods) > 0 {
		if err := printSection(&body, podColumns(c, o), c.Pods, o); err != nil {
			return frame, err
		}
	}
	if len(c.Services) > 0 {
		if err := printSection(&body, serviceColumns(o), c.Services, o); err != nil {
			return frame, err
		}
	}
	lines := make([]string, 0, len(c.Findings)+len(c.Unread))
	for _, n := range notesOf(c.Findings, o.Color) {
		lines = append(lines, n.text)
	}
	for _, u := range c.Unread {
		lines = append(lines, unreadLine(u, o.Color))
	}
	if len(lines) > 0 {
		body.WriteString("\n" + strings.Join(lines, "\n") + "\n")
	}
	if c.Failover != nil {
		body.WriteString("\n")
		var log strings.Builder
		if err := printTransitions(&log, *c.Failover, o); err != nil {
			return frame, err
		}
		frame.Log, frame.Sum = log.String(), summaryLines(*c.Failover, o.Color)
	}
	frame.Body = body.String()
	return frame, nil
}

// printSection prints a table with a blank line above.
func printSection[T any](w io.Writer, columns []column[T], items []T, o Options) error {
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return printTable(w, columns, items, o)
}

// headline returns the cluster's name and its verdict.
func headline(c view.ClusterStatus, color bool) string {
	verdict := text.OneLine(c.Verdict)
	if word := strings.ToLower(string(c.Health)); strings.HasPrefix(verdict, word) {
		verdict = paint(healthTone(c.Health), word, color) + strings.TrimPrefix(verdict, word)
	}
	return fmt.Sprintf("%s (namespace %q): %s", text.OneLine(c.Metadata.Name), c.Metadata.Namespace, verdict)
}

// note is a finding as it is printed.
type note struct {
	// text is its lines, without the last line break.
	text string
	// solved is the line that says that the finding is gone.
	solved string
}

// notesOf returns the findings as they are printed, each with its hint below.
func notesOf(findings []view.Finding, color bool) []note {
	var notes []note
	for _, f := range findings {
		notes = append(notes, findingNote(f, color))
	}
	return notes
}

// findingNote returns a finding as it is printed. One that is not an error says
// so, since a colour only repeats what the words say.
func findingNote(f view.Finding, color bool) note {
	line := ": " + text.OneLine(f.Message)
	if f.Severity != view.SeverityError {
		line = " (" + string(f.Severity) + ")" + line
	}
	n := note{
		text:   paint(severityTone(f.Severity), string(f.Code), color) + line,
		solved: paint(toneGood, "solved", color) + ": " + string(f.Code) + line,
	}
	if f.Hint != "" {
		n.text += "\n  hint: " + text.OneLine(f.Hint)
	}
	return n
}

func severityTone(s view.Severity) tone {
	switch s {
	case view.SeverityError:
		return toneBad
	case view.SeverityWarning:
		return toneWarn
	default:
		return toneNone
	}
}

func unreadLine(u view.Unread, color bool) string {
	return paint(toneWarn, "warning", color) + ": " + text.OneLine(u.Message)
}

func podColumns(c view.ClusterStatus, o Options) []column[view.Pod] {
	columns := []column[view.Pod]{
		plain("POD", func(p view.Pod) string { return p.Name }),
		plain("COMPONENT", func(p view.Pod) string { return orElse(p.Component, none) }),
	}
	if isSharded(c) {
		columns = append(columns, plain("SHARD", func(p view.Pod) string { return orElse(p.Shard, inapplicable) }))
	}
	columns = append(columns, plain("ROLE", func(p view.Pod) string { return podRole(p, c.Mirrored) }))
	if o.Asked {
		columns = append(columns, column[view.Pod]{"IRIS", irisCell})
	}
	columns = append(columns,
		column[view.Pod]{"READY", func(p view.Pod) cell { return readyCell(p.ContainersReady, p.Containers) }},
		column[view.Pod]{"STATE", podState},
		plain("SIDECAR", sidecar),
		plain("REACHED-BY", func(p view.Pod) string { return reached(p.ReachedBy, o.Wide) }),
		plain(headerAge, func(p view.Pod) string { return age(p.CreationTimestamp, o.Now) }),
	)
	if o.Wide {
		columns = append(columns,
			plain("NODE", func(p view.Pod) string { return orElse(p.Node, none) }),
			plain("IP", func(p view.Pod) string { return orElse(p.IP, none) }),
			plain("IMAGE", func(p view.Pod) string { return orElse(p.Image, none) }),
			plain("GATEWAY-IMAGE", gatewayImage),
		)
	}
	return columns
}

// podRole returns the role label: <none> for a member without one, and a dash for
// a pod that can have none.
func podRole(p view.Pod, mirrored *bool) string {
	switch {
	case p.LabelRole != "":
		return p.LabelRole
	case p.Component != iris.ComponentData || mirrored != nil && !*mirrored:
		return inapplicable
	default:
		return none
	}
}

func podState(p view.Pod) cell {
	switch p.State {
	case "Running":
		if p.Ready {
			return cell{text: p.State}
		}
		return cell{p.State, toneWarn}
	case "Pending", "ContainerCreating", "PodInitializing", "Terminating":
		return cell{p.State, toneWarn}
	default:
		return cell{p.State, toneBad}
	}
}

func sidecar(p view.Pod) string {
	if p.Sidecar == nil {
		return inapplicable
	}
	return fmt.Sprint(p.Sidecar.Port)
}

func gatewayImage(p view.Pod) string {
	if p.Sidecar == nil {
		return inapplicable
	}
	return orElse(p.Sidecar.Image, none)
}

func serviceColumns(o Options) []column[view.Service] {
	columns := []column[view.Service]{
		plain("SERVICE", func(s view.Service) string { return s.Name }),
		plain("TYPE", func(s view.Service) string { return s.Type }),
		{"ADDRESS", address},
		plain("PORTS", func(s view.Service) string { return ports(s.Ports) }),
		plain("SELECTOR", func(s view.Service) string { return selector(s.Selector) }),
		{"REACHES", func(s view.Service) cell { return reaches(s, o.Wide) }},
	}
	if o.Wide {
		columns = append(columns,
			plain("ORIGIN", func(s view.Service) string { return string(s.Origin) }),
			plain(headerAge, func(s view.Service) string { return age(s.CreationTimestamp, o.Now) }),
			plain("MATCH-LABELS", func(s view.Service) string { return matchLabels(s.Selector) }),
		)
	}
	return columns
}

// reaches names the pods that a Service reaches. Of one without a selector it is
// not known which pods it should reach.
func reaches(s view.Service, wide bool) cell {
	c := cell{text: reached(s.Reaches, wide)}
	if len(s.Reaches) == 0 && len(s.Terminating) > 0 {
		return cell{reached(s.Terminating, wide) + " (terminating)", toneWarn}
	}
	if s.Reaches != nil && len(s.Reaches) == 0 && len(s.Selector) > 0 {
		c.tone = toneWarn
	}
	return c
}
