package render

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// Screen shows one frame after the other on a terminal, each over the last. It
// uses the terminal's alternate screen, so what was there before comes back. A
// Screen must not be used concurrently.
type Screen struct {
	out  io.Writer
	size func() (width, height int, err error)

	opened bool
	closed bool
	// frame is the last frame in full, shown is what was written for it.
	frame Frame
	shown string
}

// Frame is what a Screen shows at a time. Its parts stand below each other, and
// consist of whole lines.
type Frame struct {
	// Body is cut at its end if the terminal is too short.
	Body string
	// Log is cut at its beginning, and has half of the terminal to itself.
	Log string
	// Sum is what the reader waits for: its lines are wrapped, not cut.
	Sum string
}

func (f Frame) text() string { return f.Body + f.Log + f.Sum }

// NewScreen returns a screen on the terminal that out writes to. Size is called
// for each frame, so that a resized terminal is filled by the next one (see
// SizeOf). Nothing is written before the first frame.
func NewScreen(out io.Writer, size func() (width, height int, err error)) *Screen {
	return &Screen{out: out, size: size}
}

// Draw shows a frame, clipped to the terminal. The lines are written over the old
// ones, in one write, so that nothing flickers; a frame that would look like the
// last is not written. After Close, Draw returns os.ErrClosed.
func (s *Screen) Draw(frame Frame) error {
	if s.closed {
		return os.ErrClosed
	}
	s.frame = frame
	width, height, err := s.size()
	if err != nil || width <= 0 || height <= 0 {
		width, height = defaultWidth, defaultHeight
	}
	shown := overwrite(clip(frame, width, height), width, height)
	if shown == s.shown {
		return nil
	}
	s.shown = shown
	if !s.opened {
		s.opened = true
		shown = enterAlternate + hideCursor + shown
	}
	return writeString(s.out, shown)
}

// Close restores the terminal, cursor included, and leaves the last frame on it in
// full. It may be called more than once, and after any error.
func (s *Screen) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if !s.opened {
		return nil
	}
	return writeString(s.out, leaveAlternate+showCursor+strings.TrimRight(s.frame.text(), "\n")+"\n")
}

// clip cuts a frame's lines to the width, and the frame to the height; a line then
// says how many lines are missing.
func clip(frame Frame, width, height int) []string {
	body, log, sum := linesOf(frame.Body), linesOf(frame.Log), wrapAll(linesOf(frame.Sum), width)
	lines := slices.Concat(body, log, sum)
	if len(lines) > height {
		tail := max(len(sum), height/2, height-1-len(body))
		tail = max(0, min(tail, len(log)+len(sum), height-2))
		top := height - 1 - tail
		more := fmt.Sprintf("... %d more lines", len(lines)-top-tail)
		lines = slices.Concat(lines[:top], []string{more}, lines[len(lines)-tail:])
	}
	for i, line := range lines {
		lines[i] = resetColor(twwidth.Truncate(line, width))
	}
	return lines
}

// resetColor ends the colour of a line that lost its end when it was cut or
// wrapped; otherwise the lines below would be coloured too.
func resetColor(line string) string {
	last := strings.LastIndex(line, startSequence)
	if last < 0 || strings.HasPrefix(line[last:], reset) {
		return line
	}
	return line + reset
}

func linesOf(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines
}

// wrapAll breaks lines that exceed the width at blanks, and indents the
// continuation.
func wrapAll(lines []string, width int) []string {
	var wrapped []string
	for _, line := range lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		row := ""
		for word := range strings.FieldsSeq(line) {
			switch longer := row + " " + word; {
			case row == "":
				row = indent + word
			case twwidth.Width(longer) > width:
				wrapped = append(wrapped, row)
				row = indent + "  " + word
			default:
				row = longer
			}
		}
		wrapped = append(wrapped, row)
	}
	return wrapped
}

// overwrite returns what replaces the content of a screen of that size by lines.
// Behind a line that fills the width nothing is erased: on terminals that wrap
// late, that would erase its last character.
func overwrite(lines []string, width, height int) string {
	var out strings.Builder
	out.WriteString(home)
	for i, line := range lines {
		if i > 0 {
			out.WriteString("\r\n")
		}
		out.WriteString(line)
		if twwidth.Width(line) < width {
			out.WriteString(eraseLine)
		}
	}
	if len(lines) < height {
		if len(lines) > 0 {
			out.WriteString("\r\n")
		}
		out.WriteString(eraseBelow)
	}
	return out.String()
}
