package repository_test

import (
	"regexp"
	"strings"
	"testing"
)

// A tag can be moved to other code, a digest cannot. The comment is for the reader,
// and dependabot keeps it true.
func TestActionsArePinned(t *testing.T) {
	uses := regexp.MustCompile(`(?m)^[\s-]*uses:\s*(.*)$`)
	pinned := regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	found := 0
	for _, file := range files(t, ".github/workflows", ".yaml", ".yml") {
		for _, match := range uses.FindAllStringSubmatch(read(t, file), -1) {
			found++
			if action := match[1]; !strings.HasPrefix(action, "./") && !pinned.MatchString(action) {
				t.Errorf("%s: %s is not pinned: write owner/action@<40 hex digits> # v1.2.3", file, action)
			}
		}
	}
	if found == 0 {
		t.Error("no workflow uses an action")
	}
}
