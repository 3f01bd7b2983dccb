package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/action/services"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// exposeFlags are what expose-sidecar and expose-pod have in common.
type exposeFlags struct {
	service expose.Options
	run     services.ExposeOptions
	// ownerReference is nil if the user did not choose.
	ownerReference *bool
	output         *flag.Output
}

func (f *exposeFlags) addTo(cmd *cobra.Command, s *factory, ports completion.Values) {
	flags, o, spec := cmd.Flags(), &f.service, &f.service.Spec
	f.output = flag.NewOutput("url")
	flags.StringVar(&o.Name, "name", "", "Name of the Service; by default made of the cluster and the target.")
	flag.List(cmd, &o.Ports, "port", "Port of the Service as [NAME=]PORT[:TARGET][/PROTOCOL], repeatable. TARGET is a number or a container port's name. By default the portal's port plus one, with the portal as its target.", expose.ParsePort)
	flag.Complete(cmd, "port", s.complete(ports))
	flag.List(cmd, &o.Selector, "selector", "Change to the Service's selector, repeatable: KEY=VALUE adds or replaces, KEY- removes.", expose.ParseSelector)
	flag.Choice(cmd, &spec.Type, "type", "Type of the Service: ClusterIP, NodePort or LoadBalancer. By default that of the cluster's serviceTemplate, else ClusterIP.", corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer)
	flag.List(cmd, &o.Labels, "label", "Label of the Service, repeatable: KEY=VALUE sets it, KEY- leaves out that of the cluster's serviceTemplate.", expose.ParseEdit)
	flag.List(cmd, &o.Annotations, "annotation", "Annotation of the Service, repeatable: KEY=VALUE sets it, KEY- leaves out that of the cluster's serviceTemplate.", expose.ParseEdit)
	flag.OptionalString(cmd, &spec.LoadBalancerClass, "load-balancer-class", "Class of the load balancer.")
	flags.StringSliceVar(&spec.LoadBalancerSourceRanges, "load-balancer-source-ranges", nil, "CIDRs that the load balancer admits, comma-separated.")
	flag.Choice(cmd, &spec.ExternalTrafficPolicy, "external-traffic-policy", "Cluster or Local.", corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal)
	flag.OptionalChoice(cmd, &spec.InternalTrafficPolicy, "internal-traffic-policy", "Cluster or Local.", corev1.ServiceInternalTrafficPolicyCluster, corev1.ServiceInternalTrafficPolicyLocal)
	flag.Choice(cmd, &spec.SessionAffinity, "session-affinity", "None or ClientIP. By default that of the cluster's serviceTemplate, else ClientIP if several pods serve one portal.", corev1.ServiceAffinityNone, corev1.ServiceAffinityClientIP)
	flag.OptionalChoice(cmd, &spec.IPFamilyPolicy, "ip-family-policy", "SingleStack, PreferDualStack or RequireDualStack.", corev1.IPFamilyPolicySingleStack, corev1.IPFamilyPolicyPreferDualStack, corev1.IPFamilyPolicyRequireDualStack)
	flags.Int32Var(&o.NodePort, "node-port", 0, "Node port of the Service's one port.")
	flag.OptionalBool(cmd, &o.PublishNotReady, "publish-not-ready", "Also reach pods that are not ready.")
	flag.OptionalBool(cmd, &f.ownerReference, "owner-reference", "Have the Service deleted with its IrisCluster; true by default. A manifest of --dry-run=client -o has the reference only if the flag is given: it has the uid of the IrisCluster, and Kubernetes deletes the Service once no IrisCluster has that uid.")
	flag.DryRun(cmd, &f.run.DryRun, "none, client (print what would happen, or with -o what would be sent) or server (have the server check it, and change nothing).")
	flags.BoolVar(&f.run.Diff, "diff", false, "Have the server check the changes, print them as a unified diff against the live Service, and change nothing. Requires the right to patch services.")
	flags.BoolVar(&f.run.Adopt, "adopt", false, "Take over a Service of that name that this tool did not create.")
	flags.BoolVar(&f.run.ForceConflicts, "force-conflicts", false, "Take over the spec from other field managers: what they set and is not requested is removed.")
	flag.Wait(cmd, &f.run.Wait, &f.run.Timeout, "Wait until each port has a ready endpoint of a pod that the Service selects and, for a load balancer, an address.", "How long --wait waits.")
	f.output.AddTo(cmd)
	f.output.JSONYamlPrintFlags.AddFlags(cmd)
}

// options returns what to expose Services with, and what prints them.
func (f *exposeFlags) options(s *factory) (expose.Options, services.Expose, error) {
	printer, err := f.output.Printer()
	if err != nil {
		return expose.Options{}, services.Expose{}, err
	}
	namespace, err := s.Namespace()
	if err != nil {
		return expose.Options{}, services.Expose{}, err
	}
	run := f.run
	run.Manifest = printer != nil || f.output.Is("url")
	run.Addresses = printer == nil
	service := f.service
	// A manifest that is kept has nothing that is true of one cluster at one time
	// only, unless that is requested.
	service.OwnerReference = run.DryRun != action.DryRunClient || printer == nil
	if f.ownerReference != nil {
		service.OwnerReference = *f.ownerReference
	}
	p := exposurePrinter{factory: s, printer: printer, urls: f.output.Is("url"), dryRun: run.DryRun, managedFields: f.output.JSONYamlPrintFlags.ShowManagedFields}
	return service, services.Expose{Config: s.actionConfig(), Namespace: namespace, ExposeOptions: run, Each: p.print}, run.Validate()
}

// An exposurePrinter prints Services as they are exposed.
type exposurePrinter struct {
	*factory
	// printer is that of -o; nil if the output is this tool's.
	printer printers.ResourcePrinter
	// urls reports whether the URLs alone are printed.
	urls   bool
	dryRun action.DryRun
	// managedFields reports whether these are printed, in whatever format.
	managedFields bool
}

func (p exposurePrinter) print(e services.Exposure) error {
	switch e.Stage {
	case services.Planned:
		return p.printObject(e)
	case services.Compared:
		_, err := fmt.Fprint(p.Out, e.Difference)
		return err
	case services.Applied:
		if p.urls || p.printer != nil {
			return nil
		}
		_, err := fmt.Fprintf(p.Out, "service/%s %s%s\n", e.Service.Name, e.Outcome, dryRunNote(p.dryRun))
		return err
	}
	if p.printer == nil && p.dryRun == action.DryRunServer {
		return nil
	}
	return p.printObject(e)
}

// printObject prints the Service with -o, else its URLs.
func (p exposurePrinter) printObject(e services.Exposure) error {
	if p.printer == nil {
		return p.printURLs(cluster.URLs(e.Service, e.NodeIPs))
	}
	service := e.Service.DeepCopy()
	service.APIVersion, service.Kind = "v1", "Service"
	if !p.managedFields {
		service.ManagedFields = nil
	}
	if e.Stage != services.Planned {
		return render.Print(p.Out, p.printer, service)
	}
	manifest, err := expose.Manifest(service)
	if err != nil {
		return err
	}
	return render.Print(p.Out, p.printer, manifest)
}

// dryRunNote returns what is printed after the result of a dry run.
func dryRunNote(d action.DryRun) string {
	switch d {
	case action.DryRunClient:
		return " (dry run)"
	case action.DryRunServer:
		return " (server dry run)"
	}
	return ""
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
			patch services (as kubectl diff does, --diff needs these, too); with
			--wait also list and watch services and endpointslices.discovery.k8s.io,
			watch pods (without it stale endpoints may end the wait), and list and
			watch events (without it the reasons of what is pending are not known).`
