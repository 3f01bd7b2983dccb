package localkube

import (
	"fmt"
	"path/filepath"

	"github.com/kubectl-iris/kubectl-iris/test/images"
)

// Files of the node in the cluster's folder. What its programs write besides is
// in folders that only they see, and goes with them.
const (
	kubeletCert       = "pki/kubelet.crt"
	kubeletKey        = "pki/kubelet.key"
	kubeletClientCert = "pki/kubelet-client.crt" // the API server's, at the kubelet
	kubeletClientKey  = "pki/kubelet-client.key"
	containerdSocket  = "containerd.sock"
	containerdConfig  = "node/containerd.toml"
	cniConfig         = "node/cni/10-bridge.conflist"
	kubeletConfig     = "node/kubelet.yaml"
	kubeProxyConfig   = "node/kube-proxy.yaml"
	resolvConf        = "node/resolv.conf"
)

// Names of the node's processes.
const (
	schedulerName  = "kube-scheduler"
	kubeletName    = "kubelet"
	kubeProxyName  = "kube-proxy"
	containerdName = "containerd"
	runcName       = "runc"
	ctrName        = "ctr"
	importName     = "import-images"
)

// nodeDir is the cluster's folder as the node's processes see it: short enough
// for the path of a unix socket.
const nodeDir = "/run/localkube"

const (
	// hostLink and nodeLink are the two ends between this machine and the node.
	hostLink = "localkube0"
	nodeLink = "eth0"
	podCIDR  = "10.244.0.0/24"
	// cgroupName is the cgroup below which the node's pods are, in each hierarchy. A
	// kubelet that had the root would end the pods of every other one.
	cgroupName = "localkube"
	// apiServerPort is the API server's port on the node, where nobody else has any.
	apiServerPort = 6443
	// kubeProxyHealth is where kube-proxy tells whether it is well.
	kubeProxyHealth = NodeIP + ":10256"
	// resolvConfLines: there is no DNS.
	resolvConfLines = "nameserver 127.0.0.1\n"
)

// serviceCIDRs are the addresses of Services.
func serviceCIDRs() []string {
	return []string{serviceCIDR, LoadBalancerCIDR}
}

// nodeControllers are the controllers that look after nodes and their pods.
func nodeControllers() []string {
	return []string{"node-lifecycle-controller", "taint-eviction-controller", "pod-garbage-collector-controller"}
}

// containerdProcess finds runc and its own shim by PATH.
func containerdProcess(b Binaries) process {
	return process{
		Name: containerdName, Path: filepath.Join(b.NodeDir, containerdName),
		Args: []string{"--config=" + containerdConfig},
		Env:  []string{"PATH=" + b.NodeDir + ":/usr/sbin:/usr/bin:/sbin:/bin"},
	}
}

// containerdTOML configures containerd. It cannot raise a process's share of
// memory pressure where the machine keeps that right to itself, and AppArmor's
// profiles are the whole machine's.
func containerdTOML(b Binaries) string {
	return fmt.Sprintf(`version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.erofs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.nri.v1.nri",
  "io.containerd.internal.v1.opt",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
  address = %q
[ttrpc]
  address = "/run/containerd/containerd.sock.ttrpc"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = %q
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = [%q]
    conf_dir = %q
`, nodeDir+"/"+containerdSocket, images.Pause, b.NodeDir, nodeDir+"/"+filepath.Dir(cniConfig))
}

// cniConflist is the network of the pods: a bridge, routed, without address
// translation, so that they see each other's addresses and nothing gets out.
func cniConflist() string {
	return fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "localkube", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": true}}
]}
`, podCIDR)
}

// importProcess imports the stand-in images into containerd, and ends.
func importProcess(b Binaries) process {
	return process{Name: importName, Path: filepath.Join(b.NodeDir, ctrName), Args: []string{
		"--address=" + nodeDir + "/" + containerdSocket, "--namespace=k8s.io", "images", "import", "--local", b.Images,
	}}
}

// schedulerProcess serves nothing.
func schedulerProcess(b Binaries) process {
	return process{Name: schedulerName, Path: b.Path(schedulerName), Args: []string{
		"--kubeconfig=" + kubeconfigOf(schedulerName), "--secure-port=0", "--leader-elect=false", "--profiling=false",
	}}
}

func kubeletProcess(b Binaries) process {
	return process{Name: kubeletName, Path: b.Path(kubeletName), Args: []string{
		"--config=" + kubeletConfig, "--kubeconfig=" + kubeconfigOf(kubeletName),
		"--hostname-override=" + NodeName, "--node-ip=" + NodeIP,
	}}
}

// kubeletYAML configures the kubelet. Paths are relative to the file. Nothing is
// evicted: what the pods write is in memory, of which a kubelet cannot tell how
// much is left. Addresses
// of DNS are told to pods though nothing answers there: without one every pod
// gets a warning.
func kubeletYAML() string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %s
healthzPort: 0
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: ../%s}}
authorization: {mode: AlwaysAllow}
tlsCertFile: ../%s
tlsPrivateKeyFile: ../%s
containerRuntimeEndpoint: unix://%s/%s
cgroupDriver: cgroupfs
cgroupRoot: /%s
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
enforceNodeAllocatable: [pods]
evictionHard: {memory.available: "0%%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
localStorageCapacityIsolation: false
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: %s
maxPods: 200
nodeStatusUpdateFrequency: 5s
syncFrequency: 10s
`, NodeIP, caCert, kubeletCert, kubeletKey, nodeDir, containerdSocket, cgroupName, filepath.Base(resolvConf))
}

func kubeProxyProcess(b Binaries) process {
	return process{Name: kubeProxyName, Path: b.Path(kubeProxyName), Args: []string{"--config=" + kubeProxyConfig}}
}

// kubeProxyYAML configures kube-proxy. The limits of connection tracking are the
// whole machine's; zeros leave them alone.
func kubeProxyYAML() string {
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: %s
bindAddress: %s
healthzBindAddress: %s
metricsBindAddress: 127.0.0.1:10249
clusterCIDR: %s
clientConnection: {kubeconfig: %s}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s, udpTimeout: 0s, udpStreamTimeout: 0s}
nftables: {minSyncPeriod: 100ms}
`, NodeName, NodeIP, kubeProxyHealth, podCIDR, kubeconfigOf(kubeProxyName))
}
