package relabel

import (
	"context"
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
)

const (
	// maxPlans bounds how often the labels are planned again because a pod
	// changed or a request failed.
	maxPlans = 4
	// finishTimeout bounds how long a shard may take to be finished once a label
	// is written, and so how long an interrupt is kept waiting: a few requests,
	// and asking IRIS again where a pod changed.
	finishTimeout = 10 * time.Second
	// writeTimeout bounds one write, so that one which hangs is tried again.
	writeTimeout = 4 * time.Second
	// retryPause is the pause before a plan that was begun is tried again.
	retryPause = 500 * time.Millisecond
)

// A Target is the cluster whose labels are set.
type Target interface {
	// Plan reads the pods, asks IRIS and plans the labels again.
	Plan(ctx context.Context) (Plan, error)
	// SetRole sets the role label of a pod, or with "" takes it away, if the pod
	// is still as it was read, or else fails with a conflict. With dryRun the
	// server checks and changes nothing.
	SetRole(ctx context.Context, pod iris.Pod, role string, dryRun bool) error
}

// Check makes the server check all changes of an agreed plan and changes nothing.
// If a pod changed since it was read, the labels are planned again; Check returns
// the plan that the server accepts, which has no change that is not in agreed.
func Check(ctx context.Context, t Target, agreed Plan) (Plan, error) {
	return checked(ctx, t, agreed, func(err error) bool { return err == nil })
}

// checked is Check for a server that may give certain errors instead of a yes.
func checked(ctx context.Context, t Target, agreed Plan, isAccepted func(error) bool) (Plan, error) {
	check := func(plan Plan) error {
		for _, c := range plan.Changes {
			if err := t.SetRole(ctx, c.Pod, c.To, true); !isAccepted(err) {
				return err
			}
		}
		return nil
	}
	plan := agreed
	for n := 1; ; n++ {
		err := check(plan)
		if !hasChanged(err) || n == maxPlans {
			return plan, err
		}
		if plan, err = t.Plan(ctx); err != nil {
			return plan, err
		}
		if err := plan.newRefusal(agreed); err != nil {
			return plan, err
		}
		if !plan.isWithin(agreed) {
			return plan, Differs()
		}
	}
}

// isNoObjection reports whether a dry run says nothing against the write. If an
// admission webhook supports no dry run, the server answers with a bad request.
func isNoObjection(err error) bool { return err == nil || apierrors.IsBadRequest(err) }

// Differs returns the error of a plan that is not the agreed one any more.
func Differs() error {
	return problem.New("%w: no label is changed", errChanged).Hint("run the command again")
}

var errChanged = errors.New("IRIS's answers or the labels changed meanwhile")

// Apply makes the changes of an agreed plan. What the server would refuse shows
// before anything is written. Once the first label may be written, the end of
// ctx is not waited for: the rest is finished, for a few seconds, with what IRIS
// says by then if a pod changed, and whatever could not be finished is in the
// Outcome.
func Apply(ctx context.Context, t Target, agreed Plan) Outcome {
	a := &application{target: t, agreed: agreed, begun: map[string]bool{}, taken: map[string]bool{}}
	plan, err := checked(ctx, t, agreed, isNoObjection)
	for n := 1; err == nil; n++ {
		if err = ctx.Err(); err != nil {
			break
		}
		a.read(plan)
		err = a.all(ctx, plan.shards())
		if len(a.begun) > 0 || !hasChanged(err) {
			if err == nil {
				err = a.verify(ctx)
			}
			return a.outcome(err)
		}
		if n == maxPlans {
			break
		}
		plan, err = checked(ctx, t, agreed, isNoObjection)
	}
	return Outcome{Err: err}
}

// An application is a plan that is being carried out.
type application struct {
	target Target
	agreed Plan
	// latest is the plan by the last reading of the cluster.
	latest Plan
	// labels are the role labels of the pods that are there, as last read or
	// written.
	labels map[types.UID]string
	// begun are the shards in which a label was written, or may have been.
	begun map[string]bool
	// away: the last request was not answered.
	away bool
	// taken are the shards in which the label primary was taken from a pod.
	taken map[string]bool
	made  []Change
	// unsure are changes that may have been made: their request failed on the
	// way, and the pod was not read since.
	unsure []Change
}

