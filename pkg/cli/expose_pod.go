package cli

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action/services"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
)

func newExposePod(s *factory) *cobra.Command {
	var f exposeFlags
	var all bool
	var component, cluster string
	cmd := &cobra.Command{
		Use:     "expose-pod POD...",
		GroupID: groupExpose,
		Short:   "Create a Service for one pod, whatever role it takes",
		Long: help.Text(`
			Create a Service for one pod, which stays with it through every
			failover. POD is a pod's name, or the part after its cluster's name
			(data-0-1).

			The selector is the pod's fixed labels and its name, never its mirror
			role. The port is by default that of its web gateway sidecar, without
			one the web port of IRIS. A bare word in --port picks a port by name:
			one that the pod declares, or superserver (1972).
			` + exposeTemplate + "\n" + exposeManifests + "\n" + exposeRights),
		Example: help.Examples(`
			# The portal of one member
			kubectl iris expose-pod data-0-1

			# The superserver of two members
			kubectl iris expose-pod data-0-0 data-0-1 --port superserver

			# A Service for each data pod of a cluster
			kubectl iris expose-pod --all --cluster simple

			# Manifests of these for Git
			kubectl iris expose-pod --all --cluster simple --dry-run=client -o yaml`),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, run, err := f.options(s)
			if err != nil {
				return err
			}
			request, err := services.NewPodsRequest(args, all, component, cluster, options)
			if err != nil {
				return err
			}
			client, err := s.Client(cmd.Context())
			if err != nil {
				return err
			}
			return services.ExposePods{Expose: run, Client: client, Request: request}.Run(cmd.Context())
		},
	}
	cmd.ValidArgsFunction = s.complete(completion.Pods)
	flags := cmd.Flags()
	flags.BoolVar(&all, "all", false, "Expose every pod of a component, each by a Service of its own.")
	flag.Choice(cmd, &component, "component", "With --all, the component: data, which is the default, or compute.", iris.ComponentData, iris.ComponentCompute)
	flags.StringVar(&cluster, "cluster", "", "Cluster of the pods, if their names are ambiguous.")
	flag.Complete(cmd, "cluster", s.complete(completion.Clusters))
	f.addTo(cmd, s, completion.PodPorts)
	return cmd
}
