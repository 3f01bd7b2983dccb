package localkube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	// poll is how often something that starts is looked at.
	poll = 25 * time.Millisecond
	// startTimeout is how long one step of a start may take: a few seconds are
	// usual, but the machine may be busy.
	startTimeout = 2 * time.Minute
	// portTaken is in what a server says last that cannot have its port.
	portTaken = "address already in use"
)

// Options say how to start a cluster. The zero value is a good choice.
type Options struct {
	// Node says that the cluster has a node, which runs pods: the set Node. It
	// needs Linux and root, see Supported, and there is one per machine.
	Node bool
	// Binaries of the set ControlPlane, or Node. If empty, Ensure is asked.
	Binaries Binaries
	// Dir is the cluster's folder, for others to find it. The cluster removes
	// it in the end, so it must not exist, or be empty. If Dir is empty, the
	// cluster makes a temporary folder.
	Dir string
	// CRDs are YAML files with CustomResourceDefinitions, applied before the
	// controllers start: the garbage collector looks for new kinds only every 30 s.
	CRDs [][]byte
	// Progress gets a line when something begins, ends, or takes long. If it is
	// nil, nobody is told.
	Progress io.Writer
}

// Cluster is a running control plane, perhaps with a node. Its methods may be called at the same time.
type Cluster struct {
	// Dir is the cluster's folder.
	Dir string
	// Config is for a client with all rights, and without a rate limit.
	Config *rest.Config
	// Kubeconfig is a file with the same rights.
	Kubeconfig string
	// Binaries are the programs that the cluster runs, and kubectl.
	Binaries Binaries

	supervisor *supervisor
	authority  authority
	address    string // of the API server
	port       int
	client     kubernetes.Interface
}

// Start starts a control plane and returns when it is of use: the API server is
// ready, the CRDs are established, the controllers run, the node, if there is to
// be one, is ready. End it with Stop; it ends by itself when this process does.
func Start(ctx context.Context, opts Options) (_ *Cluster, err error) {
	progress := opts.Progress
	if progress == nil {
		progress = io.Discard
	}
	set, role, address := ControlPlane, roleHost, loopback
	if opts.Node {
		if err := Supported(); err != nil {
			return nil, err
		}
		set, role, address = Node, roleNode, NodeIP
	}
	binaries := opts.Binaries
	if binaries.Dir == "" {
		if binaries, err = Ensure(ctx, progress, set); err != nil {
			return nil, err
		}
	}

	done := announce(progress, "starting Kubernetes")
	defer func() { done(err) }()
	supervisor, err := startSupervisor(opts.Dir, role)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Dir: supervisor.dir, Binaries: binaries, supervisor: supervisor, address: address}
	if err := c.start(ctx, opts.CRDs); err != nil {
		return nil, errors.Join(fmt.Errorf("starting Kubernetes: %w", err), c.Stop())
	}
	return c, nil
}

// Stop ends the cluster and removes its folder.
func (c *Cluster) Stop() error {
	return c.supervisor.end()
}

// Detach lets the cluster live on when this process ends, until Shutdown is
// called with its folder. The Cluster is of no use after that.
func (c *Cluster) Detach() error {
	return c.supervisor.detach()
}

// StopAPIServer kills the API server, as a crash would; clients get refused
// connections. It is for test binaries whose tests do not run in parallel.
func (c *Cluster) StopAPIServer() error {
	return c.supervisor.kill(apiServerName)
}

// StartAPIServer starts the API server that StopAPIServer has killed, on the
// same port and with the same objects, and waits until it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	if err := c.supervisor.start(apiServerProcess(c.Binaries, c.address, c.port)); err != nil {
		return err
	}
	return c.waitAPIServer(ctx)
}

// RestartAPIServer is StopAPIServer and StartAPIServer.
func (c *Cluster) RestartAPIServer(ctx context.Context) error {
	if err := c.StopAPIServer(); err != nil {
		return err
	}
	return c.StartAPIServer(ctx)
}

// NewNamespace makes a namespace with a name of its own, and waits until pods
// are accepted in it. It goes with the cluster.
func (c *Cluster) NewNamespace(ctx context.Context) (string, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	namespace, err := c.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("making a namespace: %w", err)
	}
	return namespace.Name, c.waitDefaultServiceAccount(ctx, namespace.Name)
}

// hasNode reports whether the cluster has a node.
func (c *Cluster) hasNode() bool {
	return c.address == NodeIP
}

// start starts the processes one after the other, each when what it needs is there.
func (c *Cluster) start(ctx context.Context, crds [][]byte) error {
	if err := c.supervisor.start(etcdProcess(c.Binaries)); err != nil {
		return err
	}
	if c.hasNode() {
		if err := c.startContainerd(ctx); err != nil {
			return err
		}
	}
	if err := c.writeFiles(); err != nil {
		return err
	}
	if err := c.waitEtcd(ctx); err != nil {
		return err
	}
	if err := c.startAPIServer(ctx); err != nil {
		return err
	}
	if err := applyCRDs(ctx, c.Config, crds); err != nil {
		return err
	}
	if err := c.startControllerManager(ctx); err != nil {
		return err
	}
	if c.hasNode() {
		if err := c.startNode(ctx); err != nil {
			return err
		}
	}
	// Last of all: whoever finds it, finds a cluster that is ready.
	c.Kubeconfig = filepath.Join(c.Dir, adminKubeconfig)
	return WriteKubeconfig(c.Kubeconfig, c.Config, "")
}

