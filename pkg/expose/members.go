package expose

import "github.com/kubectl-iris/kubectl-iris/pkg/iris"

// Mirrored tells whether the cluster's data node is a mirror: as its spec says,
// else as its pods show.
func (f Facts) Mirrored() bool { return mirrored(ofComponent(f.Pods, iris.ComponentData), f) }

// CheckRole refuses a role that no data pod can hold; "" where there is a
// mirror. Its errors are usage errors with a hint.
func (f Facts) CheckRole(role string) error {
	return checkRole(role, false, ofComponent(f.Pods, iris.ComponentData), f)
}

// CheckShard refuses a shard that the cluster does not have; "" where it has
// several. Its errors are usage errors with a hint.
func (f Facts) CheckShard(shard string) error {
	return checkShard(shard, false, ofComponent(f.Pods, iris.ComponentData), f)
}
