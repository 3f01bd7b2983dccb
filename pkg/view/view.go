// Package view holds what the plugin works out, as versioned kinds: the same
// values that the tables show are printed by -o json and similar formats. Fields
// are added freely; one is renamed or given another meaning only with a new
// version. docs/output.md describes them.
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

// Source says what a cluster was read from.
type Source string

// The sources.
const (
	// FromIrisCluster: its IrisCluster was read.
	FromIrisCluster Source = "IrisCluster"
	// FromLabels: only its pods' labels were, so whether it is mirrored, its
	// phase and its sidecars' types are known as far as the pods tell.
	FromLabels Source = "Labels"
)

// ClusterStatusList is the answer to status without a name, or with several.
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
	// Shards are the data node's shards in order. There is always one, also
	// if the cluster is not sharded, or has no data pods.
	Shards []Shard `json:"shards"`
	// Pods are all of the cluster's pods: data by shard and ordinal, then
	// compute, webgateway, arbiter and others.
	Pods []Pod `json:"pods"`
	// Services are those that IKO manages for the cluster, those that this tool
	// created for it, and any other that selects or reaches one of its pods or
	// names it in its selector. What they select and reach in other clusters is
	// left out.
	Services []Service `json:"services"`
	// Findings are what is wrong, errors first.
	Findings []Finding `json:"findings"`
	// Failover is there with -w, once something has changed.
	Failover *Failover `json:"failover,omitempty"`
	// Unread are the reads that failed, and so what this view cannot tell.
	Unread []Unread `json:"unread,omitempty"`
}

// Shard is one data node: its members by role, as IRIS says if it answered,
// else as their labels do. A pod is in exactly one of the three lists; a role is
// never guessed, so a member whose role is not known is among the others.
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
	// LabelRole is the value of intersystems.com/mirrorRole: what the operator
	// believes. It is absent if the pod has no such label.
	LabelRole string `json:"labelRole,omitempty"`
	// IRIS is what IRIS in the pod says of itself; absent if it was not
	// asked, and in pods other than data pods.
	IRIS            *Answer `json:"iris,omitempty"`
	Ready           bool    `json:"ready"`
	ContainersReady int     `json:"containersReady"`
	Containers      int     `json:"containers"`
	// State is the word that kubectl get pods shows.
	State   string   `json:"state"`
	Sidecar *Sidecar `json:"sidecar,omitempty"`
	// ReachedBy are the Services that have a port and a ready endpoint at this
	// pod (a headless one without ports reaches nothing by itself); absent if
	// Services or EndpointSlices could not be read.
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
	// Port is where it serves pages: declared by the container, else the
	// default of its type.
	Port int32 `json:"port"`
}

// Origin says who created a Service.
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
	// Pending: a load balancer's address that is not there yet.
	Pending  bool              `json:"pending,omitempty"`
	Ports    []ServicePort     `json:"ports"`
	Selector map[string]string `json:"selector,omitempty"`
	// Selects are the pods that the selector matches now, ready or not; absent
	// if pods could not be read, or were not needed (exposed).
	Selects []string `json:"selects,omitzero"`
	// Reaches are the pods with a ready endpoint for one of the ports now; absent
	// if EndpointSlices could not be read. One that the selector no longer
	// matches is among them until its endpoint is removed.
	Reaches []string `json:"reaches,omitzero"`
	// Terminating are pods that take connections while they terminate, since no
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

// ExposedServiceList is the answer to exposed.
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
	// URLs are the portal's addresses, as far as they are known. Those of a NodePort are
	// at the nodes of the pods that it reaches.
	URLs []string `json:"urls,omitempty"`
}

// FindingCode names a kind of finding; it does not change with the wording.
// [findings.md](findings.md) explains each.
type FindingCode string

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	// SeverityError: users cannot reach their data or reach the wrong instance,
	// or the next failure is an outage.
	SeverityError Severity = "error"
	// SeverityWarning: the cluster works, and something beside it does not, or
	// will not for long.
	SeverityWarning Severity = "warning"
	// SeverityInfo: worth knowing, and nothing is wrong.
	SeverityInfo Severity = "info"
)

// Finding is one thing that is wrong.
type Finding struct {
	Code FindingCode `json:"code"`
	// Severity is that of the code.
	Severity Severity `json:"severity"`
	// Object is what it was found at, as kind/name (pod/simple-data-0-0);
	// the cluster itself if it is absent.
	Object string `json:"object,omitempty"`
	// Message is one line.
	Message string `json:"message"`
	// Hint is the next step, one line.
	Hint string `json:"hint"`
	// URL is the page that explains the code.
	URL string `json:"url"`
}

// UnreadReason says why a read failed.
type UnreadReason string

// The reasons.
const (
	// Forbidden: the caller does not have the right that verb and resource name.
	Forbidden UnreadReason = "Forbidden"
	// NotInstalled: the server does not know the resource.
	NotInstalled UnreadReason = "NotInstalled"
	// Failed: any other error.
	Failed UnreadReason = "Failed"
)

// Unread is a read that failed, and so a part of the view that is missing.
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
