package standin

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseControls(t *testing.T) {
	got, err := parseControls(map[string]string{
		"example.com/labels":                  "nonsense",
		"stand-in.kubectl-iris/labels":        "frozen",
		"stand-in.kubectl-iris/label-delay":   "1500ms",
		"stand-in.kubectl-iris/primary":       "a-data-0-1,a-data-1-0",
		"stand-in.kubectl-iris/async":         "2",
		"stand-in.kubectl-iris/async-label":   "backup",
		"stand-in.kubectl-iris/pending":       "a-data-0-1, a-compute-0",
		"stand-in.kubectl-iris/sidecar-ports": "none",
		"stand-in.kubectl-iris/mirror-map":    "primary, drasync",
		"stand-in.kubectl-iris/web-server":    "none",
		"stand-in.kubectl-iris/phase":         "Failed",
		"stand-in.kubectl-iris/reason":        "no licence",
		"stand-in.kubectl-iris/sync":          "1",
		"stand-in.kubectl-iris/paused":        "true",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := controls{
		frozen: true, labelDelay: new(1500 * time.Millisecond), primaries: "a-data-0-1,a-data-1-0", async: 2, asyncLabel: "backup",
		pending: []string{"a-data-0-1", "a-compute-0"}, noPorts: true, paused: true,
		mirrorMap: []string{"primary", "drasync"}, webServer: "none", phase: "Failed", reason: "no licence", sync: "1",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(controls{})); diff != "" {
		t.Errorf("controls (-want +got):\n%s", diff)
	}
}

func TestParseControlsErrors(t *testing.T) {
	for annotation, value := range map[string]string{
		"labels": "thawed", "label-delay": "2", "async": "-1", "paused": "yes", "sidecar-ports": "80", "lables": "frozen",
		"mirror-map": "primary,dr", "web-server": "yes",
	} {
		_, err := parseControls(map[string]string{"stand-in.kubectl-iris/" + annotation: value})
		if err == nil || !strings.Contains(err.Error(), annotation) {
			t.Errorf("%s=%s: error %v does not name the annotation", annotation, value, err)
		}
	}
}
