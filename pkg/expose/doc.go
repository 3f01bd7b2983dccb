// Package expose works out the Service for a sidecar or for a pod of an IrisCluster.
// It is pure: a request and facts go in, the planned Service and warnings come out.
//
// A request that is invalid, or invalid for the cluster (a port out of range, a role
// that does not exist, a selector that selects pods of another cluster), is a usage
// error and names its field. A missing pod or sidecar is an ordinary error.
package expose