// all makes the changes of some shards. A shard that cannot be finished does not
// keep the next one from being so, unless the server is gone.
func (a *application) all(ctx context.Context, shards []string) error {
	var failed []error
	for _, name := range shards {
		// Another shard may have had the cluster read since.
		plan, err := a.current(name)
		if err == nil {
			err = a.shard(ctx, name, plan)
		}
		failed = append(failed, err)
		if err != nil && (len(a.begun) == 0 || a.away) {
			break
		}
	}
	return errors.Join(failed...)
}

// current returns what is to be done in a shard by the last reading.
func (a *application) current(name string) (Plan, error) {
	plan := a.latest.of(name)
	if refusal := plan.newRefusal(a.agreed); refusal != nil && len(plan.Changes) == 0 {
		return plan, refusal
	}
	if !a.may(name, plan) {
		return plan, errChanged
	}
	return plan, nil
}

// shard makes the changes of one shard.
func (a *application) shard(ctx context.Context, name string, plan Plan) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	for n := 1; ; n++ {
		err := a.write(ctx, plan.Changes)
		if err == nil || len(a.begun) == 0 || isFinal(err) || n == maxPlans {
			return err
		}
		if plan, err = a.replan(ctx, name, err); err != nil {
			return err
		}
	}
}

// verify reads the cluster once all changes are made, and makes those that
// another writer undid, or that are needed because of what it did.
func (a *application) verify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	for n := 1; n < maxPlans && len(a.begun) > 0; n++ {
		plan, err := a.target.Plan(ctx)
		if err != nil {
			return nil // the labels were set; whether they still are is not known
		}
		a.read(plan)
		shards := slices.DeleteFunc(plan.shards(), func(name string) bool { return !a.begun[name] || !a.may(name, plan.of(name)) })
		if err := a.all(ctx, shards); err != nil || len(shards) == 0 {
			return err
		}
	}
	return nil
}

// write makes changes until one fails.
func (a *application) write(ctx context.Context, changes []Change) error {
	for _, c := range changes {
		writing, cancel := context.WithTimeout(ctx, writeTimeout)
		err := a.target.SetRole(writing, c.Pod, c.To, false)
		cancel()
		a.away = isPassing(err)
		switch {
		case err == nil:
			a.made = append(a.made, c)
			a.labels[c.Pod.UID] = c.To
		case a.away:
			a.unsure = append(a.unsure, c)
		default:
			return err
		}
		a.begun[c.Pod.Shard()] = true
		if c.From == iris.MirrorPrimary {
			a.taken[c.Pod.Shard()] = true
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// replan plans a shard until there is a plan that may be carried out, or time is
// up. last is why it is needed.
func (a *application) replan(ctx context.Context, name string, last error) (Plan, error) {
	for {
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return Plan{}, last
		}
		plan, err := a.target.Plan(ctx)
		if err == nil {
			a.read(plan)
			plan, err = a.current(name)
		}
		switch {
		case err == nil, errors.Is(err, errChanged):
			return plan, err
		case ctx.Err() == nil:
			last = err
		}
	}
}

// read notes what the cluster is like now.
func (a *application) read(plan Plan) {
	a.away = false
	a.latest, a.labels = plan, plan.labels()
	for _, c := range a.unsure {
		if label, ok := a.labels[c.Pod.UID]; ok && label == c.To {
			a.made = append(a.made, c)
		}
	}
	a.unsure = nil
}

// may reports whether a plan may be carried out instead of the agreed one. In a
// shard that is as it was, it holds nothing new. In one that has been begun, it
// sets roles that were agreed to; or whatever IRIS says by now, if the label
// primary was taken from a pod: the shard is not left without.
func (a *application) may(name string, plan Plan) bool {
	if !a.begun[name] {
		return plan.isWithin(a.agreed)
	}
	return a.taken[name] || !slices.ContainsFunc(plan.Changes, func(c Change) bool {
		return !slices.ContainsFunc(a.agreed.Changes, func(agreed Change) bool { return agreed.isOf(c.Pod.UID, c.To) })
	})
}

func (c Change) isOf(pod types.UID, to string) bool { return c.Pod.UID == pod && c.To == to }

// hasChanged reports whether a write was refused because the pod is not as it
// was read.
func hasChanged(err error) bool { return apierrors.IsConflict(err) || apierrors.IsNotFound(err) }

// isPassing reports whether the server was not reached, or did not do what it
// was asked: it may have carried out the write, and may do so a moment later.
func isPassing(err error) bool {
	if err == nil {
		return false
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	return apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// isFinal reports whether a write would be refused again, whatever the pod is
// like.
func isFinal(err error) bool { return err != nil && !isPassing(err) && !hasChanged(err) }
