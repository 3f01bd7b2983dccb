package cli

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

type versionFlags struct {
	clientOnly bool
	output     string
}

func newVersion(s *factory) *cobra.Command {
	f := &versionFlags{}
	cmd := &cobra.Command{
		Use:     "version",
		GroupID: groupSetup,
		Short:   "Show the versions of this plugin, the server, IKO and IRIS",
		Long: help.Text(`
			Show the version of this plugin, what it was built from and with; then
			the server's, the image of the InterSystems Kubernetes Operator (IKO),
			and the images of IRIS and its web gateways that run in the namespace.

			Rights: list pods, in all namespaces to find IKO wherever it runs.`),
		Example: help.Examples(`
			# Everything
			kubectl iris version

			# This plugin alone; needs no cluster
			kubectl iris version --client

			# For a bug report
			kubectl iris version -o yaml`),
		Args: help.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.clientOnly, "client", false, "Show the plugin's own version and ask no server.")
	flag.ChoiceP(cmd, &f.output, "output", "o", "Output format: json or yaml.", "json", "yaml")
	return cmd
}

func (f *versionFlags) run(ctx context.Context, s *factory) error {
	v := action.ClientVersion(s.Build.view())
	if f.clientOnly {
		return f.print(s, v)
	}
	namespace, client, err := s.namespaceAndClient(ctx)
	if err == nil {
		v, err = action.Version{Config: s.actionConfig(), Client: client, Namespace: namespace}.Run(ctx, v)
	}
	// What is known without the server helps to find out why it does not answer.
	return cmp.Or(f.print(s, v), err)
}

func (f *versionFlags) print(s *factory, v view.Version) error {
	if f.output != "" {
		printer, err := genericclioptions.NewJSONYamlPrintFlags().ToPrinter(f.output)
		if err != nil {
			return err
		}
		return render.Object(s.Out, printer, v)
	}
	if err := render.Version(s.Out, v); err != nil {
		return err
	}
	if v.Server != nil {
		render.Unread(s.Err, v.Server.Unread)
	}
	return nil
}
