package render

import (
	"fmt"
	"io"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Version prints versions, one per line.
func Version(w io.Writer, v view.Version) error {
	lines := []field{
		{"Client", v.Client.Version},
		{"Commit", v.Client.Commit},
		{"Date", v.Client.Date},
		{"Go", v.Client.Go + " " + v.Client.Platform},
	}
	for i, library := range v.Client.Libraries {
		lines = append(lines, field{first(i, "Libraries"), library.Module + " " + library.Version})
	}
	if s := v.Server; s != nil {
		lines = append(lines, field{"Server", s.Version + " " + s.Platform})
		lines = append(lines, images("IKO", s.Operators)...)
		lines = append(lines, images("IRIS", s.IRIS)...)
		lines = append(lines, images("Web gateway", s.WebGateways)...)
	}
	return printTable(w, []column[field]{
		plain("", func(f field) string { return f.name }),
		plain("", func(f field) string { return f.text }),
	}, lines, Options{NoHeaders: true})
}

// field is a line with a name, or without one a further line of the field before.
type field struct{ name, text string }

func images(name string, found []view.Image) []field {
	switch {
	case found == nil:
		return []field{{name, unknown}}
	case len(found) == 0:
		return []field{{name, none}}
	}
	var lines []field
	for i, image := range found {
		pods := "pods"
		if image.Pods == 1 {
			pods = "pod"
		}
		lines = append(lines, field{first(i, name), fmt.Sprintf("%s (%d %s)", image.Image, image.Pods, pods)})
	}
	return lines
}

// first returns the name for the first of several lines, "" for the others.
func first(i int, name string) string {
	if i == 0 {
		return name
	}
	return ""
}
