package render_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// fakeTerminal understands what a Screen may send, and fails the test at
// anything else. Like xterm it wraps late: after the last column the cursor
// stays on it until the next character.
type fakeTerminal struct {
	t             *testing.T
	width, height int
	cells         [][]rune
	saved         [][]rune
	x, y          int
	cursorHidden  bool
	scrolled      int
	writes        int
}

func newFakeTerminal(t *testing.T, width, height int) *fakeTerminal {
	f := &fakeTerminal{t: t, width: width, height: height}
	f.cells = blank(width, height)
	return f
}

func blank(width, height int) [][]rune {
	cells := make([][]rune, height)
	for i := range cells {
		cells[i] = slices.Repeat([]rune{' '}, width)
	}
	return cells
}

func (f *fakeTerminal) size() (int, int, error) { return f.width, f.height, nil }

func (f *fakeTerminal) resize(width, height int) {
	old := f.cells
	f.width, f.height = width, height
	f.cells = blank(width, height)
	for y := range min(height, len(old)) {
		copy(f.cells[y], old[y])
	}
}

func (f *fakeTerminal) text() string {
	lines := make([]string, len(f.cells))
	for i, line := range f.cells {
		lines[i] = strings.TrimRight(string(line), " ")
	}
	return strings.Join(lines, "\n")
}

func (f *fakeTerminal) Write(data []byte) (int, error) {
	f.writes++
	rest := string(data)
	for rest != "" {
		if sequence, found := strings.CutPrefix(rest, "\x1b["); found {
			end := strings.IndexFunc(sequence, func(r rune) bool { return r >= '@' && r <= '~' })
			f.control(sequence[:end+1])
			rest = sequence[end+1:]
			continue
		}
		r := []rune(rest)[0]
		f.put(r)
		rest = rest[len(string(r)):]
	}
	return len(data), nil
}

func (f *fakeTerminal) control(sequence string) {
	switch sequence {
	case "?1049h":
		f.saved, f.cells = f.cells, blank(f.width, f.height)
	case "?1049l":
		f.cells, f.x, f.y = f.saved, 0, 0
	case "?25l":
		f.cursorHidden = true
	case "?25h":
		f.cursorHidden = false
	case "H":
		f.x, f.y = 0, 0
	case "K":
		f.erase(f.y, min(f.x, f.width-1))
	case "J":
		f.erase(f.y, min(f.x, f.width-1))
		for y := f.y + 1; y < f.height; y++ {
			f.erase(y, 0)
		}
	case "0m", "31m", "32m", "33m":
	default:
		f.t.Errorf("unexpected control sequence %q", sequence)
	}
}

func (f *fakeTerminal) erase(y, from int) {
	for x := from; x < f.width; x++ {
		f.cells[y][x] = ' '
	}
}

func (f *fakeTerminal) put(r rune) {
	switch r {
	case '\r':
		f.x = 0
		return
	case '\n': // the line discipline adds the carriage return
		f.x = 0
		f.newline()
		return
	}
	if f.x == f.width {
		f.x = 0
		f.newline()
	}
	f.cells[f.y][f.x] = r
	f.x++
}

func (f *fakeTerminal) newline() {
	if f.y < f.height-1 {
		f.y++
		return
	}
	f.scrolled++
}

func draw(t *testing.T, s *render.Screen, body string) {
	t.Helper()
	drawFrame(t, s, render.Frame{Body: body})
}

func drawFrame(t *testing.T, s *render.Screen, frame render.Frame) {
	t.Helper()
	if err := s.Draw(frame); err != nil {
		t.Fatal(err)
	}
}

