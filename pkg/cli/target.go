package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/cli/connect"
	"github.com/kubectl-iris/kubectl-iris/pkg/cli/flag"
	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// targetFlags narrow a cluster to the pod that a command reaches.
type targetFlags struct{ role, shard string }

func (f *targetFlags) addTo(cmd *cobra.Command, s *factory) {
	flags := cmd.Flags()
	flags.StringVar(&f.role, "role", "", "Reach the pod that has this mirror role: primary, backup, or another value of a role label.")
	flags.StringVar(&f.shard, "shard", "", "Shard of the data node, if there are several.")
	flag.Complete(cmd, "role", s.complete(completion.Roles))
	flag.Complete(cmd, "shard", s.complete(completion.Shards))
}

// targetHelp is the part of each command's help that says what a target is.
const targetHelp = `
			The target is a cluster with --role, or a pod by its name or the part
			after its cluster's (data-0-1). Without any it is the primary of the only
			cluster, or its only data pod. IRIS itself is asked which pod has a role;
			if it does not answer, the label intersystems.com/mirrorRole decides.`

// followRights is the part of a command's help that names what finding and
// following a target needs.
const followRights = `list and watch pods, list irisclusters.intersystems.com, and
			to ask IRIS which pod has a role create pods/exec, or get pods/proxy (its
			metrics or mirror_status.cxw suffice)`

// open returns the request for the target that the only argument names, if there is
// one, and the client with which it is reached.
func (f *targetFlags) open(ctx context.Context, s *factory, args []string) (request reach.Request, client *connect.Client, err error) {
	namespace, err := s.Namespace()
	if err != nil {
		return request, nil, err
	}
	if request, err = reach.NewRequest(namespace, f.role, f.shard, args...); err != nil {
		return request, nil, err
	}
	client, err = s.Client(ctx)
	return request, client, err
}

// clusterArg returns the cluster that the only argument names; empty if there is none.
func clusterArg(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], cluster.ValidateNames(args[0])
}
