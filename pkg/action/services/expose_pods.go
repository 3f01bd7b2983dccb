package services

import (
	"context"
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// An ExposePodsCluster is what ExposePods needs of the Kubernetes cluster.
type ExposePodsCluster interface {
	ServiceWriter
	IrisClusters(ctx context.Context, namespace string) ([]iris.Cluster, error)
	// PodsNamed returns the pods that have one of the names, of whatever kind.
	PodsNamed(ctx context.Context, namespace string, names []string) ([]iris.Pod, error)
	action.PodReader
}

// A PodsRequest says which pods get a Service of their own, and what these are like.
type PodsRequest struct {
	names []string
	// component is set if all pods of that component are exposed.
	component string
	// cluster is empty if the pods may be those of any cluster.
	cluster string
	service expose.PodRequest
}

// NewPodsRequest returns the request for the pods of the names or, if all, for those
// of a component (data if it is empty) of a cluster; without cluster, of the
// namespace's only one. It returns a usage error with a hint for what is wrong
// whatever the pods are like.
func NewPodsRequest(names []string, all bool, component, inCluster string, options expose.Options) (PodsRequest, error) {
	fieldAll, fieldComponent := problem.Field("all"), problem.Field("component")
	switch {
	case all && len(names) > 0:
		return PodsRequest{}, problem.Usage("a pod name cannot be used together with %s", fieldAll).Hint("omit one of them")
	case !all && len(names) == 0:
		return PodsRequest{}, problem.Usage("a pod name or %s is required", fieldAll).
			Hint("for example kubectl iris expose-pod data-0-1; kubectl iris status NAME shows the pods")
	case !all && component != "":
		return PodsRequest{}, problem.Usage("%s requires %s", fieldComponent, fieldAll).Hint("a pod's name determines its component")
	case component != "" && component != iris.ComponentData && component != iris.ComponentCompute:
		return PodsRequest{}, problem.Usage("invalid %s %q: must be one of: %s, %s", fieldComponent, component, iris.ComponentData, iris.ComponentCompute).
			Hint("omit %s for the data pods", fieldComponent)
	}
	if inCluster != "" {
		if err := cluster.ValidateNames(inCluster); err != nil {
			return PodsRequest{}, err
		}
	}
	if all && component == "" {
		component = iris.ComponentData
	}
	service, err := expose.NewPodRequest(options, all || len(names) > 1)
	return PodsRequest{names, component, inCluster, service}, err
}

// ExposePods creates or changes a Service for each of several pods.
type ExposePods struct {
	Expose
	Client  ExposePodsCluster
	Request PodsRequest
}

// Run exposes the pods. If one cannot be exposed, the others are all the same.
func (p ExposePods) Run(ctx context.Context) error {
	jobs, failed := p.plan(ctx)
	if len(jobs) > 0 {
		for i := range failed {
			failed[i] = problem.AsFailure(failed[i])
		}
	}
	return errors.Join(append(failed, newExposer(p.Expose, p.Client).run(ctx, jobs))...)
}

// plan plans a Service for each pod, and returns why others cannot be planned.
func (p ExposePods) plan(ctx context.Context) (jobs []job, failed []error) {
	ctx, cancel := p.WithTimeout(ctx)
	defer cancel()
	there, byName, err := p.read(ctx)
	if err != nil {
		return nil, []error{err}
	}
	chosen, failed := p.choose(ctx, there, byName)
	clusters := map[string]*expose.Facts{} // nil if a cluster could not be read
	for _, pod := range chosen {
		name := pod.Cluster()
		facts, known := clusters[name]
		if !known {
			read, err := action.FactsOf(ctx, p.Client, there, name)
			if err != nil {
				failed = append(failed, err)
			} else {
				facts = &read
			}
			clusters[name] = facts
		}
		if facts == nil {
			continue
		}
		plan, err := expose.Pod(p.Request.service, pod, *facts)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		jobs = append(jobs, job{plan, facts.Pods})
	}
	return jobs, failed
}

// read reads the pods of the namespace's clusters; if pods are named, first those of
// these names alone, and byName is true then. If all pods of a component are requested
// but no cluster, the IrisClusters determine which cluster it is.
func (p ExposePods) read(ctx context.Context) (there cluster.Namespace, byName bool, err error) {
	r := p.Request
	anyCluster, foreign := r.cluster == "", r.service.NeedsForeign()
	if anyCluster && r.component != "" {
		there, err = action.ReadToChoose(ctx, p.Client, p.Namespace)
		return there, false, err
	}
	if anyCluster && !foreign {
		if there, byName = p.readNamed(ctx); byName {
			return there, true, nil
		}
	}
	selector := iris.KindSelector
	if !anyCluster && !foreign {
		selector = kube.ClusterPods(r.cluster)
	}
	there.Name = p.Namespace
	there.Pods, err = p.Client.Pods(ctx, p.Namespace, selector)
	return there, false, err
}

// readNamed reads the IrisClusters, and the pods that have one of the names or have it
// as their short name, whether they belong to a cluster or not: all that StatefulSets
// create have their name in a label. It reports whether that finds each of them.
func (p ExposePods) readNamed(ctx context.Context) (there cluster.Namespace, found bool) {
	clusters, err := p.Client.IrisClusters(ctx, p.Namespace)
	if err != nil {
		return there, false
	}
	there = cluster.Namespace{Name: p.Namespace, Clusters: clusters, ClustersRead: true}
	names := slices.Clone(p.Request.names)
	for _, c := range clusters {
		for _, name := range p.Request.names {
			names = append(names, c.Name+"-"+name)
		}
	}
	there.Pods, err = p.Client.PodsNamed(ctx, p.Namespace, names)
	if err != nil {
		return there, false
	}
	for _, name := range p.Request.names {
		// A pod of no cluster is found, too.
		if _, _, err := cluster.FindPod(p.Namespace, name, there.Pods); err != nil && !slices.ContainsFunc(there.Pods, func(p iris.Pod) bool { return p.Name == name }) {
			return there, false
		}
	}
	return there, true
}

// choose returns the pods that are requested, and why others are not found. byName
// reports whether the pods are only those that have one of the names.
func (p ExposePods) choose(ctx context.Context, there cluster.Namespace, byName bool) (chosen []iris.Pod, failed []error) {
	if p.Request.component != "" {
		chosen, err := p.all(ctx, there)
		if err != nil {
			failed = append(failed, err)
		}
		return chosen, failed
	}
	pods, anyCluster := there.Pods, p.Request.cluster == ""
	if !anyCluster {
		pods = there.Facts(p.Request.cluster).Pods
	}
	for _, name := range p.Request.names {
		pod, byShortName, err := cluster.FindPod(p.Namespace, name, pods)
		switch {
		case err != nil:
			err = p.notFound(ctx, name, err)
		case byShortName && anyCluster && !byName:
			err = p.RuleOut(ctx, p.Client, p.Namespace, name, pod.Name)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if !slices.ContainsFunc(chosen, func(p iris.Pod) bool { return p.Name == pod.Name }) {
			chosen = append(chosen, pod)
		}
	}
	return chosen, failed
}

// all returns the pods of a component, by name.
func (p ExposePods) all(ctx context.Context, there cluster.Namespace) (chosen []iris.Pod, err error) {
	name := p.Request.cluster
	if name == "" {
		if name, err = there.Only(); err != nil {
			return nil, err
		}
	}
	pods := there.Facts(name).Pods
	if len(pods) == 0 && p.Request.cluster != "" {
		if _, _, err := p.Client.Cluster(ctx, p.Namespace, name); apierrors.IsNotFound(err) {
			return nil, action.ClusterNotFound(ctx, p.Client, p.Namespace, name)
		}
	}
	chosen = slices.DeleteFunc(pods, func(pod iris.Pod) bool { return pod.Component() != p.Request.component })
	if len(chosen) == 0 {
		return nil, problem.New("IrisCluster %q in namespace %q has no %s pod", name, p.Namespace, p.Request.component).
			Hint("kubectl iris status %s -n %s shows its pods", name, p.Namespace)
	}
	slices.SortFunc(chosen, func(a, b iris.Pod) int { return strings.Compare(a.Name, b.Name) })
	return chosen, nil
}

// notFound returns why a name does not name a pod of an IrisCluster: missing is
// the error if there is no pod of that name at all.
func (p ExposePods) notFound(ctx context.Context, name string, missing error) error {
	pod, err := p.Client.Pod(ctx, p.Namespace, name)
	if err != nil || pod == nil || iris.IsIRIS(pod.Labels) {
		return missing
	}
	return cluster.IsOfCluster(*pod)
}
