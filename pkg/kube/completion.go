package kube

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

// Names reads what completion offers. Each of its methods is one request, which the
// server answers from its cache, for the metadata of objects if that is enough. Errors
// are those of client-go, because they are not shown.
type Names struct{ client *Client }

// Names returns a reader of names.
func (c *Client) Names() Names { return Names{c} }

// onlyMetadata is the media type of a list of metadata. client-go's metadata client
// is not used: the start of every command would wait for the types it registers.
const onlyMetadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

// fromCache lets the server answer without asking its store.
const fromCache = "0"

// Namespaces returns the names of all namespaces.
func (n Names) Namespaces(ctx context.Context) ([]string, error) {
	found, err := n.list(ctx, corev1.SchemeGroupVersion.WithResource("namespaces"), "", "")
	return namesOf(found), err
}

// Clusters returns the names of a namespace's IrisClusters.
func (n Names) Clusters(ctx context.Context, namespace string) ([]string, error) {
	found, err := n.list(ctx, iris.GroupVersionResource(), namespace, "")
	return namesOf(found), err
}

// Pods returns the pods of a cluster, or of all clusters if it is empty, with their name
// and labels only.
func (n Names) Pods(ctx context.Context, namespace, cluster string) ([]iris.Pod, error) {
	found, err := n.list(ctx, corev1.SchemeGroupVersion.WithResource("pods"), namespace, podsOf(cluster))
	var pods []iris.Pod
	for _, m := range found {
		if !iris.IsIRIS(m.Labels) {
			continue
		}
		pods = append(pods, iris.Pod{Namespace: m.Namespace, Name: m.Name, Labels: m.Labels})
	}
	return pods, err
}

// PodsWithPorts returns the same pods with their containers.
func (n Names) PodsWithPorts(ctx context.Context, namespace, cluster string) ([]iris.Pod, error) {
	options := metav1.ListOptions{LabelSelector: podsOf(cluster), ResourceVersion: fromCache}
	return Collect(ctx, n.client.rest.Pods(namespace).List, options, PodOfCluster)
}

// MadeServices returns the exposed Services, with their name and labels only.
func (n Names) MadeServices(ctx context.Context, namespace string) ([]corev1.Service, error) {
	found, err := n.list(ctx, corev1.SchemeGroupVersion.WithResource("services"), namespace, exposedSelector)
	var made []corev1.Service
	for _, m := range found {
		if service := (corev1.Service{ObjectMeta: m.ObjectMeta}); cluster.IsExposed(&service) {
			made = append(made, service)
		}
	}
	return made, err
}

func podsOf(cluster string) string {
	if cluster == "" {
		return iris.KindSelector
	}
	return ClusterPods(cluster)
}

func (n Names) list(ctx context.Context, resource schema.GroupVersionResource, namespace, selector string) ([]metav1.PartialObjectMetadata, error) {
	root := "/apis/" + resource.GroupVersion().String()
	if resource.Group == "" {
		root = "/api/" + resource.Version
	}
	data, err := n.client.rest.REST.Get().AbsPath(root).
		NamespaceIfScoped(namespace, namespace != "").Resource(resource.Resource).
		Param("labelSelector", selector).Param("resourceVersion", fromCache).
		SetHeader("Accept", onlyMetadata).Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	var found metav1.PartialObjectMetadataList
	err = json.Unmarshal(data, &found)
	return found.Items, err
}

func namesOf(objects []metav1.PartialObjectMetadata) []string {
	var names []string
	for _, m := range objects {
		names = append(names, m.Name)
	}
	return names
}
