package cli

import (
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
)

// clusterArg returns the cluster that the only argument names, or "".
func clusterArg(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], cluster.ValidateNames(args[0])
}

// needs is the error of a command that cannot do without a read that failed.
func needs(snapshot topology.Snapshot, resource string) error {
	if u := snapshot.Missing(resource); u != nil {
		return problem.New("%s", u.Message).Hint("%s", kube.UnreadHint(*u))
	}
	return nil
}
