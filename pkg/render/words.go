package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// kubectl's words for what is missing, and a dash for what does not apply.
const (
	none         = "<none>"
	unknown      = "<unknown>"
	pending      = "<pending>"
	inapplicable = "-"
)

// listBudget is how wide a list of names may grow before it is cut, unless the
// output is wide: room for the two Services that usually reach a backup.
const listBudget = 48

// age returns how long ago t was, as kubectl rounds it.
func age(t metav1.Time, now time.Time) string {
	if t.IsZero() {
		return unknown
	}
	return duration.HumanDuration(now.Sub(t.Time))
}

// names joins names with commas, or returns other if there are none. Unless
// wide, what exceeds the budget is counted, as kubectl does with endpoints.
func names(list []string, other string, wide bool) string {
	if len(list) == 0 {
		return other
	}
	text := list[0]
	for i, name := range list[1:] {
		if !wide && len(text)+1+len(name) > listBudget {
			return fmt.Sprintf("%s + %d more...", text, len(list)-1-i)
		}
		text += "," + name
	}
	return text
}

// reached joins names of a list that is nil if it could not be read.
func reached(list []string, wide bool) string {
	if list == nil {
		return unknown
	}
	return names(list, none, wide)
}

// address returns a Service's address.
func address(s view.Service) cell {
	if s.Pending {
		return cell{pending, toneWarn}
	}
	return cell{text: cmp.Or(strings.Join(s.Addresses, ","), none)}
}

// ports returns a Service's ports: 81:30081->80/TCP is port 81, node port 30081,
// target port 80. A target equal to its port is left out.
func ports(list []view.ServicePort) string {
	texts := make([]string, len(list))
	for i, p := range list {
		text := strconv.Itoa(int(p.Port))
		port := text
		if p.NodePort != 0 {
			text += ":" + strconv.Itoa(int(p.NodePort))
		}
		if p.TargetPort != "" && p.TargetPort != port {
			text += "->" + p.TargetPort
		}
		texts[i] = text + "/" + p.Protocol
	}
	return cmp.Or(strings.Join(texts, ","), none)
}

// target returns in words what a Service of this tool was created for.
func target(t *view.Target) string {
	if t == nil {
		return unknown
	}
	if t.Kind == view.TargetPod {
		return "pod " + t.Pod
	}
	words := cmp.Or(t.Component, iris.ComponentData)
	if t.Shard != "" {
		words += " shard " + t.Shard
	}
	if t.Role != "" {
		words = t.Role + " of " + words
	}
	return words
}

// selector returns in words what a selector selects within its cluster.
func selector(labels map[string]string) string {
	return cmp.Or(strings.Join(selectorWords(labels), ", "), none)
}

func selectorWords(labels map[string]string) []string {
	rest := maps.Clone(labels)
	for _, key := range []string{iris.LabelKind, iris.LabelName, iris.LabelRole, iris.LabelComponent, iris.LabelShard, iris.LabelMirrorRole, iris.LabelPodName} {
		delete(rest, key)
	}
	pod, role, component := labels[iris.LabelPodName], labels[iris.LabelMirrorRole], labels[iris.LabelComponent]
	if pod != "" {
		return append([]string{"pod " + pod}, pairs(rest)...)
	}
	var words []string
	if role != "" {
		words = append(words, "role "+role)
	}
	// Only data pods have a role.
	if component != "" && (role == "" || component != iris.ComponentData) {
		words = append(words, "component "+component)
	}
	if shard := labels[iris.LabelShard]; shard != "" {
		words = append(words, "shard "+shard)
	}
	words = append(words, pairs(rest)...)
	ofIRIS := len(rest) < len(labels)
	switch {
	case ofIRIS && labels[iris.LabelName] == "":
		words = append(words, "any cluster")
	case len(words) == 0 && ofIRIS:
		words = append(words, "all pods")
	}
	return words
}

// pairs returns labels as key=value, in order.
func pairs(labels map[string]string) []string {
	list := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, key+"="+labels[key])
	}
	return list
}
