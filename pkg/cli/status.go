package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// statusFlags are what the command line says of a status.
type statusFlags struct {
	allNamespaces bool
	selector      string
	unhealthy     bool
	watch         bool
	noHeaders     bool
	askIRIS       string
	color         render.ColorMode
	output        *outputFlags
}

func newStatus(s *session) *cobra.Command {
	f := &statusFlags{output: newOutputFlags("wide")}
	cmd := &cobra.Command{
		Use:     "status [CLUSTER...]",
		GroupID: groupInspect,
		Short:   "Show which pod is primary and which is backup, what reaches each, and what is wrong",
		Long: text(`
			Show IrisClusters: without a name a row for each, with one name that
			cluster in detail: its verdict, its pods, the Services that lead to
			them, and what is wrong with the next step for each.

			Roles are what IRIS says where it is asked, which is in the view of one
			cluster, else those of the label intersystems.com/mirrorRole. Where the
			two disagree, that is a finding. A role is never guessed: a mirror
			member that is not the primary need not be a backup.

			IRIS is asked by iris qlist in each data pod, at the same time and for
			3 seconds at most. If that is forbidden, fails or leaves the role open,
			IRIS's metrics are asked, and the web gateway's page mirror_status.cxw,
			which distinguishes the primary from the others and no more. With -w a
			failover is told step by step, timed from its first sign.

			Exit code: 0 healthy, 1 it could not be told, 2 wrong usage,
			3 degraded. A list ends with its worst.

			Rights: list pods; get or list irisclusters.intersystems.com, list
			services, endpointslices.discovery.k8s.io and events; create pods/exec,
			or get pods/proxy, to ask IRIS; with -w also watch. Without one of
			these, all but what it brings is shown.`),
		Example: examples(`
			# Every IrisCluster of the namespace
			kubectl iris status

			# One cluster in detail
			kubectl iris status simple

			# Those of all namespaces that have something wrong
			kubectl iris status -A --unhealthy

			# Follow a failover
			kubectl iris status simple -w

			# The name of the primary's pod
			kubectl iris status simple -o jsonpath='{.shards[0].primaries[0]}'`),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := f.toRun(s, args)
			if err != nil {
				return err
			}
			return r.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.allNamespaces, "all-namespaces", "A", false, "If present, list the IrisClusters of all namespaces.")
	flags.StringVarP(&f.selector, "selector", "l", "", "Selector (label query) on IrisClusters, as kubectl takes it.")
	flags.BoolVar(&f.unhealthy, "unhealthy", false, "Show only clusters that have findings.")
	flags.BoolVarP(&f.watch, "watch", "w", false, "After showing them, watch for changes.")
	flags.BoolVar(&f.noHeaders, "no-headers", false, "Print no headers.")
	flags.StringVar(&f.askIRIS, "ask-iris", askAuto, "Ask IRIS itself for the roles: auto (where one cluster is named), always or never.")
	addColorFlag(flags, &f.color)
	f.output.addTo(cmd)
	return cmd
}

// The values of --ask-iris.
const (
	askAuto   = "auto"
	askAlways = "always"
	askNever  = "never"
)

// statusRun is a status with everything decided.
type statusRun struct {
	*session
	scope     kube.Scope
	unhealthy bool
	watch     bool
	printer   printers.ResourcePrinter
	render    render.Options
}

func (f *statusFlags) toRun(s *session, names []string) (*statusRun, error) {
	printer, err := f.output.printer()
	if err != nil {
		return nil, err
	}
	if f.allNamespaces && len(names) > 0 {
		return nil, problem.Usage("a cluster cannot be named together with --all-namespaces").
			Hint("name its namespace with -n, or leave the name out")
	}
	if f.selector != "" && len(names) > 0 {
		return nil, problem.Usage("a cluster cannot be named together with --selector").Hint("leave one of them out")
	}
	if _, err := labels.Parse(f.selector); err != nil {
		return nil, problem.Usage("invalid --selector %q: %w", f.selector, err).
			Hint("it is a label query, as in app=web or 'env in (test,prod)'")
	}
	if err := checkClusterNames(names); err != nil {
		return nil, err
	}
	r := &statusRun{session: s, unhealthy: f.unhealthy, watch: f.watch, printer: printer}
	if err := oneOf("ask-iris", f.askIRIS, askAuto, askAlways, askNever); err != nil {
		return nil, err
	}
	r.scope = kube.Scope{Names: slices.Compact(slices.Sorted(slices.Values(names))), Selector: f.selector}
	r.scope.Ask = f.askIRIS == askAlways || f.askIRIS == askAuto && r.detail()
	if !f.allNamespaces {
		if r.scope.Namespace, err = s.namespace(); err != nil {
			return nil, err
		}
	}
	r.render = render.Options{
		Wide:       f.output.is("wide"),
		NoHeaders:  f.noHeaders,
		Asked:      r.scope.Ask,
		Namespaces: f.allNamespaces,
		Color:      s.useColor(f.color),
	}
	return r, nil
}

// detail tells whether one cluster is shown in detail.
func (r *statusRun) detail() bool { return len(r.scope.Names) == 1 }

func (r *statusRun) run(ctx context.Context) error {
	client, err := r.client(ctx)
	if err != nil {
		return err
	}
	if r.watch {
		return r.follow(ctx, client)
	}
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	snapshot, err := client.Snapshot(ctx, r.scope)
	if err != nil {
		return err
	}
	list, err := r.list(snapshot)
	if err != nil {
		return err
	}
	if err := r.blind(list, snapshot); err != nil {
		return err
	}
	return r.conclude(list, func(unknown []string) error { return r.notFound(ctx, client, unknown) })
}

