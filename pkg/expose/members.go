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

// PortalPort is the port on which a pod serves the portal: its sidecar's, else
// its own web port; 0 for a pod that serves none. The cluster may be the zero
// value.
func PortalPort(p iris.Pod, c iris.Cluster) int32 { return single(p, c).web }

// NamedPort is the port that goes by a name in a pod: one that a container
// declares, or superserver. In words are all names that there are.
func NamedPort(p iris.Pod, name string) (number int32, found bool, inWords string) {
	b := single(p, iris.Cluster{})
	port, found := b.named(name)
	return port.ContainerPort, found, b.names()
}
