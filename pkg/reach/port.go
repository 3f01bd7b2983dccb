package reach

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// NamePortal is the name by which the port that serves the portal is asked for.
const NamePortal = "portal"

const portHint = "the form is [LOCAL:]REMOTE, for example 8080:portal, superserver or 0:1972; " +
	"REMOTE is a number, a container port's name, portal or superserver"

// A Port is a port to be forwarded.
type Port struct {
	// Local is the port on this machine; 0 for any that is free.
	Local uint16
	// Remote is a number, the name of a container's port, portal or
	// superserver.
	Remote string
}

// IsPort reports whether an argument can only be a port, and not the name of a
// cluster or a pod.
func IsPort(arg string) bool {
	_, err := strconv.ParseUint(arg, 10, 64)
	return err == nil || strings.Contains(arg, ":") || arg == NamePortal || arg == iris.NameSuperserver
}

// ParsePort parses [LOCAL:]REMOTE. It returns a usage error with a hint if that is
// not a port.
func ParsePort(arg string) (Port, error) {
	wrong := func(format string, args ...any) (Port, error) {
		return Port{}, problem.Usage("invalid port %q: %s", arg, fmt.Sprintf(format, args...)).Hint(portHint)
	}
	local, remote, both := strings.Cut(arg, ":")
	if !both {
		local, remote = "", arg
	}
	p := Port{Remote: remote}
	if local != "" {
		n, err := strconv.ParseUint(local, 10, 16)
		if err != nil {
			return wrong("LOCAL %q is not a port number up to 65535", local)
		}
		p.Local = uint16(n)
	}
	if n, err := strconv.ParseUint(remote, 10, 64); err == nil {
		if n == 0 || n > 65535 {
			return wrong("REMOTE %s is not a port number from 1 to 65535", remote)
		}
		p.Remote = strconv.FormatUint(n, 10)
		return p, nil
	}
	if len(validation.IsValidPortName(remote)) != 0 {
		return wrong("REMOTE %q is neither a port number nor the name of a port", remote)
	}
	return p, nil
}

// In returns the number of the port in a pod. The error is Stopped if the sidecar,
// which serves the portal, is not running at the moment.
func (p Port) In(pod iris.Pod, c iris.Cluster) (uint16, error) {
	if n, err := strconv.ParseUint(p.Remote, 10, 16); err == nil {
		return uint16(n), nil
	}
	declared := pod.Ports()
	if portal := cluster.PortalPort(pod, c); p.Remote == NamePortal && portal.Number != 0 {
		if pod.Sidecar != nil && !pod.Sidecar.IsRunning() {
			return 0, sidecarStopped(pod, c)
		}
		return uint16(portal.Number), nil
	}
	named, found := cluster.NamedPort(declared, p.Remote)
	switch {
	case found:
		return uint16(named.ContainerPort), nil
	case p.Remote == NamePortal:
		return 0, problem.New("pod %q in namespace %q is not known to serve a portal", pod.Name, pod.Namespace).
			Hint("data and compute pods do; give a port's number to reach another")
	}
	return 0, problem.New("no container of pod %q in namespace %q declares a port named %q", pod.Name, pod.Namespace, p.Remote).
		Hint("there are %s, %s; or give a number", NamePortal, strings.Join(cluster.PortNames(declared), ", "))
}

// Stopped is the error of a portal whose sidecar is not running. The kubelet may
// start it again.
type Stopped struct {
	error
	Pod iris.Pod
	// Own is the number of IRIS's own web port, which serves the portal meanwhile;
	// 0 if IRIS is not running either.
	Own int32
}

// Unwrap returns the error itself.
func (e Stopped) Unwrap() error { return e.error }

func sidecarStopped(pod iris.Pod, c iris.Cluster) error {
	why := ""
	if pod.Sidecar.Reason != "" {
		why = ": " + pod.Sidecar.Reason
	}
	own := int32(0)
	if pod.IRIS.IsRunning() {
		own = cluster.OwnPort(pod, c).Number
	}
	return Stopped{problem.New("the sidecar of pod %q in namespace %q is not running%s", pod.Name, pod.Namespace, why), pod, own}
}
