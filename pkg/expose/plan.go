package expose

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// Facts are what the API server said of the cluster that is exposed.
type Facts struct {
	Namespace string
	// Cluster is the IrisCluster; only its name is known where ClusterRead is
	// false.
	Cluster iris.Cluster
	// ClusterRead is false where the IrisCluster may not be read, or is not
	// served; the pods' labels then have to do.
	ClusterRead bool
	// Pods are the cluster's pods.
	Pods []iris.Pod
	// Answers holds what IRIS said in them; nil if it was not asked.
	Answers cluster.Answers
	// Foreign are the pods of the namespace's other clusters. They are needed
	// where Options.NeedsForeign says so.
	Foreign []iris.Pod
}

// cluster names the cluster in a message.
func (f Facts) cluster() string {
	return fmt.Sprintf("IrisCluster %q (namespace %q)", f.Cluster.Name, f.Namespace)
}

// Plan is what exposing comes to.
type Plan struct {
	// Service is the Service wanted, with nothing in it but what this tool sets.
	Service *corev1.Service
	Target  view.Target
	// Selects are the pods that the selector matches now, ready or not, by name.
	Selects []string
	// NodeIPs are the addresses of the nodes on which these run.
	NodeIPs []string
	// Warnings are lines for the user, about the Service as planned.
	Warnings []string

	options Options
	// blind is the warning that the IrisCluster could not be read; "" where it
	// was.
	blind string
}

// draft is a Service before the user's own choices.
type draft struct {
	options  Options
	facts    Facts
	target   view.Target
	name     string
	selector map[string]string
	// fixed are the selector keys that cannot be edited, each with the hint why.
	fixed map[string]string
	// backend looks at the pods that the selector matches.
	backend func([]iris.Pod) backend
	// candidates stand in for those pods where it matches none.
	candidates []iris.Pod
}

func (d draft) plan() (Plan, error) {
	o, f := d.options, d.facts
	name := d.name
	if o.Name != "" {
		name = o.Name
	}
	if err := notIKOs(name, f.Cluster.Name); err != nil {
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
	spec.Selector = selector
	selected := matching(f.Pods, selector)
	behind := selected
	if len(behind) == 0 {
		behind = d.candidates
	}
	b := d.backend(behind)
	if spec.Ports, err = b.ports(o.Ports); err != nil {
		return Plan{}, err
	}
	spec.Ports[0].NodePort = o.NodePort

	warnings := f.warnings(o)
	blind := ""
	if !f.ClusterRead {
		blind = warnings[0]
	}
	if unpinned != "" {
		warnings = append(warnings, unpinned)
	}
	if len(selected) == 0 {
		warnings = append(warnings, "no pod matches the selector now: the Service leads nowhere until one does")
	}
	if len(selected) > 1 && slices.ContainsFunc(spec.Ports, b.isPortal) {
		if spec.SessionAffinity == "" {
			spec.SessionAffinity = corev1.ServiceAffinityClientIP
		}
		warnings = append(warnings, sessions(len(selected), spec.SessionAffinity))
	}
	settleAffinity(&spec)
	if len(behind) > 0 {
		warnings = append(warnings, b.undeclared(spec.Ports, o.Ports)...)
	}

	taken := o.inherit(f.Cluster.ServiceTemplate)
	warnings = append(warnings, taken.warnings(f)...)
	service := &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       f.Namespace,
			Name:            name,
			Labels:          merged(taken.labels, o.Labels, cluster.TargetLabels(d.target)),
			Annotations:     merged(taken.annotations, o.Annotations),
			OwnerReferences: f.owners(o),
		},
		Spec: spec,
	}
	return Plan{
		Service: service, Target: d.target, Selects: iris.PodNames(selected), NodeIPs: iris.NodeIPs(selected), Warnings: warnings,
		options: o, blind: blind,
	}, nil
}

// warnings are those about the cluster.
func (f Facts) warnings(o Options) []string {
	switch {
	case !f.ClusterRead && o.OwnerReference:
		return []string{f.cluster() + " could not be read: the Service has no owner and stays when the cluster is deleted, and takes nothing over from its serviceTemplate"}
	case !f.ClusterRead:
		return []string{f.cluster() + " could not be read: the Service takes nothing over from its serviceTemplate"}
	case f.Cluster.Deleting && o.OwnerReference:
		return []string{f.cluster() + " is being deleted, and the Service goes with it"}
	}
	return nil
}

// owners make the Service go with its IrisCluster. The reference neither
// controls the Service nor blocks the cluster's deletion, which would ask for
// rights on the cluster's finalizers.
func (f Facts) owners(o Options) []metav1.OwnerReference {
	if !o.OwnerReference || !f.ClusterRead {
		return nil
	}
	return []metav1.OwnerReference{{
		APIVersion: iris.APIVersion,
		Kind:       iris.Kind,
		Name:       f.Cluster.Name,
		UID:        f.Cluster.UID,
	}}
}

// merged returns the union of maps, of which a later one goes before an earlier
// one; nil if there is nothing in them.
func merged(all ...map[string]string) map[string]string {
	var union map[string]string
	for _, one := range all {
		if len(one) > 0 && union == nil {
			union = map[string]string{}
		}
		maps.Copy(union, one)
	}
	return union
}

func sessions(pods int, affinity corev1.ServiceAffinity) string {
	if affinity == corev1.ServiceAffinityClientIP {
		return fmt.Sprintf("%d pods are behind the Service and each keeps its own portal sessions: session affinity ClientIP holds a client to one of them", pods)
	}
	return fmt.Sprintf("%d pods are behind the Service and each keeps its own portal sessions: without --session-affinity=ClientIP a login is lost between them", pods)
}