func TestScreenRedrawsInPlace(t *testing.T) {
	terminal := newFakeTerminal(t, 20, 5)
	screen := render.NewScreen(terminal, terminal.size)
	if terminal.writes != 0 {
		t.Error("written before the first frame")
	}
	draw(t, screen, "first line, long\nsecond\nthird\n")
	if !terminal.cursorHidden {
		t.Error("the cursor is not hidden")
	}
	draw(t, screen, "short\n\x1b[32msecond\x1b[0m, longer\n")
	if diff := cmp.Diff("short\nsecond, longer\n\n\n", terminal.text()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if terminal.scrolled != 0 {
		t.Errorf("scrolled %d times", terminal.scrolled)
	}
	if terminal.writes != 2 {
		t.Errorf("%d writes for two frames", terminal.writes)
	}
}

func TestScreenWritesNothingForTheSameFrame(t *testing.T) {
	terminal := newFakeTerminal(t, 20, 5)
	screen := render.NewScreen(terminal, terminal.size)
	draw(t, screen, "same\n")
	draw(t, screen, "same\n")
	if terminal.writes != 1 {
		t.Errorf("%d writes", terminal.writes)
	}
}

func TestScreenClips(t *testing.T) {
	lines := func(n int) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, "line %d of %d\n", i+1, n)
		}
		return out.String()
	}
	for name, test := range map[string]struct {
		frame         string
		width, height int
		want          string
	}{
		"fits exactly":     {lines(4), 11, 4, "line 1 of 4\nline 2 of 4\nline 3 of 4\nline 4 of 4"},
		"one too many":     {lines(5), 20, 4, "line 1 of 5\nline 2 of 5\nline 3 of 5\n... 2 more lines"},
		"many too many":    {lines(99), 20, 3, "line 1 of 99\nline 2 of 99\n... 97 more lines"},
		"too wide":         {lines(2), 7, 2, "line 1\nline 2"},
		"colour, too wide": {"\x1b[31mdegraded and more\x1b[0m tail\n", 8, 1, "degraded"},
		"one row":          {lines(3), 20, 1, "... 3 more lines"},
		"nothing":          {"", 5, 2, "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			terminal := newFakeTerminal(t, test.width, test.height)
			screen := render.NewScreen(terminal, terminal.size)
			// What was there before must not shine through.
			draw(t, screen, strings.Repeat(strings.Repeat("#", 50)+"\n", 50))
			draw(t, screen, test.frame)
			if diff := cmp.Diff(test.want, terminal.text()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if terminal.scrolled != 0 {
				t.Errorf("scrolled %d times", terminal.scrolled)
			}
		})
	}
}

// A line that is cut or wrapped within a colour ends it: on a terminal of any
// width no line paints the next one.
func TestScreenEndsColorsOfCutLines(t *testing.T) {
	frame := render.Frame{
		Body: "simple: \x1b[31mdegraded\x1b[0m: no primary\nPOD   \x1b[31mCrashLoopBackOff\x1b[0m   \x1b[33m0/2\x1b[0m\nplain\n",
		Sum:  "\x1b[33mmoving for some time\x1b[0m: the new primary\n",
	}
	for width := 1; width <= 60; width++ {
		var out strings.Builder
		screen := render.NewScreen(&out, func() (int, int, error) { return width, 40, nil })
		drawFrame(t, screen, frame)
		for line := range strings.SplitSeq(out.String(), "\r\n") {
			codes := escapes().FindAllString(line, -1)
			if len(codes) > 0 && codes[len(codes)-1] != "\x1b[0m" {
				t.Errorf("width %d: a colour is left on in %q", width, line)
			}
		}
	}
}

func TestScreenFollowsTheSize(t *testing.T) {
	terminal := newFakeTerminal(t, 10, 2)
	screen := render.NewScreen(terminal, terminal.size)
	const frame = "one and more\ntwo\nthree\n"
	draw(t, screen, frame)
	terminal.resize(20, 4)
	draw(t, screen, frame)
	if diff := cmp.Diff("one and more\ntwo\nthree\n", terminal.text()); diff != "" {
		t.Errorf("grown (-want +got):\n%s", diff)
	}
	terminal.resize(8, 2)
	draw(t, screen, frame)
	if diff := cmp.Diff("one and\n... 2 mo", terminal.text()); diff != "" {
		t.Errorf("shrunk (-want +got):\n%s", diff)
	}
}

