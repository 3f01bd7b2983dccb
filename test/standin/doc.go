// Package standin is the stand-in operator: it plays the InterSystems Kubernetes
// Operator (IKO) and IRIS on a real control plane, so that tests and the demo have
// IrisClusters to look at. Neither IKO nor IRIS is used or needed.
//
// For each IrisCluster it makes the objects that IKO is documented or seen to make;
// StatefulSet pods, EndpointSlices and garbage collection are left to the real
// controllers. On a control plane without nodes it also keeps a bare Node and plays
// its kubelet. It holds what IRIS would say of its mirror members, and moves the
// label intersystems.com/mirrorRole after it, late or not at all if told so. Which program
// of IKO's sets that label is not known: the operator itself, or one in each pod. [?]
//
// # What is assumed of the operator
//
// The following is inferred from the code base that IKO seems to share [I+], and was never
// seen in a live cluster. Tests may use it; the plugin may not depend on it.
//
//   - status.phase passes Creating, Initializing and Running. Once Running, it says nothing
//     of pods that go later. If a sync fails it is Failed, with status.reason.
//   - status.observedGeneration is a string, the generation and a hash joined by "$".
//   - The finalizer intersystems.com holds an IrisCluster until the operator has seen its
//     deletion: without the operator (paused, or not running) it stays.
//   - Services and StatefulSets have an owner reference to their IrisCluster, but for
//     iris-svc, which is shared.
//   - Each sync replaces the annotations of the cluster's Services by those of
//     serviceTemplate.metadata.annotations. The template has no labels.
//   - A Service or StatefulSet of a name that the cluster needs, without the kind and name
//     labels of the cluster, is left alone: "already exists", and the cluster has failed.
//   - Events about the IrisCluster have the reasons Successful, Failed, Invalid and
//     Initializing.
//
// There is no Deployment of an operator in the Kubernetes cluster, as where IKO runs in
// another one.
//
// A test binary has one stand-in for its control plane, and a namespace for each test:
//
//	stop := standin.Start(cluster.Config, standin.Options{})
//	names, err := standin.Apply(ctx, client, namespace, document)
//	err = standin.WaitRunning(ctx, client, namespace, names[0])
//	err = standin.Annotate(ctx, client, namespace, names[0], standin.AnnotationLabels, "frozen")
//
// # How sure each fact is
//
// Comments carry the marks of the project's notes on IKO: [D] documented by the
// vendor, [S] seen in a public example or dump, [I+] assumed of IKO because of the code
// base that it seems to share, [I] inferred, [?] not established.
// What carries [?] is a choice of the stand-in and no fact of the product: nothing
// may rely on it.
//
// Label keys, names and ports are written here as literals and are not imported
// from the plugin's own packages, so that a wrong constant there fails a test
// instead of being wrong on both sides.
//
// # Controls
//
// Annotations of the domain stand-in.kubectl-iris steer it, from a test as well as
// with kubectl annotate. On an IrisCluster:
//
//	labels: follow|frozen   whether mirrorRole labels follow IRIS (default follow)
//	label-delay: 2s         how long after IRIS the labels follow (default Options.LabelDelay)
//	primary: POD[,POD]      planned switch: this pod becomes the primary of its shard;
//	                        honoured once per change of the value
//	async: "1"              number of DR async members of each shard
//	async-label: backup     mirrorRole value of async members (default: no label)
//	mirror-map: drasync     roles of each shard's members by ordinal: primary, backup,
//	                        drasync, rorasync, rwrasync (default primary,backup); async
//	                        members are added to it
//	pending: POD[,POD]      pods that find no node while they are named here
//	sidecar-ports: none     the sidecar declares no container ports (default declared)
//	web-server: none        the instances have no web server of their own, or own: also those
//	                        beside a sidecar on port 80 have one (default auto: those without
//	                        a sidecar)
//	iris-container: NAME    name of the IRIS container (default Options.IRISContainer)
//	phase: Failed           status.phase, whatever is true
//	reason: TEXT            status.reason, with phase
//	sync: "2"               each new value brings about a sync
//	paused: "true"          the stand-in leaves this cluster alone, as if there were no
//	                        operator
//
// On a pod:
//
//	ready: "false"          no container of the pod is ready, and its IRIS is down
//
// An unplanned failover needs no control: delete the primary's pod.
//
// # On a real node
//
// With Options.RealNode the pods run the stand-in images of test/images, whose members
// agree themselves which one is primary: the stand-in asks them and moves the labels
// after their answers, and never the other way round. The annotations pending and ready
// have no effect there; the images have switches of their own. With Options.LoadBalancer
// it also plays a cloud's load balancer for all Services of that type.
//
// The status fields observedByStandIn, which spec and annotations the stand-in has seen,
// and unreadyByStandIn, how many pods are not ready, are its own; Annotate and WaitRunning
// wait for them.
package standin
