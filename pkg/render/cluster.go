package render

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Cluster prints one cluster in detail: the verdict, its pods, the Services that
// reach them, the findings with their hints, and the transitions that a watch saw.
// Reads that failed are left to Unread.
func Cluster(w io.Writer, c view.ClusterStatus, o Options) error {
	c.Unread = nil
	frame, err := ClusterFrame(c, o)
	if err != nil {
		return err
	}
	return writeString(w, frame.text())
}

// ClusterFrame returns what Cluster prints, and the reads that failed, for a Screen.
func ClusterFrame(c view.ClusterStatus, o Options) (Frame, error) {
	var frame Frame
	var body strings.Builder
	body.WriteString(headline(c, o.Color) + "\n")
	if err := printSection(&body, podColumns(c, o), c.Pods, o); err != nil {
		return frame, err
	}
	if err := printSection(&body, serviceColumns(o), c.Services, o); err != nil {
		return frame, err
	}
	lines := make([]string, 0, len(c.Findings)+len(c.Unread))
	for _, f := range c.Findings {
		lines = append(lines, findingLines(f, o.Color))
	}
	for _, u := range c.Unread {
		lines = append(lines, paint(toneWarn, "warning", o.Color)+": "+text.OneLine(u.Message))
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

// printSection adds a table with a blank line above, unless there are no items.
func printSection[T any](body *strings.Builder, columns []column[T], items []T, o Options) error {
	if len(items) == 0 {
		return nil
	}
	body.WriteString("\n")
	return printTable(body, columns, items, o)
}

// headline returns the cluster's name and its verdict.
func headline(c view.ClusterStatus, color bool) string {
	verdict := text.OneLine(c.Verdict)
	if word := strings.ToLower(string(c.Health)); strings.HasPrefix(verdict, word) {
		verdict = paint(healthTone(c.Health), word, color) + strings.TrimPrefix(verdict, word)
	}
	return fmt.Sprintf("%s (namespace %q): %s", text.OneLine(c.Metadata.Name), c.Metadata.Namespace, verdict)
}

// findingLines returns a finding with its hint below, without the last line break.
func findingLines(f view.Finding, color bool) string {
	tones := map[view.Severity]tone{view.SeverityError: toneBad, view.SeverityWarning: toneWarn}
	lines := paint(tones[f.Severity], string(f.Code), color) + messageOf(f)
	if f.Hint != "" {
		lines += "\n  hint: " + text.OneLine(f.Hint)
	}
	return lines
}

// messageOf returns what follows a finding's code. One that is not an error says
// so, since a colour only repeats what the words say.
func messageOf(f view.Finding) string {
	message := ": " + text.OneLine(f.Message)
	if f.Severity == view.SeverityError {
		return message
	}
	return " (" + string(f.Severity) + ")" + message
}

func podColumns(c view.ClusterStatus, o Options) []column[view.Pod] {
	columns := []column[view.Pod]{
		plain("POD", func(p view.Pod) string { return p.Name }),
		plain("COMPONENT", func(p view.Pod) string { return cmp.Or(p.Component, none) }),
	}
	if isSharded(c) {
		columns = append(columns, plain("SHARD", func(p view.Pod) string { return cmp.Or(p.Shard, inapplicable) }))
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
			plain("NODE", func(p view.Pod) string { return cmp.Or(p.Node, none) }),
			plain("IP", func(p view.Pod) string { return cmp.Or(p.IP, none) }),
			plain("IMAGE", func(p view.Pod) string { return cmp.Or(p.Image, none) }),
			plain("GATEWAY-IMAGE", gatewayImage),
		)
	}
	return columns
}

// podRole returns the role label: <none> for a member without one, a dash for a pod
// that has no role.
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

// irisCell returns what IRIS in a pod answered, coloured if that contradicts the
// role label; a dash for a pod that is not asked.
func irisCell(p view.Pod) cell {
	switch {
	case p.Component != iris.ComponentData:
		return cell{text: inapplicable}
	case p.IRIS == nil:
		return cell{pending, toneWarn}
	case p.IRIS.Contradicts:
		return cell{p.IRIS.Text, toneBad}
	case p.IRIS.Source == "":
		return cell{p.IRIS.Text, toneWarn}
	}
	return cell{text: p.IRIS.Text}
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
	return cmp.Or(p.Sidecar.Image, none)
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
			plain("MATCH-LABELS", func(s view.Service) string { return labels.FormatLabels(s.Selector) }),
		)
	}
	return columns
}

// reaches names the pods that a Service reaches. None is a warning only if there is
// a selector: without one it is not known which pods the Service should reach.
func reaches(s view.Service, wide bool) cell {
	switch {
	case len(s.Reaches) == 0 && len(s.Terminating) > 0:
		return cell{reached(s.Terminating, wide) + " (terminating)", toneWarn}
	case s.Reaches != nil && len(s.Reaches) == 0 && len(s.Selector) > 0:
		return cell{reached(s.Reaches, wide), toneWarn}
	}
	return cell{text: reached(s.Reaches, wide)}
}
