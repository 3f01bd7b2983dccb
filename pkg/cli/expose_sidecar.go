package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/expose"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func newExposeSidecar(s *factory) *cobra.Command {
	var f exposeFlags
	var request expose.SidecarRequest
	var verify bool
	cmd := &cobra.Command{
		Use:     "expose-sidecar [CLUSTER]",
		GroupID: groupExpose,
		Short:   "Make a Service for the web gateway sidecar of a mirror role or of compute nodes",
		Long: text(`
			Make a Service that leads to the web gateway sidecars of a cluster: with
			--role to that of the member that holds the role, which it follows
			through a failover.

			The selector is the four labels that IKO gives a cluster's pods, the
			mirror role, and the shard where there are several. Run again, the
			Service is changed to what is asked for. One of that name that this
			tool did not make is left alone.
			` + exposeTemplate + `

			With --role, IRIS in the pods that the Service reaches is asked
			afterwards whether it confirms the role that the label gives them; with
			--verify it is asked before, and a role that it contradicts is refused.
			` + exposeManifests + "\n" + exposeRights + `
			To ask IRIS: create pods/exec, or get pods/proxy.`),
		Example: examples(`
			# The backup's web gateway, on port 81
			kubectl iris expose-sidecar --role backup

			# The manifest for Git; nothing is changed
			kubectl iris expose-sidecar simple --role backup --dry-run=client -o yaml

			# Without one of the annotations that the serviceTemplate has
			kubectl iris expose-sidecar simple --role backup --annotation example.com/pool-

			# On a node port, and wait until it works
			kubectl iris expose-sidecar simple --role backup --type NodePort --wait

			# Only if IRIS says that the pod is the backup
			kubectl iris expose-sidecar simple --role backup --verify

			# The web gateways of the compute nodes, on port 8080
			kubectl iris expose-sidecar simple --component compute --port 8080`),
		Args: maxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cluster.ValidateNames(args...); err != nil {
				return err
			}
			r, err := f.toRun(s, cmd)
			if err != nil {
				return err
			}
			request.Options = r.options
			if request, err = request.Folded(); err != nil {
				return err
			}
			if err := errors.Join(checkVerify(verify, request.Role), request.Validate()); err != nil {
				return err
			}
			facts, err := r.sidecarFacts(cmd.Context(), args)
			if err != nil {
				return err
			}
			plan, err := expose.Sidecar(request, facts)
			if err != nil {
				return err
			}
			if r.confirm, err = r.roleAsker(cmd.Context(), request.Role, verify, facts, plan); err != nil {
				return err
			}
			return r.run(cmd.Context(), []expose.Plan{plan})
		},
	}
	cmd.ValidArgsFunction = s.completeFirst(completeClusters)
	flags := cmd.Flags()
	flags.StringVar(&request.Role, "role", "", "Mirror role to follow: primary, backup, or another that a pod carries.")
	componentVar(cmd, &request.Component, "Component whose sidecars are selected: data or compute.")
	flags.StringVar(&request.Shard, "shard", "", "Shard of the data node, where there are several.")
	completeFlag(cmd, "role", s.complete(completeRoles))
	completeFlag(cmd, "shard", s.complete(completeShards))
	flags.BoolVar(&verify, "verify", false, "Ask IRIS first, and make no Service that leads to a pod which does not hold the role.")
	f.addTo(cmd, s)
	return cmd
}

// sidecarFacts reads what a plan needs: two requests.
func (r *exposeRun) sidecarFacts(ctx context.Context, args []string) (expose.Facts, error) {
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	namespace, err := r.namespace()
	if err != nil {
		return expose.Facts{}, err
	}
	if len(args) == 1 {
		return r.factsOf(ctx, namespace, args[0])
	}
	return r.factsOfOnly(ctx, namespace)
}

// factsOf reads a cluster that was named, and its pods.
func (r *exposeRun) factsOf(ctx context.Context, namespace, name string) (expose.Facts, error) {
	facts := expose.Facts{Namespace: namespace}
	var pods []iris.Pod
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		facts.Cluster, facts.ClusterRead, err = r.readCluster(both, namespace, name)
		return err
	})
	group.Go(func() (err error) {
		pods, err = r.client.Pods(both, namespace, r.podsOf(name))
		return err
	})
	if err := group.Wait(); err != nil {
		if apierrors.IsNotFound(err) {
			return facts, clusterNotFound(ctx, r.client, namespace, name)
		}
		return facts, err
	}
	facts.Pods, facts.Foreign = splitPods(pods, name)
	return facts, nil
}

// podsOf selects a cluster's pods, or those of all clusters where the Service's
// selector may reach them.
func (r *exposeRun) podsOf(cluster string) string {
	if r.options.NeedsForeign() {
		return iris.KindSelector
	}
	return kube.ClusterPods(cluster)
}

// readCluster reads an IrisCluster; where it may not be read, only its name is
// known and read is false.
func (r *exposeRun) readCluster(ctx context.Context, namespace, name string) (resource iris.Cluster, read bool, err error) {
	resource, notRead, err := r.client.Cluster(ctx, namespace, name)
	if err != nil {
		return resource, false, err
	}
	if notRead != nil {
		return iris.Cluster{Namespace: namespace, Name: name}, false, nil //nolint:nilerr // the plan says what it lacks
	}
	return resource, true, nil
}

// factsOfOnly reads the namespace's only cluster and its pods.
func (r *exposeRun) factsOfOnly(ctx context.Context, namespace string) (expose.Facts, error) {
	facts := expose.Facts{Namespace: namespace}
	snapshot, err := r.clustersAndPods(ctx, namespace)
	if err != nil {
		return facts, err
	}
	u := snapshot.Missing(iris.Resource)
	there := cluster.Namespace{Name: namespace, Clusters: snapshot.Clusters, ClustersRead: u == nil, Pods: snapshot.Pods}
	name, err := there.Only()
	if err != nil {
		return facts, err
	}
	own := there.Facts(name)
	facts.Cluster, facts.ClusterRead = own.Resource, own.Read
	switch {
	case u == nil:
	case u.Reason == view.Forbidden: // to list them; the one that the pods name may be allowed
		facts.Cluster, facts.ClusterRead, err = r.readCluster(ctx, namespace, name)
		if apierrors.IsNotFound(err) {
			err = nil
		}
		if err != nil {
			return facts, err
		}
		facts.Cluster.Namespace, facts.Cluster.Name = namespace, name
	}
	facts.Pods, facts.Foreign = splitPods(snapshot.Pods, name)
	return facts, nil
}

// clustersAndPods reads a namespace's IrisClusters and all of their pods, to
// choose its only cluster. IrisClusters that may not be listed, or are not
// installed, are no error.
func (r *exposeRun) clustersAndPods(ctx context.Context, namespace string) (topology.Snapshot, error) {
	snapshot, err := r.client.ClustersAndPods(ctx, namespace)
	if err != nil {
		return snapshot, err
	}
	if err := needs(snapshot, "pods"); err != nil {
		return snapshot, err
	}
	if u := snapshot.Missing(iris.Resource); u != nil && u.Reason == view.Failed {
		return snapshot, problem.New("%s", u.Message).Hint("name the cluster, or try again")
	}
	return snapshot, nil
}

// splitPods parts a cluster's pods from those of others.
func splitPods(pods []iris.Pod, cluster string) (own, foreign []iris.Pod) {
	for _, p := range pods {
		if p.Cluster() == cluster {
			own = append(own, p)
		} else {
			foreign = append(foreign, p)
		}
	}
	return own, foreign
}
