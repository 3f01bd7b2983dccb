package topology

import (
	"fmt"
	"strings"
	"unicode"
)

// maxText bounds a text from elsewhere, in characters.
const maxText = 200

// OneLine makes a text from elsewhere fit to print: one line, no control
// characters, bounded.
func OneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(clean), " "))
	if len(runes) > maxText {
		return string(runes[:maxText-1]) + "…"
	}
	return string(runes)
}

// maxNamed bounds how many objects a sentence names.
const maxNamed = 3

// quotedList is "a", "b" and 4 more.
func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return listOf(quoted)
}

// count is "1 pod", "2 pods".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// listOf joins texts, bounded.
func listOf(texts []string) string {
	if len(texts) > maxNamed {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:maxNamed], ", "), len(texts)-maxNamed)
	}
	return strings.Join(texts, ", ")
}
