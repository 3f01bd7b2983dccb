package watch

import (
	"os"
	"testing"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/kubectl-iris/kubectl-iris/internal/kubetest"
	"github.com/kubectl-iris/kubectl-iris/pkg/ask"
	"github.com/kubectl-iris/kubectl-iris/pkg/kube"
	"github.com/kubectl-iris/kubectl-iris/pkg/stream"
)

// TestMain drops client-go's handlers of errors: they log, and they sleep by a
// clock that was started outside of a test's own time.
func TestMain(m *testing.M) {
	utilruntime.ErrorHandlers = nil
	os.Exit(m.Run())
}

// newServer returns a server in memory and a Watcher of it.
func newServer(t *testing.T) (*kubetest.Server, *Watcher) {
	t.Helper()
	s := kubetest.NewServer()
	c, err := kube.New(s.Config(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return s, New(c, ask.New(c, stream.New(c)))
}
