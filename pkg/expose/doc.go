// Package expose works out the Service for a sidecar or for a pod of an IrisCluster.
// It is pure: what the user asked for and what the API server said go in, the Service
// wanted and warnings come out.
//
// A request that is wrong in itself or for the cluster at hand (a port out of
// range, a role that does not exist, a selector that selects pods of another cluster)
// is a usage error and names its field. An object that is missing or not what it
// would have to be (no such pod, no sidecar) is an ordinary error.
package expose
