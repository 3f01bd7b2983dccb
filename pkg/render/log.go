package render

import (
	"io"
	"strings"

	"github.com/fatih/color"
)

// LogLines prints lines of logs, each with the pod and container that it is
// from before it.
type LogLines struct {
	w      io.Writer
	color  bool
	colors map[string]*color.Color
}

// NewLogLines is a printer of lines of logs; with colors, each pod has its own.
func NewLogLines(w io.Writer, colors bool) *LogLines {
	return &LogLines{w: w, color: colors, colors: map[string]*color.Color{}}
}

// Print prints one line; stamp is left out where it is "".
func (l *LogLines) Print(pod, container, stamp, text string) error {
	var b strings.Builder
	b.WriteString(l.prefix(pod, "["+pod+" "+container+"]"))
	if stamp != "" {
		b.WriteString(" " + stamp)
	}
	b.WriteString(" " + text + "\n")
	return writeString(l.w, b.String())
}

// podColors are of the eight that every terminal's theme makes readable.
func podColors() []color.Attribute {
	return []color.Attribute{color.FgCyan, color.FgGreen, color.FgMagenta, color.FgYellow, color.FgBlue, color.FgRed}
}

// prefix paints a pod's prefix in the pod's color: the next that is free when
// the pod is first met.
func (l *LogLines) prefix(pod, text string) string {
	if !l.color {
		return text
	}
	c := l.colors[pod]
	if c == nil {
		all := podColors()
		c = color.New(all[len(l.colors)%len(all)])
		c.EnableColor()
		l.colors[pod] = c
	}
	return c.Sprint(text)
}
