package render

import (
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// irisCell returns what IRIS in a pod answered, beside the role that the pod's
// label gives it; a dash for a pod that is not asked.
func irisCell(p view.Pod) cell {
	switch {
	case p.Component != iris.ComponentData:
		return cell{text: inapplicable}
	case p.IRIS == nil:
		return cell{pending, toneWarn}
	case p.IRIS.Contradicts:
		return cell{p.IRIS.Text, toneBad}
	case p.IRIS.Source == "":
		return cell{p.IRIS.Text, toneWarn}
	}
	return cell{text: p.IRIS.Text}
}
