package topology

import (
	"fmt"

	"github.com/kubectl-iris/kubectl-iris/pkg/text"
)

// maxNamed bounds how many objects a sentence names.
const maxNamed = 3

// quotedList is "a", "b" and 4 more.
func quotedList(names []string) string { return listOf(text.Quote(names)) }

// count is "1 pod", "2 pods".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// listOf joins texts, bounded.
func listOf(texts []string) string { return text.List(texts, maxNamed) }
