// Package forward carries TCP connections from listeners on this machine to ports
// of pods, through the API server's port-forward protocol: for each connection a
// pair of streams, one for its data and one on which the node reports errors.
//
// Unlike client-go's port forwarder it is not tied to one pod. The pod is looked
// up for each connection, which waits if there is none; connections to a pod that
// is no longer the target are closed. And each has a connection to the API server
// (a tunnel) to itself, up to a number: those that share one wait for each other
// if a reader is slow.
//
// forward.go is the Forwarder, pool.go has the tunnels to one pod ready, tunnel.go
// opens streams in one, transfer.go copies bytes, and listen.go opens local ports.
package forward
