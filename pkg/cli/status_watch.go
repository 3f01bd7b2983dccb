package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
	"github.com/kubectl-iris/kubectl-iris/pkg/topology"
	"github.com/kubectl-iris/kubectl-iris/pkg/view"
)

// watch shows the clusters until it is interrupted: redrawn on a terminal that can
// do so, appended elsewhere. It ends with the exit code of what it showed last.
func (p *statusPrinter) watch(ctx context.Context, status action.Status) error {
	group, watching := errgroup.WithContext(ctx)
	show, lost := p.keepShown(p.appendChanges()), status.Lost
	if terminal, ok := p.Out.(*os.File); ok && p.printer == nil && render.CanRedraw(terminal, p.Getenv) {
		frames := make(chan frame, 1)
		show, lost = p.sendFrames(watching, frames)
		group.Go(func() error { return p.redraw(watching, terminal, frames) })
	}
	var last view.ClusterStatusList
	group.Go(func() (err error) {
		last, err = status.Watch(watching, show, lost)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return worst(last, p.flags.strict)
}

// keepShown filters for --unhealthy but keeps clusters shown before, so that a
// recovery is printed as a change and not as a deletion.
func (p *statusPrinter) keepShown(show func(view.ClusterStatusList) error) func(view.ClusterStatusList) error {
	if !p.flags.unhealthy || p.printer != nil {
		return func(list view.ClusterStatusList) error { return show(p.worthShowing(list)) }
	}
	shown := map[types.NamespacedName]bool{}
	return func(list view.ClusterStatusList) error {
		var kept []view.ClusterStatus
		for _, c := range list.Items {
			name := types.NamespacedName{Namespace: c.Metadata.Namespace, Name: c.Metadata.Name}
			if shown[name] = shown[name] || !isHealthy(c); shown[name] {
				kept = append(kept, c)
			}
		}
		list.Items = kept
		return show(list)
	}
}

// appendChanges returns the function that shows what changed by appending lines
// or documents.
func (p *statusPrinter) appendChanges() func(view.ClusterStatusList) error {
	if p.printer != nil {
		documents := render.NewDocuments(p.Out, p.printer)
		return func(list view.ClusterStatusList) error {
			if p.inDetail() && len(list.Items) == 1 {
				return documents.Cluster(list.Items[0])
			}
			return documents.Clusters(list)
		}
	}
	if p.inDetail() {
		return p.appendDetail()
	}
	lines := render.NewLines(p.Out)
	warnUnread := p.warnNewUnread()
	return func(list view.ClusterStatusList) error {
		warnUnread(list.Unread)
		return lines.Clusters(list, p.now())
	}
}

// appendDetail is appendChanges for one cluster, which may be deleted and recreated.
func (p *statusPrinter) appendDetail() func(view.ClusterStatusList) error {
	var lines *render.Lines
	warnUnread := p.warnNewUnread()
	return func(list view.ClusterStatusList) error {
		switch {
		case len(list.Items) == 1 && lines == nil:
			lines = render.NewLines(p.Out)
		case len(list.Items) == 0 && lines != nil:
			lines = nil
			_, err := fmt.Fprintln(p.Out, p.goneWords(list))
			return err
		case len(list.Items) == 0:
			return nil
		}
		warnUnread(list.Items[0].Unread)
		return lines.Cluster(list.Items[0], p.now())
	}
}

// warnNewUnread returns a function that warns of the failed reads that the call
// before did not have.
func (p *statusPrinter) warnNewUnread() func([]view.Unread) {
	var known []view.Unread
	return func(unread []view.Unread) {
		for _, u := range unread {
			if !slices.Contains(known, u) {
				render.Unread(p.Err, []view.Unread{u})
			}
		}
		known = unread
	}
}

// goneWords returns that the cluster was deleted or, if IrisClusters cannot be read,
// that it has no pods.
func (p *statusPrinter) goneWords(list view.ClusterStatusList) string {
	name, _ := p.request.Only()
	words := "deleted from"
	if (topology.Snapshot{Unread: list.Unread}).IsUnread(iris.Resource) {
		words = "has no pods in"
	}
	return fmt.Sprintf("iriscluster.%s %q %s %s namespace", iris.Group, name, words, p.request.Namespace())
}

// frame is what a terminal shows.
type frame struct {
	list view.ClusterStatusList
	// lost says that the API server stopped answering since; nil if it answers.
	lost error
}

// sendFrames returns functions that send a frame for each view, and for each report
// that the API server does not answer.
func (p *statusPrinter) sendFrames(ctx context.Context, frames chan<- frame) (show func(view.ClusterStatusList) error, lost func(error)) {
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
func (p *statusPrinter) redraw(ctx context.Context, terminal *os.File, frames <-chan frame) error {
	screen := render.NewScreen(terminal, render.SizeOf(terminal))
	err := render.Redraw(ctx, frames, func(f frame) error {
		drawn, err := p.draw(f)
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

// draw returns a frame as the terminal shows it.
func (p *statusPrinter) draw(f frame) (drawn render.Frame, err error) {
	if list := p.worthShowing(f.list); p.inDetail() && len(list.Items) == 1 {
		drawn, err = render.ClusterFrame(list.Items[0], p.now())
	} else {
		drawn.Body, err = p.printed(func(p *statusPrinter) error { return p.print(list) })
	}
	if f.lost != nil {
		line, _ := p.printed(func(p *statusPrinter) error { p.actionConfig().Lost(f.lost); return nil })
		drawn.Sum += line
	}
	return drawn, err
}

// printed returns what print prints, on stdout or stderr.
func (p *statusPrinter) printed(print func(*statusPrinter) error) (string, error) {
	var text strings.Builder
	env, into := *p.factory, *p
	env.Out, env.Err, env.reporter = &text, &text, newReporter(&text)
	into.factory = &env
	err := print(&into)
	return text.String(), err
}
