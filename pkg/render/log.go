package render

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fatih/color"
)

// LogLines prints lines of logs, each after the pod and container that it is
// from.
type LogLines struct {
	w        io.Writer
	color    bool
	terminal bool
	colors   map[string]*color.Color
}

// NewLogLines returns a printer of lines of logs; with colors, each pod has its
// own. For a terminal, what could control it is taken out of the lines: a
// carriage return or an escape sequence would overwrite the lines of other pods.
// Otherwise lines are passed on as they are.
func NewLogLines(w io.Writer, colors, terminal bool) *LogLines {
	return &LogLines{w: w, color: colors, terminal: terminal, colors: map[string]*color.Color{}}
}

// Print prints one line; stamp is left out if it is empty.
func (l *LogLines) Print(pod, container, stamp, text string) error {
	if l.terminal {
		text = harmless(text)
	}
	var b strings.Builder
	b.WriteString(l.prefix(pod, "["+pod+" "+container+"]"))
	if stamp != "" {
		b.WriteString(" " + stamp)
	}
	b.WriteString(" " + text + "\n")
	return writeString(l.w, b.String())
}

// podColors returns colors of the eight that every terminal's theme makes
// readable.
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

// harmless returns a line of a log with ? in the place of what may control a
// terminal: control characters, bytes that are not UTF-8, and marks that reverse
// the direction of text. Tabs and color sequences stay; colors end with the
// line. A carriage return at the end is part of the line's end.
func harmless(text string) string {
	text = strings.TrimSuffix(text, "\r")
	if strings.IndexFunc(text, controls) < 0 {
		return text
	}
	var b strings.Builder
	colored := false
	for text != "" {
		if sequence := colorSequence(text); sequence != "" {
			b.WriteString(sequence)
			text, colored = text[len(sequence):], true
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		if controls(r) {
			b.WriteByte('?')
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	if colored {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

func controls(r rune) bool {
	return r != '\t' && unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r)
}

// colorSequence returns the sequence at the beginning of text that sets colors
// and the like, and nothing else (ECMA-48, select graphic rendition), or "".
func colorSequence(text string) string {
	rest, ok := strings.CutPrefix(text, "\x1b[")
	end := strings.TrimLeft(rest, "0123456789;:")
	if !ok || !strings.HasPrefix(end, "m") {
		return ""
	}
	return text[:len(text)-len(end)+1]
}
