package render

import (
	"context"
	"time"
)

const (
	// minFrame is the least time between two frames: five a second.
	minFrame = 200 * time.Millisecond
	// maxFrame is the longest time that a frame stays: ages grow, and terminals
	// are resized.
	maxFrame = time.Second
)

// Redraw calls draw with the newest of the views that arrive: at once after a
// pause, at most every minFrame in a storm, and again after maxFrame without a new
// view. Views that a newer one overtook are not drawn. Redraw returns nil when ctx
// ends, or when the channel is closed and the last view is drawn. It returns an
// error of draw at once.
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
			next.Reset(time.Until(drawn.Add(minFrame)))
		case <-next.C:
			if err := draw(newest); err != nil {
				return err
			}
			drawn = time.Now()
			next.Reset(maxFrame)
		}
	}
}
