package render_test

import (
	"bytes"
	"testing"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// On a terminal a line of a log cannot reach beyond itself; elsewhere it is
// passed on as it is.
func TestLogLinesOnATerminal(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", "one\ttwo, größer ✓ 日本", "one\ttwo, größer ✓ 日本"},
		{"colors", "\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m"},
		{"a color that does not end", "\x1b[38:5:9mred", "\x1b[38:5:9mred\x1b[0m"},
		{"line end of Windows", "one\r", "one"},
		{"carriage return", "\r[simple-data-0-1 iris] forged", "?[simple-data-0-1 iris] forged"},
		{"cursor", "a\x1b[2Ab\x1b[Kc", "a?[2Ab?[Kc"},
		{"title and clipboard", "\x1b]0;title\x07\x1b]52;c;eA==\x1b\\", "?]0;title??]52;c;eA==?\\"},
		{"unended color", "\x1b[31", "?[31"},
		{"private sequence", "\x1b[?1049h\x1b[>4;2m", "?[?1049h?[>4;2m"},
		{"C1", "\u009b2J", "?2J"},
		{"not UTF-8", "a\x9b2Jb", "a?2Jb"},
		{"backspace, delete and null", "a\b\x7f\x00", "a???"},
		{"other direction", "\u202edlrow\u2066", "?dlrow?"},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, terminal := range []bool{true, false} {
				want := "[pod iris] " + c.text + "\n"
				if terminal {
					want = "[pod iris] " + c.want + "\n"
				}
				var out bytes.Buffer
				if err := render.NewLogLines(&out, false, terminal).Print("pod", "iris", "", c.text); err != nil {
					t.Fatal(err)
				}
				if out.String() != want {
					t.Errorf("terminal %t: %q, want %q", terminal, out.String(), want)
				}
			}
		})
	}
}

// Each pod has a colour, which it keeps; the seventh has that of the first.
func TestLogLinesInColour(t *testing.T) {
	var out bytes.Buffer
	lines := render.NewLogLines(&out, true, false)
	for _, pod := range []string{"a", "b", "a", "c", "d", "e", "f", "g"} {
		if err := lines.Print(pod, "iris", "12:00", "x"); err != nil {
			t.Fatal(err)
		}
	}
	want := ""
	for _, line := range []struct{ pod, colour string }{
		{"a", "36"}, {"b", "32"}, {"a", "36"}, {"c", "35"}, {"d", "33"}, {"e", "34"}, {"f", "31"}, {"g", "36"},
	} {
		want += "\x1b[" + line.colour + "m[" + line.pod + " iris]\x1b[0m 12:00 x\n"
	}
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
