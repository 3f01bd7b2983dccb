package cli

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action/services"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

func newExposeSidecar(s *factory) *cobra.Command {
	var f exposeFlags
	var role, component, shard string
	var verify bool
	cmd := &cobra.Command{
		Use:     "expose-sidecar [CLUSTER]",
		GroupID: groupExpose,
		Short:   "Create a Service for the web gateway sidecar of a mirror role or of compute nodes",
		Long: help.Text(`
			Create a Service for the web gateway sidecars of a cluster: with --role
			for that of the member that has the role, which it follows through a
			failover.

			The selector is the four labels that IKO gives a cluster's pods, the
			mirror role, and the shard if there are several. Run again, the Service
			is changed to what is requested. One of that name that this tool did not
			create is left alone.
			` + exposeTemplate + `

			With --role, IRIS in the pods that the Service reaches is asked
			afterwards whether it confirms the role that the label gives them; with
			--verify it is asked before, and a role that it contradicts is refused.
			` + exposeManifests + "\n" + exposeRights + `
			To ask IRIS: create pods/exec, or get pods/proxy.`),
		Example: help.Examples(`
			# The backup's web gateway, on port 81
			kubectl iris expose-sidecar --role backup

			# The manifest for Git; nothing is changed
			kubectl iris expose-sidecar simple --role backup --dry-run=client -o yaml

			# Without one of the annotations that the serviceTemplate has
			kubectl iris expose-sidecar simple --role backup --annotation example.com/pool-

			# On a node port, and wait until it works
			kubectl iris expose-sidecar simple --role backup --type NodePort --wait

			# Only if IRIS says that the pod is the backup
			kubectl iris expose-sidecar simple --role backup --verify

			# The web gateways of the compute nodes, on port 8080
			kubectl iris expose-sidecar simple --component compute --port 8080`),
		Args: help.MaxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := clusterArg(args)
			if err != nil {
				return err
			}
			options, run, err := f.options(s)
			if err != nil {
				return err
			}
			request, err := expose.NewSidecarRequest(options, component, role, shard)
			if err != nil {
				return err
			}
			sidecar := services.ExposeSidecar{Expose: run, Name: name, Request: request, Verify: verify}
			if err := sidecar.Validate(); err != nil {
				return err
			}
			if sidecar.Client, err = s.Client(cmd.Context()); err != nil {
				return err
			}
			return sidecar.Run(cmd.Context())
		},
	}
	cmd.ValidArgsFunction = s.completeFirst(completion.Clusters)
	flags := cmd.Flags()
	flags.StringVar(&role, "role", "", "Mirror role to follow: primary, backup, or another that a pod has.")
	flag.Complete(cmd, "role", s.complete(completion.Roles))
	flag.Choice(cmd, &component, "component", "Component whose sidecars are selected: data, which is the default, or compute.", iris.ComponentData, iris.ComponentCompute)
	flags.StringVar(&shard, "shard", "", "Shard of the data node, if there are several.")
	flag.Complete(cmd, "shard", s.complete(completion.Shards))
	flags.BoolVar(&verify, "verify", false, "Ask IRIS first, and create no Service that selects a pod which does not have the role.")
	f.addTo(cmd, s, completion.TargetPorts)
	return cmd
}
