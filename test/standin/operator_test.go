package standin

import (
	"testing"

	"k8s.io/client-go/rest"
)

// The caller's configuration stays as it is: tests count requests by its user agent.
func TestRunLeavesConfigAlone(t *testing.T) {
	cfg := &rest.Config{UserAgent: "kubectl-iris/v1", QPS: 5}
	if ours := clientConfig(cfg); ours.UserAgent != "stand-in-operator" || ours.QPS >= 0 {
		t.Errorf("got user agent %q and %v requests per second", ours.UserAgent, ours.QPS)
	}
	if cfg.UserAgent != "kubectl-iris/v1" || cfg.QPS != 5 {
		t.Errorf("the caller's configuration became %q, %v", cfg.UserAgent, cfg.QPS)
	}
}
