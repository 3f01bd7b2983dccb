package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/action/services"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func newUnexpose(s *factory) *cobra.Command {
	var role, component, shard, output string
	var all bool
	run := services.Unexpose{Config: s.actionConfig()}
	cmd := &cobra.Command{
		Use:     "unexpose NAME... | POD... | --role ROLE [CLUSTER] | --all",
		GroupID: groupExpose,
		Short:   "Remove Services that this tool created",
		Long: help.Text(`
			Remove Services that expose-sidecar and expose-pod created, and no
			others: by the Service's name, by the pod it was created for, by the
			role, component or shard it selects, or all of the namespace's.

			A name that is unknown, or that of a Service which this tool did not
			create, is an error; the rest is removed all the same.

			Rights: list and delete services; with --wait also watch them.`),
		Example: help.Examples(`
			# By name
			kubectl iris unexpose simple-sidecar-backup

			# By what was exposed
			kubectl iris unexpose --role backup simple
			kubectl iris unexpose data-0-1

			# Everything that this tool created in the namespace
			kubectl iris unexpose --all`),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if run.Request, err = services.NewUnexposeRequest(args, role, component, shard, all); err != nil {
				return err
			}
			if err := run.Validate(); err != nil {
				return err
			}
			if run.Namespace, run.Client, err = s.namespaceAndClient(cmd.Context()); err != nil {
				return err
			}
			run.Each = func(service *corev1.Service) error {
				line := fmt.Sprintf("service %q deleted%s", service.Name, dryRunNote(run.DryRun))
				if output == "name" {
					line = "service/" + service.Name
				}
				_, err := fmt.Fprintln(s.Out, line)
				return err
			}
			found, err := run.Run(cmd.Context())
			if err == nil && !found {
				s.printNone(run.Namespace)
			}
			return err
		},
	}
	cmd.ValidArgsFunction = s.complete(completion.Exposed)
	flags := cmd.Flags()
	flags.StringVar(&role, "role", "", "Remove what follows this mirror role.")
	flags.StringVar(&component, "component", "", "Remove what selects the sidecars of this component: data or compute.")
	flags.StringVar(&shard, "shard", "", "Remove what selects the sidecars of this shard.")
	// What was exposed is known from the Services, not from the pods of now.
	flag.Complete(cmd, "role", s.complete(completion.ExposedBy(func(t *view.Target) string { return t.Role })))
	flag.Complete(cmd, "shard", s.complete(completion.ExposedBy(func(t *view.Target) string { return t.Shard })))
	flag.Complete(cmd, "component", s.complete(completion.ExposedBy(func(t *view.Target) string { return t.Component })))
	flags.BoolVar(&all, "all", false, "Remove every Service that this tool created in the namespace.")
	flag.DryRun(cmd, &run.DryRun, "none, client (say what would be removed) or server (have the server check it, and remove nothing).")
	flag.Wait(cmd, &run.Wait, &run.Timeout, "Wait until the Services are gone.", "How long --wait waits for each.")
	flag.ChoiceP(cmd, &output, "output", "o", "Output format: name for names alone.", "name")
	return cmd
}
