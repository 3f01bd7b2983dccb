package cli

import (
	"context"
	"slices"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	pkgtext "github.com/kubectl-iris/kubectl-iris/pkg/text"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// clusterArg returns the cluster that the only argument names, or "".
func clusterArg(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], cluster.ValidateNames(args[0])
}

// clusterNotFound names the clusters that there are.
func clusterNotFound(ctx context.Context, client *connection, namespace string, names ...string) error {
	what := "IrisCluster " + quoted(names)
	if len(names) > 1 {
		what = "IrisClusters " + quoted(names)
	}
	failure := problem.New("%s not found in namespace %q", what, namespace)
	there, err := client.Clusters(ctx, namespace)
	switch {
	case err != nil:
		return failure.Hint("check the name and the namespace (-n)")
	case len(there) == 0:
		return failure.Hint("this namespace has none; kubectl iris status -A shows those of all namespaces")
	default:
		return failure.Hint("this namespace has %s", quoted(there))
	}
}

// needs is the error of a command that cannot do without a read that failed.
func needs(snapshot topology.Snapshot, resource string) error {
	if u := snapshot.Missing(resource); u != nil {
		return problem.New("%s", u.Message).Hint("%s", kube.UnreadHint(*u))
	}
	return nil
}

// maxListed bounds how many names a message lists.
const maxListed = 10

// quoted returns the first names, in order and in quotes.
func quoted(names []string) string {
	return pkgtext.List(pkgtext.Quote(slices.Sorted(slices.Values(names))), maxListed)
}
