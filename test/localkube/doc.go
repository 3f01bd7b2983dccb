// Package localkube starts a real Kubernetes on this machine, for tests and for
// the demo, and leaves nothing behind: a control plane, and with Options.Node a
// real node that runs pods.
//
// The programs are etcd, kube-apiserver, kube-controller-manager and kubectl,
// built by [Ensure] from the Go modules that test/tools/kubernetes pins, once
// per version and platform, into a cache outside the checkout. [Start] runs
// them on the loopback interface, with etcd on a unix socket, and gives back a
// [Cluster]. It works on Linux and macOS.
//
// # Tests
//
// A test binary has one control plane at most, which its TestMain starts, and
// each test takes a namespace of its own:
//
//	var cluster *localkube.Cluster
//
//	func TestMain(m *testing.M) {
//		os.Exit(localkube.RunTests(m, localkube.Options{}, func(c *localkube.Cluster) { cluster = c }))
//	}
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		namespace, err := cluster.NewNamespace(t.Context())
//		...
//	}
//
// Without a node there is no scheduler and no kubelet: a pod runs nowhere.
// Whoever wants it in an EndpointSlice makes a bare Node, names it in
// spec.nodeName and writes the pod's status. For the same reason a pod with a node goes away only with
// grace period 0, and the controllers that look after nodes do not run: they
// would declare the bare Node dead after a minute, and its pods unready.
//
// # A node
//
// With Options.Node there are also kube-scheduler, kubelet, kube-proxy,
// containerd, runc and CNI plugins, and the stand-in images of test/images. It
// needs Linux and root; [Supported] says in one line what is missing. Debian has
// what it needs in the packages nftables, and to build runc gcc, libc6-dev,
// libseccomp-dev and pkg-config.
//
// All programs of such a cluster, the control plane too, run in one network,
// mount and process namespace of their own. A pair of interfaces joins it with
// this machine, from where the API server, node ports, Services, load balancer
// addresses and pods are reached directly; see [NodeIP]. Nothing in it reaches
// anything but this machine: it has no default route. The pair's name makes it
// one node per machine. There is no DNS.
//
// The programs see empty folders, in memory, in place of /run, /var/lib and
// /var/log; their pods are below a cgroup of their own; and they find the kernel
// set as a kubelet sets it, by files in place of those in /proc/sys, so that it
// does not set this machine's.
//
// # Nothing left behind
//
// The programs are children of a supervisor: this very program, started once
// more in a session of its own, with a pipe from the process that asked for the
// cluster. When the pipe closes, because of [Cluster.Stop], an interrupt, a
// crash or SIGKILL, the supervisor kills its children, removes the cluster's
// folder and ends. With a node its child is the first process in the namespaces,
// with which the kernel ends everything in them; cgroups and the interface it
// removes itself. Should the supervisor be killed, so are its children; then the
// folder is left, and empty cgroups until the next cluster with a node ends.
//
// That is why every program that calls [Start] has to call [IsSupervisor] first;
// [RunTests] does.
package localkube
