package cli_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

func TestVersionOfTheClient(t *testing.T) {
	code, stdout, stderr := run(t, "kubectl-iris", "version", "--client", "-o", "json")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	var got view.Version
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	want := view.Version{
		APIVersion: "kubectl-iris/v1alpha1",
		Kind:       "Version",
		Client: view.ClientVersion{
			Version: "v1.2.3", Commit: "abc", Date: "2026-02-03T04:05:06Z", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		},
	}
	// A test binary does not know what it is built with.
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(view.ClientVersion{}, "Libraries")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// refuses is an address that refuses connections: nothing can listen on port 0.
const refuses = "127.0.0.1:0"

// Without a server it still says what it knows, and why not more.
func TestVersionWithoutAServer(t *testing.T) {
	code, stdout, stderr := run(t, "kubectl-iris", "version", "--server=http://"+refuses)
	if code != 1 || !strings.HasPrefix(stdout, "Client ") || !strings.HasPrefix(stderr, "error: cannot reach the API server at http://"+refuses) {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}
