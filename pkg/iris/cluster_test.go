package iris_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

func clusterFrom(t *testing.T, text string) iris.Cluster {
	t.Helper()
	encoded, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var u unstructured.Unstructured
	if err := u.UnmarshalJSON(encoded); err != nil {
		t.Fatal(err)
	}
	return iris.ClusterFrom(&u)
}

func TestClusterFrom(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "cluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := iris.Cluster{
		Namespace: "iko",
		Name:      "simple",
		UID:       "11111111-2222-3333-4444-555555555555",
		Created:   metav1.NewTime(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)),
		Deleting:  true,
		Phase:     "Running",
		Mirrored:  true,
		Shards:    2,
		Nodes: map[string]iris.Node{
			"data":       {Image: "irishealth:2023.3", Sidecar: &iris.Gateway{Image: "webgateway:2023.3", Type: "apache-lockeddown"}},
			"compute":    {Image: "irishealth:2023.3", Sidecar: &iris.Gateway{}},
			"arbiter":    {Image: "arbiter:2023.3"},
			"webgateway": {Image: "webgateway:2023.3"},
		},
		ServiceTemplate: iris.ServiceTemplate{
			Labels:      map[string]string{"team": "care"},
			Annotations: map[string]string{"metallb.io/address-pool": "inner"},
			Spec: corev1.ServiceSpec{
				Type:                     corev1.ServiceTypeLoadBalancer,
				ExternalTrafficPolicy:    corev1.ServiceExternalTrafficPolicyLocal,
				LoadBalancerSourceRanges: []string{"192.0.2.0/24"},
			},
		},
	}
	if diff := cmp.Diff(want, clusterFrom(t, string(text)), cmp.Comparer(func(a, b metav1.Time) bool { return a.Equal(&b) })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The full schema is not public, so whatever stands in a field must do no harm.
func TestClusterFromTakesOddFieldsAsNotGiven(t *testing.T) {
	const head = "apiVersion: intersystems.com/v1alpha1\nkind: IrisCluster\nmetadata: {name: odd, namespace: iko}\n"
	bare := func(change func(*iris.Cluster)) iris.Cluster {
		c := iris.Cluster{Namespace: "iko", Name: "odd", Shards: 1, Nodes: map[string]iris.Node{}}
		change(&c)
		return c
	}
	for name, test := range map[string]struct {
		body string
		want func(*iris.Cluster)
	}{
		"nothing at all":     {"", func(*iris.Cluster) {}},
		"spec is a text":     {"spec: none", func(*iris.Cluster) {}},
		"spec is a list":     {"spec: [1, 2]", func(*iris.Cluster) {}},
		"status is a text":   {"status: Running", func(*iris.Cluster) {}},
		"phase is a number":  {"status: {phase: 3}", func(*iris.Cluster) {}},
		"topology is a list": {"spec: {topology: [data]}", func(*iris.Cluster) {}},
		"data is a text":     {"spec: {topology: {data: big, arbiter: {image: a}}}", func(c *iris.Cluster) { c.Nodes["arbiter"] = iris.Node{Image: "a"} }},
		"mirrored is a text": {`spec: {topology: {data: {mirrored: "true", image: i}}}`, func(c *iris.Cluster) { c.Nodes["data"] = iris.Node{Image: "i"} }},
		"shards is a text":   {`spec: {topology: {data: {shards: "2"}}}`, func(c *iris.Cluster) { c.Nodes["data"] = iris.Node{} }},
		"shards is zero":     {`spec: {topology: {data: {shards: 0}}}`, func(c *iris.Cluster) { c.Nodes["data"] = iris.Node{} }},
		"shards is negative": {`spec: {topology: {data: {shards: -1}}}`, func(c *iris.Cluster) { c.Nodes["data"] = iris.Node{} }},
		"image is a number":  {"spec: {topology: {data: {image: 7}}}", func(c *iris.Cluster) { c.Nodes["data"] = iris.Node{} }},
		"sidecar is a text":  {"spec: {topology: {data: {webgateway: apache}}}", func(c *iris.Cluster) { c.Nodes["data"] = iris.Node{} }},
		"sidecar type is a list": {"spec: {topology: {data: {webgateway: {type: [apache]}}}}", func(c *iris.Cluster) {
			c.Nodes["data"] = iris.Node{Sidecar: &iris.Gateway{}}
		}},
		"TLS of something else":       {"spec: {tls: {mirror: {secret: {secretName: a}}}}", func(*iris.Cluster) {}},
		"TLS of web gateways, a text": {"spec: {tls: {webgateway: certificate}}", func(*iris.Cluster) {}},
		"TLS of web gateways, null":   {"spec: {tls: {webgateway: null}}", func(*iris.Cluster) {}},
		"sidecar is null":             {"spec: {topology: {data: {webgateway: null}}}", func(c *iris.Cluster) { c.Nodes["data"] = iris.Node{} }},
		"service template a text":     {"spec: {serviceTemplate: LoadBalancer}", func(*iris.Cluster) {}},
		"one odd field of the service template": {"spec: {serviceTemplate: {metadata: {labels: {a: 1, b: x}, annotations: {a: true}}, spec: {type: NodePort, ports: many}}}", func(c *iris.Cluster) {
			c.ServiceTemplate.Labels = map[string]string{"b": "x"}
			c.ServiceTemplate.Spec.Type = corev1.ServiceTypeNodePort
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(bare(test.want), clusterFrom(t, head+test.body)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