// writeFiles makes the keys and certificates, and the audit policy.
func (c *Cluster) writeFiles() error {
	var err error
	if c.authority, err = newAuthority(); err != nil {
		return err
	}
	ca, err := c.authority.pem()
	if err != nil {
		return err
	}
	server, err := c.authority.serving(apiServerName, servingNames(), servingIPs())
	if err != nil {
		return err
	}
	// The certificate is of no use; the API server takes the public key from the private one.
	serviceAccount, err := c.authority.client("service-account", nil, time.Now().Add(lifetime))
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(c.Dir, "pki"), 0o700); err != nil {
		return err
	}
	kubelet, err := c.authority.serving(NodeName, []string{NodeName}, servingIPs())
	if err != nil {
		return err
	}
	kubeletClient, err := c.authority.client("localkube:kubelet-client", []string{"system:masters"}, time.Now().Add(lifetime))
	if err != nil {
		return err
	}
	for path, content := range map[string][]byte{
		kubeletCert:       kubelet.cert,
		kubeletKey:        kubelet.key,
		kubeletClientCert: kubeletClient.cert,
		kubeletClientKey:  kubeletClient.key,
		caCert:            ca.cert,
		caKey:             ca.key,
		apiServerCert:     server.cert,
		apiServerKey:      server.key,
		serviceAccountKey: serviceAccount.key,
		auditPolicyFile:   []byte(auditPolicyLines),
	} {
		if err := os.WriteFile(filepath.Join(c.Dir, path), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// waitEtcd waits for etcd's socket. An API server that connects too early
// waits a second before it tries again.
func (c *Cluster) waitEtcd(ctx context.Context) error {
	return c.waitFor(ctx, etcdName, func(context.Context) error {
		_, err := os.Stat(filepath.Join(c.Dir, etcdSocket))
		return err
	})
}

// startAPIServer starts the API server on a free port. Somebody else may take
// the port first, so it tries more than one.
func (c *Cluster) startAPIServer(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		var err error
		if c.port, err = c.choosePort(ctx); err != nil {
			return err
		}
		if c.Config, err = c.clientConfig("admin", []string{"system:masters"}, time.Now().Add(lifetime)); err != nil {
			return err
		}
		if c.client, err = kubernetes.NewForConfig(c.Config); err != nil {
			return err
		}
		err = c.StartAPIServer(ctx)
		if err == nil || attempt == 3 || !strings.Contains(err.Error(), portTaken) {
			return err
		}
	}
}

// waitAPIServer waits until the API server is ready, its built-in roles included.
func (c *Cluster) waitAPIServer(ctx context.Context) error {
	return c.waitFor(ctx, apiServerName, func(ctx context.Context) error {
		return readyz(ctx, c.client)
	})
}

// startControllerManager starts the controllers and waits until they work. It
// has to come after the CRDs, and after the API server's built-in roles, without
// which it gives up.
func (c *Cluster) startControllerManager(ctx context.Context) error {
	controllers := controlPlaneControllers()
	if c.hasNode() {
		controllers = append(controllers, nodeControllers()...)
	}
	if err := c.startComponent(controllerManagerProcess(c.Binaries, controllers), "system:kube-controller-manager"); err != nil {
		return err
	}
	return c.waitDefaultServiceAccount(ctx, metav1.NamespaceDefault)
}

// startComponent starts a process that is this user in these groups.
func (c *Cluster) startComponent(p process, user string, groups ...string) error {
	config, err := c.clientConfig(user, groups, time.Now().Add(lifetime))
	if err != nil {
		return err
	}
	if err := WriteKubeconfig(filepath.Join(c.Dir, kubeconfigOf(p.Name)), config, ""); err != nil {
		return err
	}
	return c.supervisor.start(p)
}

// waitDefaultServiceAccount waits until pods can be made in the namespace.
func (c *Cluster) waitDefaultServiceAccount(ctx context.Context, namespace string) error {
	return c.waitFor(ctx, controllerManagerName, func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// waitFor waits until check succeeds. It fails early if the process ends, on
// which that depends.
func (c *Cluster) waitFor(ctx context.Context, process string, check func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, poll, startTimeout, true, func(ctx context.Context) (bool, error) {
		if last = check(ctx); last == nil {
			return true, nil
		}
		return false, c.supervisor.running(process)
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("waiting for %s: %w: %w", process, err, last)
	}
	return err
}

// clientConfig is for a client who is this user in these groups, until notAfter.
func (c *Cluster) clientConfig(user string, groups []string, notAfter time.Time) (*rest.Config, error) {
	pair, err := c.authority.client(user, groups, notAfter)
	if err != nil {
		return nil, err
	}
	ca, err := c.authority.pem()
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host:            "https://" + net.JoinHostPort(c.address, strconv.Itoa(c.port)),
		TLSClientConfig: rest.TLSClientConfig{CAData: ca.cert, CertData: pair.cert, KeyData: pair.key},
		QPS:             -1,
	}, nil
}

// readyz asks the API server whether it is ready.
func readyz(ctx context.Context, client kubernetes.Interface) error {
	return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

// choosePort is a port for the API server: on a node nobody else has any.
func (c *Cluster) choosePort(ctx context.Context) (int, error) {
	if c.hasNode() {
		return apiServerPort, nil
	}
	return freePort(ctx)
}

// freePort finds a port on which nothing listens. It looks below the ports that
// systems give to clients (from 32768 on Linux, 49152 on macOS) and below node
// ports, so that the port stays free while the API server is being restarted.
func freePort(ctx context.Context) (int, error) {
	const low, high, attempts = 20000, 30000, 100
	var config net.ListenConfig
	var last error
	for range attempts {
		port := low + rand.IntN(high-low)
		listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("finding a free port: %w", last)
}

// lastLine is the last line of the file, or as much as can be said.
func lastLine(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	return string(lines[len(lines)-1])
}
