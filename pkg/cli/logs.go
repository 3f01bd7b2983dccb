package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-iris/kubectl-iris/pkg/logs"
	"github.com/kubectl-iris/kubectl-iris/pkg/problem"
	"github.com/kubectl-iris/kubectl-iris/pkg/reach"
	"github.com/kubectl-iris/kubectl-iris/pkg/render"
)

type logsFlags struct {
	targetFlags
	follow, previous, timestamps bool
	since                        time.Duration
	tail                         int64
	containers                   []string
	color                        render.ColorMode
}

func newLogs(s *factory) *cobra.Command {
	f := &logsFlags{}
	cmd := &cobra.Command{
		Use:     "logs [CLUSTER | POD]",
		GroupID: groupReach,
		Short:   "Print the logs of all members of a cluster, in the order of time",
		Long: text(`
			Print the logs of all containers of a cluster's pods, or of one pod's,
			in the order of time, each line with its pod and container before it.
			Without a target it is the only cluster's. With --role it is the pod that
			holds the role when the command starts.

			With --follow new lines are printed as they come, also those of pods and
			containers that start later, from their first line on. None is lost or
			doubled when a connection breaks. Without it, a log that sends nothing
			for five seconds no longer holds back the others, and one that sends
			nothing for 30 seconds, or does not end within --request-timeout, is an
			error once the others are printed.

			On a terminal, control characters other than tabs and colour sequences
			are shown as ?.

			Rights: get pods/log, list pods and irisclusters.intersystems.com; with
			--follow also watch pods; with --role, to ask IRIS, create pods/exec, or
			get pods/proxy (its metrics or mirror_status.cxw suffice).`),
		Example: examples(`
			# Of all members, and go on
			kubectl iris logs -f

			# The last ten minutes of the web gateways
			kubectl iris logs simple --container webgateway --since 10m

			# What the instance of one pod said before it was restarted
			kubectl iris logs data-0-1 --previous`),
		Args: maxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return f.run(cmd.Context(), s, strings.Join(args, ""))
		},
	}
	cmd.ValidArgsFunction = s.completeFirst(completeTargets)
	flags := cmd.Flags()
	f.addTo(cmd, s)
	flags.BoolVarP(&f.follow, "follow", "f", false, "Go on printing lines as they come.")
	flags.BoolVarP(&f.previous, "previous", "p", false, "Print the logs of the containers' previous instances.")
	flags.BoolVar(&f.timestamps, "timestamps", false, "Print the time of each line.")
	flags.DurationVar(&f.since, "since", 0, "Only lines younger than this, as in 90s, 5m or 2h.")
	flags.Int64Var(&f.tail, "tail", -1, "Only that many last lines of each container; -1 for all.")
	flags.StringSliceVarP(&f.containers, "container", "c", nil, "Only these containers, comma-separated.")
	completeFlag(cmd, "container", s.complete(completeContainers))
	addColorFlag(cmd, &f.color)
	return cmd
}

func (f *logsFlags) check() error {
	switch {
	case f.follow && f.previous:
		return problem.Usage("--previous and --follow cannot be used together: a container that has ended writes no new lines").Hint("leave one of them out")
	case f.since < 0:
		return problem.Usage("--since %s lies in the future", f.since).Hint("give a time like 5m")
	case f.tail < -1:
		return problem.Usage("--tail %d is not a number of lines", f.tail).Hint("give 0 or more, or -1 for all lines")
	}
	return nil
}

func (f *logsFlags) run(ctx context.Context, s *factory, name string) error {
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	cluster, pod, err := f.target(ctx, s, client, name)
	if err != nil {
		return err
	}
	namespace, err := s.namespace()
	if err != nil {
		return err
	}
	lines := render.NewLogLines(s.Out, s.useColor(f.color), render.IsTerminal(s.Out))
	options := logs.Options{
		Part:       logs.Part{Follow: f.follow, Previous: f.previous, Tail: f.tail, Ago: f.since},
		Containers: f.containers,
		Open: func(ctx context.Context, source logs.Source, part logs.Part) (io.ReadCloser, error) {
			return client.Log(ctx, source, part)
		},
		Print: func(line logs.Line) error {
			stamp := ""
			if f.timestamps {
				stamp = line.Stamp
			}
			return lines.Print(line.Pod, line.Container, stamp, line.Text)
		},
		Late: func(late []logs.Source) {
			s.note("still waiting for the logs of %s; the others are printed without them", logNames(late))
		},
		Denied: func(err error) { s.warn(fmt.Sprintf("%v; retrying", err)) },
	}
	reading, cancel := s.bounded(ctx)
	defer cancel()
	sources, err := client.LogSources(reading, namespace, cluster, pod)
	if err != nil {
		return err
	}
	if err := f.checkContainers(sources, namespace, cluster); err != nil {
		return err
	}
	if f.follow {
		return logs.Follow(ctx, func(ctx context.Context, show func([]logs.Source) error) error {
			return client.FollowLogSources(ctx, namespace, cluster, pod, show, s.lost)
		}, options)
	}
	return f.print(ctx, sources, options, namespace)
}

func (f *logsFlags) print(ctx context.Context, sources []logs.Source, options logs.Options, namespace string) error {
	found, failed, err := logs.Read(ctx, sources, options)
	switch {
	case err != nil:
		return err
	case len(failed) > 0:
		return unreadLogs(failed, found, namespace)
	case found == 0 && f.previous:
		return problem.New("no previous container found in namespace %q: none of the selected containers has restarted since its pod was created", namespace).
			Hint("leave out --previous")
	case found == 0:
		return problem.New("no logs found in namespace %q: none of the selected containers has started", namespace).
			Hint("--follow waits for them; kubectl iris status -n %s shows why they have not started", namespace)
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
	err := problem.New("%d of %d logs in namespace %q could not be read (%s): %w", len(failed), found, namespace, logNames(sources), first)
	if hint := problem.HintOf(first); hint != "" {
		return err.Hint("%s", hint)
	}
	return err
}

// logNames lists logs by pod and container, as they stand before the lines.
func logNames(sources []logs.Source) string {
	names := make([]string, len(sources))
	for i, source := range sources {
		names[i] = "[" + source.Pod + " " + source.Container + "]"
	}
	return strings.Join(names, ", ")
}

// target returns the cluster or the pod whose logs are selected.
func (f *logsFlags) target(ctx context.Context, s *factory, client *connection, name string) (cluster, pod string, err error) {
	if f.role == "" && f.shard == "" {
		reading, cancel := s.bounded(ctx)
		defer cancel()
		facts, request, err := s.targetFacts(reading, client, f.targetFlags, name)
		if err != nil {
			return "", "", err
		}
		cluster, pod, byShortName, err := reach.ClusterOrPod(request, facts)
		if err == nil && byShortName {
			err = s.ruleOut(reading, client, name, facts.Name, pod)
		}
		return cluster, pod, err
	}
	target, err := s.find(ctx, client, f.targetFlags, name)
	if err != nil {
		return "", "", err
	}
	s.note("logs of %s", target.who())
	return target.Cluster.Name, target.pod.Name, nil
}

// checkContainers refuses the name of a container that no pod has.
func (f *logsFlags) checkContainers(sources []logs.Source, namespace, cluster string) error {
	var names []string
	for _, source := range sources {
		names = append(names, source.Container)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, wanted := range f.containers {
		if !slices.Contains(names, wanted) && len(names) > 0 {
			return problem.New("no selected pod of IrisCluster %q in namespace %q has a container %q", cluster, namespace, wanted).
				Hint("there are %s", strings.Join(names, ", "))
		}
	}
	return nil
}
