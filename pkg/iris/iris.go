// Package iris holds facts about the product: the IrisCluster resource; the labels,
// names, containers and ports of what the InterSystems Kubernetes Operator (IKO)
// creates; and small types for the cluster and its pods. docs/iko.md says for each
// fact whether it is documented or assumed.
package iris

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The IrisCluster resource. v1alpha1 is the only version ever seen.
const (
	Group    = "intersystems.com"
	Version  = "v1alpha1"
	Kind     = "IrisCluster"
	Resource = "irisclusters"
	// APIVersion is group and version as an object states them.
	APIVersion = Group + "/" + Version
)

// GroupVersionResource returns the resource for a dynamic client.
func GroupVersionResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: Group, Version: Version, Resource: Resource}
}

// GroupResource returns the resource for errors and messages.
func GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: Group, Resource: Resource}
}

// Labels of the pods that IKO creates (seen alike in 2020 and in 2024), and the
// one that the StatefulSet controller adds.
const (
	// LabelComponent is the pod's part in the cluster: data, compute, …
	LabelComponent = "intersystems.com/component"
	// LabelKind is always "IrisCluster".
	LabelKind = "intersystems.com/kind"
	// LabelName is the name of the IrisCluster.
	LabelName = "intersystems.com/name"
	// LabelRole is "iris" on pods that run IRIS. It is not the mirror role.
	LabelRole = "intersystems.com/role"
	// LabelShard is the number of the shard as text, "0" if there is one.
	LabelShard = "intersystems.com/shard"
	// LabelMirrorRole is set at run time: primary or backup. It says what IKO
	// believes; a pod that just started has none.
	LabelMirrorRole = "intersystems.com/mirrorRole"
	// LabelPodName is set by Kubernetes and names exactly one pod.
	LabelPodName = "statefulset.kubernetes.io/pod-name"

	// RoleIRIS is the value of LabelRole.
	RoleIRIS = "iris"
)

// KindSelector selects the pods of every IrisCluster. A pod without the name label
// belongs to none.
const KindSelector = LabelKind + "=" + Kind + "," + LabelName

// OperatorSelector selects IKO's pods: the label app was iris-operator in 3.3 and
// iris-operator-amd from 3.5 to 3.7 (vendor charts). The other label that they have,
// release, is the user's.
const OperatorSelector = "app in (iris-operator,iris-operator-amd)"

// Components of an IrisCluster, the values of LabelComponent. arbiter, sam and
// iam are inferred; the others were seen.
const (
	ComponentData       = "data"
	ComponentCompute    = "compute"
	ComponentArbiter    = "arbiter"
	ComponentWebGateway = "webgateway"
)

// Mirror roles, the values of LabelMirrorRole that were seen. There may be others.
const (
	MirrorPrimary = "primary"
	MirrorBackup  = "backup"
)

// SidecarContainer is the name of the web gateway container next to IRIS in one
// pod. The name of the IRIS container is not established.
const SidecarContainer = "webgateway"

// Ports of an instance.
const (
	// PortSuperserver serves client connections to IRIS.
	PortSuperserver = 1972
	// PortWeb is the web port of IRIS itself, and of a locked-down web gateway.
	PortWeb = 52773
	// PortGateway is the web port of a web gateway under Apache or nginx;
	// GatewayTypes has the port of each type.
	PortGateway = 80
	// PortGatewayTLS is served only with spec.tls.webgateway.
	PortGatewayTLS = 443
	// PortAgent is ISCAgent's, in mirror members and arbiters.
	PortAgent = 2188
)

// NameSuperserver is the name that users give for PortSuperserver.
const NameSuperserver = "superserver"

// NameWebServer is the name of a container's port for pages, as it was seen.
const NameWebServer = "webserver"

// PortalPath is the path of the Management Portal.
const PortalPath = "/csp/sys/UtilHome.csp"

// HeadlessService is the headless Service that IKO manages in a namespace for all
// of its clusters.
const HeadlessService = "iris-svc"

// ServiceNames returns the names of the Services that IKO manages for a cluster:
// the headless one of the namespace, the cluster's own and its web gateway's.
func ServiceNames(cluster string) []string {
	return []string{HeadlessService, cluster, cluster + "-webgateway"}
}
