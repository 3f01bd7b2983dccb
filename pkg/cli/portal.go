package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/browser"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/forward"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

type portalFlags struct {
	forwardFlags
	localPort  uint16
	path       string
	noOpen     bool
	viaService bool
}

func newPortal(s *factory) *cobra.Command {
	f := &portalFlags{}
	cmd := &cobra.Command{
		Use:     "portal [CLUSTER | POD]",
		GroupID: groupReach,
		Short:   "Open the Management Portal of an instance in a web browser",
		Long: text(`
			Forward a local port to the port that serves the Management Portal of an
			instance, print its address, and open it in a web browser. It goes on
			until it is interrupted, and follows the role as port-forward does.
			` + targetHelp + `

			The browser is that of $BROWSER, else the desktop's; under WSL it is
			that of Windows. Without any, the address is for you to open.

			With --via-service a Service that expose-sidecar or expose-pod made for
			the target is used where it has an address, and nothing is forwarded.

			Rights: ` + followRights + `,
			and create pods/portforward; with --via-service list services.`),
		Example: examples(`
			# The portal of the primary
			kubectl iris portal

			# That of the backup, without a browser
			kubectl iris portal simple --role backup --no-open

			# Another page of one pod's instance, on port 8080
			kubectl iris portal data-0-1 --path /csp/user/index.csp --local-port 8080`),
		Args: maxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return f.run(cmd.Context(), s, strings.Join(args, ""))
		},
	}
	cmd.ValidArgsFunction = s.completeFirst(completeTargets)
	flags := cmd.Flags()
	f.addTo(cmd, s)
	flags.Uint16Var(&f.localPort, "local-port", 0, "Local port to listen on; 0 for one that is free.")
	flags.StringVar(&f.path, "path", iris.PortalPath, "Path of the page.")
	flags.BoolVar(&f.noOpen, "no-open", false, "Print the address, and open no browser.")
	flags.BoolVar(&f.viaService, "via-service", false, "Use a Service that this tool made for the target, where there is one with an address.")
	return cmd
}

func (f *portalFlags) check() error {
	if strings.ContainsFunc(f.path, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return problem.Usage("--path %q is not a path of a URL", f.path).Hint("it begins with /; write a space as %%20")
	}
	if !strings.HasPrefix(f.path, "/") {
		f.path = "/" + f.path
	}
	return f.forwardFlags.check()
}

func (f *portalFlags) run(ctx context.Context, s *factory, name string) error {
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	target, err := s.find(ctx, client, f.targetFlags, name)
	if err != nil {
		return err
	}
	portal := reach.Port{Local: f.localPort, Remote: reach.NamePortal}
	if _, err := portal.In(target.pod.Pod, target.Cluster); errors.As(err, new(reach.Stopped)) {
		return err // a Service reaches the same sidecar
	}
	if f.viaService {
		url, err := f.serviceURL(ctx, s, client, target)
		if err != nil {
			return err
		}
		if url != "" {
			return f.show(s, url)
		}
		s.note("this tool made no Service with an address for %s: forwarding instead", target.Target)
	}
	r := f.toForwarding(s, client, target)
	all, err := r.listen(ctx, f.addresses, []reach.Port{portal})
	if err != nil {
		return err
	}
	r.announce()
	if err := f.show(s, portalURL(all[0], cluster.PortalPort(target.pod.Pod, target.Cluster).Scheme(), f.path)); err != nil {
		forward.Close(all[0].listeners)
		return err
	}
	return r.serve(ctx, all)
}

// show prints the address, and opens it unless that is not wanted.
func (f *portalFlags) show(s *factory, url string) error {
	if _, err := fmt.Fprintln(s.Out, url); err != nil {
		return err
	}
	if f.noOpen {
		return nil
	}
	if err := browser.Open(url, s.Getenv); err != nil {
		s.note("%v: open the address yourself", err)
	}
	return nil
}

// portalURL returns the address of a page at the first listener.
func portalURL(l listening, scheme, path string) string {
	address := l.listeners[0].Addr().(*net.TCPAddr)
	host := address.IP.String()
	if address.IP.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(address.Port)) + path
}

// serviceURL is the page at a Service that this tool made for the target, ""
// where there is none with an address.
func (f *portalFlags) serviceURL(ctx context.Context, s *factory, client *connection, target found) (string, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	made, err := client.MadeServices(ctx, target.Namespace)
	if err != nil {
		return "", err
	}
	// Cluster addresses are good inside the cluster only.
	made = slices.DeleteFunc(made, func(service corev1.Service) bool {
		return !leadsTo(&service, target) || service.Spec.Type == corev1.ServiceTypeClusterIP
	})
	for i := range made {
		for _, url := range topology.URLs(&made[i], iris.NodeIPs([]iris.Pod{target.pod.Pod})) {
			return strings.TrimSuffix(url, iris.PortalPath) + f.path, nil
		}
	}
	return "", nil
}

// leadsTo tells whether a Service was made for a target.
func leadsTo(service *corev1.Service, target found) bool {
	made := cluster.TargetOf(service)
	if target.Pod != "" {
		return made.Kind == view.TargetPod && made.Pod == target.Pod
	}
	return made.Kind == view.TargetSidecar && made.Cluster == target.Cluster.Name &&
		made.Role == target.Role && made.Shard == target.Shard
}
