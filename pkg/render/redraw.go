package render

import (
	"context"
	"time"
)

// How often Redraw draws.
const (
	// MinFrame is the least time between two frames: five a second.
	MinFrame = 200 * time.Millisecond
	// MaxFrame is the longest time a frame stands: ages grow, and terminals
	// are resized.
	MaxFrame = time.Second
)

// Redraw calls draw with the newest of the views that arrive: at once after a
// pause, not more often than every MinFrame in a storm, and again after
// MaxFrame without news. Views that were overtaken are not drawn. It ends
// without an error when the context ends, or when the channel is closed and
// the last view is drawn; and with draw's error when that fails.
func Redraw[V any](ctx context.Context, views <-chan V, draw func(V) error) error {
	var (
		newest V
		have   bool
		drawn  time.Time
	)
	next := time.NewTimer(0)
	next.Stop()
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case v, open := <-views:
			if !open {
				if !have {
					return nil
				}
				return draw(newest)
			}
			newest, have = v, true
			next.Reset(time.Until(drawn.Add(MinFrame)))
		case <-next.C:
			if err := draw(newest); err != nil {
				return err
			}
			drawn = time.Now()
			next.Reset(MaxFrame)
		}
	}
}
