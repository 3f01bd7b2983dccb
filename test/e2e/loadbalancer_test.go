//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Two Services of the same port have addresses of their own, as at a cloud.
func TestLoadBalancer(t *testing.T) {
	t.Parallel()
	c := newCluster(t, article)
	services := core.CoreV1().Services(c.namespace)
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "second"},
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeLoadBalancer,
			Selector: map[string]string{"statefulset.kubernetes.io/pod-name": second},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80)}},
		},
	}
	if _, err := services.Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both portals", func(ctx context.Context) error {
		for name, pod := range map[string]string{"simple": first, "second": second} {
			found := c.service(name).Status.LoadBalancer.Ingress
			if len(found) == 0 {
				return fmt.Errorf("Service %q has no address", name)
			}
			if got, err := getPortal(ctx, joinPort(found[0].IP, 80)); err != nil || got.Pod != pod {
				return fmt.Errorf("at the address of Service %q answers %+v, %w", name, got, err)
			}
		}
		return nil
	})
	var reasons []string
	eventually(t, "events", func(ctx context.Context) error {
		list, err := core.CoreV1().Events(c.namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=second"})
		if err != nil {
			return err
		}
		reasons = nil
		for _, event := range list.Items {
			reasons = append(reasons, event.Reason)
		}
		slices.Sort(reasons)
		if len(reasons) < 2 {
			return errors.New("too few")
		}
		return nil
	})
	if diff := cmp.Diff([]string{"EnsuredLoadBalancer", "EnsuringLoadBalancer"}, reasons); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}

	if err := services.Delete(t.Context(), "second", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the finalizer lets it go", func(ctx context.Context) error {
		_, err := services.Get(ctx, "second", metav1.GetOptions{})
		if err == nil {
			return errors.New("it is still there")
		}
		if !apierrors.IsNotFound(err) {
			return err
		}
		return nil
	})
}
