package cli

import (
	"io"
	"sync"
)

// rememberingWriter remembers the first error of its writer for libraries that do
// not return it: cobra with help texts, client-go with the output of a command in
// a container. To the library all writes succeed.
type rememberingWriter struct {
	w io.Writer
	// failed is called at the first error, unless it is nil.
	failed func()

	mu  sync.Mutex
	err error
}

func (r *rememberingWriter) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return len(p), nil
	}
	if _, r.err = r.w.Write(p); r.err != nil && r.failed != nil {
		r.failed()
	}
	return len(p), nil
}

// Err returns the first error.
func (r *rememberingWriter) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
