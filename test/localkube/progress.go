package localkube

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progressInterval is the time between two lines about the same work.
const progressInterval = 5 * time.Second

// announce writes that work has begun, again every progressInterval how long it
// has taken, and on done, unless it failed, how long it took. Call done once.
func announce(w io.Writer, work string) (done func(err error)) {
	start := time.Now()
	line := func(format string, args ...any) {
		_, _ = fmt.Fprintf(w, "localkube: %s%s\n", work, fmt.Sprintf(format, args...))
	}
	line("")

	stop := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				line(": %s", time.Since(start).Round(time.Second))
			}
		}
	})
	return func(err error) {
		close(stop)
		ticking.Wait()
		if err == nil {
			line(": done in %s", time.Since(start).Round(100*time.Millisecond))
		}
	}
}
