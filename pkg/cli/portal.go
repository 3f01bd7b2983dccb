package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/action/instances"
	"github.com/kubectl-iris/kubectl-iris/pkg/browser"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
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
		Long: help.Text(`
			Forward a local port to the port that serves the Management Portal of an
			instance, print its address, and open it in a web browser. It goes on
			until it is interrupted, and follows the role as port-forward does.
			` + targetHelp + `

			The browser is that of $BROWSER, else the desktop's; under WSL it is
			that of Windows. Without any, open the address yourself.

			With --via-service a Service that expose-sidecar or expose-pod created
			for the target is used if it has an address, and no port is forwarded.

			Rights: ` + followRights + `,
			and create pods/portforward; with --via-service list services.`),
		Example: help.Examples(`
			# The portal of the primary
			kubectl iris portal

			# That of the backup, without a browser
			kubectl iris portal simple --role backup --no-open

			# Another page of one pod's instance, on port 8080
			kubectl iris portal data-0-1 --path /csp/user/index.csp --local-port 8080`),
		Args: help.MaxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), s, args)
		},
	}
	cmd.ValidArgsFunction = s.completeFirst(completion.Targets)
	flags := cmd.Flags()
	f.addTo(cmd, s)
	flag.Port(cmd, &f.localPort, "local-port", "Local port to listen on; 0 for a free one.")
	flags.StringVar(&f.path, "path", iris.PortalPath, "Path of the page.")
	flags.BoolVar(&f.noOpen, "no-open", false, "Print the address, and open no browser.")
	flags.BoolVar(&f.viaService, "via-service", false, "Use a Service that this tool created for the target, if there is one with an address.")
	return cmd
}

func (f *portalFlags) run(ctx context.Context, s *factory, args []string) error {
	path, err := instances.NewPagePath(f.path)
	if err != nil {
		return err
	}
	options, err := instances.NewForwardOptions(f.addresses, f.grace)
	if err != nil {
		return err
	}
	request, client, err := f.open(ctx, s, args)
	if err != nil {
		return err
	}
	page, err := instances.Portal{
		Config: s.actionConfig(), Client: client, Request: request, Options: options,
		LocalPort: f.localPort, Path: path, ViaService: f.viaService,
	}.Open(ctx)
	if err != nil {
		return err
	}
	if page.Forwarding != nil {
		defer page.Forwarding.Close()
	}
	if _, err := fmt.Fprintln(s.Out, page.URL); err != nil {
		return err
	}
	if !f.noOpen {
		if err := browser.Open(page.URL, s.Getenv); err != nil {
			s.note("%v: open the address yourself", err)
		}
	}
	if page.Forwarding == nil {
		return nil
	}
	return page.Forwarding.Serve(ctx)
}
