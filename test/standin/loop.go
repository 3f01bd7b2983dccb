package standin

import (
	"context"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// loop brings objects to their wanted state, one call of sync per name at a time.
type loop struct {
	// what names the work in the log.
	what string
	// sync does the work; it is called again after a time it asks for, or after an error.
	sync  func(context.Context, types.NamespacedName) (again time.Duration, err error)
	queue workqueue.TypedRateLimitingInterface[types.NamespacedName]
	log   *slog.Logger
}

func newLoop(what string, log *slog.Logger, sync func(context.Context, types.NamespacedName) (time.Duration, error)) *loop {
	// Short waits: a conflict is gone at once, and a restarting server within seconds.
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](10*time.Millisecond, time.Second)
	return &loop{what: what, sync: sync, log: log, queue: workqueue.NewTypedRateLimitingQueue(limiter)}
}

// add asks for work on the object, which may be the last known state of a deleted one.
func (l *loop) add(object any) {
	if name, err := cache.DeletionHandlingObjectToName(object); err == nil {
		l.queue.Add(types.NamespacedName(name))
	}
}

// run works with several workers until ctx ends, and returns when the last has stopped.
func (l *loop) run(ctx context.Context, workers int) {
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for l.work(ctx) {
			}
		})
	}
	<-ctx.Done()
	l.queue.ShutDown()
	running.Wait()
}

func (l *loop) work(ctx context.Context) bool {
	name, shutdown := l.queue.Get()
	if shutdown {
		return false
	}
	defer l.queue.Done(name)
	again, err := l.sync(ctx, name)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		level := slog.LevelWarn
		if apierrors.IsConflict(err) {
			level = slog.LevelDebug // the watch was not quick enough
		}
		l.log.Log(ctx, level, "try again", "what", l.what, "object", name.String(), "error", err)
		l.queue.AddRateLimited(name)
	default:
		l.queue.Forget(name)
		if again > 0 {
			l.queue.AddAfter(name, again)
		}
	}
	return true
}