func TestScreenWithoutASize(t *testing.T) {
	terminal := newFakeTerminal(t, 80, 24)
	screen := render.NewScreen(terminal, func() (int, int, error) { return 0, 0, errors.New("not a terminal") })
	draw(t, screen, strings.Repeat("x\n", 30))
	if !strings.HasSuffix(terminal.text(), "... 7 more lines") {
		t.Errorf("not clipped to 24 rows:\n%s", terminal.text())
	}
}

func TestScreenClose(t *testing.T) {
	terminal := newFakeTerminal(t, 20, 4)
	screen := render.NewScreen(terminal, terminal.size)
	draw(t, screen, "a\nb\n")
	for range 2 {
		if err := screen.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if terminal.cursorHidden {
		t.Error("the cursor is still hidden")
	}
	if diff := cmp.Diff("a\nb\n\n", terminal.text()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if terminal.writes != 2 {
		t.Errorf("%d writes for a frame and two calls of Close", terminal.writes)
	}
	if err := screen.Draw(render.Frame{Body: "late"}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Draw after Close: %v", err)
	}
}

func TestScreenCloseWithoutAFrameWritesNothing(t *testing.T) {
	terminal := newFakeTerminal(t, 20, 4)
	if err := render.NewScreen(terminal, terminal.size).Close(); err != nil || terminal.writes != 0 {
		t.Errorf("error %v, %d writes", err, terminal.writes)
	}
}

// halting fails its second write and then works again.
type halting struct {
	text   strings.Builder
	writes int
}

func (h *halting) Write(data []byte) (int, error) {
	if h.writes++; h.writes == 2 {
		return 0, errors.New("input/output error")
	}
	return h.text.Write(data)
}

func TestScreenIsRestoredAfterAFailure(t *testing.T) {
	out := &halting{}
	screen := render.NewScreen(out, func() (int, int, error) { return 20, 4, nil })
	draw(t, screen, "a")
	if err := screen.Draw(render.Frame{Body: "b"}); err == nil {
		t.Error("the failure is not returned")
	}
	if err := screen.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.text.String(), "\x1b[?1049l\x1b[?25h") {
		t.Errorf("not restored: %q", out.text.String())
	}
}

// On a real terminal: its size is asked for, and what the shell gets back is
// the cursor and the last frame.
func TestScreenOnAPseudoTerminal(t *testing.T) {
	master, terminal, err := pty.Open()
	if errors.Is(err, pty.ErrUnsupported) {
		t.Skip("this system has no pseudo-terminals")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer terminal.Close()
	if !render.IsTerminal(terminal) {
		t.Fatal("a pseudo-terminal is not taken for a terminal")
	}
	resize := func(columns, rows uint16) {
		if err := pty.Setsize(terminal, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(chan string)
	go func() {
		all, _ := io.ReadAll(master) // ends with EIO when the other side closes
		seen <- string(all)
	}()

	screen := render.NewScreen(terminal, render.SizeOf(terminal))
	frame := "first\nsecond\nthird\nfourth\n"
	resize(4, 2)
	draw(t, screen, frame)
	resize(30, 10)
	draw(t, screen, frame)
	if err := screen.Close(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()

	const clipped = "firs\r\n... "
	full := strings.Join([]string{"first", "second", "third", "fourth"}, "\x1b[K\r\n") + "\x1b[K\r\n\x1b[J"
	want := "\x1b[?1049h\x1b[?25l\x1b[H" + clipped + "\x1b[H" + full +
		"\x1b[?1049l\x1b[?25h" + strings.ReplaceAll(frame, "\n", "\r\n")
	select {
	case got := <-seen:
		// The line discipline makes a second \r of the newlines in frames.
		if diff := cmp.Diff(strconv.Quote(want), strconv.Quote(strings.ReplaceAll(got, "\r\r\n", "\r\n"))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the pseudo-terminal gave nothing back")
	}
}

func TestIsTerminal(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	if render.IsTerminal(write) || render.IsTerminal(&strings.Builder{}) {
		t.Error("a pipe or a buffer is taken for a terminal")
	}
	if _, _, err := render.SizeOf(write)(); err == nil {
		t.Error("a pipe has a size")
	}
}

func TestCanRedraw(t *testing.T) {
	keyboard, terminal, err := pty.Open()
	if errors.Is(err, pty.ErrUnsupported) {
		t.Skip("this system has no pseudo-terminals")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	defer terminal.Close()
	for name, test := range map[string]struct {
		stream any
		term   string
		want   bool
	}{
		"terminal":               {terminal, "xterm", true},
		"terminal without TERM":  {terminal, "", true},
		"dumb terminal":          {terminal, "dumb", false},
		"no terminal":            {&strings.Builder{}, "xterm", false},
		"no terminal, TERM=dumb": {&strings.Builder{}, "dumb", false},
	} {
		env := func(key string) string { return map[string]string{"TERM": test.term}[key] }
		if got := render.CanRedraw(test.stream, env); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// On a small screen a failover is seen with the verdict and the pods: what is
// between is clipped, and the sum is wrapped.
func TestScreenKeepsTheFailover(t *testing.T) {
	c := asked(t)
	c.Failover = failedOver(20, true)
	c.Failover.Summary = `the primary service "simple" reached the new primary 2.4 s after the first sign; ` +
		`the backup service "simple-sidecar-backup" reached the new backup simple-data-0-0 31.7 s after the first sign`
	for name, color := range map[string]bool{"plain": false, "color": true} {
		t.Run(name, func(t *testing.T) {
			frame, err := render.ClusterFrame(c, render.Options{Now: now(), Asked: true, Color: color})
			if err != nil {
				t.Fatal(err)
			}
			frame.Sum += "warning: cannot reach the API server; trying again\n"
			terminal := newFakeTerminal(t, 80, 24)
			drawFrame(t, render.NewScreen(terminal, terminal.size), frame)
			golden(t, "screen-failover", []byte(terminal.text()+"\n"))
		})
	}
}

// Where little stands above or below, the other gets the room; where nothing
// fits, the top is kept.
func TestScreenSharesItsRoom(t *testing.T) {
	frame := func(above, transitions int) render.Frame {
		return render.Frame{
			Body: strings.Repeat("above\n", above) + "\n",
			Log:  strings.Repeat("transition\n", transitions),
			Sum:  "moving: the sum\n",
		}
	}
	for name, test := range map[string]struct {
		frame  render.Frame
		height int
		want   string
	}{
		"all fits":     {frame(2, 1), 5, "above\nabove\n\ntransition\nmoving: the sum"},
		"much above":   {frame(9, 1), 8, "above\nabove\nabove\nabove\nabove\n... 5 more lines\ntransition\nmoving: the sum"},
		"little above": {frame(1, 9), 7, "above\n\n... 6 more lines\ntransition\ntransition\ntransition\nmoving: the sum"},
		"three rows":   {frame(3, 3), 3, "above\n... 6 more lines\nmoving: the sum"},
		"two rows":     {frame(3, 3), 2, "above\n... 7 more lines"},
		"one row":      {frame(3, 3), 1, "... 8 more lines"},
		"only a sum":   {render.Frame{Body: "a\nb\nc\nd\n", Sum: "lost\n"}, 4, "a\nb\n... 2 more lines\nlost"},
		"a long sum":   {render.Frame{Body: "a\n", Sum: "  wider than this terminal is\n"}, 4, "a\n  wider than this\n    terminal is\n"},
	} {
		t.Run(name, func(t *testing.T) {
			terminal := newFakeTerminal(t, 20, test.height)
			drawFrame(t, render.NewScreen(terminal, terminal.size), test.frame)
			if diff := cmp.Diff(test.want, terminal.text()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
