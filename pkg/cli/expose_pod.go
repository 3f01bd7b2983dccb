package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

// podFlags choose the pods of expose-pod.
type podFlags struct {
	all       bool
	component string
	cluster   string
}

func newExposePod(s *factory) *cobra.Command {
	var f exposeFlags
	var which podFlags
	cmd := &cobra.Command{
		Use:     "expose-pod POD...",
		GroupID: groupExpose,
		Short:   "Make a Service for one pod, whatever role it takes",
		Long: text(`
			Make a Service that leads to one pod and stays with it through every
			failover. POD is a pod's name, or the part after its cluster's name
			(data-0-1).

			The selector is the pod's fixed labels and its name, never its mirror
			role. The port is by default that of its web gateway sidecar, without
			one the web port of IRIS. A bare word in --port picks a port by name:
			one that the pod declares, or superserver (1972).
			` + exposeTemplate + "\n" + exposeManifests + "\n" + exposeRights),
		Example: examples(`
			# The portal of one member
			kubectl iris expose-pod data-0-1

			# The superserver of two members
			kubectl iris expose-pod data-0-0 data-0-1 --port superserver

			# A Service for each data pod of a cluster
			kubectl iris expose-pod --all --cluster simple

			# Manifests of these for Git
			kubectl iris expose-pod --all --cluster simple --dry-run=client -o yaml`),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := which.check(cmd, args, f.name, f.nodePort); err != nil {
				return err
			}
			if which.cluster != "" {
				if err := cluster.ValidateNames(which.cluster); err != nil {
					return err
				}
			}
			r, err := f.toRun(s, cmd)
			if err != nil {
				return err
			}
			plans, failed := r.podPlans(cmd.Context(), which, args)
			if len(plans) > 0 {
				for i := range failed {
					failed[i] = problem.AsFailure(failed[i])
				}
			}
			return errors.Join(append(failed, r.run(cmd.Context(), plans))...)
		},
	}
	cmd.ValidArgsFunction = s.complete(completePods)
	flags := cmd.Flags()
	flags.BoolVar(&which.all, "all", false, "Expose every pod of a component, each by a Service of its own.")
	componentVar(cmd, &which.component, "With --all, the component: data or compute.")
	flags.StringVar(&which.cluster, "cluster", "", "Cluster whose pods are meant, where names are ambiguous.")
	completeFlag(cmd, "cluster", s.complete(completeClusters))
	f.addTo(cmd, s)
	return cmd
}

func (f podFlags) check(cmd *cobra.Command, args []string, name string, nodePort int32) error {
	switch {
	case f.all && len(args) > 0:
		return problem.Usage("pods cannot be named together with --all").Hint("leave one of them out")
	case !f.all && len(args) == 0:
		return problem.Usage("which pod?").Hint("name pods, as in kubectl iris expose-pod data-0-1, or take --all; kubectl iris status NAME shows them")
	case !f.all && cmd.Flags().Changed("component"):
		return problem.Usage("--component goes with --all only").Hint("a pod's name says its component")
	case name != "" && (f.all || len(args) > 1):
		return problem.Usage("--name goes with one pod only").Hint("without it each Service gets a name of its own")
	case nodePort != 0 && (f.all || len(args) > 1):
		return problem.Usage("--node-port goes with one pod only: two Services cannot share one").Hint("without it each Service gets a node port of its own")
	}
	return nil
}

// podPlans plans a Service for each pod. Pods that cannot be planned are told
// in the errors; the others' plans stand.
func (r *exposeRun) podPlans(ctx context.Context, which podFlags, args []string) (plans []expose.Plan, failed []error) {
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	namespace, err := r.namespace()
	if err != nil {
		return nil, []error{err}
	}
	read, err := r.readPods(ctx, which, args, namespace)
	if err != nil {
		return nil, []error{err}
	}
	chosen, failed := r.choose(ctx, which, args, namespace, read)
	type known struct {
		facts expose.Facts
		err   error
	}
	clusters := map[string]known{}
	for _, pod := range chosen {
		k, ok := clusters[pod.Cluster()]
		if !ok {
			k.facts, k.err = r.factsOfPods(ctx, namespace, pod.Cluster(), read)
			clusters[pod.Cluster()] = k
			if k.err != nil {
				failed = append(failed, k.err)
			}
		}
		if k.err != nil {
			continue
		}
		facts := k.facts
		plan, err := expose.Pod(expose.PodRequest{Options: r.options, Pod: pod}, facts)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		plans = append(plans, plan)
	}
	return plans, failed
}

// readForPods is what was read to choose pods from.
type readForPods struct {
	pods []iris.Pod
	// byName reports whether the pods are those that have one of the names that
	// were given, whether they belong to a cluster or not.
	byName bool
	// clusters are the IrisClusters if clustersRead.
	clusters     []iris.Cluster
	clustersRead bool
}

