package render

import "github.com/fatih/color"

// ColorMode is the value of --color. Its zero value is ColorAuto.
type ColorMode string

// The colour modes.
const (
	// ColorAuto: colours on a terminal that wants them.
	ColorAuto ColorMode = "auto"
	// ColorAlways: colours wherever the output goes.
	ColorAlways ColorMode = "always"
	// ColorNever: no colours.
	ColorNever ColorMode = "never"
)

// UseColor reports whether to use colours. The command line goes before the
// environment, so always means colours even under NO_COLOR. With auto, NO_COLOR
// (https://no-color.org: any value but the empty one) forbids them, then
// FORCE_COLOR (any value but "", 0 and false) allows them, then TERM=dumb forbids
// them; otherwise a terminal gets them and a pipe does not.
func UseColor(mode ColorMode, isTerminal bool, env func(string) string) bool {
	switch mode {
	case ColorAlways:
		return true
	case ColorNever:
		return false
	}
	if env("NO_COLOR") != "" {
		return false
	}
	if force := env("FORCE_COLOR"); force != "" && force != "0" && force != "false" {
		return true
	}
	return isTerminal && !isDumb(env)
}

// tone is what a colour stands for. A tone only ever repeats what the words say.
type tone int

const (
	toneNone tone = iota
	toneGood
	toneWarn
	toneBad
)

// paint colours a text.
func paint(t tone, text string, allowed bool) string {
	if !allowed || t == toneNone || text == "" {
		return text
	}
	return colored(text, []color.Attribute{toneGood: color.FgGreen, toneWarn: color.FgYellow, toneBad: color.FgRed}[t])
}

// colored returns a text in one of the eight colours that every terminal's theme
// makes readable on its own background. The colour is enabled explicitly, since the
// library's own policy looks at the environment and at os.Stdout.
func colored(text string, attribute color.Attribute) string {
	c := color.New(attribute)
	c.EnableColor()
	return c.Sprint(text)
}
