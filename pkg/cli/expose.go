package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// exposeFlags are what expose-sidecar and expose-pod have in common.
type exposeFlags struct {
	name, serviceType        string
	ports, selector          []string
	labels, annotations      []string
	loadBalancerClass        string
	sourceRanges             []string
	externalTrafficPolicy    string
	sessionAffinity          string
	ipFamilyPolicy           string
	nodePort                 int32
	publishNotReady          bool
	ownerReference           bool
	dryRun                   string
	diff, adopt, force, wait bool
	timeout                  time.Duration
	output                   *outputFlags
}

const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"

	// waitTimeout is the default of --timeout: load balancers of clouds take
	// a minute or two.
	waitTimeout = 3 * time.Minute
	// loadBalancerGrace is how long a load balancer may go without a sign of
	// its controller before --wait gives up.
	loadBalancerGrace = 10 * time.Second
)

func (f *exposeFlags) addTo(flags *pflag.FlagSet) {
	f.output = newOutputFlags("url")
	flags.StringVar(&f.name, "name", "", "Name of the Service; by default made of the cluster and the target.")
	flags.StringArrayVar(&f.ports, "port", nil, "Port of the Service as [NAME=]PORT[:TARGET][/PROTOCOL], repeatable. TARGET is a number or a container port's name. By default the portal's port plus one, leading to it.")
	flags.StringArrayVar(&f.selector, "selector", nil, "Change to the Service's selector, repeatable: KEY=VALUE adds or replaces, KEY- removes.")
	flags.StringVar(&f.serviceType, "type", "", "Type of the Service: ClusterIP, NodePort or LoadBalancer. By default that of the cluster's serviceTemplate, else ClusterIP.")
	flags.StringArrayVar(&f.labels, "label", nil, "Label of the Service as KEY=VALUE, repeatable.")
	flags.StringArrayVar(&f.annotations, "annotation", nil, "Annotation of the Service as KEY=VALUE, repeatable.")
	flags.StringVar(&f.loadBalancerClass, "load-balancer-class", "", "Class of the load balancer.")
	flags.StringSliceVar(&f.sourceRanges, "load-balancer-source-ranges", nil, "CIDRs that the load balancer admits, comma-separated.")
	flags.StringVar(&f.externalTrafficPolicy, "external-traffic-policy", "", "Cluster or Local.")
	flags.StringVar(&f.sessionAffinity, "session-affinity", "", "None or ClientIP. By default ClientIP where several pods serve one portal.")
	flags.StringVar(&f.ipFamilyPolicy, "ip-family-policy", "", "SingleStack, PreferDualStack or RequireDualStack.")
	flags.Int32Var(&f.nodePort, "node-port", 0, "Node port of the Service's one port.")
	flags.BoolVar(&f.publishNotReady, "publish-not-ready", false, "Lead to pods that are not ready, too.")
	flags.BoolVar(&f.ownerReference, "owner-reference", true, "Have the Service deleted with its IrisCluster.")
	flags.StringVar(&f.dryRun, "dry-run", dryRunNone, "none, client (print what would be sent) or server (have the server check it, and change nothing).")
	flags.Lookup("dry-run").NoOptDefVal = dryRunClient
	flags.BoolVar(&f.diff, "diff", false, "Print a unified diff against what is live, and change nothing.")
	flags.BoolVar(&f.adopt, "adopt", false, "Take over a Service of that name that this tool did not make.")
	flags.BoolVar(&f.force, "force-conflicts", false, "Take over fields that another field manager set.")
	flags.BoolVar(&f.wait, "wait", false, "Wait until the Service has a ready endpoint and, for a load balancer, an address.")
	flags.DurationVar(&f.timeout, "timeout", waitTimeout, "How long --wait waits.")
	f.output.addTo(flags)
}

// exposeRun is how planned Services are carried out.
type exposeRun struct {
	*session
	client  *kube.Client
	options expose.Options
	apply   kube.ApplyOptions
	// show prints what would be sent and sends nothing.
	show    bool
	diff    bool
	wait    bool
	timeout time.Duration
	url     bool
	printer printers.ResourcePrinter
	// confirm says after an apply what the Service reaches and whether IRIS
	// confirms the role; nil where there is no role.
	confirm confirmation
}

