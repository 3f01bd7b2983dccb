// Package forward carries TCP connections from listeners on this machine to
// ports of pods, through the API server's port-forward protocol: for each
// connection a pair of streams, one for its data and one on which the node says
// what went wrong.
//
// Unlike client-go's port forwarder it is not tied to one pod. Each connection
// asks anew which pod it goes to, and waits where there is none; connections to
// a pod that is no longer meant are closed. And each has a connection to the
// API server to itself, up to a number: those that share one wait for each
// other where a reader is slow.
package forward
