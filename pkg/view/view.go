// Package view holds what the plugin works out, as versioned kinds: tables show them,
// -o json and similar formats print them. Fields are added freely; one is renamed or
// gets another meaning only with a new version. docs/output.md describes them.
package view

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// APIVersion is the version of every kind in this package.
const APIVersion = "kubectl-iris/v1alpha1"

// Kinds of the package.
const (
	KindClusterStatus      = "ClusterStatus"
	KindClusterStatusList  = "ClusterStatusList"
	KindExposedService     = "ExposedService"
	KindExposedServiceList = "ExposedServiceList"
)

// Metadata names the object that a view is about.
type Metadata struct {
	Name              string      `json:"name"`
	Namespace         string      `json:"namespace,omitempty"`
	UID               types.UID   `json:"uid,omitempty"`
	CreationTimestamp metav1.Time `json:"creationTimestamp,omitzero"`
}

// Health is the verdict in one word.
type Health string

// The verdicts.
const (
	// Healthy: there is neither an error nor a warning, as far as could be read.
	Healthy Health = "Healthy"
	// Warning: the pods were read, and the worst finding is a warning.
	Warning Health = "Warning"
	// Degraded: there is at least one finding that is an error.
	Degraded Health = "Degraded"
	// Unknown: the pods could not be read, and no error was found.
	Unknown Health = "Unknown"
)

// Source is what a cluster was read from.
type Source string

// The sources.
const (
	// FromIrisCluster: its IrisCluster was read.
	FromIrisCluster Source = "IrisCluster"
	// FromLabels: only its pods were read. Its phase is not known; whether it is
	// mirrored, and the types of its sidecars, only as far as the pods show.
	FromLabels Source = "Labels"
)

// ClusterStatusList is the output of status without a name, or with several.
type ClusterStatusList struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Items      []ClusterStatus `json:"items"`
	// Unread are reads that failed for the list as a whole.
	Unread []Unread `json:"unread,omitempty"`
}

// ClusterStatus is one IrisCluster, its pods, what reaches them and what is wrong.
type ClusterStatus struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Source     Source   `json:"source"`
	// Phase is the IrisCluster's status.phase, as the operator wrote it.
	Phase string `json:"phase,omitempty"`
	// Mirrored is absent if it is not known.
	Mirrored *bool  `json:"mirrored,omitempty"`
	Health   Health `json:"health"`
	// Verdict is the health in words, one line.
	Verdict string `json:"verdict"`
	// Shards are the data node's shards in order. There is at least one, even if the
	// cluster is not sharded or has no data pods.
	Shards []Shard `json:"shards"`
	// Pods are all of the cluster's pods: data by shard and ordinal, then
	// compute, webgateway, arbiter and others.
	Pods []Pod `json:"pods"`
	// Services are those that IKO manages for the cluster, those that this tool
	// created for it, and others that select or reach its pods or name it in their
	// selector. Pods of other clusters are omitted.
	Services []Service `json:"services"`
	// Findings are what is wrong, errors first.
	Findings []Finding `json:"findings"`
	// Failover is present with -w after a change.
	Failover *Failover `json:"failover,omitempty"`
	// Unread are the reads that failed.
	Unread []Unread `json:"unread,omitempty"`
}

// Shard is one data node: its members by role, by IRIS's answer if there is one, else by
// label. A pod is in exactly one of the three lists; a member whose role is not known
// is among the others.
type Shard struct {
	// Name is the value of the shard label, "" if pods carry none.
	Name      string   `json:"name"`
	Primaries []string `json:"primaries"`
	Backups   []string `json:"backups"`
	Others    []string `json:"others"`
	// Ready of Members are ready.
	Ready   int `json:"ready"`
	Members int `json:"members"`
}

// Pod is one pod of a cluster.
type Pod struct {
	Name      string `json:"name"`
	Component string `json:"component"`
	Shard     string `json:"shard,omitempty"`
	// LabelRole is the value of intersystems.com/mirrorRole, which the operator sets;
	// absent if the pod has no such label.
	LabelRole string `json:"labelRole,omitempty"`
	// IRIS is IRIS's answer in the pod; absent if it was not asked, and in other pods
	// than data pods.
	IRIS            *Answer `json:"iris,omitempty"`
	Ready           bool    `json:"ready"`
	ContainersReady int     `json:"containersReady"`
	Containers      int     `json:"containers"`
	// State is the word that kubectl get pods shows.
	State   string   `json:"state"`
	Sidecar *Sidecar `json:"sidecar,omitempty"`
	// ReachedBy are the Services that have a port and a ready endpoint at this pod;
	// absent if Services or EndpointSlices could not be read.
	ReachedBy []string `json:"reachedBy,omitzero"`
	Node      string   `json:"node,omitempty"`
	IP        string   `json:"ip,omitempty"`
	// Image is that of the pod's main container: IRIS in data and compute pods.
	Image             string      `json:"image,omitempty"`
	CreationTimestamp metav1.Time `json:"creationTimestamp,omitzero"`
}

