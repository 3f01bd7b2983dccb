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
	colors   map[string]color.Attribute
}

// NewLogLines returns LogLines that print to w; with colors, each pod has one of
// its own. For a terminal, what could control it is replaced: a carriage return or
// an escape sequence would overwrite the lines of other pods.
func NewLogLines(w io.Writer, colors, terminal bool) *LogLines {
	return &LogLines{w: w, color: colors, terminal: terminal, colors: map[string]color.Attribute{}}
}

// Print prints one line; stamp is omitted if it is empty.
func (l *LogLines) Print(pod, container, stamp, text string) error {
	if l.terminal {
		text = harmless(text)
	}
	if stamp != "" {
		text = stamp + " " + text
	}
	return writeString(l.w, l.prefix(pod, "["+pod+" "+container+"]")+" "+text+"\n")
}

// prefix paints a pod's prefix in the pod's colour: the next one when the pod is
// first met.
func (l *LogLines) prefix(pod, text string) string {
	if !l.color {
		return text
	}
	attribute, known := l.colors[pod]
	if !known {
		all := []color.Attribute{color.FgCyan, color.FgGreen, color.FgMagenta, color.FgYellow, color.FgBlue, color.FgRed}
		attribute = all[len(l.colors)%len(all)]
		l.colors[pod] = attribute
	}
	return colored(text, attribute)
}

// harmless replaces by ? what may control a terminal in a line of a log: control
// characters, bytes that are not UTF-8, and marks that reverse the direction of
// text. Tabs and colour sequences stay; colours end with the line. A carriage
// return at the end is part of the line's end.
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
		b.WriteString(reset)
	}
	return b.String()
}

func controls(r rune) bool {
	return r != '\t' && unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r)
}

// colorSequence returns the sequence at the beginning of text that sets colours
// and the like (ECMA-48, select graphic rendition), or "".
func colorSequence(text string) string {
	rest, ok := strings.CutPrefix(text, startSequence)
	end := strings.TrimLeft(rest, "0123456789;:")
	if !ok || !strings.HasPrefix(end, "m") {
		return ""
	}
	return text[:len(text)-len(end)+1]
}
