package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/wait"
)

// exposeFlags are what expose-sidecar and expose-pod have in common.
type exposeFlags struct {
	name                  string
	serviceType           corev1.ServiceType
	ports, selector       []string
	labels, annotations   []string
	loadBalancerClass     string
	sourceRanges          []string
	externalTrafficPolicy corev1.ServiceExternalTrafficPolicy
	sessionAffinity       corev1.ServiceAffinity
	ipFamilyPolicy        corev1.IPFamilyPolicy
	nodePort              int32
	publishNotReady       bool
	ownerReference        bool
	dryRun                action.DryRun
	diff, adopt, force    bool
	waitFlags
	output *outputFlags
}

const ownerReference = "owner-reference"

func (f *exposeFlags) addTo(cmd *cobra.Command, s *factory) {
	flags := cmd.Flags()
	f.output = newOutputFlags("url")
	flags.StringVar(&f.name, "name", "", "Name of the Service; by default made of the cluster and the target.")
	flags.StringArrayVar(&f.ports, "port", nil, "Port of the Service as [NAME=]PORT[:TARGET][/PROTOCOL], repeatable. TARGET is a number or a container port's name. By default the portal's port plus one, leading to it.")
	completeFlag(cmd, "port", s.complete(completePorts))
	flags.StringArrayVar(&f.selector, "selector", nil, "Change to the Service's selector, repeatable: KEY=VALUE adds or replaces, KEY- removes.")
	choiceVar(cmd, &f.serviceType, "type", "Type of the Service: ClusterIP, NodePort or LoadBalancer. By default that of the cluster's serviceTemplate, else ClusterIP.", corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer)
	flags.StringArrayVar(&f.labels, "label", nil, "Label of the Service, repeatable: KEY=VALUE sets it, KEY- leaves out that of the cluster's serviceTemplate.")
	flags.StringArrayVar(&f.annotations, "annotation", nil, "Annotation of the Service, repeatable: KEY=VALUE sets it, KEY- leaves out that of the cluster's serviceTemplate.")
	flags.StringVar(&f.loadBalancerClass, "load-balancer-class", "", "Class of the load balancer.")
	flags.StringSliceVar(&f.sourceRanges, "load-balancer-source-ranges", nil, "CIDRs that the load balancer admits, comma-separated.")
	choiceVar(cmd, &f.externalTrafficPolicy, "external-traffic-policy", "Cluster or Local.", corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal)
	choiceVar(cmd, &f.sessionAffinity, "session-affinity", "None or ClientIP. By default that of the cluster's serviceTemplate, else ClientIP if several pods serve one portal.", corev1.ServiceAffinityNone, corev1.ServiceAffinityClientIP)
	choiceVar(cmd, &f.ipFamilyPolicy, "ip-family-policy", "SingleStack, PreferDualStack or RequireDualStack.", corev1.IPFamilyPolicySingleStack, corev1.IPFamilyPolicyPreferDualStack, corev1.IPFamilyPolicyRequireDualStack)
	flags.Int32Var(&f.nodePort, "node-port", 0, "Node port of the Service's one port.")
	flags.BoolVar(&f.publishNotReady, "publish-not-ready", false, "Lead to pods that are not ready, too.")
	flags.BoolVar(&f.ownerReference, ownerReference, true, "Have the Service deleted with its IrisCluster. A manifest of --dry-run=client -o has the reference only if the flag is given: it holds the uid of the IrisCluster, and Kubernetes deletes the Service once no IrisCluster has that uid.")
	dryRunVar(cmd, &f.dryRun, "none, client (print what would happen, or with -o what would be sent) or server (have the server check it, and change nothing).")
	flags.BoolVar(&f.diff, "diff", false, "Print a unified diff against what is live, and change nothing. With --dry-run=server, of what the server would make of it.")
	flags.BoolVar(&f.adopt, "adopt", false, "Take over a Service of that name that this tool did not make.")
	flags.BoolVar(&f.force, "force-conflicts", false, "Take over the spec from other field managers: what they set and is not asked for is removed.")
	f.waitFlags.addTo(cmd, "Wait until each port has a ready endpoint of a pod that the Service selects and, for a load balancer, an address.", "How long --wait waits.")
	f.output.addTo(cmd)
}

// exposeRun is how planned Services are carried out.
type exposeRun struct {
	*factory
	client  *connection
	options expose.Options
	apply   kube.ApplyOptions
	// show prints what would happen or be sent, and sends nothing.
	show    bool
	diff    bool
	wait    bool
	timeout time.Duration
	url     bool
	printer printers.ResourcePrinter
	// confirm says after an apply what the Service reaches and whether IRIS
	// confirms the role; nil where there is no role.
	confirm confirmation
	// warned are the warnings that were printed: several Services may have the
	// same, which is said once.
	warned map[string]bool
}

