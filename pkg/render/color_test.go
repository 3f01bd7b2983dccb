package render_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func TestUseColor(t *testing.T) {
	type env map[string]string
	for name, test := range map[string]struct {
		mode     render.ColorMode
		terminal bool
		env      env
		want     bool
	}{
		"terminal":                   {render.ColorAuto, true, env{"TERM": "xterm"}, true},
		"zero mode is auto":          {"", true, nil, true},
		"pipe":                       {render.ColorAuto, false, env{"TERM": "xterm"}, false},
		"dumb terminal":              {render.ColorAuto, true, env{"TERM": "dumb"}, false},
		"NO_COLOR":                   {render.ColorAuto, true, env{"NO_COLOR": "1"}, false},
		"NO_COLOR, any value":        {render.ColorAuto, true, env{"NO_COLOR": "0"}, false},
		"empty NO_COLOR":             {render.ColorAuto, true, env{"NO_COLOR": ""}, true},
		"FORCE_COLOR":                {render.ColorAuto, false, env{"FORCE_COLOR": "1"}, true},
		"FORCE_COLOR beats dumb":     {render.ColorAuto, false, env{"FORCE_COLOR": "1", "TERM": "dumb"}, true},
		"FORCE_COLOR off":            {render.ColorAuto, false, env{"FORCE_COLOR": "0"}, false},
		"FORCE_COLOR false":          {render.ColorAuto, false, env{"FORCE_COLOR": "false"}, false},
		"NO_COLOR beats FORCE_COLOR": {render.ColorAuto, true, env{"NO_COLOR": "1", "FORCE_COLOR": "1"}, false},
		"always":                     {render.ColorAlways, false, env{"TERM": "dumb"}, true},
		"always beats NO_COLOR":      {render.ColorAlways, true, env{"NO_COLOR": "1"}, true},
		"never":                      {render.ColorNever, true, nil, false},
		"never beats FORCE_COLOR":    {render.ColorNever, true, env{"FORCE_COLOR": "1"}, false},
	} {
		get := func(key string) string { return test.env[key] }
		if got := render.UseColor(test.mode, test.terminal, get); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func escapes() *regexp.Regexp { return regexp.MustCompile("\x1b\\[[0-9;]*m") }

// colored is every table of every scenario, in colour or not.
func colored(t *testing.T, color bool) string {
	t.Helper()
	var out bytes.Buffer
	o := render.Options{Now: now(), Color: color}
	for _, scenario := range scenarios() {
		list := load[view.ClusterStatusList](t, scenario)
		if err := render.Clusters(&out, list, o); err != nil {
			t.Fatal(err)
		}
		for _, c := range list.Items {
			frame, err := render.ClusterFrame(c, o)
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(frame.Body + frame.Log + frame.Sum)
		}
	}
	if err := render.Exposed(&out, load[view.ExposedServiceList](t, "exposed"), o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Colours add to the words and move nothing.
func TestColorsOnlyAdd(t *testing.T) {
	// The library's own switch would say no here.
	t.Setenv("NO_COLOR", "1")
	with := colored(t, true)
	if diff := cmp.Diff(colored(t, false), escapes().ReplaceAllString(with, "")); diff != "" {
		t.Errorf("without its colours the text differs (-plain +coloured):\n%s", diff)
	}
	if !strings.Contains(with, "\x1b[32mHealthy\x1b[0m") || !strings.Contains(with, "\x1b[31mDegraded\x1b[0m") {
		t.Error("no green and red words")
	}
}

func TestColorsEndWhereTheyBegan(t *testing.T) {
	for line := range strings.Lines(colored(t, true)) {
		codes := escapes().FindAllString(line, -1)
		for i, code := range codes {
			if on := code != "\x1b[0m"; on != (i%2 == 0) {
				t.Errorf("stray %q in %q", code, line)
			}
		}
		if len(codes)%2 != 0 {
			t.Errorf("colour left on in %q", line)
		}
		if bare := escapes().ReplaceAllString(line, ""); strings.TrimRight(bare, " \n") != strings.TrimRight(bare, "\n") {
			t.Errorf("blanks at the end of %q", line)
		}
	}
}

func TestColorsGolden(t *testing.T) {
	golden(t, "colors", []byte(strings.ReplaceAll(colored(t, true), "\x1b", "ESC")))
}