func (f *exposeFlags) toRun(s *session, cmd *cobra.Command) (*exposeRun, error) {
	options, err := f.toOptions(cmd)
	if err != nil {
		return nil, err
	}
	printer, err := f.output.printer()
	if err != nil {
		return nil, err
	}
	if err := oneOf("dry-run", f.dryRun, dryRunNone, dryRunClient, dryRunServer); err != nil {
		return nil, err
	}
	changesNothing := f.dryRun != dryRunNone || f.diff
	if f.wait && changesNothing {
		return nil, problem.Usage("--wait does not go with --dry-run or --diff: nothing changes").Hint("leave one of them out")
	}
	if f.timeout <= 0 {
		return nil, problem.Usage("--timeout %s is not a time to wait", f.timeout).Hint("give one above zero, as in 30s or 5m")
	}
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	return &exposeRun{
		session: s,
		client:  client,
		options: options,
		apply:   kube.ApplyOptions{DryRun: f.dryRun == dryRunServer, ForceConflicts: f.force, Adopt: f.adopt},
		show:    f.dryRun == dryRunClient,
		diff:    f.diff,
		wait:    f.wait,
		timeout: f.timeout,
		url:     f.output.is("url"),
		printer: printer,
	}, nil
}

func (f *exposeFlags) toOptions(cmd *cobra.Command) (expose.Options, error) {
	o := expose.Options{
		Name:                     f.name,
		Type:                     corev1.ServiceType(f.serviceType),
		LoadBalancerSourceRanges: f.sourceRanges,
		ExternalTrafficPolicy:    corev1.ServiceExternalTrafficPolicy(f.externalTrafficPolicy),
		SessionAffinity:          corev1.ServiceAffinity(f.sessionAffinity),
		IPFamilyPolicy:           corev1.IPFamilyPolicy(f.ipFamilyPolicy),
		NodePort:                 f.nodePort,
		PublishNotReady:          f.publishNotReady,
		OwnerReference:           f.ownerReference,
	}
	if cmd.Flags().Changed("load-balancer-class") {
		o.LoadBalancerClass = &f.loadBalancerClass
	}
	for _, s := range f.ports {
		port, err := expose.ParsePort(s)
		if err != nil {
			return o, err
		}
		o.Ports = append(o.Ports, port)
	}
	for _, s := range f.selector {
		edit, err := expose.ParseSelector(s)
		if err != nil {
			return o, err
		}
		o.Selector = append(o.Selector, edit)
	}
	var err error
	if o.Labels, err = keyValues("label", f.labels); err != nil {
		return o, err
	}
	if o.Annotations, err = keyValues("annotation", f.annotations); err != nil {
		return o, err
	}
	return o, o.Validate()
}

func keyValues(flag string, given []string) (map[string]string, error) {
	pairs := map[string]string{}
	for _, s := range given {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, problem.Usage("--%s %q has no value", flag, s).Hint("the form is KEY=VALUE")
		}
		pairs[key] = value
	}
	return pairs, nil
}

// run carries out several plans; one that fails does not keep the others from
// being tried. All are applied before any is waited for.
func (r *exposeRun) run(ctx context.Context, plans []expose.Plan) error {
	var failed []error
	var all []written
	for _, plan := range plans {
		done, err := r.one(ctx, plan)
		switch {
		case err != nil:
			failed = append(failed, err)
		case done.Service != nil:
			all = append(all, done)
		}
	}
	if !r.wait {
		return errors.Join(failed...)
	}
	return errors.Join(append(failed, r.await(ctx, all))...)
}

// one carries out a plan, but for the wait. What it returns is empty where
// nothing was applied.
func (r *exposeRun) one(ctx context.Context, plan expose.Plan) (written, error) {
	if r.show && !r.diff {
		r.warn(plan.Warnings...)
		return written{}, r.printPlanned(plan)
	}
	applied, left, err := r.write(ctx, plan)
	if err != nil || r.diff {
		return written{}, err
	}
	r.warn(expose.Drift(applied.Service, plan.Service)...)
	done := written{applied, left}
	if err := r.announce(applied); err != nil || r.wait {
		return done, err
	}
	if err := r.printReady(applied.Service, plan.NodeIPs); err != nil {
		return done, err
	}
	return done, r.confirmRole(ctx, nil)
}

// written is a Service that was applied.
type written struct {
	kube.Applied
	// left are the pods to which it led before.
	left []string
}

