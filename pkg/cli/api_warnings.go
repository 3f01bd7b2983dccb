package cli

import (
	"context"
	"sync"
)

// apiWarning is the code of the API server's warnings: the one of RFC 7234 for
// messages of any kind.
const apiWarning = 299

// apiWarnings prints the warnings that the API server and its webhooks attach to
// an answer, each once. It is a rest.WarningHandlerWithContext; client-go's own
// prints the text as it is.
type apiWarnings struct {
	warn func(lines ...string)

	mu      sync.Mutex
	printed map[string]bool
}

func newAPIWarnings(warn func(lines ...string)) *apiWarnings {
	return &apiWarnings{warn: warn, printed: map[string]bool{}}
}

// HandleWarningHeaderWithContext prints a warning.
func (w *apiWarnings) HandleWarningHeaderWithContext(_ context.Context, code int, _, message string) {
	if code != apiWarning || message == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.printed[message] {
		w.printed[message] = true
		w.warn(message)
	}
}
