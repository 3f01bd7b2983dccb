package localkube

import (
	"context"
	"fmt"
	"os"
)

// TestRunner is a *testing.M.
type TestRunner interface {
	// Run runs the tests and returns the exit code.
	Run() int
}

// RunTests is for TestMain: it starts a cluster, hands it to use, runs the tests,
// ends the cluster, and returns the exit code for os.Exit. Progress goes to
// standard error unless the options say otherwise.
func RunTests(m TestRunner, opts Options, use func(*Cluster)) int {
	if IsSupervisor() {
		return Supervise()
	}
	if opts.Progress == nil {
		opts.Progress = os.Stderr
	}
	cluster, err := Start(context.Background(), opts)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "localkube:", err)
		return 1
	}
	use(cluster)
	code := m.Run()
	if err := cluster.Stop(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "localkube: stopping Kubernetes:", err)
		return 1
	}
	return code
}
