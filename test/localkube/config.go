package localkube

import (
	"fmt"
	"net"
	"strings"
)

// Files in the cluster's folder. All processes run there, so these paths,
// being relative, hold for all of them however long the folder's own path is:
// that of a unix socket may have 104 characters.
const (
	caCert            = "pki/ca.crt"
	caKey             = "pki/ca.key"
	apiServerCert     = "pki/apiserver.crt"
	apiServerKey      = "pki/apiserver.key"
	serviceAccountKey = "pki/service-account.key"
	etcdSocket        = "etcd.sock:0" // etcd before 3.7 wants a port in the URL, though a socket has none
	auditPolicyFile   = "audit-policy.yaml"
	auditLog          = "audit.log"
	adminKubeconfig   = "admin.kubeconfig"
)

// Names of the processes, and of their binaries.
const (
	etcdName              = "etcd"
	apiServerName         = "kube-apiserver"
	controllerManagerName = "kube-controller-manager"
)

const (
	loopback         = "127.0.0.1"
	serviceCIDR      = "10.96.0.0/16"
	kubernetesIP     = "10.96.0.1" // the first of serviceCIDR, always Service "kubernetes"
	auditPolicyLines = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: ["system:apiserver", "system:kube-controller-manager"]
- level: None
  userGroups: ["system:serviceaccounts:kube-system"]
- level: Metadata
`
)

// controlPlaneControllers are the controllers that run where there is no node.
// Those that look after nodes are left out: they would declare a bare Node dead
// after a minute, and its pods unready. With a list the controller manager is
// at work seconds earlier than with all of them.
func controlPlaneControllers() []string {
	return []string{
		"serviceaccount-controller", "serviceaccount-token-controller", "root-ca-certificate-publisher-controller",
		"clusterrole-aggregation-controller", "namespace-controller", "garbage-collector-controller",
		"endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller",
		"statefulset-controller", "deployment-controller", "replicaset-controller", "daemonset-controller",
		"job-controller", "cronjob-controller", "disruption-controller",
		"persistentvolume-binder-controller", "persistentvolumeclaim-protection-controller",
	}
}

// servingNames are what the API server is called in the cluster and on this
// machine.
func servingNames() []string {
	return []string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}
}

// servingIPs are the addresses of the API server, and of the kubelet.
func servingIPs() []net.IP {
	return []net.IP{net.ParseIP(loopback), net.ParseIP(kubernetesIP), net.ParseIP(NodeIP)}
}

// kubeconfigOf is the file with the rights of a component.
func kubeconfigOf(name string) string {
	return name + ".kubeconfig"
}

// etcdProcess listens on unix sockets only: an API server cannot end up at
// another cluster's etcd, and no port is taken.
func etcdProcess(b Binaries) process {
	const client, peer = "unix://" + etcdSocket, "unix://etcd-peer.sock:0"
	return process{Name: etcdName, Path: b.Path(etcdName), Args: []string{
		"--name=localkube", "--data-dir=etcd",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=localkube=" + peer,
		"--unsafe-no-fsync", "--log-level=warn",
	}}
}

// apiServerProcess listens on the address, of the loopback interface or a node.
func apiServerProcess(b Binaries, address string, port int) process {
	args := []string{
		"--bind-address=" + address, "--advertise-address=" + address, fmt.Sprintf("--secure-port=%d", port),
	}
	if address == loopback {
		// It would refuse to publish a loopback address as the endpoint of Service "kubernetes".
		args = append(args, "--endpoint-reconciler-type=none")
	} else {
		args = append(args, "--kubelet-client-certificate="+kubeletClientCert, "--kubelet-client-key="+kubeletClientKey,
			"--kubelet-certificate-authority="+caCert, "--kubelet-preferred-address-types=InternalIP")
	}
	return process{Name: apiServerName, Path: b.Path(apiServerName), Args: append(args,
		"--etcd-servers=unix://"+etcdSocket,
		"--tls-cert-file="+apiServerCert, "--tls-private-key-file="+apiServerKey, "--client-ca-file="+caCert,
		"--service-account-key-file="+serviceAccountKey, "--service-account-signing-key-file="+serviceAccountKey,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-cluster-ip-range="+serviceCIDR,
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		// One file: it never gets so long that it is rotated.
		"--audit-policy-file="+auditPolicyFile, "--audit-log-path="+auditLog, "--audit-log-maxsize=100000",
		"--profiling=false",
	)}
}

// controllerManagerProcess runs the given controllers, and serves nothing.
func controllerManagerProcess(b Binaries, controllers []string) process {
	return process{Name: controllerManagerName, Path: b.Path(controllerManagerName), Args: []string{
		"--kubeconfig=" + kubeconfigOf(controllerManagerName), "--secure-port=0", "--leader-elect=false", "--profiling=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + serviceAccountKey, "--root-ca-file=" + caCert,
		"--cluster-signing-cert-file=" + caCert, "--cluster-signing-key-file=" + caKey,
		"--allocate-node-cidrs=false", "--concurrent-gc-syncs=20",
		"--controllers=" + strings.Join(controllers, ","),
	}}
}
