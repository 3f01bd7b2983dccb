package topology

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func TestLeavingPrimary(t *testing.T) {
	member := func(role string, isConfirmed bool) *cluster.Member {
		return &cluster.Member{Pod: &iris.Pod{Name: "a"}, Role: role, Confirmed: isConfirmed, Says: "Failover/Primary"}
	}
	for want, leaving := range map[string][]*cluster.Member{
		"": {member(iris.MirrorBackup, true)},
		`"a", where IRIS says Failover/Primary, is being deleted`: {member(iris.MirrorBackup, true), member(iris.MirrorPrimary, true)},
		`"a", which is labelled primary, is being deleted`:        {member(iris.MirrorPrimary, false)},
	} {
		if got := leavingPrimary(&cluster.Shard{Leaving: leaving}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSidecarMissingInPods(t *testing.T) {
	svc := &service{target: &view.Target{Kind: view.TargetSidecar}, selects: map[string][]*iris.Pod{"simple": {
		{Name: "a"}, {Name: "b"}, {Name: "c", Sidecar: &iris.Container{}},
	}}}
	svc.Service = &corev1.Service{}
	found := (&inventory{}).judgeTarget(&irisCluster{name: "simple"}, svc)
	if want := `"a", "b" have no container "webgateway"`; len(found) != 1 || found[0].Why != want {
		t.Errorf("%+v, want %q", found, want)
	}
}

// Events of a pod that the pod's status already gives as a reason are not repeated.
func TestSays(t *testing.T) {
	for name, test := range map[string]struct {
		why, event string
		want       bool
	}{
		"the same":       {"iris: image not found", "Failed: image not found", true},
		"cut":            {"iris: image not found in the registry", "Failed: image not found…", true},
		"another":        {"iris: image not found", "FailedMount: no such volume", false},
		"reason alone":   {"iris: Failed", "Failed:", false},
		"colon in event": {"iris: pull: denied", "Failed: pull: denied", true},
	} {
		if got := says(test.why, test.event); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
