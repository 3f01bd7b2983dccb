package kube

import (
	"context"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

const (
	lossOperator = "IKO's image is not known"
	lossImages   = "the images of IRIS and the web gateway are not known"
)

// Version returns the server's version, the images of IKO and those of the
// namespace's instances, read in parallel. If pods cannot be read,
// their part is empty and Unread has the reason.
func (c *Client) Version(ctx context.Context, namespace string) (view.ServerVersion, error) {
	v := view.ServerVersion{}
	operators := newReader(c, Scope{}, "")
	instances := newReader(c, Scope{Namespace: namespace}, "")
	err := parallel(ctx, []func(context.Context) error{
		func(ctx context.Context) error { return c.serverVersion(ctx, &v) },
		func(ctx context.Context) (err error) {
			v.Operators, err = operators.operatorImages(ctx, namespace)
			return err
		},
		func(ctx context.Context) (err error) {
			v.IRIS, v.WebGateways, err = instances.instanceImages(ctx)
			return err
		},
	})
	v.Unread = slices.Concat(operators.snapshot.Unread, instances.snapshot.Unread)
	return v, err
}

func (c *Client) serverVersion(ctx context.Context, v *view.ServerVersion) error {
	body, err := c.rest.REST.Get().AbsPath("/version").Do(ctx).Raw()
	var info version.Info
	if err == nil {
		err = json.Unmarshal(body, &info)
	}
	if err != nil {
		return c.Explain(err, Access{Verb: "get", Resource: "/version"}, "")
	}
	v.Version, v.Platform = info.GitVersion, info.Platform
	return nil
}

// operatorImages returns the images of IKO in all namespaces or, if that is forbidden, in
// the namespace given.
func (r *reader) operatorImages(ctx context.Context, namespace string) ([]view.Image, error) {
	images, err := r.operatorImagesIn(ctx, metav1.NamespaceAll)
	if apierrors.IsForbidden(err) {
		r.scope.Namespace = namespace
		images, err = r.operatorImagesIn(ctx, namespace)
	}
	return images, r.record(ctx, err, "list", "pods", lossOperator)
}

func (r *reader) operatorImagesIn(ctx context.Context, namespace string) ([]view.Image, error) {
	images, err := Collect(ctx, r.client.rest.Pods(namespace).List, metav1.ListOptions{LabelSelector: iris.OperatorSelector}, func(pod *corev1.Pod) ([]string, bool) {
		var images []string
		for _, container := range pod.Spec.Containers {
			if !iris.IsProxy(container.Name) {
				images = append(images, container.Image)
			}
		}
		return images, true
	})
	if err != nil {
		return nil, err
	}
	return counted(slices.Concat(images...)), nil
}

func (r *reader) instanceImages(ctx context.Context) (instances, gateways []view.Image, err error) {
	pods, err := r.client.listPods(ctx, r.scope.Namespace, r.scope.PodSelector())
	if err != nil {
		return nil, nil, r.record(ctx, err, "list", "pods", lossImages)
	}
	var ofIRIS, ofGateways []string
	for _, pod := range pods {
		switch component := pod.Component(); {
		case pod.IRIS == nil:
		case component == iris.ComponentData, component == iris.ComponentCompute:
			ofIRIS = append(ofIRIS, pod.IRIS.Image)
		case component == iris.ComponentWebGateway:
			ofGateways = append(ofGateways, pod.IRIS.Image)
		}
		if pod.Sidecar != nil {
			ofGateways = append(ofGateways, pod.Sidecar.Image)
		}
	}
	return counted(ofIRIS), counted(ofGateways), nil
}

// counted returns the distinct images in alphabetical order, with the number of pods.
func counted(images []string) []view.Image {
	slices.Sort(images)
	found := []view.Image{}
	for _, image := range images {
		if n := len(found); n > 0 && found[n-1].Image == image {
			found[n-1].Pods++
			continue
		}
		found = append(found, view.Image{Image: image, Pods: 1})
	}
	return found
}
