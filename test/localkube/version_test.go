package localkube

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGoModForAnotherVersion(t *testing.T) {
	t.Parallel()
	upstream := goMod{
		Go:      "1.24.0",
		Godebug: []struct{ Key, Value string }{{"default", "go1.24"}},
		Require: []struct{ Path, Version string }{
			{"example.com/other", "v0.0.0"},
			{"k8s.io/api", "v0.0.0"},
			{"k8s.io/klog/v2", "v2.130.1"},
			{"k8s.io/kubectl", "v0.0.0"},
		},
	}
	want := `module localkube

go 1.24.0

godebug default=go1.24
require k8s.io/kubernetes v1.34.4

replace (
	k8s.io/api => k8s.io/api v0.34.4
	k8s.io/kubectl => k8s.io/kubectl v0.34.4
)

tool (
	go.etcd.io/etcd/server/v3
	k8s.io/kubernetes/cmd/kubectl
	k8s.io/kubernetes/cmd/kube-apiserver
	k8s.io/kubernetes/cmd/kube-controller-manager
	k8s.io/kubernetes/cmd/kube-scheduler
	k8s.io/kubernetes/cmd/kubelet
	k8s.io/kubernetes/cmd/kube-proxy
)
`
	if diff := cmp.Diff(want, string(goModFor("v1.34.4", upstream))); diff != "" {
		t.Errorf("go.mod (-want +got):\n%s", diff)
	}
}

func TestVersionModuleIsMadeOnce(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the go command is not run
	want := writePrograms(t, cache+"/module-kubernetes-v1.34.4")
	for _, version := range []string{"1.34.4", "v1.34.4"} {
		if got, err := versionModule(ctx, cache, version); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", version, got, err, want)
		}
	}
	for _, version := range []string{"1.34", "2.0.0", "latest", "1.34.4/../.."} {
		if got, err := versionModule(ctx, cache, version); err == nil || !strings.HasPrefix(err.Error(), "invalid KUBECTL_IRIS_KUBERNETES_VERSION ") {
			t.Errorf("%s: %q, %v", version, got, err)
		}
	}
}
