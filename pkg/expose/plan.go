package expose

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Facts holds what was read about the cluster being exposed.
type Facts struct {
	Namespace string
	// Cluster is the IrisCluster; if ClusterRead is false, only its name is known.
	Cluster iris.Cluster
	// ClusterRead is false if the IrisCluster could not be read; the pods' labels
	// are used instead.
	ClusterRead bool
	// Pods are the cluster's pods.
	Pods []iris.Pod
	// Answers holds what IRIS said in them; nil if it was not asked.
	Answers cluster.Answers
	// Foreign are the pods of other clusters, if the request needs them.
	Foreign []iris.Pod
}

// cluster names the cluster in a message.
func (f Facts) cluster() string {
	return fmt.Sprintf("IrisCluster %q in namespace %q", f.Cluster.Name, f.Namespace)
}

// model returns the cluster's members and roles.
func (f Facts) model() *cluster.Cluster {
	resource := f.Cluster
	resource.Namespace = f.Namespace
	return cluster.New(cluster.Facts{Resource: resource, Read: f.ClusterRead, Pods: f.Pods, Answers: f.Answers})
}

// A Plan holds the Service for a request, as the facts have it.
type Plan struct {
	// Service is the Service wanted, with only what this tool sets.
	Service *corev1.Service
	Target  view.Target
	// Selects are the names of the pods that the selector matches, ready or not.
	Selects []string
	// NodeIPs are the addresses of the nodes on which these run.
	NodeIPs []string

	options  Options
	warnings []string
	// unread is true if the IrisCluster could not be read; kept, if the Service
	// keeps what it had from it.
	unread, kept bool
}

// Warnings returns lines for the user about the Service as planned.
func (p Plan) Warnings() []string {
	if !p.unread {
		return p.warnings
	}
	loss := "the Service takes nothing over from its serviceTemplate"
	switch {
	case p.kept:
		loss = "the Service keeps the owner, the type and other fields, the labels and the annotations that it has"
	case p.options.OwnerReference:
		loss = "the Service has no owner, so it remains when the cluster is deleted, and takes nothing over from its serviceTemplate"
	}
	line := fmt.Sprintf("IrisCluster %q in namespace %q could not be read: %s", p.Target.Cluster, p.Service.Namespace, loss)
	return slices.Insert(slices.Clone(p.warnings), 0, line)
}

// A draft is a Service before the user's own choices.
type draft struct {
	options  Options
	facts    Facts
	target   view.Target
	name     string
	selector map[string]string
	// fixed has the selector keys that cannot be edited, each with the reason.
	fixed map[string]error
	// backend examines the pods that the selector matches.
	backend func([]iris.Pod) backend
	// candidates are used instead of those pods if it matches none.
	candidates []iris.Pod
}

func (d draft) plan() (Plan, error) {
	o, f := d.options, d.facts
	name := cmp.Or(o.Name, d.name)
	if err := notOperators(name, f.Cluster.Name); err != nil {
		return Plan{}, err
	}
	selector, err := edited(d.selector, o.Selector, d.fixed)
	if err != nil {
		return Plan{}, err
	}
	unpinned, err := guard(selector, f)
	if err != nil {
		return Plan{}, err
	}
	spec, err := o.spec(f.Cluster.ServiceTemplate.Spec)
	if err != nil {
		return Plan{}, err
	}
	selected := matching(f.Pods, selector)
	examined := selected
	if len(examined) == 0 {
		examined = d.candidates
	}
	b := d.backend(examined)
	spec.Selector = selector
	if spec.Ports, err = b.ports(o.Ports); err != nil {
		return Plan{}, err
	}
	spec.Ports[0].NodePort = o.NodePort
	sessions := shareSessions(&spec, b, len(selected))
	settleAffinity(&spec)

	taken := o.inherit(f.Cluster.ServiceTemplate)
	var deleting, unmatched string
	if f.ClusterRead && f.Cluster.Deleting && o.OwnerReference {
		deleting = f.cluster() + " is being deleted, and the Service with it"
	}
	if len(selected) == 0 {
		unmatched = "no pod matches the selector; the Service has no endpoints until one does"
	}
	warnings := slices.DeleteFunc([]string{deleting, unpinned, unmatched, sessions}, func(w string) bool { return w == "" })
	if len(examined) > 0 {
		warnings = append(warnings, b.undeclared(spec.Ports, o.Ports)...)
	}
	warnings = append(warnings, taken.warnings(f)...)
	return Plan{
		Service:  d.service(name, taken, spec),
		Target:   d.target,
		Selects:  iris.PodNames(selected),
		NodeIPs:  iris.NodeIPs(selected),
		options:  o,
		warnings: warnings,
		unread:   !f.ClusterRead,
	}, nil
}

func (d draft) service(name string, taken inherited, spec corev1.ServiceSpec) *corev1.Service {
	labels, _ := split(d.options.Labels)
	annotations, _ := split(d.options.Annotations)
	service := &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   d.facts.Namespace,
			Name:        name,
			Labels:      merged(taken.labels, labels, cluster.TargetLabels(d.target)),
			Annotations: merged(taken.annotations, annotations),
		},
		Spec: spec,
	}
	if c := d.facts.Cluster; d.options.OwnerReference && d.facts.ClusterRead {
		// To block the cluster's deletion would require rights on its finalizers.
		service.OwnerReferences = []metav1.OwnerReference{{APIVersion: iris.APIVersion, Kind: iris.Kind, Name: c.Name, UID: c.UID}}
	}
	return service
}

// shareSessions sets the session affinity, if none was chosen, of a Service that
// selects several pods with a portal each. It returns a warning about them.
func shareSessions(spec *corev1.ServiceSpec, b backend, pods int) (warning string) {
	if pods < 2 || !slices.ContainsFunc(spec.Ports, b.isPortal) {
		return ""
	}
	spec.SessionAffinity = cmp.Or(spec.SessionAffinity, corev1.ServiceAffinityClientIP)
	if spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		return fmt.Sprintf("the Service selects %d pods, each with its own portal sessions: session affinity ClientIP keeps a client at one of them", pods)
	}
	return fmt.Sprintf("the Service selects %d pods, each with its own portal sessions: without session affinity ClientIP a login is lost between them", pods)
}
