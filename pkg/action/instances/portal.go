package instances

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// A PortalCluster is what Portal needs of the Kubernetes cluster.
type PortalCluster interface {
	PortForwardCluster
	// MadeServices returns the Services that this tool created in a namespace.
	MadeServices(ctx context.Context, namespace string) ([]corev1.Service, error)
}

// A PagePath is the path of a page in a URL.
type PagePath struct{ path string }

// NewPagePath returns the path, with a slash at its beginning. It returns a usage
// error if a URL cannot hold it.
func NewPagePath(path string) (PagePath, error) {
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return PagePath{}, problem.Usage("invalid %s %q: must not contain spaces or control characters", problem.Field("path"), path).
			Hint("write a space as %%20")
	}
	return PagePath{"/" + strings.TrimPrefix(path, "/")}, nil
}

// Portal makes a page of an instance reachable: the Management Portal.
type Portal struct {
	action.Config
	Client    PortalCluster
	Request   reach.Request
	Options   ForwardOptions
	LocalPort uint16
	Path      PagePath
	// ViaService uses a Service that this tool created for the target, if there is
	// one with an address, and forwards no port then.
	ViaService bool
}

// A Page is a page that can be opened.
type Page struct {
	URL string
	// Forwarding has to serve as long as the page is to be there; nil if a Service
	// makes it reachable.
	Forwarding *Forwarding
}

// Open finds the target and the address of its page.
func (p Portal) Open(ctx context.Context) (Page, error) {
	t, err := findTarget(ctx, p.Config, p.Client, p.Request)
	if err != nil {
		return Page{}, err
	}
	portal := reach.Port{Local: p.LocalPort, Remote: reach.NamePortal}
	if _, err := portal.In(t.pod.Pod, t.Cluster); errors.As(err, new(reach.Stopped)) {
		return Page{}, explained(err) // a Service reaches the same sidecar
	}
	if p.ViaService {
		url, err := p.serviceURL(ctx, t)
		if err != nil || url != "" {
			return Page{URL: url}, err
		}
		p.Notef("this tool created no Service with an address for %s: forwarding instead", t.Target)
	}
	f, err := PortForward{p.Config, p.Client, p.Request, p.Options, []reach.Port{portal}}.open(ctx, t)
	if err != nil {
		return Page{}, err
	}
	scheme := cluster.PortalPort(t.pod.Pod, t.Cluster).Scheme()
	return Page{scheme + "://" + localHost(f.Listening[0].Addresses()[0]) + p.Path.path, f}, nil
}

// localHost returns the host and port by which this machine reaches a listener.
func localHost(at net.Addr) string {
	address := at.(*net.TCPAddr)
	host := address.IP.String()
	if address.IP.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, strconv.Itoa(address.Port))
}

// serviceURL returns the page's URL at a Service that this tool created for the
// target; "" if there is none with an address.
func (p Portal) serviceURL(ctx context.Context, t target) (string, error) {
	ctx, cancel := p.WithTimeout(ctx)
	defer cancel()
	services, err := p.Client.MadeServices(ctx, t.Namespace)
	if err != nil {
		return "", err
	}
	// A cluster IP is reachable inside the Kubernetes cluster only.
	services = slices.DeleteFunc(services, func(s corev1.Service) bool {
		return !t.isTargetOf(&s) || s.Spec.Type == corev1.ServiceTypeClusterIP
	})
	for i := range services {
		for _, url := range cluster.URLs(&services[i], iris.NodeIPs([]iris.Pod{t.pod.Pod})) {
			return strings.TrimSuffix(url, iris.PortalPath) + p.Path.path, nil
		}
	}
	return "", nil
}

// isTargetOf reports whether an exposed Service was created for the target.
func (t target) isTargetOf(service *corev1.Service) bool {
	exposed := cluster.TargetOf(service)
	if t.Pod != "" {
		return exposed.Kind == view.TargetPod && exposed.Pod == t.Pod
	}
	return exposed.Kind == view.TargetSidecar && exposed.Cluster == t.Cluster.Name &&
		exposed.Role == t.Role && exposed.Shard == t.Shard
}