// readPods reads the pods of the namespace's clusters; if pods are named, first
// those of these names alone. If only --all is given, the IrisClusters say which
// cluster it means.
func (r *exposeRun) readPods(ctx context.Context, which podFlags, args []string, namespace string) (read readForPods, err error) {
	if which.all && which.cluster == "" {
		return r.readClustersAndPods(ctx, namespace)
	}
	if !which.all && which.cluster == "" && !r.options.NeedsForeign() {
		if read = r.readNamedPods(ctx, args, namespace); read.byName {
			return read, nil
		}
	}
	selector := iris.KindSelector
	if which.cluster != "" && !r.options.NeedsForeign() {
		selector = kube.ClusterPods(which.cluster)
	}
	read.pods, err = r.client.Pods(ctx, namespace, selector)
	return read, err
}

// readClustersAndPods reads the namespace's IrisClusters and all of their pods.
func (r *exposeRun) readClustersAndPods(ctx context.Context, namespace string) (readForPods, error) {
	snapshot, err := r.clustersAndPods(ctx, namespace)
	return readForPods{
		pods:         snapshot.Pods,
		clusters:     snapshot.Clusters,
		clustersRead: !snapshot.Lacks(iris.Resource),
	}, err
}

// readNamedPods reads the IrisClusters, and the pods that have one of the names or
// have it as their short name, whether they belong to a cluster or not: all that
// StatefulSets create bear their name in a label. The pods are left out unless
// that finds each of them.
func (r *exposeRun) readNamedPods(ctx context.Context, args []string, namespace string) (read readForPods) {
	clusters, err := r.client.IrisClusters(ctx, namespace)
	if err != nil {
		return read
	}
	read.clusters, read.clustersRead = clusters, true
	names := slices.Clone(args)
	for _, c := range clusters {
		for _, arg := range args {
			names = append(names, c.Name+"-"+arg)
		}
	}
	pods, err := r.client.PodsNamed(ctx, namespace, names)
	if err != nil {
		return read
	}
	for _, arg := range args {
		// A pod of no cluster is found, too.
		if _, _, err := cluster.FindPod(namespace, arg, pods); err != nil && !slices.ContainsFunc(pods, func(p iris.Pod) bool { return p.Name == arg }) {
			return read
		}
	}
	read.pods, read.byName = pods, true
	return read
}

// choose returns the pods that the arguments name, and why others are not found.
func (r *exposeRun) choose(ctx context.Context, which podFlags, args []string, namespace string, read readForPods) (chosen []iris.Pod, failed []error) {
	pods := read.pods
	if which.cluster != "" {
		pods, _ = splitPods(pods, which.cluster)
	}
	if which.all {
		read.pods = pods
		return r.allOf(ctx, which, namespace, read)
	}
	for _, name := range args {
		pod, byShortName, err := cluster.FindPod(namespace, name, pods)
		switch {
		case err != nil:
			err = r.isPodAtAll(ctx, namespace, name, err)
		case byShortName && which.cluster == "" && !read.byName:
			err = r.actionConfig().RuleOut(ctx, r.client, namespace, name, pod.Name)
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

func (r *exposeRun) allOf(ctx context.Context, which podFlags, namespace string, read readForPods) ([]iris.Pod, []error) {
	pods, name := read.pods, which.cluster
	if name == "" {
		there := cluster.Namespace{Name: namespace, Clusters: read.clusters, ClustersRead: read.clustersRead, Pods: pods}
		var err error
		if name, err = there.Only(); err != nil {
			return nil, []error{err}
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(pods), func(p iris.Pod) bool {
		return p.Cluster() != name || p.Component() != which.component
	})
	if len(chosen) == 0 && which.cluster != "" && !slices.ContainsFunc(pods, func(p iris.Pod) bool { return p.Cluster() == name }) {
		if _, _, err := r.readCluster(ctx, namespace, name); apierrors.IsNotFound(err) {
			return nil, []error{clusterNotFound(ctx, r.client, namespace, name)}
		}
	}
	if len(chosen) == 0 {
		return nil, []error{problem.New("IrisCluster %q in namespace %q has no %s pod", name, namespace, which.component).
			Hint("kubectl iris status %s -n %s shows its pods", name, namespace)}
	}
	slices.SortFunc(chosen, func(a, b iris.Pod) int { return strings.Compare(a.Name, b.Name) })
	return chosen, nil
}

// isPodAtAll tells a pod that is not IRIS from one that is not there.
func (r *exposeRun) isPodAtAll(ctx context.Context, namespace, name string, notFound error) error {
	pod, err := r.client.Pod(ctx, namespace, name)
	if err != nil || pod == nil || iris.IsIRIS(pod.Labels) {
		return notFound
	}
	return cluster.IsOfCluster(*pod)
}

// factsOfPods adds the IrisCluster to pods that were read before.
func (r *exposeRun) factsOfPods(ctx context.Context, namespace, name string, read readForPods) (expose.Facts, error) {
	facts := expose.Facts{Namespace: namespace}
	facts.Pods, facts.Foreign = splitPods(read.pods, name)
	if read.clustersRead {
		own := cluster.Namespace{Name: namespace, Clusters: read.clusters}.Facts(name)
		facts.Cluster, facts.ClusterRead = own.Resource, own.Read
		return facts, nil
	}
	var err error
	facts.Cluster, facts.ClusterRead, err = r.readCluster(ctx, namespace, name)
	if apierrors.IsNotFound(err) {
		// The pods outlived their IrisCluster; there is nobody to own a Service.
		facts.Cluster, err = iris.Cluster{Namespace: namespace, Name: name}, nil
	}
	return facts, err
}
