package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action/services"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func newExposed(s *factory) *cobra.Command {
	f := &tableFlags{output: flag.NewOutput("wide", "url")}
	run := services.Exposed{Config: s.actionConfig()}
	cmd := &cobra.Command{
		Use:     "exposed",
		GroupID: groupExpose,
		Short:   "List the Services that this tool created",
		Long: help.Text(`
			List the Services that expose-sidecar and expose-pod created, what each
			selects, and which pods it reaches now.

			Rights: list services and endpointslices.discovery.k8s.io; list pods for
			the URLs of node ports; with --wait also watch the first two, and list
			and watch pods and events.`),
		Example: help.Examples(`
			# Those of the namespace
			kubectl iris exposed

			# Those of all namespaces, with addresses of the portal
			kubectl iris exposed -A -o wide`),
		Args: help.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			printer, err := f.output.Printer()
			if err != nil {
				return err
			}
			if run.Namespace, err = f.namespace(s); err != nil {
				return err
			}
			run.Addresses = !f.output.Is("") && !f.output.Is("name")
			if run.Client, err = s.Client(cmd.Context()); err != nil {
				return err
			}
			list, err := run.Run(cmd.Context())
			if list.Kind == "" {
				return err // nothing was read
			}
			if printer != nil {
				return errors.Join(render.Object(s.Out, printer, list), err)
			}
			return errors.Join(s.printExposed(list, run.Namespace, f), err)
		},
	}
	flag.Wait(cmd, &run.Wait, &run.Timeout, "First wait until each port of each has a ready endpoint and, for a load balancer, an address.", "How long --wait waits for each.")
	f.addTo(cmd, "Services")
	return cmd
}

func (s *factory) printExposed(list view.ExposedServiceList, namespace string, f *tableFlags) error {
	switch {
	case f.output.Is("url"):
		var urls []string
		for _, item := range list.Items {
			urls = append(urls, item.URLs...)
		}
		return s.printURLs(urls)
	case len(list.Items) == 0:
		s.printNone(namespace)
	default:
		if err := render.Exposed(s.Out, list, f.options(s)); err != nil {
			return err
		}
	}
	render.Unread(s.Err, list.Unread)
	return nil
}
