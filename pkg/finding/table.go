package finding

import (
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A Kind is what is known about all findings of one code. No field may be empty.
type Kind struct {
	Code     view.FindingCode
	Severity view.Severity
	// Rating says why the severity is what it is.
	Rating string
	Title  string
	// Meaning says what is the case, and what it costs users.
	Meaning string
	// Action says what to do.
	Action string
	// Basis says how well the facts are known on which the finding rests, and
	// Source what they are.
	Basis  Basis
	Source string
}

// Basis says how well a fact about IKO, IRIS or Kubernetes is known.
type Basis string

// The bases.
const (
	// Documented is said by the vendor or by Kubernetes.
	Documented Basis = "documented"
	// Seen is found in a public example, dump or log.
	Seen Basis = "seen"
	// Inferred is concluded from the facts around it.
	Inferred Basis = "inferred"
)

// The codes.
const (
	NoPods                    view.FindingCode = "NoPods"
	NoPrimary                 view.FindingCode = "NoPrimary"
	SeveralPrimaries          view.FindingCode = "SeveralPrimaries"
	NoBackup                  view.FindingCode = "NoBackup"
	SeveralBackups            view.FindingCode = "SeveralBackups"
	RoleDisagrees             view.FindingCode = "RoleDisagrees"
	AsyncLabelledBackup       view.FindingCode = "AsyncLabelledBackup"
	RoleLabelMissing          view.FindingCode = "RoleLabelMissing"
	InstanceDown              view.FindingCode = "InstanceDown"
	InstanceHung              view.FindingCode = "InstanceHung"
	SignOnInhibited           view.FindingCode = "SignOnInhibited"
	MemberInTrouble           view.FindingCode = "MemberInTrouble"
	MemberNotConnected        view.FindingCode = "MemberNotConnected"
	MemberInTransition        view.FindingCode = "MemberInTransition"
	PodNotReady               view.FindingCode = "PodNotReady"
	PodNotCreated             view.FindingCode = "PodNotCreated"
	ServiceReachesNothing     view.FindingCode = "ServiceReachesNothing"
	PortReachesNothing        view.FindingCode = "PortReachesNothing"
	ServiceReachesTerminating view.FindingCode = "ServiceReachesTerminating"
	ExposedPodGone            view.FindingCode = "ExposedPodGone"
	ExposedSidecarMissing     view.FindingCode = "ExposedSidecarMissing"
	AddressPending            view.FindingCode = "AddressPending"
	SelectorTooWide           view.FindingCode = "SelectorTooWide"
	NoIrisCluster             view.FindingCode = "NoIrisCluster"
	BeingDeleted              view.FindingCode = "BeingDeleted"
)

// Table returns every kind of finding, in the order of docs/findings.md.
func Table() []Kind { return slices.Clone(table) }

// table is not written to.
var table = []Kind{
	{
		Code:     NoPods,
		Severity: view.SeverityError,
		Rating:   "The data of this data node or shard is served by no instance.",
		Title:    "A data node or a shard has no pods",
		Meaning:  "The IrisCluster asks for a data node or a shard, and no pod of it exists. If Kubernetes refused to create the pods, the message quotes the refusal.",
		Action:   "Remove the cause that the message quotes, such as a quota or a Pod Security level; the pods are then created without further help. Without a cause in the message, read the operator's events with the command of the hint.",
		Basis:    Seen,
		Source:   "the labels that IKO gives to pods; a pod that is refused leaves a FailedCreate event (Kubernetes)",
	},
	{
		Code:     NoPrimary,
		Severity: view.SeverityError,
		Rating:   "A mirror without a primary accepts no writes, and Services for the primary reach no pod.",
		Title:    "No member of the mirror is the primary",
		Meaning:  "IRIS says of no member that it is the primary and, where IRIS did not answer, no pod is labelled primary. During a failover this lasts for seconds.",
		Action:   "Follow a failover with kubectl iris status CLUSTER -w. If it lasts, ask IRIS in the members that are ready, and read their logs; the hint has the command.",
		Basis:    Seen,
		Source:   "iris qlist, the mirror metrics and mirror_status.cxw, in this order; else the label intersystems.com/mirrorRole",
	},
	{
		Code:     SeveralPrimaries,
		Severity: view.SeverityError,
		Rating:   "Clients may write to two instances, or to one that refuses writes.",
		Title:    "Several members are the primary",
		Meaning:  "IRIS says so of several members of one shard, or several pods are labelled primary and IRIS did not say which of them is the primary. Services for the primary alternate between these pods.",
		Action:   "Ask IRIS in each of the pods. If it says primary in one only, the labels are wrong: kubectl iris relabel CLUSTER. If it says so in several, stop the clients that write and call InterSystems support.",
		Basis:    Documented,
		Source:   "a mirror has one primary; its members say what they are by iris qlist, metrics and mirror_status.cxw",
	},
	{
		Code:     NoBackup,
		Severity: view.SeverityError,
		Rating:   "The next failure of the primary is an outage: no member can take over.",
		Title:    "No member of the mirror is the backup",
		Meaning:  "There is a primary, and neither IRIS nor a label says of any other member that it is the backup. Services for the backup reach no pod.",
		Action:   "See whether the other failover member's pod is there and ready, and what IRIS says in it. It becomes the backup by itself once it has caught up.",
		Basis:    Seen,
		Source:   "iris qlist and the mirror metrics; else the label intersystems.com/mirrorRole",
	},
	{
		Code:     SeveralBackups,
		Severity: view.SeverityError,
		Rating:   "Services for the backup reach a member that is not the backup.",
		Title:    "Several members are the backup",
		Meaning:  "A shard has one backup, and several pods are labelled backup or say that they are it. Services for the backup alternate between them.",
		Action:   "Ask IRIS in the pods in which it has not said so; then kubectl iris relabel CLUSTER sets the labels to IRIS's answers. If IRIS itself says so of several members, read what it logged last in each.",
		Basis:    Documented,
		Source:   "of a mirror's two failover members one is the primary, so at most one is the backup",
	},
	{
		Code:     RoleDisagrees,
		Severity: view.SeverityError,
		Rating:   "Services that select the role reach the wrong instance, without an error that a client would notice.",
		Title:    "A role label differs from IRIS's answer",
		Meaning:  "The label gives the pod a role that IRIS says it does not have, or that IRIS confirms in another member while this one does not say. The message names the Services that are affected.",
		Action:   "kubectl iris relabel CLUSTER sets the labels to IRIS's answers, after it has shown what changes.",
		Basis:    Seen,
		Source:   "iris qlist, the mirror metrics and mirror_status.cxw beside the label intersystems.com/mirrorRole",
	},
	{
		Code:     AsyncLabelledBackup,
		Severity: view.SeverityError,
		Rating:   "Services for the backup reach a copy that may be far behind, and the cluster seems to have a backup that it does not have.",
		Title:    "An async member is labelled backup",
		Meaning:  "IRIS says that the member is for disaster recovery or reporting. Such a member never takes over by itself.",
		Action:   "kubectl iris relabel CLUSTER takes the label off.",
		Basis:    Seen,
		Source:   "the member type in iris qlist and in the mirror metrics",
	},
	{
		Code:     RoleLabelMissing,
		Severity: view.SeverityWarning,
		Rating:   "IRIS works, and the mirror fails over by itself. If a role is not known, or a Service reaches no pod because the label is missing and EndpointSlices could be read, there is an error for that.",
		Title:    "A member has no role label",
		Meaning:  "The pod is ready and has no label intersystems.com/mirrorRole, although IRIS says that it has a role or it is one of the two failover members. No Service that selects a role reaches it.",
		Action:   "If IRIS has said what the member is: kubectl iris relabel CLUSTER. Otherwise ask IRIS in the pod first.",
		Basis:    Inferred,
		Source:   "IKO labels the two failover members while they run; which members these are is concluded from their ordinals if IRIS does not say",
	},
	{
		Code:     InstanceDown,
		Severity: view.SeverityError,
		Rating:   "The instance serves no connection, though its pod may be ready.",
		Title:    "IRIS in a pod is down",
		Meaning:  "The container runs, and iris qlist says that the instance in it is down.",
		Action:   "Read what IRIS logged last with the command of the hint.",
		Basis:    Seen,
		Source:   "the word down in the fourth field of iris qlist; no other word counts as down",
	},
	{
		Code:     InstanceHung,
		Severity: view.SeverityError,
		Rating:   "The instance accepts connections and does not work on them.",
		Title:    "IRIS in a pod hangs",
		Meaning:  "iris qlist says that the instance's state is hung.",
		Action:   "Read what IRIS logged last, and call InterSystems support before the pod is restarted: what a hang leaves in memory is lost then.",
		Basis:    Documented,
		Source:   "the system state that iris qlist prints",
	},
	{
		Code:     SignOnInhibited,
		Severity: view.SeverityError,
		Rating:   "Users of this instance are refused, as while it is down.",
		Title:    "IRIS is up and accepts no sign-ons",
		Meaning:  "The instance starts, changes its role, or has a fault. It is often over within a minute.",
		Action:   "Wait for a minute; if it stays so, read what IRIS logged last.",
		Basis:    Seen,
		Source:   "the words sign-on inhibited in the fourth field of iris qlist",
	},
	{
		Code:     MemberInTrouble,
		Severity: view.SeverityError,
		Rating:   "The member has lost the others or its journals: it accepts no writes as the primary, and cannot take over as the backup.",
		Title:    "A mirror member is in trouble",
		Meaning:  "IRIS gives its mirror status as In Trouble.",
		Action:   "Read what IRIS logged last; see whether the members and the arbiter reach each other.",
		Basis:    Documented,
		Source:   "the mirror status in iris qlist and in the mirror metrics",
	},
	{
		Code:     MemberNotConnected,
		Severity: view.SeverityError,
		Rating:   "The member receives nothing from its mirror: its copy grows old, and it cannot take over.",
		Title:    "A mirror member takes no part in its mirror",
		Meaning:  "IRIS says Not Initialized, Stopped, Crashed, Disconnected, Down or Error, or that the instance belongs to no mirror.",
		Action:   "Read what IRIS logged last.",
		Basis:    Documented,
		Source:   "the mirror status in iris qlist and in the mirror metrics; Disconnected, Down and Error are seen on other pages",
	},
	{
		Code:     MemberInTransition,
		Severity: view.SeverityError,
		Rating:   "While it lasts, the mirror may have no primary, or no backup that can take over: the member's label says neither.",
		Title:    "A mirror member is on its way to another status",
		Meaning:  "IRIS says Transition, Synchronizing or Waiting. It lasts for seconds, or as long as a member needs to catch up.",
		Action:   "Wait, or follow it with kubectl iris status CLUSTER -w. If it stays so, read what IRIS logged last.",
		Basis:    Documented,
		Source:   "the mirror status in iris qlist and in the mirror metrics",
	},
	{
		Code:     PodNotReady,
		Severity: view.SeverityError,
		Rating:   "An instance, web gateway or arbiter is missing: users notice, or will at the next failure.",
		Title:    "A pod is not ready",
		Meaning:  "No Service sends connections to the pod. The message gives its state, what its containers report and the newest Warning about it. A pod that is being deleted is not ready either.",
		Action:   "Remove the cause that the message gives: the hint shows the log of the container that ends, or describes the pod.",
		Basis:    Documented,
		Source:   "the pod's Ready condition, container statuses and events (Kubernetes)",
	},
	{
		Code:     PodNotCreated,
		Severity: view.SeverityError,
		Rating:   "A pod that the cluster needs is missing and does not come by itself.",
		Title:    "Kubernetes refuses to create a pod",
		Meaning:  "A StatefulSet or ReplicaSet of the cluster has fewer pods than it should, and its newest Warning says why the next one was refused: a quota, Pod Security, a webhook.",
		Action:   "Remove the cause that the message quotes; the pod is then created without further help.",
		Basis:    Documented,
		Source:   "FailedCreate events of StatefulSets and ReplicaSets (Kubernetes); which of them are IKO's is concluded from their names",
	},
	{
		Code:     ServiceReachesNothing,
		Severity: view.SeverityError,
		Rating:   "Every connection to this Service is refused or times out.",
		Title:    "A Service reaches no pod",
		Meaning:  "A Service that IKO manages or that this tool created has no ready endpoint. The message says why: no pod has the labels that it selects, the pods are not ready, or no container declares the port.",
		Action:   "If no pod has the labels, compare them with the selector. If pods are not ready, they have findings of their own.",
		Basis:    Documented,
		Source:   "EndpointSlices (Kubernetes); the names of IKO's Services are seen",
	},
	{
		Code:     PortReachesNothing,
		Severity: view.SeverityError,
		Rating:   "Every connection to these ports is refused or times out.",
		Title:    "Some ports of a Service reach no pod",
		Meaning:  "The Service reaches pods at its other ports. Usually no container declares the port that the Service names as its target.",
		Action:   "Compare the Service's target ports with those that the pod's containers declare.",
		Basis:    Documented,
		Source:   "EndpointSlices (Kubernetes)",
	},
	{
		Code:     ServiceReachesTerminating,
		Severity: view.SeverityWarning,
		Rating:   "Connections still arrive. When the pod has ended, ServiceReachesNothing is an error.",
		Title:    "A Service reaches only pods that terminate",
		Meaning:  "No pod that the Service selects is ready, so Kubernetes sends connections to one that is about to end.",
		Action:   "If the pods are restarted on purpose, wait for the next one to be ready.",
		Basis:    Documented,
		Source:   "EndpointSlices with serving and terminating endpoints (Kubernetes)",
	},
	{
		Code:     ExposedPodGone,
		Severity: view.SeverityWarning,
		Rating:   "Nothing of the cluster itself is missing; the Service is left over.",
		Title:    "The pod of an exposed Service is gone",
		Meaning:  "expose-pod created the Service for a pod that no longer exists, as after the number of members was reduced.",
		Action:   "If the pod is not to come back: kubectl iris unexpose SERVICE.",
		Basis:    Documented,
		Source:   "the labels that this tool gives to its Services",
	},
	{
		Code:     ExposedSidecarMissing,
		Severity: view.SeverityWarning,
		Rating:   "Nothing of the cluster itself is missing; only a Service that this tool created has no target.",
		Title:    "An exposed sidecar is missing",
		Meaning:  "The Service was created for the web gateway sidecar, and pods that it selects have no such container.",
		Action:   "If the pods are to have the sidecar, set webgateway below spec.topology.data or .compute in the IrisCluster, which restarts them; else kubectl iris unexpose SERVICE.",
		Basis:    Seen,
		Source:   "the sidecar's container is called webgateway",
	},
	{
		Code:     AddressPending,
		Severity: view.SeverityWarning,
		Rating:   "The Service works at its cluster IP; only the address from outside is missing.",
		Title:    "A load balancer has no address yet",
		Meaning:  "The Service is of type LoadBalancer and has been given no address. The message says what the load-balancer controller reports, or that it sees no sign of one.",
		Action:   "Read the Service's events with the command of the hint. Without a load-balancer controller, expose again with --type=NodePort or --type=ClusterIP what this tool created; the type of IKO's own Services is in the IrisCluster's serviceTemplate.",
		Basis:    Documented,
		Source:   "status.loadBalancer and events of the Service (Kubernetes)",
	},
	{
		Code:     SelectorTooWide,
		Severity: view.SeverityWarning,
		Rating:   "The Service is none of IKO's or this tool's, and may be meant to do so.",
		Title:    "A Service mixes pods of several clusters",
		Meaning:  "Its selector uses IKO's labels and does not name the cluster, so that clients reach one cluster or another by chance.",
		Action:   "Add intersystems.com/name to the selector.",
		Basis:    Seen,
		Source:   "the labels that IKO gives to pods",
	},
	{
		Code:     NoIrisCluster,
		Severity: view.SeverityWarning,
		Rating:   "The pods may work, and may have been created without the operator on purpose.",
		Title:    "Pods carry the labels of an IrisCluster that does not exist",
		Meaning:  "IrisClusters were read, and there is none of that name. No operator manages these pods, so none restores them or their labels.",
		Action:   "See which controller manages the pods with the command of the hint.",
		Basis:    Seen,
		Source:   "the label intersystems.com/name names the IrisCluster",
	},
	{
		Code:     BeingDeleted,
		Severity: view.SeverityWarning,
		Rating:   "It was asked for, and what still runs is served. Pods that end have errors of their own.",
		Title:    "The IrisCluster is being deleted",
		Meaning:  "It is marked for deletion and waits for its finalizers.",
		Action:   "If it stays, see which finalizer is left and whether its controller, usually the operator, runs.",
		Basis:    Documented,
		Source:   "metadata.deletionTimestamp (Kubernetes)",
	},
}
