package cli

import (
	"github.com/spf13/pflag"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

func addColorFlag(flags *pflag.FlagSet, mode *render.ColorMode) {
	flags.Var(mode, "color", "Colours: auto (on a terminal, unless NO_COLOR is set), always or never.")
}

// useColor decides about colours on stdout.
func (s *session) useColor(mode render.ColorMode) bool {
	return render.UseColor(mode, render.IsTerminal(s.Out), s.Getenv)
}
