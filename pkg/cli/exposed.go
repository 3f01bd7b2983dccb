package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

type exposedFlags struct {
	allNamespaces bool
	noHeaders     bool
	waitFlags
	color  render.ColorMode
	output *outputFlags
}

func newExposed(s *factory) *cobra.Command {
	f := &exposedFlags{output: newOutputFlags("wide", "url")}
	cmd := &cobra.Command{
		Use:     "exposed",
		GroupID: groupExpose,
		Short:   "List the Services that this tool made",
		Long: text(`
			List the Services that expose-sidecar and expose-pod made, what each
			leads to, and which pods it reaches now.

			Rights: list services and endpointslices.discovery.k8s.io; list pods for
			the URLs of node ports; with --wait also watch the first two, and list
			and watch pods and events.`),
		Example: examples(`
			# Those of the namespace
			kubectl iris exposed

			# Those of all namespaces, with addresses of the portal
			kubectl iris exposed -A -o wide`),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.allNamespaces, "all-namespaces", "A", false, "If present, list the Services of all namespaces.")
	flags.BoolVar(&f.noHeaders, "no-headers", false, "Print no headers.")
	f.waitFlags.addTo(cmd, "First wait until each port of each has a ready endpoint and, for a load balancer, an address.", "How long --wait waits for each.")
	addColorFlag(cmd, &f.color)
	f.output.addTo(cmd)
	return cmd
}

func (f *exposedFlags) run(ctx context.Context, s *factory) error {
	printer, err := f.output.printer()
	if err != nil {
		return err
	}
	namespace := ""
	if !f.allNamespaces {
		if namespace, err = s.namespace(); err != nil {
			return err
		}
	}
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	urls := !f.output.is("") && !f.output.is("name")
	snapshot, err := s.readExposed(ctx, client, namespace, urls && !f.wait)
	if err != nil {
		return err
	}
	var waited error
	if f.wait {
		waited = f.waitAll(ctx, s, client, snapshot.Services)
		if snapshot, err = s.readExposed(ctx, client, namespace, urls); err != nil {
			return err
		}
	}
	return errors.Join(f.print(s, topology.Exposed(snapshot), namespace, printer), waited)
}

// waitAll waits for all Services at once.
func (f *exposedFlags) waitAll(ctx context.Context, s *factory, client *connection, services []corev1.Service) error {
	failed := make([]error, len(services))
	options := s.waitOptions(f.timeout)
	var waiting sync.WaitGroup
	for i := range services {
		waiting.Go(func() {
			_, failed[i] = client.WaitExposed(ctx, &services[i], options)
		})
	}
	waiting.Wait()
	return errors.Join(failed...)
}

func (s *factory) readExposed(ctx context.Context, client *connection, namespace string, urls bool) (topology.Snapshot, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	snapshot, err := client.Exposed(ctx, namespace, urls)
	if err != nil {
		return snapshot, err
	}
	return snapshot, needs(snapshot, "services")
}

func (f *exposedFlags) print(s *factory, list view.ExposedServiceList, namespace string, printer printers.ResourcePrinter) error {
	o := render.Options{
		Now:        s.Now(),
		Wide:       f.output.is("wide"),
		NoHeaders:  f.noHeaders,
		Namespaces: f.allNamespaces,
		Color:      s.useColor(f.color),
	}
	switch {
	case printer != nil:
		return render.Object(s.Out, printer, list)
	case f.output.is("url"):
		for _, item := range list.Items {
			for _, url := range item.URLs {
				if _, err := fmt.Fprintln(s.Out, url); err != nil {
					return err
				}
			}
		}
		return nil
	case len(list.Items) == 0:
		s.printNone(namespace)
	default:
		if err := render.Exposed(s.Out, list, o); err != nil {
			return err
		}
	}
	render.Unread(s.Err, list.Unread)
	return nil
}

// printNone says in kubectl's words that nothing was found.
func (s *factory) printNone(namespace string) {
	if namespace == corev1.NamespaceAll {
		s.note("No resources found")
		return
	}
	s.note("No resources found in %s namespace.", namespace)
}