// await waits for all Services at once, and prints each as soon as those before
// it are ready.
func (r *exposeRun) await(ctx context.Context, all []written) error {
	type ready struct {
		service *corev1.Service
		err     error
	}
	results := make([]chan ready, len(all))
	for i, one := range all {
		results[i] = make(chan ready, 1)
		go func() {
			service, err := r.client.WaitExposed(ctx, one.Service, kube.WaitOptions{Timeout: r.timeout, LoadBalancerGrace: loadBalancerGrace, Left: one.left})
			results[i] <- ready{service, err}
		}()
	}
	var failed []error
	for _, done := range results {
		result := <-done
		err := result.err
		if err == nil {
			err = r.conclude(ctx, result.service)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// conclude prints a Service that was waited for, and what IRIS says of its role.
// The cluster's pods may be others than before the wait: they are read once,
// where anything depends on them.
func (r *exposeRun) conclude(ctx context.Context, service *corev1.Service) error {
	pods := sync.OnceValues(func() ([]iris.Pod, error) {
		ctx, cancel := r.bounded(ctx)
		defer cancel()
		return r.client.Pods(ctx, service.Namespace, kube.ClusterPods(service.Labels[expose.LabelCluster]))
	})
	var nodes []string
	if service.Spec.Type == corev1.ServiceTypeNodePort && r.printer == nil {
		all, err := pods()
		if err != nil {
			return err
		}
		nodes = iris.NodeIPs(cluster.Selected(service.Spec.Selector, all))
	}
	if err := r.printReady(service, nodes); err != nil {
		return err
	}
	return r.confirmRole(ctx, pods)
}

// write looks at what is live, and applies the plan or prints the difference.
// left are the pods to which the Service led until then.
func (r *exposeRun) write(ctx context.Context, plan expose.Plan) (applied kube.Applied, left []string, err error) {
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	live, err := r.client.Service(ctx, plan.Service.Namespace, plan.Service.Name)
	if err != nil {
		return kube.Applied{}, nil, err
	}
	if err := kube.CheckWritable(live, r.apply.Adopt); err != nil {
		return kube.Applied{}, nil, err
	}
	plan = plan.Keeping(live)
	r.warn(plan.Warnings...)
	if line := plan.Retargets(live); line != "" {
		r.warn(line)
	}
	if r.diff {
		text, err := expose.Diff(live, plan.Service)
		if err == nil {
			_, err = fmt.Fprint(r.Out, text)
		}
		return kube.Applied{}, nil, err
	}
	manifest, err := expose.Manifest(plan.Service)
	if err != nil {
		return kube.Applied{}, nil, err
	}
	applied, err = r.client.Apply(ctx, manifest, live, r.apply)
	return applied, plan.Leaves(live), err
}

func (r *exposeRun) warn(lines ...string) {
	for _, line := range lines {
		_, _ = fmt.Fprintf(r.Err, "warning: %s\n", line)
	}
}

func (r *exposeRun) printPlanned(plan expose.Plan) error {
	switch {
	case r.url:
		return r.printURLs(plan.Service, plan.NodeIPs)
	case r.printer != nil:
		manifest, err := expose.Manifest(plan.Service)
		if err != nil {
			return err
		}
		return r.printer.PrintObj(manifest, r.Out)
	default:
		_, err := fmt.Fprintf(r.Out, "service/%s created (dry run)\n", plan.Service.Name)
		return err
	}
}

// announce says what the apply did, unless -o asks for something else.
func (r *exposeRun) announce(applied kube.Applied) error {
	if r.url || r.printer != nil {
		return nil
	}
	note := ""
	if r.apply.DryRun {
		note = " (server dry run)"
	}
	_, err := fmt.Fprintf(r.Out, "service/%s %s%s\n", applied.Service.Name, applied.Outcome, note)
	return err
}

// printReady prints the Service or its addresses.
func (r *exposeRun) printReady(service *corev1.Service, nodes []string) error {
	if r.printer != nil {
		service = service.DeepCopy()
		service.APIVersion, service.Kind = "v1", "Service"
		service.ManagedFields = nil
		return r.printer.PrintObj(service, r.Out)
	}
	if r.apply.DryRun {
		return nil
	}
	return r.printURLs(service, nodes)
}

func (r *exposeRun) printURLs(service *corev1.Service, nodes []string) error {
	for _, url := range topology.URLs(service, nodes) {
		if _, err := fmt.Fprintln(r.Out, url); err != nil {
			return err
		}
	}
	return nil
}

// exposeRights is the part of both commands' help that names what they need.
const exposeRights = `
			Rights: get irisclusters.intersystems.com (without it the Service has no
			owner), list pods, get, create and patch services; with --wait also list
			and watch services, endpointslices.discovery.k8s.io and events.`
