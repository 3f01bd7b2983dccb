// Package text prepares text that this program did not write for a terminal:
// names, reasons and messages from the Kubernetes cluster, from IRIS and from
// the network. It imports nothing but the standard library.
package text

import (
	"fmt"
	"strings"
	"unicode"
)

// OneLine returns s as one line that is safe to print: each run of white space,
// line breaks included, is one blank, and each character that cannot be seen is
// a question mark. Control characters could start an escape sequence,
// bidirectional controls could reorder a line, and zero-width characters could
// make two names look the same.
func OneLine(s string) string {
	return strings.Join(strings.Fields(Lines(s)), " ")
}

// Lines returns s as OneLine prints it, but with its line feeds, tabs and
// blanks. Other white space, which could move the cursor, is a blank.
func Lines(s string) string {
	// strings.Map replaces bytes that are not UTF-8 by U+FFFD, which is printable.
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsSpace(r) {
			return ' '
		}
		return '?'
	}, s)
}

// maxExcerpt bounds an excerpt, in characters: about two lines of a terminal.
const maxExcerpt = 200

// Excerpt returns OneLine(s), cut to 200 characters.
func Excerpt(s string) string { return Cut(s, maxExcerpt) }

// Cut returns OneLine(s), cut to limit characters. Of a text that is much longer
// only the beginning is looked at.
func Cut(s string, limit int) string {
	const looked = 16
	long := len(s) > looked*limit
	if long {
		s = strings.ToValidUTF8(s[:looked*limit], "")
	}
	runes := []rune(OneLine(s))
	if len(runes) > limit || long {
		return string(runes[:min(len(runes), limit-1)]) + "…"
	}
	return string(runes)
}

// List joins names for a sentence. Of more than most names it returns the first
// ones and how many more there are.
func List(names []string, most int) string {
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Quote returns the names in quotes.
func Quote(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return quoted
}
