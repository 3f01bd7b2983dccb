package relabel_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-iris/kubectl-iris/pkg/cluster"
	"github.com/kubectl-iris/kubectl-iris/pkg/iris"
	"github.com/kubectl-iris/kubectl-iris/pkg/relabel"
)

// world is a cluster whose labels are set: an API server with pods, and IRIS in
// them. Before each request, what is planned for it happens.
type world struct {
	force   bool
	pods    []*iris.Pod
	answers map[types.UID]iris.Answer
	// happens holds what happens before a request, by its number from 1.
	happens map[int]func()
	// fails holds what becomes of a write, by the number of its request.
	fails map[int]failure
	// gone: no request is answered any more.
	gone bool

	requests int
	version  int
	writes   []write
	// seen is what the last plan rested on.
	seen map[types.UID]seen
	// check, if set, is called with each write before it is carried out.
	check func(write)
}

// failure is what becomes of a write; 0 is none.
type failure int

const (
	// isLost: the request does not reach the server.
	isLost failure = iota + 1
	// isLostAfter: the server carries it out, and the response is lost.
	isLostAfter
	isForbidden
)

// write is a label that was set.
type write struct {
	pod      iris.Pod
	from, to string
}

func (w write) String() string { return fmt.Sprintf("%s %q -> %q", w.pod.Name, w.from, w.to) }

// seen is a pod with its answer when it was read.
type seen struct {
	pod    iris.Pod
	answer iris.Answer
}

var errLost = errors.New("connection reset by peer")

func worldOf(members ...member) *world {
	facts := factsOf(true, members...)
	w := &world{answers: map[types.UID]iris.Answer{}, happens: map[int]func(){}, fails: map[int]failure{}}
	for i := range facts.Pods {
		if pod := &facts.Pods[i]; pod.Component() == iris.ComponentData {
			w.pods = append(w.pods, pod)
			w.answers[pod.UID] = facts.Answers[pod.UID]
			w.touch(pod)
		}
	}
	return w
}

// touch gives a pod another version.
func (w *world) touch(pod *iris.Pod) {
	w.version++
	pod.ResourceVersion = strconv.Itoa(w.version)
}

// label sets a role label as another writer does.
func (w *world) label(pod *iris.Pod, role string) {
	pod.Labels = maps.Clone(pod.Labels)
	delete(pod.Labels, iris.LabelMirrorRole)
	if role != "" {
		pod.Labels[iris.LabelMirrorRole] = role
	}
	w.touch(pod)
}

// request counts a request, and returns whether it is answered.
func (w *world) request(ctx context.Context) (n int, err error) {
	w.requests++
	if happens := w.happens[w.requests]; happens != nil {
		happens()
	}
	if err := ctx.Err(); err != nil {
		return w.requests, err
	}
	if w.gone {
		return w.requests, errLost
	}
	return w.requests, nil
}

func (w *world) facts() cluster.Facts {
	facts := cluster.Facts{Resource: iris.Cluster{Namespace: "iko", Name: "simple", Mirrored: true}, Read: true, Answers: cluster.Answers{}}
	for _, pod := range w.pods {
		facts.Pods = append(facts.Pods, *pod)
		facts.Answers[pod.UID] = w.answers[pod.UID]
	}
	return facts
}

// Plan is a relabel.Target's.
func (w *world) Plan(ctx context.Context) (relabel.Plan, error) {
	if _, err := w.request(ctx); err != nil {
		return relabel.Plan{}, err
	}
	w.seen = map[types.UID]seen{}
	for _, pod := range w.pods {
		w.seen[pod.UID] = seen{*pod, w.answers[pod.UID]}
	}
	return relabel.New(cluster.New(w.facts()), relabel.Options{Force: w.force})
}

// SetRole is a relabel.Target's.
func (w *world) SetRole(ctx context.Context, read iris.Pod, role string, dryRun bool) error {
	n, err := w.request(ctx)
	if err != nil {
		return err
	}
	if w.fails[n] == isLost {
		return errLost
	}
	pods := schema.GroupResource{Resource: "pods"}
	i := slices.IndexFunc(w.pods, func(p *iris.Pod) bool { return p.Name == read.Name })
	switch {
	case w.fails[n] == isForbidden:
		return apierrors.NewForbidden(pods, read.Name, errors.New("denied"))
	case i < 0:
		return apierrors.NewNotFound(pods, read.Name)
	case w.pods[i].ResourceVersion != read.ResourceVersion:
		return apierrors.NewConflict(pods, read.Name, errors.New("the object has been modified"))
	case dryRun:
		return nil
	}
	done := write{*w.pods[i], w.pods[i].MirrorRole(), role}
	if w.check != nil {
		w.check(done)
	}
	w.writes = append(w.writes, done)
	w.label(w.pods[i], role)
	if w.fails[n] == isLostAfter {
		return errLost
	}
	return nil
}

// labels returns the pods with their role labels.
func (w *world) labels() map[string]string {
	labels := map[string]string{}
	for _, pod := range w.pods {
		labels[pod.Name] = pod.MirrorRole()
	}
	return labels
}

// primaries returns the pods of a shard that stay and are labelled primary.
func (w *world) primaries(shard string) (names []string) {
	for _, pod := range w.pods {
		if pod.Shard() == shard && !pod.Deleting && pod.MirrorRole() == iris.MirrorPrimary {
			names = append(names, pod.Name)
		}
	}
	return names
}
