package expose_test

import (
	"bytes"
	"maps"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// article are the cluster of the article, with its pods, and the Service that
// its author wrote by hand.
func article(t *testing.T) (expose.Facts, *corev1.Service) {
	t.Helper()
	raw, err := os.ReadFile("testdata/article.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cluster, service, ok := bytes.Cut(raw, []byte("\n---\n"))
	if !ok {
		t.Fatal("testdata/article.yaml does not hold two documents")
	}
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(cluster, &u.Object); err != nil {
		t.Fatal(err)
	}
	want := &corev1.Service{}
	if err := yaml.UnmarshalStrict(service, want); err != nil {
		t.Fatal(err)
	}
	return expose.Facts{
		Namespace:   "prod",
		Cluster:     iris.ClusterFrom(u),
		ClusterRead: true,
		Pods: []iris.Pod{
			pod("simple", "data-0-0", role("primary"), sidecar(80)),
			pod("simple", "data-0-1", role("backup"), sidecar(80)),
			pod("simple", "arbiter-0"),
			pod("simple", "webgateway-0"),
		},
	}, want
}

// cluster is an IrisCluster of the namespace prod, with a sidecar of the type
// in its data pods.
func resource(name, gateway string, change ...func(*iris.Cluster)) iris.Cluster {
	c := iris.Cluster{
		Namespace: "prod",
		Name:      name,
		UID:       types.UID("uid-of-" + name),
		Shards:    1,
		Nodes:     map[string]iris.Node{"data": {Sidecar: &iris.Gateway{Type: gateway}}},
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func isMirrored(c *iris.Cluster) { c.Mirrored = true }

func noSidecar(c *iris.Cluster) { c.Nodes["data"] = iris.Node{} }

func shards(n int) func(*iris.Cluster) { return func(c *iris.Cluster) { c.Shards = n } }

func template(s corev1.ServiceSpec) func(*iris.Cluster) {
	return func(c *iris.Cluster) { c.ServiceTemplate.Spec = s }
}

// pod is a pod as IKO makes it: its component is the first part of its short
// name, its containers declare IRIS's ports.
func pod(cluster, short string, change ...func(*corev1.Pod)) iris.Pod {
	component, _, _ := strings.Cut(short, "-")
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "prod",
			Name:      cluster + "-" + short,
			Labels: map[string]string{
				"intersystems.com/component":         component,
				"intersystems.com/kind":              "IrisCluster",
				"intersystems.com/name":              cluster,
				"intersystems.com/role":              "iris",
				"controller-revision-hash":           "abc",
				"statefulset.kubernetes.io/pod-name": cluster + "-" + short,
			},
		},
	}
	switch component {
	case "data", "compute":
		p.Spec.Containers = []corev1.Container{{Name: "iris", Ports: []corev1.ContainerPort{
			{Name: "superserver", ContainerPort: 1972, Protocol: corev1.ProtocolTCP},
			{Name: "webserver", ContainerPort: 52773, Protocol: corev1.ProtocolTCP},
		}}}
	case "webgateway":
		p.Spec.Containers = []corev1.Container{{Name: "webgateway", Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}
	default:
		p.Spec.Containers = []corev1.Container{{Name: component, Ports: []corev1.ContainerPort{{Name: "agent", ContainerPort: 2188}}}}
	}
	for _, f := range change {
		f(p)
	}
	return iris.PodFrom(p)
}

func label(key, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels[key] = value }
}

func without(key string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { delete(p.Labels, key) }
}

func role(r string) func(*corev1.Pod) { return label("intersystems.com/mirrorRole", r) }

func shard(s string) func(*corev1.Pod) { return label("intersystems.com/shard", s) }

// sidecar adds a web gateway that declares the ports.
func sidecar(ports ...int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		c := corev1.Container{Name: "webgateway"}
		for _, n := range ports {
			c.Ports = append(c.Ports, corev1.ContainerPort{ContainerPort: n, Protocol: corev1.ProtocolTCP})
		}
		p.Spec.Containers = append(p.Spec.Containers, c)
	}
}

// before puts a container with a port before the others.
func before(name string, port int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		first := corev1.Container{Name: name, Ports: []corev1.ContainerPort{{Name: name, ContainerPort: port}}}
		p.Spec.Containers = append([]corev1.Container{first}, p.Spec.Containers...)
	}
}

// exporter adds a native sidecar with a port called metrics.
func exporter(p *corev1.Pod) {
	always := corev1.ContainerRestartPolicyAlways
	p.Spec.InitContainers = []corev1.Container{{
		Name: "exporter", RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090}},
	}}
}

// namedPort adds a port with a name to the last container.
func namedPort(name string, port int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		last := &p.Spec.Containers[len(p.Spec.Containers)-1]
		last.Ports = append(last.Ports, corev1.ContainerPort{Name: name, ContainerPort: port})
	}
}

// noPorts takes the declared ports from all containers.
func noPorts(p *corev1.Pod) {
	for i := range p.Spec.Containers {
		p.Spec.Containers[i].Ports = nil
	}
}

// sidecarRequest holds what a SidecarRequest is made of.
type sidecarRequest struct {
	Options                expose.Options
	Component, Role, Shard string
}

func planSidecar(r sidecarRequest, f expose.Facts) (expose.Plan, error) {
	request, err := expose.NewSidecarRequest(r.Options, r.Component, r.Role, r.Shard)
	if err != nil {
		return expose.Plan{}, err
	}
	return expose.Sidecar(request, f)
}

// podRequest holds what a PodRequest is made of, and the pod.
type podRequest struct {
	Options expose.Options
	Pod     iris.Pod
}

func planPod(r podRequest, f expose.Facts) (expose.Plan, error) {
	request, err := expose.NewPodRequest(r.Options, false)
	if err != nil {
		return expose.Plan{}, err
	}
	return expose.Pod(request, r.Pod, f)
}

func port(t *testing.T, s string) expose.Port {
	t.Helper()
	p, err := expose.ParsePort(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ports(t *testing.T, all ...string) []expose.Port {
	t.Helper()
	var out []expose.Port
	for _, s := range all {
		out = append(out, port(t, s))
	}
	return out
}

func edits(t *testing.T, all ...string) []expose.Edit {
	t.Helper()
	var out []expose.Edit
	for _, s := range all {
		e, err := expose.ParseSelector(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// union merges maps; later ones win.
func union(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}
