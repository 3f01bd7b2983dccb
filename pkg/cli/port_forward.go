package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

func newPortForward(s *factory) *cobra.Command {
	f := &forwardFlags{}
	cmd := &cobra.Command{
		Use:     "port-forward [CLUSTER --role ROLE | POD] [LOCAL:]REMOTE...",
		GroupID: groupReach,
		Short:   "Forward local ports to an instance, and follow the role through a failover",
		Long: text(`
			Forward local ports to ports of an instance, without a Service.
			` + targetHelp + `

			REMOTE is a number, the name of a container's port, portal, or
			superserver (1972). LOCAL is a free port where it is 0 or left out. Each
			address is printed on stdout once it listens.

			With a role, new connections go to the pod that holds it; when the role
			moves, open ones to the former holder are closed. While nobody holds it,
			new ones wait up to --grace. With a pod, the pod is waited for when it is
			made anew. Nothing is lost when the API server restarts but the
			connections that were open.

			Rights: ` + followRights + `,
			and create pods/portforward.`),
		Example: examples(`
			# The superserver of the primary, on a free port
			kubectl iris port-forward superserver

			# Portal and superserver of the backup, on ports 8080 and 1972
			kubectl iris port-forward simple --role backup 8080:portal 1972:1972

			# One pod, whatever its role
			kubectl iris port-forward data-0-1 1972:superserver

			# In a script: wait for the line with the address, and end it afterwards
			mkfifo forward
			kubectl iris port-forward superserver --address 127.0.0.1 > forward &
			read -r address _ < forward
			kill $!`),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, args := cutTarget(args)
			ports, err := parsePorts(name, args)
			if err != nil {
				return err
			}
			if err := f.check(); err != nil {
				return err
			}
			return s.portForward(cmd.Context(), f, name, ports)
		},
	}
	cmd.ValidArgsFunction = s.complete(completeTargetsOrPorts)
	f.addTo(cmd, s)
	return cmd
}

// cutTarget takes the target off the arguments, where there is one.
func cutTarget(args []string) (name string, rest []string) {
	if len(args) > 0 && !reach.IsPort(args[0]) {
		return args[0], args[1:]
	}
	return "", args
}

func parsePorts(target string, args []string) ([]reach.Port, error) {
	if len(args) == 0 && target != "" {
		return nil, problem.Usage("which port of %q?", target).
			Hint("name one behind the target: portal, superserver, a number or a container port's name, as in 8080:portal; if %q is a container port's name, write 0:%s", target, target)
	}
	if len(args) == 0 {
		return nil, problem.Usage("which port?").
			Hint("name one behind the target: portal, superserver, a number or a container port's name, as in 8080:portal")
	}
	ports := make([]reach.Port, len(args))
	for i, arg := range args {
		var err error
		if ports[i], err = reach.ParsePort(arg); err != nil {
			return nil, err
		}
	}
	return ports, nil
}

func (s *factory) portForward(ctx context.Context, f *forwardFlags, name string, ports []reach.Port) error {
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	target, err := s.find(ctx, client, f.targetFlags, name)
	if err != nil {
		return err
	}
	r := f.toForwarding(s, client, target)
	all, err := r.listen(ctx, f.addresses, ports)
	if err != nil {
		return err
	}
	r.announce()
	for _, l := range all {
		for _, address := range l.listeners {
			if _, err := fmt.Fprintf(s.Out, "%s -> %s\n", address.Addr(), l.words()); err != nil {
				return err
			}
		}
	}
	return r.serve(ctx, all)
}

// announce says where connections go.
func (r *forwarding) announce() {
	for _, line := range r.target.warnings() {
		r.factory.warn(line)
	}
	r.note("forwarding to %s", r.target.who())
}

// words are the port as it was asked for, with its number.
func (l listening) words() string {
	if number := fmt.Sprint(l.number); number != l.Remote {
		return l.Remote + " (" + number + ")"
	}
	return l.Remote
}