// conclude shows a list and returns the error that its exit code comes from.
// Names and health are judged by all of it, whatever is printed.
func (r *statusRun) conclude(list view.ClusterStatusList, notFound func(unknown []string) error) error {
	unknown := r.unknown(list)
	if len(unknown) > 0 && len(unknown) == len(r.scope.Names) {
		return notFound(unknown)
	}
	if err := r.print(r.worthShowing(list)); err != nil {
		return err
	}
	if len(unknown) > 0 {
		return notFound(unknown)
	}
	return verdict(list)
}

// list is the view of a snapshot, narrowed to what was selected.
func (r *statusRun) list(snapshot topology.Snapshot) (view.ClusterStatusList, error) {
	if r.scope.Selector != "" {
		if u := snapshot.Missing(iris.Resource); u != nil {
			return view.ClusterStatusList{}, problem.New("--selector needs the labels of IrisClusters: %s", u.Message).
				Hint("leave --selector out to see what the pods' labels tell")
		}
		keepSelected(&snapshot)
	}
	return topology.Statuses(snapshot), nil
}

// worthShowing is what --unhealthy leaves of a list.
func (r *statusRun) worthShowing(list view.ClusterStatusList) view.ClusterStatusList {
	if r.unhealthy {
		list.Items = slices.DeleteFunc(slices.Clone(list.Items), isWell)
	}
	return list
}

func isWell(c view.ClusterStatus) bool { return len(c.Findings) == 0 }

// blind returns the error of a list that has no cluster because IrisClusters could
// not be read: there may be some. If pods could not be read either, nothing is
// known of them.
func (r *statusRun) blind(list view.ClusterStatusList, snapshot topology.Snapshot) error {
	clusters := snapshot.Missing(iris.Resource)
	if clusters == nil || len(list.Items) > 0 {
		return nil
	}
	what, where := "no IrisCluster found", "any namespace"
	if len(r.scope.Names) > 0 {
		what = "IrisCluster " + quoted(r.scope.Names) + " not found"
	}
	if r.scope.Namespace != "" {
		where = fmt.Sprintf("namespace %q", r.scope.Namespace)
	}
	why, hint := clusters.Message, nothingHint(*clusters)
	if pods := snapshot.Missing("pods"); pods != nil {
		what = "it is not known which IrisClusters exist"
		if len(r.scope.Names) > 0 {
			what = fmt.Sprintf("it is not known whether IrisCluster %s exists", quoted(r.scope.Names))
		}
		why += "; " + pods.Message
		hint += "; " + nothingHint(*pods)
	}
	return problem.New("%s in %s: %s", what, where, why).Hint("%s", hint)
}

func nothingHint(u view.Unread) string {
	if u.Reason == view.NotInstalled {
		return "the InterSystems Kubernetes Operator brings this resource: is it installed in this cluster, and is this the right --context?"
	}
	return kube.UnreadHint(u)
}

// keepSelected drops the pods of clusters that a label selector left out.
func keepSelected(s *topology.Snapshot) {
	type key struct{ namespace, name string }
	kept := map[key]bool{}
	for _, c := range s.Clusters {
		kept[key{c.Namespace, c.Name}] = true
	}
	s.Pods = slices.DeleteFunc(s.Pods, func(p iris.Pod) bool { return !kept[key{p.Namespace, p.Cluster()}] })
}

// unknown are the clusters that were named and are not there.
func (r *statusRun) unknown(list view.ClusterStatusList) []string {
	return slices.DeleteFunc(slices.Clone(r.scope.Names), func(name string) bool {
		return slices.ContainsFunc(list.Items, func(c view.ClusterStatus) bool { return c.Metadata.Name == name })
	})
}

func (r *statusRun) notFound(ctx context.Context, client *kube.Client, names []string) error {
	return clusterNotFound(ctx, client, r.scope.Namespace, names...)
}

// now are the options to render with at this time.
func (r *statusRun) now() render.Options {
	o := r.render
	o.Now = r.Now()
	return o
}

// print shows the list, or its one cluster in detail.
func (r *statusRun) print(list view.ClusterStatusList) error {
	o := r.now()
	switch {
	case r.printer != nil && r.detail() && len(list.Items) == 1:
		return render.Object(r.Out, r.printer, list.Items[0])
	case r.printer != nil:
		return render.Object(r.Out, r.printer, list)
	case len(list.Items) == 0:
		r.printNone(r.scope.Namespace)
		render.Unread(r.Err, list.Unread)
	case r.detail():
		if err := render.Cluster(r.Out, list.Items[0], o); err != nil {
			return err
		}
		render.Unread(r.Err, list.Items[0].Unread)
	default:
		if err := render.Clusters(r.Out, list, o); err != nil {
			return err
		}
		render.Unread(r.Err, list.Unread)
	}
	return nil
}

// verdict is the exit code of a list: its worst.
func verdict(list view.ClusterStatusList) error {
	worst := problem.ExitOK
	for _, c := range list.Items {
		switch c.Health {
		case view.Unknown:
			return problem.Status(problem.ExitError)
		case view.Degraded:
			worst = problem.ExitDegraded
		}
	}
	if worst == problem.ExitOK {
		return nil
	}
	return problem.Status(worst)
}
