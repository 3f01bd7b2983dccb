package expose

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// maxTail leaves the head of a fitted name at least a few letters.
const maxTail = 40

// defaultName returns the Service's name if the user gives none:
// <cluster>-sidecar[-<role>][-<shard>], <cluster>-sidecar-compute or
// <cluster>-pod-<short>.
func defaultName(t view.Target, short string) string {
	if t.Kind == view.TargetPod {
		return fit(t.Cluster, "-pod-"+short)
	}
	tail := "-sidecar"
	if t.Component != iris.ComponentData {
		tail += "-" + t.Component
	}
	for _, part := range []string{t.Role, t.Shard} {
		if part != "" {
			tail += "-" + part
		}
	}
	return fit(t.Cluster, tail)
}

// fit joins a cluster's name and a tail. If that is no valid Service name (too long, a
// dot, a digit first), both are shortened and cleaned, and a hash of the whole between
// them keeps different names different.
func fit(head, tail string) string {
	whole := head + tail
	if len(validation.IsDNS1035Label(whole)) == 0 {
		return whole
	}
	sum := sha256.Sum256([]byte(whole))
	mark := "-" + hex.EncodeToString(sum[:4])
	tail = cut(clean(tail), maxTail)
	head = clean(head)
	if head == "" || head[0] < 'a' {
		head = "iris-" + head
	}
	return cut(head, validation.DNS1035LabelMaxLength-len(mark)-len(tail)) + mark + tail
}

// clean replaces what a Service's name cannot contain by -.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
}

func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.TrimRight(s, "-")
}
