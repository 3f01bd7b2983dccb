package view

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Failover is what has happened to a cluster since the first sign that
// something moves, as status -w saw it: a failover, or a member's restart. The
// times are those of seeing, up to 0.2 s after the fact for what the API server
// tells, and up to 2 s for what IRIS is asked (30 s for the first sign, where
// nothing but IRIS's answer tells).
type Failover struct {
	FirstSign metav1.MicroTime `json:"firstSign"`
	// Over: each role is taken, and the Services for roles reach the pods that have them.
	Over bool `json:"over"`
	// Transitions are in order. Of very many some after the first are left out.
	Transitions []Transition `json:"transitions"`
	// Summary says in one line when each Service reached the new pod of its role.
	Summary string `json:"summary"`
}

// TransitionKind names a kind of change.
type TransitionKind string

// The kinds of transition.
const (
	// PodLeaves: a data pod is being deleted.
	PodLeaves TransitionKind = "PodLeaves"
	PodGone   TransitionKind = "PodGone"
	// PodComes: there is a data pod that was not there, or another of that name.
	PodComes   TransitionKind = "PodComes"
	PodUnready TransitionKind = "PodUnready"
	PodReady   TransitionKind = "PodReady"
	// IRISSays: IRIS in a pod says something else of itself.
	IRISSays TransitionKind = "IRISSays"
	// LabelChanged: a pod's role label.
	LabelChanged TransitionKind = "LabelChanged"
	// EndpointsChanged: the pods that a Service reaches.
	EndpointsChanged TransitionKind = "EndpointsChanged"
)

// Transition is one change of a cluster.
type Transition struct {
	Time metav1.MicroTime `json:"time"`
	// Seconds since the first sign.
	Seconds float64        `json:"seconds"`
	Kind    TransitionKind `json:"kind"`
	// Object is kind/name: pod/simple-data-0-0, service/simple.
	Object string `json:"object"`
	// From and To are the values before and after: IRIS's words, a label's
	// value, names of pods. Absent: none, or nothing to be told.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Message is one line.
	Message string `json:"message"`
}