func (f *exposeFlags) toRun(s *factory, cmd *cobra.Command) (*exposeRun, error) {
	options, err := f.toOptions(cmd)
	if err != nil {
		return nil, err
	}
	printer, err := f.output.printer()
	if err != nil {
		return nil, err
	}
	changesNothing := f.dryRun != action.DryRunNone || f.diff
	if f.wait && changesNothing {
		return nil, problem.Usage("--wait does not go with --dry-run or --diff: nothing changes").Hint("leave one of them out")
	}
	// A manifest that is kept holds nothing that is true of one cluster at one
	// time only, unless it is asked for.
	if f.dryRun == action.DryRunClient && !f.diff && printer != nil && !cmd.Flags().Changed(ownerReference) {
		options.OwnerReference = false
	}
	client, err := s.client(cmd.Context())
	if err != nil {
		return nil, err
	}
	return &exposeRun{
		factory: s,
		client:  client,
		options: options,
		apply:   kube.ApplyOptions{DryRun: f.dryRun == action.DryRunServer, ForceConflicts: f.force, Adopt: f.adopt},
		show:    f.dryRun == action.DryRunClient,
		diff:    f.diff,
		wait:    f.wait,
		timeout: f.timeout,
		url:     f.output.is("url"),
		printer: printer,
		warned:  map[string]bool{},
	}, nil
}

