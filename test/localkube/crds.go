package localkube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// ReadCRDs reads the YAML files of a folder, for Options.CRDs.
func ReadCRDs(dir string) ([][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("the folder %q has no *.yaml", dir)
	}
	var crds [][]byte
	for _, path := range paths {
		crd, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		crds = append(crds, crd)
	}
	return crds, nil
}

// applyCRDs applies the CustomResourceDefinitions in the YAML files, and waits
// until the API server serves them all.
func applyCRDs(ctx context.Context, config *rest.Config, files [][]byte) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	definitions := client.Resource(schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	})
	var applied []*unstructured.Unstructured
	for _, file := range files {
		crds, err := decode(file)
		if err != nil {
			return err
		}
		for _, crd := range crds {
			if _, err := definitions.Apply(ctx, crd.GetName(), crd, metav1.ApplyOptions{FieldManager: "localkube"}); err != nil {
				return fmt.Errorf("applying CustomResourceDefinition %q: %w", crd.GetName(), err)
			}
		}
		applied = append(applied, crds...)
	}
	for _, crd := range applied {
		if err := waitServed(ctx, found, crd); err != nil {
			return fmt.Errorf("waiting for CustomResourceDefinition %q: %w", crd.GetName(), err)
		}
	}
	return nil
}

// decode reads the documents of a YAML file.
func decode(file []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(file), 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 { // a document may hold comments only
			objects = append(objects, object)
		}
	}
}

// waitServed waits until discovery, where controllers look, lists the kind. That
// is later than the condition Established by a moment.
func waitServed(ctx context.Context, client discovery.DiscoveryInterface, crd *unstructured.Unstructured) error {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	return wait.PollUntilContextTimeout(ctx, poll, startTimeout, true, func(context.Context) (bool, error) {
		_, lists, err := client.ServerGroupsAndResources()
		if err != nil && !discovery.IsGroupDiscoveryFailedError(err) && !apierrors.IsNotFound(err) {
			return false, err
		}
		return slices.ContainsFunc(lists, func(list *metav1.APIResourceList) bool {
			gv, err := schema.ParseGroupVersion(list.GroupVersion)
			return err == nil && gv.Group == group &&
				slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == kind })
		}), nil
	})
}
