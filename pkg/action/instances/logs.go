// Package instances has the use cases that reach an instance: to forward ports to it, open
// its portal or a session, and read its logs.
package instances

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/kubectl-iris/kubectl-iris/pkg/action"
	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
)

// A LogsCluster is what Logs needs of the Kubernetes cluster.
type LogsCluster interface {
	TargetCluster
	// LogSources returns the containers of a cluster's pods that have logs; if pod
	// is given, those of that one.
	LogSources(ctx context.Context, namespace, cluster, pod string) ([]logs.Source, error)
	// FollowLogSources calls show with the same, and again after every change,
	// until ctx ends. It calls lost if the API server stops answering.
	FollowLogSources(ctx context.Context, namespace, cluster, pod string, show func([]logs.Source) error, lost func(error)) error
	// Log opens the log of a container.
	Log(ctx context.Context, source logs.Source, part logs.Part) (io.ReadCloser, error)
}

// LogsOptions say what is printed of logs.
type LogsOptions struct {
	part       logs.Part
	containers []string
}

// NewLogsOptions returns the options for lines younger than since, if that is not
// 0, and for that many last lines of each container; -1 for all. If containers are
// named, others are left out. It returns a usage error if the options cannot be
// used together, or are out of range.
func NewLogsOptions(follow, previous bool, since time.Duration, tail int64, containers ...string) (LogsOptions, error) {
	switch {
	case follow && previous:
		return LogsOptions{}, problem.Usage("%s and %s cannot be used together: a container that has ended writes no new lines",
			problem.Field("previous"), problem.Field("follow")).Hint("leave one of them out")
	case since < 0:
		return LogsOptions{}, problem.Usage("invalid %s %q: must not be negative", problem.Field("since"), since).Hint("for example 5m")
	case tail < -1:
		return LogsOptions{}, problem.Usage("invalid %s %q: must be a number of lines", problem.Field("tail"), strconv.FormatInt(tail, 10)).Hint("use 0 or more, or -1 for all lines")
	}
	return LogsOptions{logs.Part{Follow: follow, Previous: previous, Tail: tail, Ago: since}, containers}, nil
}

// Logs prints the logs of a cluster's containers, or of one pod's.
type Logs struct {
	action.Config
	Client  LogsCluster
	Request reach.Request
	Options LogsOptions
}

// Run calls print with each line, in the order of time, to the end of the logs or,
// if they are followed, until ctx ends.
func (l Logs) Run(ctx context.Context, print func(logs.Line) error) error {
	named, err := l.find(ctx)
	if err != nil {
		return err
	}
	options := logs.Options{
		Part:       l.Options.part,
		Containers: l.Options.containers,
		Open:       l.Client.Log,
		Print:      print,
		Late: func(late []logs.Source) {
			l.Notef("still waiting for the logs of %s; the others are printed without them", logNames(late))
		},
		Denied: func(err error) { l.Warnf("%v; retrying", err) },
	}
	reading, cancel := l.WithTimeout(ctx)
	defer cancel()
	namespace := l.Request.Namespace()
	sources, err := l.Client.LogSources(reading, namespace, named.Cluster, named.Pod)
	if err != nil {
		return err
	}
	if err := l.validateContainers(sources, named.Cluster); err != nil {
		return err
	}
	if l.Options.part.Follow {
		return logs.Follow(ctx, func(ctx context.Context, show func([]logs.Source) error) error {
			return l.Client.FollowLogSources(ctx, namespace, named.Cluster, named.Pod, show, l.Lost)
		}, options)
	}
	return l.read(ctx, sources, options)
}

// find returns the cluster or the pod whose logs are printed.
func (l Logs) find(ctx context.Context) (reach.Named, error) {
	if l.Request.IsNarrowed() {
		t, err := findTarget(ctx, l.Config, l.Client, l.Request)
		if err != nil {
			return reach.Named{}, err
		}
		l.Notef("logs of %s", t.who())
		return reach.Named{Cluster: t.Cluster.Name, Pod: t.pod.Name}, nil
	}
	ctx, cancel := l.WithTimeout(ctx)
	defer cancel()
	namespace, _, err := action.ReadNamespace(ctx, l.Client, l.Request.Namespace())
	if err != nil {
		return reach.Named{}, err
	}
	named, err := reach.Find(l.Request, namespace)
	if err == nil && named.ByShortName {
		err = l.RuleOut(ctx, l.Client, l.Request.Namespace(), l.Request.Name(), named.Pod)
	}
	return named, explained(err)
}

// read prints the logs that there are.
func (l Logs) read(ctx context.Context, sources []logs.Source, options logs.Options) error {
	found, failed, err := logs.Read(ctx, sources, options)
	namespace := l.Request.Namespace()
	switch {
	case err != nil:
		return err
	case len(failed) > 0:
		return unreadLogs(failed, found, namespace)
	case found == 0 && l.Options.part.Previous:
		return problem.New("no previous container found in namespace %q: none of the selected containers has restarted since its pod was created", namespace).
			Hint("leave out %s", problem.Field("previous"))
	case found == 0:
		return problem.New("no logs found in namespace %q: none of the selected containers has started", namespace).
			Hint("%s waits for them; kubectl iris status -n %s shows why they have not started", problem.Field("follow"), namespace)
	}
	return nil
}

// unreadLogs returns the error of logs that could not be read, with the cause of
// the first. If all were refused, which has one cause, it is that of the first.
func unreadLogs(failed []logs.Failure, found int, namespace string) error {
	first := failed[0].Err
	if len(failed) == found && !slices.ContainsFunc(failed, func(f logs.Failure) bool { return !f.Final() }) {
		return first
	}
	var sources []logs.Source
	for _, f := range failed {
		sources = append(sources, f.Source)
	}
	return problem.New("%d of %d logs in namespace %q could not be read (%s): %w", len(failed), found, namespace, logNames(sources), first)
}

// logNames lists logs by pod and container, as they stand before the lines.
func logNames(sources []logs.Source) string {
	names := make([]string, len(sources))
	for i, source := range sources {
		names[i] = "[" + source.Pod + " " + source.Container + "]"
	}
	return strings.Join(names, ", ")
}

// validateContainers returns an error if no selected pod has a container that was
// named.
func (l Logs) validateContainers(sources []logs.Source, cluster string) error {
	there := sets.New[string]()
	for _, source := range sources {
		there.Insert(source.Container)
	}
	for _, wanted := range l.Options.containers {
		if len(there) > 0 && !there.Has(wanted) {
			return problem.New("no selected pod of IrisCluster %q in namespace %q has a container %q", cluster, l.Request.Namespace(), wanted).
				Hint("there are %s", strings.Join(sets.List(there), ", "))
		}
	}
	return nil
}
