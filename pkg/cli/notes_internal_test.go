package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
)

// evil is what a container's reason or a server's message may hold: a window
// title, a cleared screen, the clipboard, a line that seems to be ours, a
// reordered name and a name that cannot be distinguished from another.
const evil = "Crash\x1b]0;owned\x07\x1b[2J\x1b]52;c;ZXZpbA==\x07\r\nerror: forged\u009b31m \u202ecod.exe zero\u200bwidth"

// Whatever a command says on stderr of text from the cluster is one line of
// characters that can be seen.
func TestNotesArePrintable(t *testing.T) {
	refused := errors.New(evil)
	for name, say := range map[string]func(*factory){
		"note":       func(s *factory) { s.note("%s", evil) },
		"warn":       func(s *factory) { s.Warn(evil) },
		"lost watch": func(s *factory) { s.actionConfig().Lost(refused) },
		"action":     func(s *factory) { s.actionConfig().Note(evil) },
		"screen's note": func(s *factory) {
			drawn, err := (&statusPrinter{factory: s, flags: &statusFlags{}}).draw(frame{lost: refused})
			if err != nil {
				t.Error(err)
			}
			_, _ = s.Err.Write([]byte(drawn.Sum))
		},
	} {
		var out bytes.Buffer
		say(&factory{Env: Env{Err: &out, Now: time.Now}, reporter: newReporter(&out)})
		line, rest, _ := strings.Cut(out.String(), "\n")
		if !strings.Contains(line, "?[2J") || rest != "" {
			t.Errorf("%s: %q is not the one line that was expected", name, out.String())
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: %q cannot be printed", name, line[i:])
		}
	}
}
