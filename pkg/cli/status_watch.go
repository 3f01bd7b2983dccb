package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-iris/kubectl-iris/pkg/failover"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// follow shows the clusters until it is interrupted: redrawn on a terminal that
// can do so, appended elsewhere. It ends with the exit code of what it showed last.
func (r *statusRun) follow(ctx context.Context, client *connection) error {
	group, watching := errgroup.WithContext(ctx)
	show, lost := r.keepShown(r.appendChanges()), r.lost
	if terminal, ok := r.Out.(*os.File); ok && r.printer == nil && render.CanRedraw(terminal, r.Getenv) {
		frames := make(chan frame, 1)
		show, lost = r.sendFrames(watching, frames)
		group.Go(func() error { return r.redraw(watching, terminal, frames) })
	}
	f := &following{
		statusRun: r,
		show:      show,
		notFound:  func(unknown []string) error { return r.notFound(watching, client, unknown) },
	}
	group.Go(func() error { return client.Watch(watching, r.scope, f.next, lost) })
	if err := group.Wait(); err != nil {
		return err
	}
	return verdict(f.last)
}

// following is what a watch has seen so far.
type following struct {
	*statusRun
	show     func(view.ClusterStatusList) error
	notFound func(unknown []string) error
	begun    bool
	last     view.ClusterStatusList
	timeline failover.Timeline
}

// next shows one more snapshot. Only the first may fail for what is not there or
// cannot be read: later it may come again, and a watch waits for it.
func (f *following) next(snapshot topology.Snapshot) error {
	list, err := f.list(snapshot)
	if err == nil && !f.begun {
		err = f.missing(list, snapshot)
	}
	switch {
	case err != nil && f.begun:
		return nil
	case err != nil:
		return err
	}
	if f.detail() && len(list.Items) == 1 {
		f.timeline = f.timeline.Next(list.Items[0], f.Now())
		list.Items[0].Failover = f.timeline.View()
	}
	f.begun, f.last = true, list
	return f.show(list)
}

// missing is the error of a list that lacks what was asked for.
func (f *following) missing(list view.ClusterStatusList, snapshot topology.Snapshot) error {
	if err := f.blind(list, snapshot); err != nil {
		return err
	}
	if unknown := f.unknown(list); len(unknown) > 0 {
		return f.notFound(unknown)
	}
	return nil
}

// keepShown leaves to show what --unhealthy leaves of each list, and the clusters
// that it left of an earlier one: that such a cluster is well again is news, and
// no deletion.
func (r *statusRun) keepShown(show func(view.ClusterStatusList) error) func(view.ClusterStatusList) error {
	if !r.unhealthy || r.printer != nil {
		return func(list view.ClusterStatusList) error { return show(r.worthShowing(list)) }
	}
	type key struct{ namespace, name string }
	shown := map[key]bool{}
	return func(list view.ClusterStatusList) error {
		var kept []view.ClusterStatus
		for _, c := range list.Items {
			of := key{c.Metadata.Namespace, c.Metadata.Name}
			if shown[of] = shown[of] || !isWell(c); shown[of] {
				kept = append(kept, c)
			}
		}
		list.Items = kept
		return show(list)
	}
}

// appendChanges returns the function that shows what changed by appending lines
// or documents.
func (r *statusRun) appendChanges() func(view.ClusterStatusList) error {
	if r.printer != nil {
		documents := render.NewDocuments(r.Out, r.printer)
		return func(list view.ClusterStatusList) error {
			if r.detail() && len(list.Items) == 1 {
				return documents.Cluster(list.Items[0])
			}
			return documents.Clusters(list)
		}
	}
	if r.detail() {
		return r.appendDetail()
	}
	lines := render.NewLines(r.Out)
	warnUnread := r.warnNewUnread()
	return func(list view.ClusterStatusList) error {
		warnUnread(list.Unread)
		return lines.Clusters(list, r.now())
	}
}

// appendDetail is appendChanges for one cluster, which may go and come again.
func (r *statusRun) appendDetail() func(view.ClusterStatusList) error {
	var lines *render.Lines
	warnUnread := r.warnNewUnread()
	return func(list view.ClusterStatusList) error {
		switch {
		case len(list.Items) == 1 && lines == nil:
			lines = render.NewLines(r.Out)
		case len(list.Items) == 0 && lines != nil:
			lines = nil
			_, err := fmt.Fprintln(r.Out, r.goneWords(list))
			return err
		case len(list.Items) == 0:
			return nil
		}
		warnUnread(list.Items[0].Unread)
		return lines.Cluster(list.Items[0], r.now())
	}
}

// warnNewUnread returns a function that warns of the failed reads that the call
// before did not have.
func (r *statusRun) warnNewUnread() func([]view.Unread) {
	var known []view.Unread
	return func(unread []view.Unread) {
		for _, u := range unread {
			if !slices.Contains(known, u) {
				render.Unread(r.Err, []view.Unread{u})
			}
		}
		known = unread
	}
}

// goneWords say that the cluster is no more or, where IrisClusters cannot be
// read, no more than is known: that it has no pods.
func (r *statusRun) goneWords(list view.ClusterStatusList) string {
	words := "deleted from"
	if (topology.Snapshot{Unread: list.Unread}).Lacks(iris.Resource) {
		words = "has no pods in"
	}
	return fmt.Sprintf("iriscluster.%s %q %s %s namespace", iris.Group, r.scope.Names[0], words, r.scope.Namespace)
}

// frame is what a terminal shows.
type frame struct {
	list view.ClusterStatusList
	// lost says that the API server stopped answering since; nil if it answers.
	lost error
}

// sendFrames makes a frame of each view, and of each word that the API server
// does not answer.
func (r *statusRun) sendFrames(ctx context.Context, frames chan<- frame) (show func(view.ClusterStatusList) error, lost func(error)) {
	var mu sync.Mutex
	var now frame
	send := func(change func(*frame)) {
		mu.Lock()
		defer mu.Unlock()
		change(&now)
		select {
		case frames <- now:
		case <-ctx.Done():
		}
	}
	show = func(list view.ClusterStatusList) error {
		send(func(f *frame) { *f = frame{list: list} })
		return nil
	}
	return show, func(err error) { send(func(f *frame) { f.lost = err }) }
}

// redraw shows each frame over the last.
func (r *statusRun) redraw(ctx context.Context, terminal *os.File, frames <-chan frame) error {
	screen := render.NewScreen(terminal, render.SizeOf(terminal))
	err := render.Redraw(ctx, frames, func(f frame) error {
		drawn, err := r.draw(f)
		if err != nil {
			return err
		}
		return screen.Draw(drawn)
	})
	if closing := screen.Close(); err == nil && closing != nil {
		err = problem.New("cannot write to the terminal: %w", closing)
	}
	return err
}

// draw is a frame as the terminal shows it.
func (r *statusRun) draw(f frame) (drawn render.Frame, err error) {
	if list := r.worthShowing(f.list); r.detail() && len(list.Items) == 1 {
		drawn, err = render.ClusterFrame(list.Items[0], r.now())
	} else {
		var text bytes.Buffer
		framed, run := *r.session, *r
		framed.Out, framed.Err = &text, &text
		run.session = &framed
		err = run.print(list)
		drawn.Body = text.String()
	}
	if f.lost != nil {
		var line strings.Builder
		render.Warning(&line, lostWords(f.lost))
		drawn.Sum += line.String()
	}
	return drawn, err
}
