package cli

import "github.com/kubectl-iris/kubectl-iris/pkg/cluster"

// clusterArg returns the cluster that the only argument names, or "".
func clusterArg(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], cluster.ValidateNames(args[0])
}
