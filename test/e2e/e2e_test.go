//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

const (
	// deadline bounds what a test waits for.
	deadline = time.Minute
	// requestTimeout bounds one request.
	requestTimeout = 3 * time.Second
	// poll is how often a test looks again.
	poll = 50 * time.Millisecond
	// irisContainer is what the stand-in operator calls the IRIS container here.
	irisContainer = "stand-in-iris"
)

// cluster, its clients, and the stand-in operator are there for all tests.
var (
	cluster       *localkube.Cluster
	core          kubernetes.Interface
	dynamicClient dynamic.Interface
)

func TestMain(m *testing.M) {
	if isPlugin() {
		os.Exit(runPlugin())
	}
	options := localkube.Options{Node: true, CRDs: [][]byte{standin.CRD()}}
	os.Exit(localkube.RunTests(runner{m}, options, func(c *localkube.Cluster) { cluster = c }))
}

// runner runs the tests with a stand-in operator.
type runner struct{ m *testing.M }

func (r runner) Run() int {
	code, err := r.run()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "the stand-in operator:", err)
		return 1
	}
	return code
}

func (r runner) run() (code int, err error) {
	if core, err = kubernetes.NewForConfig(cluster.Config); err != nil {
		return 0, err
	}
	if dynamicClient, err = dynamic.NewForConfig(cluster.Config); err != nil {
		return 0, err
	}
	stop := standin.Start(cluster.Config, standin.Options{
		RealNode: true, IRISContainer: irisContainer,
		LoadBalancer: netip.MustParsePrefix(localkube.LoadBalancerCIDR),
	})
	defer func() { err = errors.Join(err, stop()) }()
	return r.m.Run(), nil
}

// irisCluster is an IrisCluster in a namespace of the test's own.
type irisCluster struct {
	t         *testing.T
	namespace string
	name      string
}

// newCluster brings up the IrisCluster in the YAML file, which goes with the test.
func newCluster(t *testing.T, file string) irisCluster {
	t.Helper()
	documents, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return newClusterFrom(t, documents)
}

// newClusterFrom is newCluster for documents that are not a file's.
func newClusterFrom(t *testing.T, documents []byte) irisCluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	namespace, err := cluster.NewNamespace(ctx)
	if err != nil {
		t.Fatal(err)
	}
	names, err := standin.Apply(ctx, dynamicClient, namespace, documents)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 1 {
		t.Fatalf("the documents have the IrisClusters %v, want one", names)
	}
	c := irisCluster{t: t, namespace: namespace, name: names[0]}
	t.Cleanup(c.remove)
	if err := standin.WaitRunning(ctx, dynamicClient, namespace, c.name); err != nil {
		t.Fatalf("%v\n%s", err, c.kubectl("describe", "pods"))
	}
	return c
}

// remove removes the IrisCluster, and what belongs to it after a while.
func (c irisCluster) remove() {
	err := dynamicClient.Resource(standin.Resource).Namespace(c.namespace).Delete(context.Background(), c.name, metav1.DeleteOptions{})
	if err != nil {
		c.t.Error(err)
	}
}

// annotate sets one of the stand-in's annotations; "" removes it.
func (c irisCluster) annotate(key, value string) {
	c.t.Helper()
	if err := standin.Annotate(c.t.Context(), dynamicClient, c.namespace, c.name, key, value); err != nil {
		c.t.Fatal(err)
	}
}

// service is the Service of that name.
func (c irisCluster) service(name string) *corev1.Service {
	c.t.Helper()
	service, err := core.CoreV1().Services(c.namespace).Get(c.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return service
}

// pod is the pod of that name.
func (c irisCluster) pod(name string) *corev1.Pod {
	c.t.Helper()
	pod, err := core.CoreV1().Pods(c.namespace).Get(c.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return pod
}

// deletePod deletes the pod as a person would, and does not wait.
func (c irisCluster) deletePod(name string) {
	c.t.Helper()
	if err := core.CoreV1().Pods(c.namespace).Delete(c.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

// kubectl runs the real kubectl in the namespace, and returns what it writes.
func (c irisCluster) kubectl(args ...string) string {
	c.t.Helper()
	out, err := c.tryKubectl(args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// tryKubectl is kubectl that may fail.
func (c irisCluster) tryKubectl(args ...string) (string, error) {
	args = append([]string{"--kubeconfig=" + cluster.Kubeconfig, "--namespace=" + c.namespace}, args...)
	cmd := exec.CommandContext(c.t.Context(), cluster.Binaries.Kubectl(), args...)
	// Its own cache is in the home folder.
	cmd.Env = append(os.Environ(), "KUBECACHEDIR="+filepath.Join(cluster.Dir, "kubectl"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args[2:], " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// iris runs a command in the pod's IRIS container.
func (c irisCluster) iris(pod string, args ...string) string {
	c.t.Helper()
	return c.kubectl(append([]string{"exec", pod, "-c", irisContainer, "--"}, args...)...)
}

// member is what IRIS in the pod says of itself: "Failover Primary". It is empty
// while there is no answer.
func (c irisCluster) member(pod string) string {
	line, err := c.tryKubectl("exec", pod, "-c", irisContainer, "--", "iris", "qlist", "IRIS")
	if err != nil {
		return ""
	}
	fields := strings.Split(line, "^")
	if len(fields) < 12 {
		return ""
	}
	return fields[10] + " " + fields[11]
}

// portal is what the page of the portal says of the one who answered.
type portal struct{ Pod, Instance, Role string }

// portalLine is a line of the page.
var portalLine = regexp.MustCompile(`<dt>(\w+)<dd>([^\n<]*)`)

// getPortal asks for the portal's page at the address, like "10.96.3.4:80".
func getPortal(ctx context.Context, address string) (portal, error) {
	body, err := get(ctx, "http://"+address+"/csp/sys/UtilHome.csp")
	if err != nil {
		return portal{}, err
	}
	facts := map[string]string{}
	for _, line := range portalLine.FindAllStringSubmatch(body, -1) {
		facts[line[1]] = line[2]
	}
	return portal{Pod: facts["pod"], Instance: facts["instance"], Role: facts["role"]}, nil
}

// get asks for the page by a connection of its own; anything but 200 is an error.
func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // nothing was written
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return string(body), err
}

// addresses are the three ways to a port of a Service from outside: its cluster
// IP, the node port, and the load balancer's address.
func addresses(service *corev1.Service, port int32) map[string]string {
	ways := map[string]string{"cluster IP": joinPort(service.Spec.ClusterIP, port)}
	for _, p := range service.Spec.Ports {
		if p.Port == port && p.NodePort != 0 {
			ways["node port"] = joinPort(localkube.NodeIP, p.NodePort)
		}
	}
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		ways["load balancer"] = joinPort(ingress.IP, port)
	}
	return ways
}

func joinPort(host string, port int32) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// eventually waits until check returns nil, for as long as may be.
func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), poll, deadline, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%s: %v: %v", what, err, last)
	}
}
