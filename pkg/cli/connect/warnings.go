package connect

import (
	"context"
	"sync"
)

// warningCode is the code of the API server's warnings: the one of RFC 7234 for
// messages of any kind.
const warningCode = 299

// warnings passes on the warnings that the API server and its webhooks attach to
// an answer, each once. It is a rest.WarningHandlerWithContext; client-go's own
// prints the text as it is.
type warnings struct {
	warn func(string)

	mu     sync.Mutex
	passed map[string]bool
}

func newWarnings(warn func(string)) *warnings {
	return &warnings{warn: warn, passed: map[string]bool{}}
}

// HandleWarningHeaderWithContext passes a warning on.
func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, code int, _, message string) {
	if code != warningCode || message == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.passed[message] {
		w.passed[message] = true
		w.warn(message)
	}
}
