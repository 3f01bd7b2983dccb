package text_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

func TestOneLine(t *testing.T) {
	for s, want := range map[string]string{
		"":                                       "",
		"plain":                                  "plain",
		"Überfüllt – 東京 🚀":                       "Überfüllt – 東京 🚀",
		" two\n\tlines  here \r":                 "two lines here",
		"next\u0085line\u2028separator":          "next line separator",
		"no\u00a0break":                          "no break",
		"\x1b[31mred\x07":                        "?[31mred?",
		"\x1b]0;title\x07\x1b[2J\nerror: forged": "?]0;title??[2J error: forged",
		"a\u009b2Jb":                             "a?2Jb",
		"a\x9b2Jb":                               "a\ufffd2Jb",
		"a\u202ecod.exe":                         "a?cod.exe",
		"\u2066isolated\u2069":                   "?isolated?",
		"zero\u200bwidth\u200d\ufeff":            "zero?width??",
		"soft\u00adhyphen":                       "soft?hyphen",
		"\U000e0041tag":                          "?tag",
	} {
		if got := text.OneLine(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

// No character of Unicode that cannot be seen passes, nor one that reorders or
// joins its neighbours.
func TestOneLineOfEachCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		for _, got := range text.OneLine("a" + string(r) + "b") {
			if !unicode.IsPrint(got) {
				t.Fatalf("%U passes as %U", r, got)
			}
		}
	}
}

func TestLines(t *testing.T) {
	if got, want := text.Lines("a:\n\tb:  \x1b[2J\u202e\rc\u0085\n"), "a:\n\tb:  ?[2J? c \n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestExcerpt(t *testing.T) {
	for s, want := range map[string]string{
		" two\nlines ":           "two lines",
		strings.Repeat("ä", 200): strings.Repeat("ä", 200),
		strings.Repeat("ä", 201): strings.Repeat("ä", 199) + "…",
	} {
		if got := text.Excerpt(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

// Of a long text the first 16 times limit bytes are looked at.
func TestCut(t *testing.T) {
	for s, want := range map[string]string{
		"abcde":                         "abcde",
		"abcdef":                        "abcd…",
		"a" + strings.Repeat(" ", 79):   "a",
		"a" + strings.Repeat(" ", 80):   "a…",
		strings.Repeat("abcdefghi ", 9): "abcd…",
		"abc" + strings.Repeat(" ", 99): "abc…",
	} {
		if got := text.Cut(s, 5); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

func TestList(t *testing.T) {
	for _, test := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"a"}, "a"},
		{[]string{"a", "b", "c"}, "a, b, c"},
		{[]string{"a", "b", "c", "d", "e"}, "a, b, c and 2 more"},
	} {
		if got := text.List(test.names, 3); got != test.want {
			t.Errorf("%q: %q, want %q", test.names, got, test.want)
		}
	}
}

func TestQuote(t *testing.T) {
	if got, want := text.List(text.Quote([]string{"a", "b\n"}), 2), `"a", "b\n"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
