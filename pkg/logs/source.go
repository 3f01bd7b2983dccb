package logs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"time"
)

// A Source is a container whose log is read.
type Source struct {
	Namespace, Pod string
	// UID is the pod's.
	UID       string
	Container string
	// Restarts counts how often the kubelet has restarted the container.
	Restarts int
	// Running reports whether it runs; Started, whether it ever has.
	Running, Started bool
}

// key identifies a source: a pod may be recreated under its name.
type key struct{ uid, container string }

func (s Source) key() key { return key{s.UID, s.Container} }

// A Part is a part of a log.
type Part struct {
	Follow, Previous bool
	// Since leaves out earlier lines; servers regard whole seconds only.
	Since time.Time
	// Ago leaves out lines older than this by the server's clock; 0 for none.
	Ago time.Duration
	// Tail is the number of last lines; below zero for all.
	Tail int64
}

// ErrNone is the error of opening a log that does not exist, or not yet.
var ErrNone = errors.New("there is no log")

// Open opens the log of a container: lines that begin with their time in
// RFC 3339.
type Open func(context.Context, Source, Part) (io.ReadCloser, error)

// A Line is one line of a log.
type Line struct {
	Pod, Container string
	Time           time.Time
	// Stamp is the time as the server wrote it.
	Stamp string
	// Text is the line without its end; a longer one than maxLine is cut.
	Text string
}

const (
	// maxLine bounds the bytes of one line, its time included: a container may
	// write without ever ending a line, and lines wait in memory.
	maxLine = 1 << 20
	// cutMark is appended to a line that was cut.
	cutMark = " [line cut at 1 MiB]"
)

// lines calls take for each line of a log. It keeps no more than maxLine bytes
// of a line; the rest is read and left out, and cutMark says so. cut is what
// follows the last end of a line: a line that is not complete, or that broke off.
func lines(source Source, log io.Reader, take func(Line)) (cut string, err error) {
	r := bufio.NewReaderSize(log, 64<<10)
	for {
		text, err := readLine(r)
		switch {
		case errors.Is(err, io.EOF):
			return text, nil
		case err != nil:
			return text, err
		}
		take(parse(source, text))
	}
}

// readLine returns the next line without its end. If err is not nil, the line
// has no end.
func readLine(r *bufio.Reader) (string, error) {
	var text strings.Builder
	long := false
	for {
		piece, err := r.ReadSlice('\n')
		if err == nil {
			piece = piece[:len(piece)-1]
		}
		if room := maxLine - text.Len(); len(piece) > room {
			piece, long = piece[:room], true
		}
		text.Write(piece)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if long {
			text.WriteString(cutMark)
		}
		return text.String(), err
	}
}

func parse(source Source, text string) Line {
	line := Line{Pod: source.Pod, Container: source.Container}
	stamp, rest, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		line.Text = text
		return line
	}
	line.Stamp, line.Time, line.Text = stamp, at, rest
	return line
}
