package iris

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// A Cluster holds what the plugin reads of an IrisCluster. Every field but the names
// may be empty: the full schema is not public, so what is not understood is left out.
type Cluster struct {
	Namespace string
	Name      string
	UID       types.UID
	Created   metav1.Time
	Deleting  bool
	// Phase is status.phase as IKO wrote it; only "Running" was ever seen.
	Phase string
	// Mirrored is spec.topology.data.mirrored.
	Mirrored bool
	// Shards is spec.topology.data.shards, 1 if it is not given.
	Shards int
	// Nodes are the components under spec.topology, by name.
	Nodes map[string]Node
	// ServiceTemplate is spec.serviceTemplate, from which IKO creates the cluster's
	// own Services.
	ServiceTemplate ServiceTemplate
}

// A Node is one component of spec.topology.
type Node struct {
	Image string
	// Type is the gateway's type if the component is a web gateway, else "".
	Type string
	// Sidecar is the web gateway in the component's pods; nil without one.
	Sidecar *Gateway
}

// A Gateway is a sidecar as the IrisCluster specifies it.
type Gateway struct {
	Image string
	// Type is apache, nginx or apache-lockeddown; "" stands for apache.
	Type string
	// ApplicationPaths holds the paths that it passes on to IRIS.
	ApplicationPaths []string
}

// Covers reports whether the gateway may pass a path on to IRIS. If no paths are
// given, it is not known which it passes, and Covers returns true.
func (g Gateway) Covers(path string) bool {
	return len(g.ApplicationPaths) == 0 || slices.ContainsFunc(g.ApplicationPaths, func(p string) bool {
		p = strings.TrimSuffix(p, "/")
		return path == p || strings.HasPrefix(path, p+"/")
	})
}

// A ServiceTemplate holds what a cluster's Services copy from its
// spec.serviceTemplate. Its metadata is inferred, its spec was seen.
type ServiceTemplate struct {
	Labels      map[string]string
	Annotations map[string]string
	Spec        corev1.ServiceSpec
}

// Sidecar returns the web gateway in a component's pods; nil without one.
func (c Cluster) Sidecar(component string) *Gateway {
	return c.Nodes[component].Sidecar
}

// ClusterFrom returns what the plugin reads of an IrisCluster. A field of an
// unexpected type counts as not given.
func ClusterFrom(u *unstructured.Unstructured) Cluster {
	c := Cluster{
		Namespace: u.GetNamespace(),
		Name:      u.GetName(),
		UID:       u.GetUID(),
		Created:   u.GetCreationTimestamp(),
		Deleting:  u.GetDeletionTimestamp() != nil,
		Shards:    1,
		Nodes:     map[string]Node{},
	}
	c.Phase, _, _ = unstructured.NestedString(u.Object, "status", "phase")
	c.Mirrored, _, _ = unstructured.NestedBool(u.Object, "spec", "topology", ComponentData, "mirrored")
	if n, ok, _ := unstructured.NestedInt64(u.Object, "spec", "topology", ComponentData, "shards"); ok && n > 0 {
		c.Shards = int(n)
	}
	topology, _, _ := unstructured.NestedMap(u.Object, "spec", "topology")
	for component := range topology {
		if node, ok, _ := unstructured.NestedMap(topology, component); ok {
			c.Nodes[component] = nodeFrom(node)
		}
	}
	if template, ok, _ := unstructured.NestedMap(u.Object, "spec", "serviceTemplate"); ok {
		c.ServiceTemplate = serviceTemplateFrom(template)
	}
	return c
}

func nodeFrom(fields map[string]any) Node {
	var node Node
	node.Image, _, _ = unstructured.NestedString(fields, "image")
	node.Type, _, _ = unstructured.NestedString(fields, "type")
	if gateway, ok, _ := unstructured.NestedMap(fields, "webgateway"); ok {
		node.Sidecar = &Gateway{}
		node.Sidecar.Image, _, _ = unstructured.NestedString(gateway, "image")
		node.Sidecar.Type, _, _ = unstructured.NestedString(gateway, "type")
		node.Sidecar.ApplicationPaths, _, _ = unstructured.NestedStringSlice(gateway, "applicationPaths")
	}
	return node
}

func serviceTemplateFrom(fields map[string]any) ServiceTemplate {
	var t ServiceTemplate
	t.Labels = texts(fields, "metadata", "labels")
	t.Annotations = texts(fields, "metadata", "annotations")
	if spec, ok, _ := unstructured.NestedMap(fields, "spec"); ok {
		t.Spec = serviceSpecFrom(spec)
	}
	return t
}

// texts returns the entries of a nested map that are strings; nil if there are none.
func texts(fields map[string]any, path ...string) map[string]string {
	all, _, _ := unstructured.NestedMap(fields, path...)
	var texts map[string]string
	for key, value := range all {
		if text, ok := value.(string); ok {
			if texts == nil {
				texts = map[string]string{}
			}
			texts[key] = text
		}
	}
	return texts
}

// serviceSpecFrom returns the spec of a Service without the fields whose types are
// not those of a Service.
func serviceSpecFrom(fields map[string]any) corev1.ServiceSpec {
	convert := runtime.DefaultUnstructuredConverter.FromUnstructured
	for name, value := range fields {
		if convert(map[string]any{name: value}, &corev1.ServiceSpec{}) != nil {
			delete(fields, name)
		}
	}
	var spec corev1.ServiceSpec
	if convert(fields, &spec) != nil {
		return corev1.ServiceSpec{}
	}
	return spec
}