func (f *exposeFlags) toOptions(cmd *cobra.Command) (expose.Options, error) {
	o := expose.Options{
		Name:                     f.name,
		Type:                     f.serviceType,
		LoadBalancerSourceRanges: f.sourceRanges,
		ExternalTrafficPolicy:    f.externalTrafficPolicy,
		SessionAffinity:          f.sessionAffinity,
		IPFamilyPolicy:           f.ipFamilyPolicy,
		NodePort:                 f.nodePort,
		OwnerReference:           f.ownerReference,
	}
	if cmd.Flags().Changed("publish-not-ready") {
		o.PublishNotReady = &f.publishNotReady
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
	if o.Labels, o.DropLabels, err = keyValues("label", f.labels); err != nil {
		return o, err
	}
	if o.Annotations, o.DropAnnotations, err = keyValues("annotation", f.annotations); err != nil {
		return o, err
	}
	return o, o.Validate()
}

// keyValues parses KEY=VALUE, which sets a key, and KEY-, which drops one.
func keyValues(flag string, given []string) (set map[string]string, dropped []string, err error) {
	set = map[string]string{}
	for _, s := range given {
		key, value, hasValue := strings.Cut(s, "=")
		if hasValue {
			set[key] = value
			continue
		}
		key, isDropped := strings.CutSuffix(s, "-")
		if !isDropped {
			return nil, nil, problem.Usage("--%s %q has no value", flag, s).Hint("the form is KEY=VALUE, or KEY- to leave out a key of the serviceTemplate")
		}
		dropped = append(dropped, key)
	}
	return set, dropped, nil
}

// run carries out several plans; one that fails does not keep the others from
// being tried. All are applied before any is waited for.
func (r *exposeRun) run(ctx context.Context, plans []expose.Plan) error {
	var failed []error
	var all []kube.Applied
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
func (r *exposeRun) one(ctx context.Context, plan expose.Plan) (kube.Applied, error) {
	if r.show && !r.diff {
		return kube.Applied{}, r.foresee(ctx, plan)
	}
	applied, err := r.write(ctx, plan)
	if err != nil || r.diff {
		return kube.Applied{}, err
	}
	r.warnOnce(expose.Drift(applied.Service, plan.Service)...)
	if err := r.announce(applied); err != nil || r.wait {
		return applied, err
	}
	if err := r.printReady(applied.Service, plan.NodeIPs); err != nil {
		return applied, err
	}
	return applied, r.confirmRole(ctx, nil)
}

// await waits for all Services at once, and prints each as soon as those before
// it are ready.
func (r *exposeRun) await(ctx context.Context, all []kube.Applied) error {
	type ready struct {
		service *corev1.Service
		err     error
	}
	results := make([]chan ready, len(all))
	options := r.waitOptions(r.timeout)
	for i, one := range all {
		results[i] = make(chan ready, 1)
		go func() {
			service, err := r.client.WaitExposed(ctx, one.Service, options)
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
		return r.client.Pods(ctx, service.Namespace, kube.ClusterPods(service.Labels[cluster.LabelCluster]))
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

// foresee prints the manifest or, without -o, what a real run would print, of
// which the live Service decides.
func (r *exposeRun) foresee(ctx context.Context, plan expose.Plan) error {
	if r.url || r.printer != nil {
		r.warnOnce(plan.Warnings...)
		return r.printPlanned(plan)
	}
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	live, kept, err := r.look(ctx, plan)
	if apierrors.IsForbidden(err) {
		r.warnOnce(plan.Warnings...)
		r.warnOnce(fmt.Sprintf("whether service %q exists in namespace %q is unknown: %v", plan.Service.Name, plan.Service.Namespace, err))
		return r.printOutcome(plan.Service.Name, kube.Created, " (dry run)")
	}
	if err != nil {
		return err
	}
	outcome, err := kube.Predict(live, kept.Service, r.apply)
	if err != nil {
		return err
	}
	return r.printOutcome(plan.Service.Name, outcome, " (dry run)")
}

// look reads the live Service, nil if there is none, and returns with it the
// plan for it. What is to be said of both is printed.
func (r *exposeRun) look(ctx context.Context, plan expose.Plan) (*corev1.Service, expose.Plan, error) {
	live, err := r.client.Service(ctx, plan.Service.Namespace, plan.Service.Name)
	if err != nil {
		return nil, plan, err
	}
	if err := kube.CheckWritable(live, r.apply.Adopt); err != nil {
		return live, plan, err
	}
	plan = plan.Keeping(live)
	r.warnOnce(plan.Warnings...)
	if line := plan.Retargets(live); line != "" {
		r.warnOnce(line)
	}
	return live, plan, nil
}

// write applies the plan or prints the difference to what is live.
func (r *exposeRun) write(ctx context.Context, plan expose.Plan) (kube.Applied, error) {
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	live, plan, err := r.look(ctx, plan)
	if err != nil {
		return kube.Applied{}, err
	}
	if r.diff && !r.apply.DryRun {
		return kube.Applied{}, r.printDiff(expose.Diff(live, plan.Service, r.apply.ForceConflicts))
	}
	manifest, err := expose.Manifest(plan.Service)
	if err != nil {
		return kube.Applied{}, err
	}
	applied, err := r.client.Apply(ctx, manifest, live, r.apply)
	if err == nil && r.diff {
		err = r.printDiff(expose.DiffAnswer(live, applied.Service, plan.Service))
	}
	return applied, err
}

func (r *exposeRun) printDiff(text string, err error) error {
	if err == nil {
		_, err = fmt.Fprint(r.Out, text)
	}
	return err
}

// waitOptions returns the options of several waits at once, each of which may
// have something to say meanwhile.
func (s *factory) waitOptions(timeout time.Duration) wait.Options {
	var saying sync.Mutex
	return wait.Options{Timeout: timeout, Tell: func(line string) {
		saying.Lock()
		defer saying.Unlock()
		s.warn(line)
	}}
}

// warnOnce warns of what the run has not warned of yet: each plan of a run may
// bring the same warnings.
func (r *exposeRun) warnOnce(lines ...string) {
	for _, line := range lines {
		if !r.warned[line] {
			r.warned[line] = true
			r.warn(line)
		}
	}
}

// printPlanned prints a plan's manifest, or its URLs.
func (r *exposeRun) printPlanned(plan expose.Plan) error {
	if r.url {
		return r.printURLs(plan.Service, plan.NodeIPs)
	}
	manifest, err := expose.Manifest(plan.Service)
	if err != nil {
		return err
	}
	return render.Print(r.Out, r.printer, manifest)
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
	return r.printOutcome(applied.Service.Name, applied.Outcome, note)
}

func (r *exposeRun) printOutcome(name string, outcome kube.Outcome, note string) error {
	_, err := fmt.Fprintf(r.Out, "service/%s %s%s\n", name, outcome, note)
	return err
}

// printReady prints the Service or its addresses.
func (r *exposeRun) printReady(service *corev1.Service, nodes []string) error {
	if r.printer != nil {
		service = service.DeepCopy()
		service.APIVersion, service.Kind = "v1", "Service"
		service.ManagedFields = nil
		return render.Print(r.Out, r.printer, service)
	}
	if r.apply.DryRun {
		return nil
	}
	return r.printURLs(service, nodes)
}

func (r *exposeRun) printURLs(service *corev1.Service, nodes []string) error {
	for _, url := range cluster.URLs(service, nodes) {
		if _, err := fmt.Fprintln(r.Out, url); err != nil {
			return err
		}
	}
	return nil
}

// exposeTemplate is the part of both commands' help about what comes from the
// serviceTemplate.
const exposeTemplate = `
			What no flag chooses comes from the cluster's serviceTemplate, as far as
			the Service's type allows: the type, load balancer class, source ranges
			and node ports or none, traffic policies, IP families, session affinity,
			publishNotReadyAddresses, labels and annotations. Left out, and named in
			a warning, is what only one Service may have (addresses, host names,
			names of load balancers, health checks of its ports) and the marks by
			which Argo CD, Flux, Helm and others recognise their objects.`

// exposeManifests is the part of both commands' help about manifests.
const exposeManifests = `
			--dry-run=client -o yaml prints a manifest to keep in Git. It has no
			owner reference, and so stays valid when the IrisCluster is recreated;
			--owner-reference adds it.`

// exposeRights is the part of both commands' help that names what they need.
const exposeRights = `
			Rights: get irisclusters.intersystems.com (without it the Service has no
			owner and takes over no serviceTemplate), list pods, get, create and
			patch services; with --wait also list and watch services and
			endpointslices.discovery.k8s.io, watch pods (without it stale endpoints
			may end the wait), and list and watch events (without it the reasons of
			what is pending are not known).`
