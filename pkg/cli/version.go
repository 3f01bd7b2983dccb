package cli

import (
	"cmp"
	"context"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
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
		Long: text(`
			Show the version of this plugin, what it was built from and with; then
			the server's, the image of the InterSystems Kubernetes Operator (IKO),
			and the images of IRIS and its web gateways that run in the namespace.

			Rights: list pods, in all namespaces to find IKO wherever it runs.`),
		Example: examples(`
			# Everything
			kubectl iris version

			# This plugin alone; needs no cluster
			kubectl iris version --client

			# For a bug report
			kubectl iris version -o yaml`),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.clientOnly, "client", false, "Show the plugin's own version and ask no server.")
	choiceVarP(cmd, &f.output, "output", "o", "Output format: json or yaml.", "json", "yaml")
	return cmd
}

func (f *versionFlags) run(ctx context.Context, s *factory) error {
	v := action.ClientVersion(clientVersion(s.Build))
	if f.clientOnly {
		return f.print(s, v)
	}
	v, err := s.serverVersion(ctx, v)
	// What is known without the server helps to find out why it does not answer.
	return cmp.Or(f.print(s, v), err)
}

func (s *factory) serverVersion(ctx context.Context, v view.Version) (view.Version, error) {
	namespace, err := s.namespace()
	if err != nil {
		return v, err
	}
	client, err := s.client(ctx)
	if err != nil {
		return v, err
	}
	return action.Version{Config: s.actionConfig(), Client: client, Namespace: namespace}.Run(ctx, v)
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
	if v.Server == nil {
		return nil
	}
	render.Unread(s.Err, v.Server.Unread)
	return nil
}

func clientVersion(build Build) view.ClientVersion {
	return view.ClientVersion{
		Version:   build.Version,
		Commit:    build.Commit,
		Date:      build.Date,
		Go:        runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
		Libraries: libraries(),
	}
}

// libraries are the Kubernetes modules that decide how the plugin speaks to a
// server.
func libraries() []view.Library {
	found := []view.Library{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return found
	}
	wanted := []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/cli-runtime", "k8s.io/client-go"}
	for _, module := range info.Deps {
		if slices.Contains(wanted, module.Path) {
			found = append(found, view.Library{Module: module.Path, Version: module.Version})
		}
	}
	return found
}
