package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action/instances"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/forward"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// forwardFlags are what port-forward and portal have in common.
type forwardFlags struct {
	targetFlags
	addresses []string
	grace     time.Duration
}

// defaultGrace is about as long as a failover and a new label take together.
const defaultGrace = 30 * time.Second

func (f *forwardFlags) addTo(cmd *cobra.Command, s *factory) {
	flags := cmd.Flags()
	f.targetFlags.addTo(cmd, s)
	flags.StringSliceVar(&f.addresses, "address", []string{forward.Localhost}, "Addresses to listen on, comma-separated: IP addresses, or localhost for 127.0.0.1 and ::1.")
	flags.DurationVar(&f.grace, "grace", defaultGrace, "How long a new connection waits while no pod has the role, or the pod is not running.")
}

func newPortForward(s *factory) *cobra.Command {
	f := &forwardFlags{}
	cmd := &cobra.Command{
		Use:     "port-forward [CLUSTER --role ROLE | POD] [LOCAL:]REMOTE...",
		GroupID: groupReach,
		Short:   "Forward local ports to an instance, and follow the role through a failover",
		Long: help.Text(`
			Forward local ports to ports of an instance, without a Service.
			` + targetHelp + `

			REMOTE is a number, the name of a container's port, portal, or
			superserver (1972). LOCAL is a free port if it is 0 or left out. Each
			address is printed on stdout once it listens.

			With a role, new connections go to the pod that has it; when the role
			moves, open ones to the old pod are closed. While no pod has it, new ones
			wait up to --grace. With a pod, they wait while it is recreated. A restart
			of the API server closes open connections, and no more.

			Rights: ` + followRights + `,
			and create pods/portforward.`),
		Example: help.Examples(`
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
			return f.run(cmd.Context(), s, args)
		},
	}
	cmd.ValidArgsFunction = s.complete(completion.TargetsOrPorts)
	f.addTo(cmd, s)
	return cmd
}

func (f *forwardFlags) run(ctx context.Context, s *factory, args []string) error {
	named, args := cutTarget(args)
	ports, err := parsePorts(named, args)
	if err != nil {
		return err
	}
	options, err := instances.NewForwardOptions(f.addresses, f.grace)
	if err != nil {
		return err
	}
	request, client, err := f.open(ctx, s, named)
	if err != nil {
		return err
	}
	forwarding, err := instances.PortForward{
		Config: s.actionConfig(), Client: client, Request: request, Options: options, Ports: ports,
	}.Open(ctx)
	if err != nil {
		return err
	}
	defer forwarding.Close()
	for _, port := range forwarding.Listening {
		for _, address := range port.Addresses() {
			if _, err := fmt.Fprintf(s.Out, "%s -> %s\n", address, remote(port)); err != nil {
				return err
			}
		}
	}
	return forwarding.Serve(ctx)
}

// cutTarget returns the target among the arguments, if there is one, and the ports.
func cutTarget(args []string) (target, ports []string) {
	if len(args) > 0 && !reach.IsPort(args[0]) {
		return args[:1], args[1:]
	}
	return nil, args
}

func parsePorts(target, args []string) ([]reach.Port, error) {
	if len(args) == 0 {
		missing := problem.Usage("at least one port is required, for example 8080:portal")
		if len(target) > 0 {
			return nil, missing.Hint("%q is taken for the target; if it is the name of a container's port, write 0:%s. A port is a number, such a name, portal or superserver", target[0], target[0])
		}
		return nil, missing.Hint("a port is a number, the name of a container's port, portal or superserver")
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

// remote returns the port as it was given, with its number.
func remote(p instances.ListeningPort) string {
	if number := fmt.Sprint(p.Number); number != p.Remote {
		return p.Remote + " (" + number + ")"
	}
	return p.Remote
}
