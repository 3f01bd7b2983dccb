package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Start has a stand-in run in the background. stop ends it, waits until nothing of it is
// left running, and returns what Run returned.
func Start(cfg *rest.Config, options Options) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg, options) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
}

// ReadClusters reads the IrisClusters among YAML documents and skips the others.
func ReadClusters(documents []byte) ([]*unstructured.Unstructured, error) {
	var clusters []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(documents), 4096)
	for {
		var content map[string]any
		if err := decoder.Decode(&content); errors.Is(err, io.EOF) {
			return clusters, nil
		} else if err != nil {
			return nil, fmt.Errorf("read IrisClusters: %w", err)
		}
		if object := (&unstructured.Unstructured{Object: content}); object.GetKind() == "IrisCluster" {
			clusters = append(clusters, object)
		}
	}
}

// Apply makes the IrisClusters among YAML documents in a namespace, or changes them,
// and returns their names. It waits until one of the same name that is being deleted has
// gone.
func Apply(ctx context.Context, client dynamic.Interface, namespace string, documents []byte) ([]string, error) {
	clusters, err := ReadClusters(documents)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, object := range clusters {
		if err := waitGone(ctx, client, namespace, object.GetName()); err != nil {
			return nil, fmt.Errorf("apply IrisCluster %q (namespace %q): %w", object.GetName(), namespace, err)
		}
		_, err := client.Resource(Resource).Namespace(namespace).
			Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "test", Force: true})
		if err != nil {
			return nil, fmt.Errorf("apply IrisCluster %q (namespace %q): %w", object.GetName(), namespace, err)
		}
		names = append(names, object.GetName())
	}
	return names, nil
}

// waitGone waits while the IrisCluster is there and is being deleted.
func waitGone(ctx context.Context, client dynamic.Interface, namespace, name string) error {
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		object, err := client.Resource(Resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return err == nil && object.GetDeletionTimestamp() == nil, err
	})
}

// Annotate sets one of the stand-in's annotations on an IrisCluster, or removes it for
// "", and waits until a running stand-in has done what it can about it at once: what
// happens later happens under the new rule.
func Annotate(ctx context.Context, client dynamic.Interface, namespace, name, key, value string) error {
	_, err := parseControls(map[string]string{key: value})
	if err != nil && value != "" {
		return fmt.Errorf("annotate IrisCluster %q (namespace %q): %w", name, namespace, err)
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: orNull(value)}}})
	if err != nil {
		return err
	}
	if _, err = client.Resource(Resource).Namespace(namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err == nil {
		err = waitObserved(ctx, client, namespace, name, func(map[string]any) bool { return true })
	}
	if err != nil {
		return fmt.Errorf("annotate IrisCluster %q (namespace %q): %w", name, namespace, err)
	}
	return nil
}

// WaitRunning waits until a running stand-in has brought an IrisCluster up as its
// document now is: every pod is ready, and unless the labels are frozen or late, they
// are set. An annotation that the stand-in does not understand ends the wait. After an
// unplanned failover, wait for what it brings instead: the stand-in may not know yet.
func WaitRunning(ctx context.Context, client dynamic.Interface, namespace, name string) error {
	err := waitObserved(ctx, client, namespace, name, func(status map[string]any) bool {
		return status["phase"] == phaseRunning && status[unreadyField] == nil
	})
	if err != nil {
		return fmt.Errorf("wait until IrisCluster %q (namespace %q) runs: %w", name, namespace, err)
	}
	return nil
}

// waitObserved waits until the stand-in has seen the IrisCluster as it is, and its
// status is right. A paused one is seen as it is.
func waitObserved(ctx context.Context, client dynamic.Interface, namespace, name string, right func(status map[string]any) bool) error {
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		object, err := client.Resource(Resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		c, err := parseCluster(object)
		if err != nil {
			return false, err
		}
		status := statusOf(object)
		return (c.controls.paused || status[observedField] == c.fingerprint) && right(status), nil
	})
}
