package view

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Failover holds what status -w saw of a cluster since the first sign of a change: a
// failover, or a member's restart. Changes are seen up to 0.2 s late if the API server
// reports them, and up to 2 s if IRIS does (30 s for a first sign that only IRIS's
// answer gives).
type Failover struct {
	FirstSign metav1.MicroTime `json:"firstSign"`
	// Over: a pod has each role, and the Services for roles reach these pods.
	Over bool `json:"over"`
	// Transitions are in order. If there are very many, some are omitted after the
	// first ones.
	Transitions []Transition `json:"transitions"`
	// Summary says in one line when each Service reached the pod that took its role.
	Summary string `json:"summary"`
}

// TransitionKind names a kind of change.
type TransitionKind string

// The kinds of transition.
const (
	// PodLeaves: a data pod is being deleted.
	PodLeaves TransitionKind = "PodLeaves"
	PodGone   TransitionKind = "PodGone"
	// PodComes: a data pod was created or recreated.
	PodComes   TransitionKind = "PodComes"
	PodUnready TransitionKind = "PodUnready"
	PodReady   TransitionKind = "PodReady"
	// IRISSays: IRIS's answer in a pod changed.
	IRISSays TransitionKind = "IRISSays"
	// LabelChanged: a pod's role label changed.
	LabelChanged TransitionKind = "LabelChanged"
	// EndpointsChanged: the pods that a Service reaches changed.
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
	// From and To are the values before and after: IRIS's words, a label's value,
	// names of pods; absent if there are none.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Message is one line.
	Message string `json:"message"`
}
