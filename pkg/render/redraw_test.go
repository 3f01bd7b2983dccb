package render_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

// frame is a view that was drawn, and when.
type frame struct {
	At   time.Duration
	View int
}

// redrawing runs Redraw on a fake clock while feed sends views, and returns
// what was drawn.
func redrawing(t *testing.T, feed func(views chan<- int)) []frame {
	var frames []frame
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		views := make(chan int)
		go func() {
			defer close(views)
			feed(views)
		}()
		if err := render.Redraw(t.Context(), views, func(v int) error {
			frames = append(frames, frame{time.Since(start), v})
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	return frames
}

func TestRedraw(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		feed func(chan<- int)
		want []frame
	}{
		"nothing": {func(chan<- int) {}, nil},
		"the last is drawn at once when there are no more": {
			func(views chan<- int) { views <- 1; time.Sleep(ms); views <- 2 },
			[]frame{{0, 1}, {1 * ms, 2}},
		},
		"after a pause at once": {
			func(views chan<- int) { views <- 1; time.Sleep(700 * ms); views <- 2; time.Sleep(ms) },
			[]frame{{0, 1}, {700 * ms, 2}, {701 * ms, 2}},
		},
		"a storm is thinned out, its end is not lost": {
			func(views chan<- int) {
				for i := range 50 {
					views <- i
					time.Sleep(10 * ms)
				}
				time.Sleep(250 * ms)
			},
			[]frame{{0, 0}, {200 * ms, 19}, {400 * ms, 39}, {600 * ms, 49}, {750 * ms, 49}},
		},
		"a silence is drawn again": {
			func(views chan<- int) { views <- 7; time.Sleep(2500 * ms) },
			[]frame{{0, 7}, {1000 * ms, 7}, {2000 * ms, 7}, {2500 * ms, 7}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, redrawing(t, test.feed)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRedrawNeverMoreThanFiveASecond(t *testing.T) {
	frames := redrawing(t, func(views chan<- int) {
		for i := range 3000 {
			views <- i
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
	})
	for i := 1; i < len(frames)-1; i++ {
		if gap := frames[i].At - frames[i-1].At; gap < 200*time.Millisecond {
			t.Errorf("frames %v apart", gap)
		}
	}
	if n := len(frames); n < 15 || n > 22 {
		t.Errorf("%d frames in four seconds", n)
	}
}

func TestRedrawEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := render.Redraw(ctx, make(chan int), func(int) error { return nil }); err != nil {
			t.Error(err)
		}
		if ctx.Err() == nil {
			t.Error("ended early")
		}
	})
}

func TestRedrawEndsWithAFailure(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		views := make(chan int, 1)
		views <- 1
		if err := render.Redraw(t.Context(), views, func(int) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	})
}
