package standin

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

//go:embed crd.yaml
var crd []byte

// Resource is the resource of IrisClusters. [D]
var Resource = schema.GroupVersionResource{Group: "intersystems.com", Version: "v1alpha1", Resource: "irisclusters"}

// CRD is the CustomResourceDefinition irisclusters.intersystems.com as YAML.
func CRD() []byte {
	return append([]byte(nil), crd...)
}

// InstallCRD applies the CRD and returns when IrisClusters are served.
//
// The garbage collector learns of a new kind only every 30 seconds: where that
// matters, install the CRD before kube-controller-manager starts.
func InstallCRD(ctx context.Context, cfg *rest.Config) error {
	client, err := dynamic.NewForConfig(clientConfig(cfg))
	if err != nil {
		return fmt.Errorf("install the IrisCluster CRD: %w", err)
	}
	return installCRD(ctx, client)
}

func installCRD(ctx context.Context, client dynamic.Interface) error {
	var object unstructured.Unstructured
	if err := yaml.Unmarshal(crd, &object.Object); err != nil {
		return fmt.Errorf("install the IrisCluster CRD: %w", err)
	}
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if _, err := definitions.Apply(ctx, object.GetName(), &object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}); err != nil {
		return fmt.Errorf("install the IrisCluster CRD: %w", err)
	}
	var last error
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, last = client.Resource(Resource).List(ctx, metav1.ListOptions{Limit: 1})
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait until IrisClusters are served: %w (last answer: %w)", err, last)
	}
	return nil
}
