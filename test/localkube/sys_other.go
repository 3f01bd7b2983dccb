//go:build !linux

package localkube

import (
	"errors"
	"syscall"
)

// errNotLinux says why there is no node.
var errNotLinux = errors.New("a node needs Linux")

// childAttr has nothing to ask for: only Linux ties a child's life to its
// parent's. The supervisor's own end is all that is left uncovered.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{}
}

// Supported says in one line why a node cannot run on this machine, or nil.
func Supported() error { return errNotLinux }

// newNamespaces fails: there is no node.
func newNamespaces(string) (programs, error) { return nil, errNotLinux }

// initNamespaces fails: there is no node.
func initNamespaces() error { return errNotLinux }
