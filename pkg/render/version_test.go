package render_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func TestVersion(t *testing.T) {
	client := view.ClientVersion{
		Version: "v1.2.3", Commit: "abc", Go: "go1.26", Platform: "linux/amd64",
		Libraries: []view.Library{{Module: "k8s.io/api", Version: "v0.36"}, {Module: "k8s.io/client-go", Version: "v0.36"}},
	}
	for name, test := range map[string]struct {
		server *view.ServerVersion
		want   string
	}{
		"client": {nil, "Client      v1.2.3\nCommit      abc\nDate\nGo          go1.26 linux/amd64\n" +
			"Libraries   k8s.io/api v0.36\n            k8s.io/client-go v0.36\n"},
		"server": {
			&view.ServerVersion{Version: "v1.36", Platform: "linux/arm64", IRIS: []view.Image{{Image: "iris:1", Pods: 1}, {Image: "iris:\n2", Pods: 2}}, WebGateways: []view.Image{}},
			"Client        v1.2.3\nCommit        abc\nDate\nGo            go1.26 linux/amd64\n" +
				"Libraries     k8s.io/api v0.36\n              k8s.io/client-go v0.36\nServer        v1.36 linux/arm64\n" +
				"IKO           <unknown>\nIRIS          iris:1 (1 pod)\n              iris: 2 (2 pods)\nWeb gateway   <none>\n",
		},
	} {
		var out bytes.Buffer
		if err := render.Version(&out, view.Version{Client: client, Server: test.server}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
