package failover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// terminating is the state of a pod that is being deleted.
const terminating = "Terminating"

// changesBetween returns the changes of the data pods, then of what Services
// reach, each in the order of the views. A Service that was just created is no
// change.
func changesBetween(before, now view.ClusterStatus) []view.Transition {
	var changes []view.Transition
	for _, old := range dataPods(before) {
		if !slices.ContainsFunc(now.Pods, func(p view.Pod) bool { return p.Name == old.Name }) {
			changes = append(changes, podChange(view.PodGone, old, "", "", "is gone"))
		}
	}
	for _, pod := range dataPods(now) {
		i := slices.IndexFunc(before.Pods, func(p view.Pod) bool { return p.Name == pod.Name })
		if i >= 0 && before.Pods[i].CreationTimestamp.Equal(&pod.CreationTimestamp) {
			changes = append(changes, changesOf(before.Pods[i], pod)...)
			continue
		}
		words := "comes"
		if i >= 0 {
			words = "is replaced by another of that name"
		}
		changes = append(changes, podChange(view.PodComes, pod, "", pod.State, words))
		changes = append(changes, changesOf(view.Pod{Name: pod.Name}, pod)...)
	}
	for _, service := range now.Services {
		i := slices.IndexFunc(before.Services, func(s view.Service) bool { return s.Name == service.Name })
		if i < 0 || len(service.Ports) == 0 {
			continue
		}
		changes = append(changes, endpointChange(before.Services[i], service)...)
	}
	return changes
}

// ofRoles returns the part of a view that has to do with roles: without the
// Services that follow none, and whether a running instance is ok or warns.
func ofRoles(c view.ClusterStatus) view.ClusterStatus {
	c.Services = slices.DeleteFunc(slices.Clone(c.Services), func(s view.Service) bool { return s.Selector[iris.LabelMirrorRole] == "" })
	c.Pods = slices.Clone(c.Pods)
	for i, pod := range c.Pods {
		if a := pod.IRIS; a != nil && a.Instance != nil && !strings.EqualFold(a.Instance.State, "hung") {
			without := *a
			without.Text = strings.TrimSuffix(a.Text, " ("+a.Instance.State+")")
			c.Pods[i].IRIS = &without
		}
	}
	return c
}

func dataPods(c view.ClusterStatus) []view.Pod {
	return slices.DeleteFunc(slices.Clone(c.Pods), func(p view.Pod) bool { return p.Component != iris.ComponentData })
}

// changesOf returns the changes of one pod.
func changesOf(old, pod view.Pod) []view.Transition {
	var changes []view.Transition
	add := func(kind view.TransitionKind, from, to, words string) {
		changes = append(changes, podChange(kind, pod, from, to, words))
	}
	if pod.State == terminating && old.State != terminating {
		add(view.PodLeaves, old.State, pod.State, "is being deleted")
	}
	switch {
	case old.Ready && !pod.Ready:
		add(view.PodUnready, old.State, pod.State, "is not ready any more")
	case !old.Ready && pod.Ready:
		add(view.PodReady, old.State, pod.State, "is ready")
	}
	if from, to := said(old), said(pod); to != "" && from != to {
		words := "says " + to
		if pod.IRIS.Source == "" {
			words = "does not answer"
		}
		add(view.IRISSays, from, to, words)
	}
	if old.LabelRole != pod.LabelRole {
		words := "is labelled " + pod.LabelRole
		if pod.LabelRole == "" {
			words = "has lost its role label"
		}
		add(view.LabelChanged, old.LabelRole, pod.LabelRole, words)
	}
	return changes
}

func podChange(kind view.TransitionKind, pod view.Pod, from, to, words string) view.Transition {
	who := "pod"
	if kind == view.IRISSays {
		who = "IRIS in pod"
	}
	return view.Transition{
		Kind: kind, Object: "pod/" + pod.Name, From: from, To: to,
		Message: fmt.Sprintf("%s %q %s", who, pod.Name, words),
	}
}

// said returns IRIS's answer, "" if it has not been asked yet.
func said(pod view.Pod) string {
	if pod.IRIS == nil {
		return ""
	}
	return pod.IRIS.Text
}

// endpointChange returns which pods a Service reaches now, if these are others.
// While EndpointSlices cannot be read it returns nothing.
func endpointChange(old, service view.Service) []view.Transition {
	if old.Reaches == nil || service.Reaches == nil ||
		slices.Equal(old.Reaches, service.Reaches) && slices.Equal(old.Terminating, service.Terminating) {
		return nil
	}
	words := "reaches " + quoted(service.Reaches)
	switch {
	case len(service.Reaches) == 0 && len(service.Terminating) > 0:
		words = "reaches " + quoted(service.Terminating) + " while it terminates"
	case len(service.Reaches) == 0:
		words = "reaches no pod"
	case slices.Equal(old.Reaches, service.Reaches):
		return nil // pods that terminate take connections at some ports only
	}
	return []view.Transition{{
		Kind: view.EndpointsChanged, Object: "service/" + service.Name,
		From: strings.Join(old.Reaches, ","), To: strings.Join(service.Reaches, ","),
		Message: fmt.Sprintf("service %q %s", service.Name, words),
	}}
}

// maxListed bounds how many pods a transition names.
const maxListed = 5

func quoted(names []string) string { return text.List(text.Quote(names), maxListed) }
