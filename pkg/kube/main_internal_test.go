package kube

import (
	"os"
	"testing"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
)

// TestMain drops client-go's handlers of errors: they log, and they sleep by a
// clock that was started outside of a test's own time.
func TestMain(m *testing.M) {
	utilruntime.ErrorHandlers = nil
	os.Exit(m.Run())
}

// newServer returns a server in memory and a client of it.
func newServer(t *testing.T) (*kubetest.Server, *Client) {
	t.Helper()
	s := kubetest.NewServer()
	c, err := New(s.Config(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}
