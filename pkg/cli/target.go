package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/completion"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// targetFlags narrow a cluster to the pod that a command reaches.
type targetFlags struct{ role, shard string }

func (f *targetFlags) addTo(cmd *cobra.Command, s *factory) {
	flags := cmd.Flags()
	flags.StringVar(&f.role, "role", "", "Reach the pod that has this mirror role: primary, backup, or another value of a role label.")
	flags.StringVar(&f.shard, "shard", "", "Shard of the data node, if there are several.")
	completeFlag(cmd, "role", s.complete(completion.Roles))
	completeFlag(cmd, "shard", s.complete(completion.Shards))
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

// request returns the request for the target that the only argument names, if
// there is one.
func (f *targetFlags) request(s *factory, args []string) (reach.Request, error) {
	namespace, err := s.namespace()
	if err != nil {
		return reach.Request{}, err
	}
	return reach.NewRequest(namespace, f.role, f.shard, args...)
}

// note prints a line about what the command does on stderr.
func (s *factory) note(format string, args ...any) { s.Note(fmt.Sprintf(format, args...)) }

// warn prints a warning for each line on stderr.
func (s *factory) warn(lines ...string) {
	for _, line := range lines {
		s.Warn(line)
	}
}

// lost warns that the API server stopped answering a watch.
func (s *factory) lost(err error) { s.warn(lostWords(err)) }

func lostWords(err error) string { return fmt.Sprintf("%v; trying again", err) }
