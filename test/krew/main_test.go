//go:build krew

// Package krew_test builds a release and has the real krew install it and the
// real kubectl run it, on a local Kubernetes with the stand-in operator. Files
// are served on the loopback interface.
package krew_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-iris/kubectl-iris/test/localkube"
	"github.com/kubectl-iris/kubectl-iris/test/standin"
)

// deadline bounds what a test waits for.
const deadline = time.Minute

var cluster *localkube.Cluster

func TestMain(m *testing.M) {
	options := localkube.Options{CRDs: [][]byte{standin.CRD()}}
	os.Exit(localkube.RunTests(runner{m}, options, func(c *localkube.Cluster) { cluster = c }))
}

// runner plays the operator while the tests run, and removes what they share.
type runner struct{ m *testing.M }

func (r runner) Run() int {
	ctx, cancel := context.WithCancel(context.Background())
	var operator sync.WaitGroup
	var failed error
	operator.Go(func() { failed = standin.Run(ctx, cluster.Config, standin.Options{}) })
	code := r.m.Run()
	cancel()
	operator.Wait()
	if err := errors.Join(failed, shared.remove()); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
