package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The picture itself is drawn by a tool of another module, so this compares the
// text. Spaces and line breaks do not count: the tool wraps long lines.
func TestPictureIsCurrent(t *testing.T) {
	var printed bytes.Buffer
	if err := draw(&printed, "../../../pkg/topology/testdata"); err != nil {
		t.Fatal(err)
	}
	colors := regexp.MustCompile(`\x1b\[[0-9;]*m`)
	want := strings.Fields(colors.ReplaceAllString(printed.String(), ""))
	got := strings.Fields(textOf(t, "../../../docs/status.svg"))
	if strings.Join(want, "") != strings.Join(got, "") {
		t.Errorf("docs/status.svg is not what the program prints; run make docs (-want +got):\n%s",
			cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")))
	}
}

// textOf returns the text of an SVG file, with a line break after each text element.
func textOf(t *testing.T, file string) string {
	t.Helper()
	svg, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer svg.Close()
	var text strings.Builder
	for decoder := xml.NewDecoder(svg); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			if token.Name.Local == "text" {
				text.WriteByte('\n')
			}
		}
	}
}
