package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/help"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// statusFlags are the flags of status.
type statusFlags struct {
	tableFlags
	selector  string
	unhealthy bool
	strict    bool
	watch     bool
	ask       action.Asking
}

func newStatus(f *factory) *cobra.Command {
	flags := &statusFlags{tableFlags: tableFlags{output: flag.NewOutput("wide")}, ask: action.AskAuto}
	cmd := &cobra.Command{
		Use:     "status [CLUSTER...]",
		GroupID: groupInspect,
		Short:   "Show which pod is primary and which is backup, what reaches each, and what is wrong",
		Long: help.Text(`
			Show IrisClusters: without a name a row for each, with one name that
			cluster in detail: its verdict, its pods, the Services that reach
			them, and what is wrong, errors first, with the next step for each.
			docs/findings.md explains each finding and its severity.

			Roles are what IRIS says if it is asked, which is in the view of one
			cluster, else those of the label intersystems.com/mirrorRole. If the
			two disagree, that is a finding. A role is never guessed: a mirror
			member that is not the primary need not be a backup.

			IRIS is asked by iris qlist in each data pod, at the same time and for
			3 seconds at most. If that is forbidden, fails or leaves the role open,
			IRIS's metrics are asked, and the web gateway's page mirror_status.cxw,
			which distinguishes the primary from the others and no more. With -w a
			failover is reported step by step, timed from its first sign.

			Exit code: 0 healthy, or warnings only; 1 not known; 2 wrong
			usage; 3 degraded, which is at least one error, and with --strict
			warnings too. A list ends with its worst.

			Rights: list pods; get or list irisclusters.intersystems.com, list
			services, endpointslices.discovery.k8s.io and events; create pods/exec,
			or get pods/proxy, to ask IRIS; with -w also watch. Without one of
			these, all but what it brings is shown.`),
		Example: help.Examples(`
			# Every IrisCluster of the namespace
			kubectl iris status

			# One cluster in detail
			kubectl iris status simple

			# Those of all namespaces that have errors or warnings
			kubectl iris status -A --unhealthy

			# Fail on warnings too, as in a pipeline
			kubectl iris status simple --strict

			# Follow a failover
			kubectl iris status simple -w

			# The name of the primary's pod
			kubectl iris status simple -o jsonpath='{.shards[0].primaries[0]}'`),
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.run(cmd.Context(), f, args)
		},
	}
	cmd.ValidArgsFunction = f.complete(completion.Clusters)
	set := cmd.Flags()
	set.StringVarP(&flags.selector, "selector", "l", "", "Selector (label query) on IrisClusters, as kubectl takes it.")
	set.BoolVar(&flags.unhealthy, "unhealthy", false, "Show only clusters that are not healthy: with errors or warnings, or with pods that could not be read.")
	set.BoolVar(&flags.strict, "strict", false, "Exit with code 3 on warnings too.")
	set.BoolVarP(&flags.watch, "watch", "w", false, "After showing them, watch for changes.")
	flag.Choice(cmd, &flags.ask, "ask-iris", "Ask IRIS itself for the roles: auto (if one cluster is named), always or never.", action.AskAuto, action.AskAlways, action.AskNever)
	flags.addTo(cmd, "IrisClusters")
	return cmd
}

func (flags *statusFlags) run(ctx context.Context, f *factory, names []string) error {
	printer, err := flags.output.Printer()
	if err != nil {
		return err
	}
	namespace, err := flags.namespace(f)
	if err != nil {
		return err
	}
	request, err := action.NewStatusRequest(namespace, names, flags.selector, flags.ask)
	if err != nil {
		return err
	}
	p := newStatusPrinter(f, flags, request, printer)
	client, err := f.Client(ctx)
	if err != nil {
		return err
	}
	status := action.Status{Config: f.actionConfig(), Client: client, StatusRequest: request}
	if flags.watch {
		return p.watch(ctx, status)
	}
	list, err := status.Run(ctx)
	if err != nil && len(list.Items) == 0 {
		return err
	}
	// Names and health are judged by all of the list, whatever is printed.
	if failed := p.print(p.worthShowing(list)); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	return worst(list, flags.strict)
}

// A statusPrinter prints the clusters of a status.
type statusPrinter struct {
	*factory
	flags   *statusFlags
	request action.StatusRequest
	// printer is that of -o; nil for tables.
	printer printers.ResourcePrinter
	render  render.Options
}

func newStatusPrinter(f *factory, flags *statusFlags, request action.StatusRequest, printer printers.ResourcePrinter) *statusPrinter {
	p := &statusPrinter{f, flags, request, printer, flags.options(f)}
	p.render.Asked = request.AsksIRIS()
	return p
}

// inDetail reports whether one cluster is shown in detail.
func (p *statusPrinter) inDetail() bool {
	_, only := p.request.Only()
	return only
}

// worthShowing returns what --unhealthy leaves of a list.
func (p *statusPrinter) worthShowing(list view.ClusterStatusList) view.ClusterStatusList {
	if p.flags.unhealthy {
		list.Items = slices.DeleteFunc(slices.Clone(list.Items), isHealthy)
	}
	return list
}

func isHealthy(c view.ClusterStatus) bool { return c.Health == view.Healthy }

// now returns the options to render with at the present time.
func (p *statusPrinter) now() render.Options {
	o := p.render
	o.Now = p.Now()
	return o
}

// print prints the list, or its one cluster in detail.
func (p *statusPrinter) print(list view.ClusterStatusList) error {
	o := p.now()
	switch {
	case p.printer != nil && p.inDetail() && len(list.Items) == 1:
		return render.Object(p.Out, p.printer, list.Items[0])
	case p.printer != nil:
		return render.Object(p.Out, p.printer, list)
	case len(list.Items) == 0:
		p.printNone(p.request.Namespace())
		render.Unread(p.Err, list.Unread)
	case p.inDetail():
		if err := render.Cluster(p.Out, list.Items[0], o); err != nil {
			return err
		}
		render.Unread(p.Err, list.Items[0].Unread)
	default:
		if err := render.Clusters(p.Out, list, o); err != nil {
			return err
		}
		render.Unread(p.Err, list.Unread)
	}
	return nil
}

// worst returns the exit code of the cluster that is worst; nil for 0. Warnings
// count if strict.
func worst(list view.ClusterStatusList, strict bool) error {
	code := problem.ExitOK
	for _, c := range list.Items {
		switch c.Health {
		case view.Unknown:
			return problem.Status(problem.ExitError)
		case view.Degraded:
			code = problem.ExitDegraded
		case view.Warning:
			if strict {
				code = problem.ExitDegraded
			}
		}
	}
	if code == problem.ExitOK {
		return nil
	}
	return problem.Status(code)
}
