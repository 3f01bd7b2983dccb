package cli

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

func addColorFlag(cmd *cobra.Command, mode *render.ColorMode) {
	cmd.Flags().Var(mode, "color", "Colours: auto (on a terminal, unless NO_COLOR is set), always or never.")
	completeFlag(cmd, "color", fixed(string(render.ColorAuto), string(render.ColorAlways), string(render.ColorNever)))
}

// useColor decides about colours on stdout.
func (s *factory) useColor(mode render.ColorMode) bool {
	return render.UseColor(mode, render.IsTerminal(s.Out), s.Getenv)
}
