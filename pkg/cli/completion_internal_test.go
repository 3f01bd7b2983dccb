package cli

import (
	"strings"
	"testing"
)

func TestCompletionScriptOfSystems(t *testing.T) {
	for goos, want := range map[string]struct{ name, start, calls string }{
		"linux":   {"kubectl_complete-iris", "#!/bin/sh\n", "exec kubectl-iris __complete \"$@\"\n"},
		"darwin":  {"kubectl_complete-iris", "#!/bin/sh\n", "exec kubectl-iris __complete \"$@\"\n"},
		"windows": {"kubectl_complete-iris.cmd", "@rem ", "@kubectl-iris.exe __complete %*\r\n"},
	} {
		script := completionScriptFor(goos)
		content := string(script.content)
		if script.name != want.name || !strings.HasPrefix(content, want.start) || !strings.HasSuffix(content, want.calls) || !strings.Contains(content, scriptMark) {
			t.Errorf("%s: %s with %q", goos, script.name, content)
		}
	}
}
