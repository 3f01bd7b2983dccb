package instances_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/internal/actiontest"
	"github.com/kubectl-iris/kubectl-iris/pkg/action/instances"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// exposing is a node whose cluster has these exposed Services.
type exposing struct {
	*node
	services []corev1.Service
	err      error
}

func (e exposing) MadeServices(context.Context, string) ([]corev1.Service, error) {
	return e.services, e.err
}

// exposed returns a Service for a target.
func exposed(target view.Target, kind corev1.ServiceType) corev1.Service {
	target.Component = iris.ComponentData
	service := corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "iko", Name: "portal", Labels: cluster.TargetLabels(target)}}
	service.Spec.Type, service.Spec.ClusterIP = kind, "10.0.0.1"
	service.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80, NodePort: 30080}}
	return service
}

func TestPortal(t *testing.T) {
	backup := view.Target{Kind: view.TargetSidecar, Cluster: "simple", Role: "backup"}
	pod := view.Target{Kind: view.TargetPod, Cluster: "simple", Pod: "simple-data-0-1"}
	balanced := exposed(backup, corev1.ServiceTypeLoadBalancer)
	balanced.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "198.51.100.1"}}
	const forwards = "this tool created no Service with an address for backup of IrisCluster \"simple\": forwarding instead\n"
	const forwarding = `forwarding to pod "simple-data-0-1", backup of IrisCluster "simple" as IRIS says`
	for name, test := range map[string]struct {
		change        func(*exposing)
		role          string
		name          []string
		address       string
		viaService    bool
		url           string
		told          string
		message, hint string
	}{
		"forwarded":       {role: "backup", address: "127.0.0.1", url: "http://127.0.0.1:PORT/p", told: forwarding},
		"on all networks": {role: "backup", address: "0.0.0.0", url: "http://localhost:PORT/p", told: forwarding},
		"by https": {
			change: func(e *exposing) {
				e.pods[1].Sidecar.Ports = []corev1.ContainerPort{{Name: "https", ContainerPort: 443}}
			},
			role: "backup", address: "127.0.0.1", url: "https://127.0.0.1:PORT/p", told: forwarding,
		},
		"no Service": {role: "backup", address: "127.0.0.1", viaService: true, url: "http://127.0.0.1:PORT/p", told: forwards + forwarding},
		"Services of others": {
			change: func(e *exposing) {
				e.services = []corev1.Service{
					exposed(view.Target{Kind: view.TargetSidecar, Cluster: "simple", Role: "primary"}, corev1.ServiceTypeNodePort),
					exposed(view.Target{Kind: view.TargetSidecar, Cluster: "other", Role: "backup"}, corev1.ServiceTypeNodePort),
					exposed(view.Target{Kind: view.TargetSidecar, Cluster: "simple", Role: "backup", Shard: "1"}, corev1.ServiceTypeNodePort),
					exposed(pod, corev1.ServiceTypeNodePort),
					exposed(backup, corev1.ServiceTypeClusterIP),
					exposed(backup, corev1.ServiceTypeLoadBalancer),
				}
			},
			role: "backup", address: "127.0.0.1", viaService: true, url: "http://127.0.0.1:PORT/p", told: forwards + forwarding,
		},
		"node port": {
			change: func(e *exposing) { e.services = []corev1.Service{exposed(backup, corev1.ServiceTypeNodePort)} },
			role:   "backup", viaService: true, url: "http://192.0.2.7:30080/p",
		},
		"load balancer": {
			change: func(e *exposing) { e.services = []corev1.Service{balanced} },
			role:   "backup", viaService: true, url: "http://198.51.100.1:80/p",
		},
		"Service of the pod": {
			change: func(e *exposing) {
				e.services = []corev1.Service{balanced, exposed(pod, corev1.ServiceTypeNodePort)}
			},
			name: []string{"data-0-1"}, viaService: true, url: "http://192.0.2.7:30080/p",
		},
		"Services unreadable": {
			change: func(e *exposing) { e.err = errors.New("cannot list services") },
			role:   "backup", viaService: true, message: "cannot list services",
		},
		"sidecar is not running": {
			change: func(e *exposing) {
				e.pods[1].Sidecar = &iris.Container{Name: iris.SidecarContainer, Reason: "CrashLoopBackOff"}
			},
			role: "backup", viaService: true,
			message: `the sidecar of pod "simple-data-0-1" in namespace "iko" is not running: CrashLoopBackOff`,
			hint:    "kubectl iris port-forward data-0-1 8080:52773 -n iko reaches the web port of IRIS itself",
		},
		"no target": {
			name: []string{"nope"}, message: `neither an IrisCluster nor a pod of one is named "nope" in namespace "iko"`,
			hint: "there are simple, simple-data-0-0, simple-data-0-1",
		},
		"no tunnel": {change: func(e *exposing) { e.tunnelErr = errors.New("forbidden") }, role: "backup", message: "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			e, r := exposing{node: newNode()}, &actiontest.Reports{}
			if test.change != nil {
				test.change(&e)
			}
			path, err := instances.NewPagePath("p")
			if err != nil {
				t.Fatal(err)
			}
			if test.address == "" {
				test.address = "127.0.0.1"
			}
			page, err := instances.Portal{
				Config: actiontest.ConfigTo(r), Client: e, Request: requestFor(t, test.role, test.name...), Options: forwardOptions(t, time.Second, test.address),
				Path: path, ViaService: test.viaService,
			}.Open(t.Context())
			checkError(t, err, test.message, test.hint)
			if f := page.Forwarding; f != nil {
				defer f.Close()
				port := f.Listening[0].Addresses()[0].(*net.TCPAddr).Port
				test.url = strings.Replace(test.url, "PORT", fmt.Sprint(port), 1)
			}
			if page.URL != test.url {
				t.Errorf("URL %q, want %q", page.URL, test.url)
			}
			if r.Lines() != test.told {
				t.Errorf("reported\n%s\nwant\n%s", r.Lines(), test.told)
			}
		})
	}
}

func TestPagePath(t *testing.T) {
	for _, path := range []string{"", "/csp/sys/UtilHome.csp", "csp/a%20b.csp?x=1#y"} {
		if _, err := instances.NewPagePath(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, path := range []string{"/a b", "/a\tb", "/a\x7f", "\n"} {
		_, err := instances.NewPagePath(path)
		checkError(t, err, fmt.Sprintf("invalid path %q: must not contain spaces or control characters", path), "write a space as %20")
	}
}