// Sidecar is the web gateway beside IRIS in a pod.
type Sidecar struct {
	Image string `json:"image,omitempty"`
	// Port is the one that serves pages: declared by the container, else the default
	// of its type.
	Port int32 `json:"port"`
}

// Origin is who created a Service.
type Origin string

// The origins.
const (
	OriginIKO   Origin = "IKO"
	OriginTool  Origin = "kubectl-iris"
	OriginOther Origin = "other"
)

// Service is a Service that reaches, or should reach, a cluster's pods.
type Service struct {
	Name   string `json:"name"`
	Origin Origin `json:"origin"`
	Type   string `json:"type"`
	// Addresses are the external ones if the type has them, else the
	// cluster IPs; empty while they are pending, ["None"] when headless.
	Addresses []string `json:"addresses"`
	// Pending: the load balancer has no address yet.
	Pending  bool              `json:"pending,omitempty"`
	Ports    []ServicePort     `json:"ports"`
	Selector map[string]string `json:"selector,omitempty"`
	// Selects are the pods that the selector matches, ready or not; absent if pods
	// could not be read, or were not needed (exposed).
	Selects []string `json:"selects,omitzero"`
	// Reaches are the pods with a ready endpoint for one of the ports, even if the
	// selector no longer matches them; absent if EndpointSlices could not be read.
	Reaches []string `json:"reaches,omitzero"`
	// Terminating are pods that take connections while they terminate, because no
	// pod is ready at one of the ports; absent if there are none.
	Terminating []string `json:"terminating,omitempty"`
	// Target is what a Service of this tool was created for.
	Target            *Target     `json:"target,omitempty"`
	CreationTimestamp metav1.Time `json:"creationTimestamp,omitzero"`
}

// ServicePort is one port of a Service.
type ServicePort struct {
	Name     string `json:"name,omitempty"`
	Protocol string `json:"protocol"`
	Port     int32  `json:"port"`
	// TargetPort is a number or the name of a container's port.
	TargetPort string `json:"targetPort"`
	// NodePort is 0 if there is none.
	NodePort int32 `json:"nodePort,omitempty"`
}

// TargetKind is one of the two ways to expose.
type TargetKind string

// The kinds of target.
const (
	// TargetSidecar follows a role, or a component.
	TargetSidecar TargetKind = "Sidecar"
	// TargetPod stays with one pod.
	TargetPod TargetKind = "Pod"
)

// Target is what a Service of this tool was created to reach.
type Target struct {
	Kind      TargetKind `json:"kind"`
	Cluster   string     `json:"cluster"`
	Component string     `json:"component,omitempty"`
	Role      string     `json:"role,omitempty"`
	Shard     string     `json:"shard,omitempty"`
	Pod       string     `json:"pod,omitempty"`
}

// ExposedServiceList is the output of exposed.
type ExposedServiceList struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Items      []ExposedService `json:"items"`
	Unread     []Unread         `json:"unread,omitempty"`
}

// ExposedService is one Service that this tool created.
type ExposedService struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Service    `json:",inline"`
	// URLs are the portal's known addresses. Those of a NodePort are at the nodes of the
	// pods that it reaches.
	URLs []string `json:"urls,omitempty"`
}

// FindingCode names a kind of finding; it does not change with the wording.
// [findings.md](findings.md) explains each.
type FindingCode string

// Severity is how much a finding matters.
type Severity string

// The severities.
const (
	// SeverityError: users cannot reach their data or reach the wrong instance,
	// or the next failure is an outage.
	SeverityError Severity = "error"
	// SeverityWarning: the cluster works, and something beside it does not, or will
	// not for long.
	SeverityWarning Severity = "warning"
	// SeverityInfo: worth knowing, and nothing is wrong.
	SeverityInfo Severity = "info"
)

// Finding is one thing that is wrong.
type Finding struct {
	Code FindingCode `json:"code"`
	// Severity is that of the code.
	Severity Severity `json:"severity"`
	// Object is what is wrong, as kind/name (pod/simple-data-0-0); absent for the
	// cluster itself.
	Object string `json:"object,omitempty"`
	// Message is one line.
	Message string `json:"message"`
	// Hint is the next step, one line.
	Hint string `json:"hint"`
	// URL is the page that explains the code.
	URL string `json:"url"`
}

// UnreadReason is why a read failed.
type UnreadReason string

// The reasons.
const (
	// Forbidden: the user does not have the right to verb and resource.
	Forbidden UnreadReason = "Forbidden"
	// NotInstalled: the server does not know the resource.
	NotInstalled UnreadReason = "NotInstalled"
	// Failed: any other error.
	Failed UnreadReason = "Failed"
)

// Unread is a read that failed, so that a part of the view is missing.
type Unread struct {
	Verb string `json:"verb"`
	// Resource is the plural with its group: endpointslices.discovery.k8s.io.
	Resource string `json:"resource"`
	// Namespace is "" if all were asked for.
	Namespace string       `json:"namespace,omitempty"`
	Reason    UnreadReason `json:"reason"`
	// Message is one line and says what is missing in the view.
	Message string `json:"message"`
}
